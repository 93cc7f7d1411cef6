/* The cursor: what it yields, and that it never yields what is not there. */
#include "base/bytes.h"

#include "support/suite.h"

#include <string.h>

static const uint8_t wire[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07};

static struct hws_bytes prefix(size_t len)
{
    return (struct hws_bytes){wire, len};
}

START_TEST(reads_straight_down)
{
    struct hws_cursor cur = hws_cursor_over(prefix(sizeof(wire)));

    ck_assert_uint_eq(hws_read_u8(&cur), 0x01);
    ck_assert_uint_eq(hws_read_u16(&cur), 0x0203);
    ck_assert(!hws_cursor_done(&cur));
    ck_assert_uint_eq(hws_read_u32(&cur), 0x04050607);
    ck_assert(hws_cursor_done(&cur));
}
END_TEST

/* Every strict prefix of what is read fails, and what is read past the end is zero. */
START_TEST(fails_on_every_truncation)
{
    struct hws_cursor cur = hws_cursor_over(prefix((size_t)_i));

    hws_read_u8(&cur);
    hws_read_u16(&cur);
    ck_assert_uint_eq(hws_read_u32(&cur), 0);
    ck_assert(cur.failed);
    ck_assert(!hws_cursor_done(&cur));
}
END_TEST

START_TEST(stays_failed)
{
    struct hws_cursor cur = hws_cursor_over(prefix(sizeof(wire)));
    struct hws_bytes taken;

    hws_read_bytes(&cur, sizeof(wire) + 1);
    ck_assert(cur.failed);
    ck_assert_uint_eq(hws_read_u8(&cur), 0);
    taken = hws_read_bytes(&cur, 0);
    ck_assert_uint_eq(taken.len, 0);
    ck_assert(!hws_cursor_done(&cur));
}
END_TEST

START_TEST(refuses_a_length_that_would_wrap)
{
    struct hws_cursor cur = hws_cursor_over(prefix(sizeof(wire)));

    hws_read_u8(&cur);
    ck_assert_uint_eq(hws_read_bytes(&cur, SIZE_MAX).len, 0);
    ck_assert(cur.failed);
}
END_TEST

START_TEST(takes_an_empty_range)
{
    struct hws_cursor cur = hws_cursor_over((struct hws_bytes){0});

    ck_assert(hws_cursor_done(&cur));
    ck_assert_uint_eq(hws_read_bytes(&cur, 0).len, 0);
    ck_assert(hws_cursor_done(&cur));
    hws_read_u8(&cur);
    ck_assert(cur.failed);
}
END_TEST

START_TEST(borrows_what_it_hands_out)
{
    struct hws_cursor cur = hws_cursor_over(prefix(sizeof(wire)));
    struct hws_bytes taken;

    hws_read_u16(&cur);
    taken = hws_read_bytes(&cur, 3);
    ck_assert_ptr_eq(taken.data, wire + 2);
    ck_assert_uint_eq(taken.len, 3);
    ck_assert_uint_eq(cur.rest.len, 2);
}
END_TEST

START_TEST(compares)
{
    struct hws_bytes empty = {0}, abc = hws_bytes_of("abc");

    ck_assert(hws_bytes_equal(empty, hws_bytes_of("")));
    ck_assert(hws_bytes_equal(abc, hws_bytes_of("abc")));
    ck_assert(!hws_bytes_equal(abc, hws_bytes_of("abd")));
    ck_assert(!hws_bytes_equal(abc, hws_bytes_of("ab")));
    ck_assert(!hws_bytes_equal(abc, empty));
}
END_TEST

/* Any single bit makes a difference, wherever it is. */
START_TEST(compares_secrets)
{
    uint8_t copy[sizeof(wire)];

    memcpy(copy, wire, sizeof(wire));
    ck_assert(hws_equal_secret(wire, copy, sizeof(wire)));
    ck_assert(hws_equal_secret(wire, copy, 0));
    for (size_t bit = 0; bit < 8 * sizeof(wire); bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_msg(!hws_equal_secret(wire, copy, sizeof(wire)), "bit %zu was missed", bit);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(wipes_exactly)
{
    uint8_t secret[] = {1, 2, 3, 4, 5};
    static const uint8_t expected[] = {1, 0, 0, 0, 5};

    hws_wipe(secret + 1, 3);
    ck_assert_mem_eq(secret, expected, sizeof(expected));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tc = tcase_create("bytes");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, reads_straight_down);
    tcase_add_loop_test(tc, fails_on_every_truncation, 0, ROWS(wire));
    tcase_add_test(tc, stays_failed);
    tcase_add_test(tc, refuses_a_length_that_would_wrap);
    tcase_add_test(tc, takes_an_empty_range);
    tcase_add_test(tc, borrows_what_it_hands_out);
    tcase_add_test(tc, compares);
    tcase_add_test(tc, compares_secrets);
    tcase_add_test(tc, wipes_exactly);
    return run_suite(suite);
}
