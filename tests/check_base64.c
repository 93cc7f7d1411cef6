/* Base64: the vectors of RFC 4648 section 10, and what strict means. */
#include "base/bytes.h"
#include "crypto/base64.h"

#include "support/suite.h"

#include <string.h>

static const struct {
    const char *plain, *text;
} vectors[] = {
    {"",             ""        },
    {"f",            "Zg=="    },
    {"fo",           "Zm8="    },
    {"foo",          "Zm9v"    },
    {"foob",         "Zm9vYg=="},
    {"fooba",        "Zm9vYmE="},
    {"foobar",       "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"    },
};

START_TEST(writes_and_reads_vectors)
{
    uint8_t buffer[16];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_base64_write(&out, hws_bytes_of(vectors[_i].plain));
    ck_assert(hws_bytes_equal(hws_written(&out), hws_bytes_of(vectors[_i].text)));
    out = hws_writer_over(buffer, strlen(vectors[_i].plain)); /* exactly enough */
    ck_assert_int_eq(hws_base64_read(hws_bytes_of(vectors[_i].text), &out), HWS_OK);
    ck_assert(hws_bytes_equal(hws_written(&out), hws_bytes_of(vectors[_i].plain)));
}
END_TEST

static const char *const refused[] = {
    "Z",     "Zg",   "Zg=",  "Zm8",      "Zg===",    "=",     "==",    "====",   "Z===",
    "=Zg=",  "Zg=a", "Z=g=", "Zg==Zg==", "Zm8=Zm9v", " Zg==", "Zg== ", "Zg==\n", "Zm9v\r\n",
    "Zm9\n", "Zm 9", "Zm-_", "Zm9.",     "Zm9\xC3",  "Zh==",  "Zm9=",  "Z/==",
};

START_TEST(refuses)
{
    uint8_t buffer[16] = {0};
    static const uint8_t zeros[16];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_write_u8(&out, 0);
    ck_assert_msg(hws_base64_read(hws_bytes_of(refused[_i]), &out) == HWS_ERR_MALFORMED,
                  "'%s' was taken", refused[_i]);
    ck_assert_uint_eq(out.len, 1);
    ck_assert(!out.failed);
    ck_assert_mem_eq(hws_written(&out).data, zeros, 1);
}
END_TEST

START_TEST(refuses_a_nul)
{
    uint8_t buffer[16];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    ck_assert_int_eq(hws_base64_read((struct hws_bytes){(const uint8_t *)"Zm9\0", 4}, &out),
                     HWS_ERR_MALFORMED);
}
END_TEST

/* A short buffer leaves the writer as it was, so the caller may try a bigger one. */
START_TEST(tells_that_it_does_not_fit)
{
    uint8_t buffer[6];
    struct hws_writer out = hws_writer_over(buffer, (size_t)_i);

    ck_assert_int_eq(hws_base64_read(hws_bytes_of("Zm9vYmFy"), &out), HWS_ERR_FULL);
    ck_assert_uint_eq(out.len, 0);
    ck_assert(!out.failed);
    hws_base64_write(&out, hws_bytes_of("foobar"));
    ck_assert(out.failed);
}
END_TEST

/* Each text has one meaning and each meaning one text. */
START_TEST(round_trips)
{
    uint8_t plain[48], text[64], again[48];
    struct hws_writer out = hws_writer_over(text, sizeof(text));
    struct hws_writer back = hws_writer_over(again, sizeof(again));

    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 37 + (size_t)_i * 11);
    }
    hws_base64_write(&out, (struct hws_bytes){plain, (size_t)_i});
    ck_assert_int_eq(hws_base64_read(hws_written(&out), &back), HWS_OK);
    ck_assert_uint_eq(back.len, (size_t)_i);
    ck_assert_mem_eq(again, plain, (size_t)_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64");
    TCase *tc = tcase_create("base64");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, writes_and_reads_vectors, 0, ROWS(vectors));
    tcase_add_loop_test(tc, refuses, 0, ROWS(refused));
    tcase_add_test(tc, refuses_a_nul);
    tcase_add_loop_test(tc, tells_that_it_does_not_fit, 0, 6);
    tcase_add_loop_test(tc, round_trips, 1, 49);
    return run_suite(suite);
}
