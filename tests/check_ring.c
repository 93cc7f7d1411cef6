/* The ring: first in, first out, oldest out when full. */
#include "base/bytes.h"
#include "base/ring.h"

#include "support/suite.h"

#include <string.h>

enum { SLOTS = 3, SLOT_CAP = 4 };

static struct hws_ring ring;

static void set_up(void)
{
    ck_assert_int_eq(hws_ring_init(&ring, SLOTS, SLOT_CAP), HWS_OK);
}

static void tear_down(void)
{
    hws_ring_fini(&ring);
}

static void push(const char *text)
{
    hws_ring_push(&ring, hws_bytes_of(text));
}

static void expect(const char *text)
{
    struct hws_bytes packet;

    ck_assert_msg(hws_ring_pop(&ring, &packet), "empty instead of '%s'", text);
    ck_assert_msg(hws_bytes_equal(packet, hws_bytes_of(text)), "'%.*s' instead of '%s'",
                  (int)packet.len, (const char *)packet.data, text);
}

static void expect_empty(void)
{
    struct hws_bytes packet = {(const uint8_t *)"untouched", 9};

    ck_assert(!hws_ring_pop(&ring, &packet));
    ck_assert_uint_eq(packet.len, 9);
}

START_TEST(keeps_the_order)
{
    expect_empty();
    push("a");
    push("bcde");
    push("");
    expect("a");
    expect("bcde");
    expect("");
    expect_empty();
    ck_assert_uint_eq(ring.dropped, 0);
}
END_TEST

START_TEST(drops_the_oldest)
{
    push("1");
    push("2");
    push("3");
    push("4");
    push("5");
    ck_assert_uint_eq(ring.dropped, 2);
    ck_assert_uint_eq(ring.count, SLOTS);
    expect("3");
    expect("4");
    expect("5");
    expect_empty();
}
END_TEST

START_TEST(drops_what_is_too_big)
{
    push("a");
    push("12345");
    ck_assert_uint_eq(ring.dropped, 1);
    expect("a");
    expect_empty();
}
END_TEST

START_TEST(copies)
{
    char text[] = "abc";

    push(text);
    memset(text, 'x', 3);
    expect("abc");
}
END_TEST

/* Over many turns of the ring, with every fill. */
START_TEST(goes_round)
{
    char text[2] = "?";
    unsigned in = 0, out = 0;

    for (int turn = 0; turn < 1000; turn++) {
        for (int i = turn % SLOTS; i >= 0; i--) {
            text[0] = (char)('a' + in++ % 26);
            push(text);
        }
        while (out < in) {
            text[0] = (char)('a' + out++ % 26);
            expect(text);
        }
        expect_empty();
    }
    ck_assert_uint_eq(ring.dropped, 0);
}
END_TEST

/* AddressSanitizer ends the program at such a size unless it is told otherwise. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(refuses_a_size_without_end)
{
    struct hws_ring huge;

    ck_assert_int_eq(hws_ring_init(&huge, SIZE_MAX / 4, 64), HWS_ERR_NO_MEMORY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ring");
    TCase *tc = tcase_create("ring");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, keeps_the_order);
    tcase_add_test(tc, drops_the_oldest);
    tcase_add_test(tc, drops_what_is_too_big);
    tcase_add_test(tc, copies);
    tcase_add_test(tc, goes_round);
    tcase_add_test(tc, refuses_a_size_without_end);
    return run_suite(suite);
}
