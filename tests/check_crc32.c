/* The checksums against published values and against a loop over single bits. */
#include "base/bytes.h"
#include "crypto/crc32.h"

#include "support/suite.h"

#include <string.h>

enum { LEN_MAX = 70 }; /* more than eight words of the instruction, and every rest */

static uint8_t noise[LEN_MAX + 8];

static void set_up(void)
{
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof(noise); i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (uint8_t)(state >> 24);
    }
}

/* The definition: one bit after the other, no table. */
static uint32_t by_bits(uint32_t polynomial, const uint8_t *data, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < 8 * len; i++) {
        uint32_t bit = (crc ^ (uint32_t)(data[i / 8] >> i % 8)) & 1;

        crc = bit ? crc >> 1 ^ polynomial : crc >> 1;
    }
    return ~crc;
}

START_TEST(every_length_and_alignment)
{
    struct hws_bytes bytes;

    for (size_t start = 0; start < 8; start++) {
        bytes = (struct hws_bytes){noise + start, (size_t)_i};
        ck_assert_uint_eq(hws_crc32(bytes), by_bits(0xEDB88320u, bytes.data, bytes.len));
        ck_assert_uint_eq(hws_crc32c(bytes), by_bits(0x82F63B78u, bytes.data, bytes.len));
        ck_assert_uint_eq(hws_crc32c_portable(bytes), hws_crc32c(bytes));
    }
}
END_TEST

START_TEST(goes_on)
{
    struct hws_bytes all = {noise, LEN_MAX};
    struct hws_bytes head = {noise, (size_t)_i}, tail = {noise + _i, LEN_MAX - (size_t)_i};

    ck_assert_uint_eq(hws_crc32_more(hws_crc32(head), tail), hws_crc32(all));
    ck_assert_uint_eq(hws_crc32_more(0, all), hws_crc32(all));
}
END_TEST

START_TEST(published_values)
{
    uint8_t zeros[32] = {0};

    ck_assert_uint_eq(hws_crc32(hws_bytes_of("123456789")), 0xCBF43926u);
    ck_assert_uint_eq(hws_crc32((struct hws_bytes){0}), 0);
    ck_assert_uint_eq(hws_crc32c(hws_bytes_of("123456789")), 0xE3069283u);
    ck_assert_uint_eq(hws_crc32c((struct hws_bytes){zeros, 32}), 0x8A9136AAu);
    ck_assert_uint_eq(hws_crc32c((struct hws_bytes){0}), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crc32");
    TCase *tc = tcase_create("crc32");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_loop_test(tc, every_length_and_alignment, 0, LEN_MAX + 1);
    tcase_add_loop_test(tc, goes_on, 0, LEN_MAX + 1);
    tcase_add_test(tc, published_values);
    return run_suite(suite);
}
