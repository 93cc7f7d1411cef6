/* The log: the form of a line, the levels, and that text from outside stays on its line. */
#include "base/log.h"

#include "support/suite.h"

#include <string.h>

static char lines[4][1024];
static size_t line_count;

static void keep(void *user, const char *line, size_t len)
{
    ck_assert_ptr_eq(user, &line_count);
    ck_assert_uint_eq(strlen(line), len);
    ck_assert_uint_lt(len, sizeof(lines[0]));
    ck_assert_uint_lt(line_count, 4);
    memcpy(lines[line_count++], line, len + 1);
}

static const struct hws_log log_at_info = {
    .write = keep, .user = &line_count, .level = HWS_LOG_INFO, .peer = 0x7f3a};

static int evaluated;

static int count_evaluation(void)
{
    return ++evaluated;
}

START_TEST(writes_a_line)
{
    HWS_LOG(&log_at_info, HWS_LOG_INFO, HWS_MS(12345) + 678, "ice", "pair.state", "pair=%d to=%s",
            3, "failed");
    ck_assert_uint_eq(line_count, 1);
    ck_assert_str_eq(lines[0], "12.345678 7f3a ice pair.state pair=3 to=failed");
}
END_TEST

START_TEST(writes_a_line_without_facts)
{
    HWS_LOG(&log_at_info, HWS_LOG_ERROR, 1, "dtls", "closed", "%s", "");
    ck_assert_str_eq(lines[0], "0.000001 7f3a dtls closed");
}
END_TEST

START_TEST(is_silent_above_its_level)
{
    struct hws_log nobody = {.level = HWS_LOG_TRACE};

    HWS_LOG(&log_at_info, HWS_LOG_DEBUG, 0, "ice", "x", "n=%d", count_evaluation());
    HWS_LOG(&nobody, HWS_LOG_ERROR, 0, "ice", "x", "n=%d", count_evaluation());
    ck_assert_uint_eq(line_count, 0);
    ck_assert_int_eq(evaluated, 0);
    HWS_LOG(&log_at_info, HWS_LOG_WARN, 0, "ice", "x", "n=%d", count_evaluation());
    ck_assert_uint_eq(line_count, 1);
    ck_assert_int_eq(evaluated, 1);
}
END_TEST

/* CWE-117: a name from the other side may not make a line of its own. */
START_TEST(keeps_text_from_outside_on_its_line)
{
    HWS_LOG(&log_at_info, HWS_LOG_INFO, 0, "sdp", "label", "text=%s",
            "a\r\n0.0 0000 forged\x1b[2J\x7f");
    ck_assert_uint_eq(line_count, 1);
    ck_assert_str_eq(lines[0], "0.000000 7f3a sdp label text=a??0.0 0000 forged?[2J?");
}
END_TEST

START_TEST(cuts_a_long_line)
{
    char text[2000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    HWS_LOG(&log_at_info, HWS_LOG_INFO, 0, "sdp", "label", "text=%s", text);
    ck_assert_uint_eq(line_count, 1);
    ck_assert_uint_eq(strlen(lines[0]), 511);
    HWS_LOG(&log_at_info, HWS_LOG_INFO, 0, "sdp", text, "a=%d", 1);
    ck_assert_uint_eq(strlen(lines[1]), 511);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, writes_a_line);
    tcase_add_test(tc, writes_a_line_without_facts);
    tcase_add_test(tc, is_silent_above_its_level);
    tcase_add_test(tc, keeps_text_from_outside_on_its_line);
    tcase_add_test(tc, cuts_a_long_line);
    return run_suite(suite);
}
