/* The JSON of the program hawser. */
#include "cli/json.h"
#include "support/check_main.h"

#include <string.h>

static char text[1024];

static const struct {
    const char *in;
    size_t len;
    const char *out;
} texts[] = {
    {"",                   0, "\"\""                              },
    {"plain",              5, "\"plain\""                         },
    {"a\"b\\c",            5, "\"a\\\"b\\\\c\""                   },
    {"a\0b\n\x1b\x7f",     6, "\"a\\u0000b\\u000a\\u001b\\u007f\""},
    {"gr\xC3\xBC\xC3\x9F", 6, "\"gr\xC3\xBC\xC3\x9F\""            },
    {"\xF0\x9F\x9A\xA2",   4, "\"\xF0\x9F\x9A\xA2\""              },
    {"\xFFx\xC3",          3, "\"\\u00ffx\\u00c3\""               }, /* not UTF-8 */
};

START_TEST(text_is_escaped)
{
    struct hws_json json = {.out = fmemopen(text, sizeof(text), "w")};

    ck_assert_ptr_nonnull(json.out);
    hws_json_text(&json, NULL, (struct hws_bytes){(const uint8_t *)texts[_i].in, texts[_i].len});
    ck_assert_int_eq(fclose(json.out), 0);
    ck_assert_str_eq(text, texts[_i].out);
}
END_TEST

START_TEST(members_are_parted_by_commas)
{
    struct hws_json json = {.out = fmemopen(text, sizeof(text), "w")};

    ck_assert_ptr_nonnull(json.out);
    hws_json_open(&json, NULL, '{');
    hws_json_number(&json, "a", UINT64_MAX);
    hws_json_open(&json, "b", '[');
    hws_json_close(&json, ']');
    hws_json_open(&json, "c", '[');
    hws_json_bool(&json, NULL, true);
    hws_json_open(&json, NULL, '{');
    hws_json_bool(&json, "d", false);
    hws_json_close(&json, '}');
    hws_json_close(&json, ']');
    hws_json_number(&json, "e", 0);
    hws_json_close(&json, '}');
    ck_assert_int_eq(fclose(json.out), 0);
    ck_assert_str_eq(text,
                     "{\"a\":18446744073709551615,\"b\":[],\"c\":[true,{\"d\":false}],\"e\":0}");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("json");

    tcase_add_loop_test(tc, text_is_escaped, 0, ROWS(texts));
    tcase_add_test(tc, members_are_parted_by_commas);
    return run_case("json", tc);
}
