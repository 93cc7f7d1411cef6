/* The table of errors: names, texts and classes; also for values that are none. */
#include <hawser/err.h>

#include "support/suite.h"

#include <string.h>

START_TEST(every_row_is_complete)
{
    enum hws_err err = (enum hws_err)_i;
    const char *name = hws_err_name(err), *text = hws_strerror(err);

    ck_assert_ptr_nonnull(name);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(text[0] != '\0' && text[strlen(text) - 1] != '.', "text of %s", name);
    if (err == HWS_OK) {
        ck_assert_str_eq(name, "OK");
        ck_assert_int_eq(hws_err_class(err), HWS_CLASS_NONE);
        return;
    }
    ck_assert_msg(strncmp(name, "ERR_", 4) == 0, "%s", name);
    ck_assert_int_ne(hws_err_class(err), HWS_CLASS_NONE);
    for (int other = 0; other < _i; other++) {
        ck_assert_str_ne(name, hws_err_name((enum hws_err)other));
    }
}
END_TEST

START_TEST(a_stranger_is_the_hosts_problem)
{
    static const int strangers[] = {-1, HWS_ERR_COUNT, 1 << 20};

    for (int i = 0; i < ROWS(strangers); i++) {
        ck_assert_str_eq(hws_err_name((enum hws_err)strangers[i]), "ERR_UNKNOWN");
        ck_assert_ptr_nonnull(hws_strerror((enum hws_err)strangers[i]));
        ck_assert_int_eq(hws_err_class((enum hws_err)strangers[i]), HWS_CLASS_HOST);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("err");
    TCase *tc = tcase_create("err");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, every_row_is_complete, 0, HWS_ERR_COUNT);
    tcase_add_test(tc, a_stranger_is_the_hosts_problem);
    return run_suite(suite);
}
