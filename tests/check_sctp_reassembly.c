/* Pieces of interleaved messages put together in any order, given up, started over and bounded; and
 * the label that carries a piece through usrsctp. */
#include "sctp/reassembly.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sctp/packet_view.h"

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

enum { STREAMS = 16, MESSAGE_MAX = 1000, HELD_MAX = 100000 };

static struct hws_reassembly in;
static uint8_t bytes[2048];

static void set_up(void)
{
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    hws_reassembly_init(&in, STREAMS, MESSAGE_MAX, HELD_MAX);
}

static void tear_down(void)
{
    hws_reassembly_fini(&in);
}

/* Flags as in RFC 8260 section 2.1: B and E, and U. */
static enum hws_err take(uint16_t stream, uint32_t mid, uint32_t fsn, const char *flags, size_t len)
{
    struct hws_idata_piece piece = {
        .stream = stream,
        .mid = mid,
        .fsn = fsn,
        .ppid = 53,
        .first = strchr(flags, 'B') != NULL,
        .last = strchr(flags, 'E') != NULL,
        .unordered = strchr(flags, 'U') != NULL,
        .data = {bytes + fsn % 64 * 10, len}
    };

    return hws_reassembly_take(&in, &piece);
}

static size_t next_len(bool all_in)
{
    struct hws_in_whole whole;

    if (!hws_reassembly_next(&in, all_in, &whole)) return 0;
    ck_assert_mem_eq(whole.data.data, bytes, whole.data.len);
    ck_assert_uint_eq(whole.ppid, 53);
    return whole.data.len;
}

static void skip(uint16_t stream, bool unordered, uint32_t mid)
{
    struct hws_idata_skip gone = {.stream = stream, .unordered = unordered, .mid = mid};

    ck_assert_int_eq(hws_reassembly_skip(&in, &gone), HWS_OK);
}

/* Five pieces of ten bytes, in each of the 120 orders. */
START_TEST(pieces_come_in_any_order)
{
    static const char *const flags[] = {"B", "", "", "", "E"};
    bool unordered = _i >= 120;
    uint32_t left[] = {0, 1, 2, 3, 4};
    int code = _i % 120;

    for (int count = 5; count > 0; count--) {
        int at = code % count;
        uint32_t fsn = left[at];
        char text[4] = "";

        code /= count;
        for (int i = at; i < count - 1; i++) {
            left[i] = left[i + 1];
        }
        if (unordered) text[0] = 'U';
        memcpy(text + strlen(text), flags[fsn], strlen(flags[fsn]));
        ck_assert_uint_eq(next_len(true), 0);
        ck_assert_int_eq(take(3, 0, fsn, text, 10), HWS_OK);
    }
    ck_assert_uint_eq(next_len(true), 50);
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_uint_eq(in.held, 0);
    ck_assert_uint_eq(in.held_count, 0);
}
END_TEST

START_TEST(streams_keep_their_order_and_unordered_ones_do_not_wait)
{
    ck_assert_int_eq(take(1, 1, 0, "BE", 7), HWS_OK); /* MID 0 is missing */
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_int_eq(take(2, 0, 0, "BE", 8), HWS_OK);
    ck_assert_uint_eq(next_len(true), 8);
    ck_assert_int_eq(take(1, 5, 0, "UBE", 9), HWS_OK);
    ck_assert_uint_eq(next_len(true), 9);
    ck_assert_int_eq(take(1, 2, 0, "BE", 6), HWS_OK);
    ck_assert_int_eq(take(1, 0, 1, "E", 10), HWS_OK);
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_int_eq(take(1, 0, 0, "B", 10), HWS_OK);
    ck_assert_uint_eq(next_len(true), 20);
    ck_assert_uint_eq(next_len(true), 7);
    ck_assert_uint_eq(next_len(true), 6);
    ck_assert_uint_eq(next_len(true), 0);
}
END_TEST

START_TEST(what_is_given_up_is_skipped)
{
    ck_assert_int_eq(take(1, 0, 0, "B", 10), HWS_OK);
    ck_assert_int_eq(take(1, 1, 0, "BE", 11), HWS_OK);
    ck_assert_int_eq(take(1, 4, 0, "BE", 14), HWS_OK);
    ck_assert_int_eq(take(1, 8, 0, "UB", 10), HWS_OK);
    skip(1, false, 3);
    ck_assert_uint_eq(next_len(false), 0); /* more may be on its way to us */
    ck_assert_uint_eq(next_len(true), 11); /* complete, so not given up */
    ck_assert_uint_eq(next_len(true), 14);
    ck_assert_uint_eq(in.abandoned, 1);
    skip(1, true, 8);
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_uint_eq(in.abandoned, 2);
    ck_assert_int_eq(take(1, 2, 1, "E", 10), HWS_OK);  /* late: no torso is kept */
    ck_assert_int_eq(take(1, 8, 1, "UE", 10), HWS_OK); /* likewise */
    ck_assert_uint_eq(in.held, 0);
    ck_assert_int_eq(take(1, 5, 0, "BE", 15), HWS_OK);
    ck_assert_uint_eq(next_len(true), 15);
}
END_TEST

/* RFC 6525 section 5.2.2, RFC 8260 section 2.3.2: MIDs begin at 0 again. */
START_TEST(a_stream_starts_over)
{
    ck_assert_int_eq(take(1, 0, 0, "BE", 5), HWS_OK);
    ck_assert_uint_eq(next_len(true), 5);
    ck_assert_int_eq(take(1, 1, 0, "B", 10), HWS_OK);
    ck_assert_int_eq(take(1, 2, 0, "BE", 6), HWS_OK);
    ck_assert_int_eq(take(1, 9, 0, "UB", 10), HWS_OK);
    hws_reassembly_restart(&in, 1);
    ck_assert_uint_eq(next_len(true), 6);
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_uint_eq(in.held, 0);
    ck_assert_int_eq(take(1, 0, 0, "BE", 7), HWS_OK);
    ck_assert_uint_eq(next_len(true), 7);
    hws_reassembly_restart(&in, STREAMS); /* none of ours */
}
END_TEST

START_TEST(numbers_wrap)
{
    skip(1, false, 0x70000000);
    ck_assert_uint_eq(next_len(true), 0);
    skip(1, false, 0xE0000000);
    ck_assert_uint_eq(next_len(true), 0);
    skip(1, false, UINT32_MAX - 1);
    ck_assert_uint_eq(next_len(true), 0);
    skip(1, false, UINT32_MAX - 2); /* old news */
    ck_assert_int_eq(take(1, 0, 0, "BE", 6), HWS_OK);
    ck_assert_uint_eq(next_len(true), 0);
    ck_assert_int_eq(take(1, UINT32_MAX, 0, "BE", 5), HWS_OK);
    ck_assert_uint_eq(next_len(true), 5);
    ck_assert_uint_eq(next_len(true), 6);
}
END_TEST

static const struct {
    struct {
        uint32_t fsn;
        const char *flags;
        size_t len;
    } steps[4];
    enum hws_err err; /* of the last step */
} bad[] = {
    {{{0, "B", 10}, {0, "B", 10}},               HWS_ERR_MALFORMED}, /* twice */
    {{{0, "B", 10}, {2, "", 10}, {2, "", 10}},   HWS_ERR_MALFORMED},
    {{{0, "", 10}},                              HWS_ERR_MALFORMED}, /* only the first has 0 */
    {{{2, "E", 10}, {3, "", 10}},                HWS_ERR_MALFORMED}, /* behind the end */
    {{{3, "", 10}, {2, "E", 10}},                HWS_ERR_MALFORMED},
    {{{2, "E", 10}, {1, "E", 10}},               HWS_ERR_MALFORMED}, /* two ends */
    {{{0, "BE", MESSAGE_MAX + 1}},               HWS_ERR_TOO_BIG  },
    {{{0, "B", MESSAGE_MAX}, {1, "", 1}},        HWS_ERR_TOO_BIG  }, /* endless */
    {{{5, "", MESSAGE_MAX - 5}, {1, "", 6}},     HWS_ERR_TOO_BIG  },
    {{{0, "B", MESSAGE_MAX / 2}, {7, "E", 501}}, HWS_ERR_TOO_BIG  },
    {{{UINT32_MAX, "E", 10}},                    HWS_ERR_TOO_BIG  }, /* no piece may be empty */
};

START_TEST(refuses_pieces_that_do_not_fit)
{
    for (int i = 0; i < COUNT_OF(bad[_i].steps) && bad[_i].steps[i].flags; i++) {
        bool is_last = i == COUNT_OF(bad[_i].steps) - 1 || !bad[_i].steps[i + 1].flags;

        ck_assert_int_eq(
            take(1, 0, bad[_i].steps[i].fsn, bad[_i].steps[i].flags, bad[_i].steps[i].len),
            is_last ? bad[_i].err : HWS_OK);
    }
    ck_assert_int_eq(take(STREAMS, 0, 0, "BE", 1), HWS_ERR_MALFORMED);
}
END_TEST

/* Messages that are never finished: many, or in many pieces, or waiting for one that never comes. */
START_TEST(what_is_unfinished_is_bounded)
{
    static const char *const flags[] = {"B", "UB", "BE"};
    enum hws_err err = HWS_OK;

    for (uint32_t i = 0; !err && i < 1000000; i++) {
        err = take((uint16_t)(i % STREAMS), 1 + i, 0, flags[_i], 1);
        ck_assert_uint_eq(next_len(true), 0);
    }
    ck_assert_int_eq(err, HWS_ERR_FULL);
    ck_assert_uint_le(in.held, HELD_MAX + 8192);
    ck_assert_uint_le(in.held_count, HWS_SCTP_HELD_MAX + 1);
}
END_TEST

/* Thousands of messages wait, and pieces go on coming for one in the middle: that takes too long. */
START_TEST(a_muddle_has_an_end)
{
    enum hws_err err = HWS_OK;
    uint32_t fsn = 1;

    in.held_max = (size_t)1 << 28;
    in.message_max = (size_t)1 << 20;
    for (uint32_t i = 0; i < 16000; i++) {
        ck_assert_int_eq(take(1, 2 * i, 0, "UB", 1), HWS_OK);
    }
    for (; !err && fsn < 100000; fsn++) {
        err = take(1, 16000, fsn, "U", 1);
    }
    ck_assert_int_eq(err, HWS_ERR_FULL);
    ck_assert_uint_le(fsn, 150);
}
END_TEST

/* A full window of small messages of which every tenth is lost, and repeated in order; window after
 * window, of one stream. */
START_TEST(losses_are_no_muddle)
{
    enum { WINDOW = 4096 };
    uint32_t mid = 0;

    in.held_max = (size_t)1 << 28;
    for (int round = 0; round < 20; round++, mid += WINDOW) {
        size_t count = 0;

        for (int again = 1; again >= 0; again--) {
            for (uint32_t i = 0; i < WINDOW; i++) {
                if ((i % 10 == 0) == (again == 1)) continue;
                ck_assert_int_eq(take(1, mid + i, 0, "B", 10), HWS_OK);
                ck_assert_int_eq(take(1, mid + i, 1, "E", 10), HWS_OK);
                while (next_len(false) > 0) {
                    count++;
                }
            }
        }
        ck_assert_uint_eq(count, WINDOW);
    }
    ck_assert_uint_eq(in.held, 0);
}
END_TEST

/* Messages and pieces anywhere, compared with what they should become. */
START_TEST(any_place_is_found)
{
    enum { COUNT = 300 };
    uint32_t state = 7 + (uint32_t)_i, left[COUNT];
    bool came[COUNT] = {false};

    in.held_max = (size_t)1 << 28;
    for (uint32_t i = 0; i < COUNT; i++) {
        left[i] = i;
    }
    for (uint32_t count = COUNT; count > 0; count--) {
        uint32_t at;

        state = state * 1664525 + 1013904223;
        at = (state >> 8) % count;
        came[left[at]] = true;
        ck_assert_int_eq(take(1, left[at], 0, "B", 10), HWS_OK);
        left[at] = left[count - 1];
        for (uint32_t i = 0; i < COUNT; i++) { /* what came is found again */
            if (came[i] && i % 50 == 0 && count == 1)
                ck_assert_int_eq(take(1, i, 0, "B", 10), HWS_ERR_MALFORMED);
        }
    }
    for (uint32_t i = COUNT; i-- > 0;) {
        ck_assert_uint_eq(next_len(false), 0);
        ck_assert_int_eq(take(1, i, 1, "E", 10), HWS_OK);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(next_len(false), 20);
    }
    ck_assert_uint_eq(next_len(false), 0); /* which lets go of the last one */
    ck_assert_uint_eq(in.held, 0);
}
END_TEST

/* ---- Labels */

static struct hws_idata_skip told[8];
static int told_count;

static void note_skip(void *user, const struct hws_idata_skip *gone)
{
    (void)user;
    told[told_count++] = *gone;
}

START_TEST(a_packet_is_labelled)
{
    static const uint8_t packet[] = {
        0x13, 0x88, 0x13, 0x88, 1,   2, 3, 4,  0,  0, 0, 0, /* header */
        194,  0,    0,    24,   0,   0, 0, 9,  0,  5, 0, 0,  0,   0,   0, 7,
        0,    6,    0,    1,    0,   0, 0, 8, /* I-FORWARD-TSN */
        64,   1,    0,    21,   0,   0, 0, 10, 0,  3, 0, 0,  0,   0,   0, 4,
        0,    0,    0,    2,    'x', 0, 0, 0,  64, 6, 0, 22, 0,   0,   0, 11,
        0,    3,    0,    0,    0,   0, 0, 5,  0,  0, 0, 53, 'y', 'z', 0, 0,
    };
    struct hws_idata_skips skips = {note_skip, NULL};
    struct hws_sctp_chunk chunk;
    struct hws_idata_piece piece;
    struct hws_cursor cur;
    uint8_t out[256];
    size_t len;

    told_count = 0;
    ck_assert_uint_eq(
        hws_idata_label((struct hws_bytes){packet, sizeof(packet)}, &skips, out, sizeof(packet)),
        0);
    told_count = 0;
    len = hws_idata_label((struct hws_bytes){packet, sizeof(packet)}, &skips, out, sizeof(out));
    ck_assert_uint_eq(len, sizeof(packet) - 16 + 24);
    ck_assert_int_eq(told_count, 2);
    ck_assert(told[0].tsn == 9 && told[0].stream == 5 && !told[0].unordered && told[0].mid == 7);
    ck_assert(told[1].tsn == 9 && told[1].stream == 6 && told[1].unordered && told[1].mid == 8);
    cur = hws_cursor_over((struct hws_bytes){out, len});
    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    ck_assert(hws_sctp_next_chunk(&cur, (struct hws_bytes){out, len}, &chunk));
    ck_assert(chunk.type == 194 && chunk.len == 8);
    ck_assert(hws_sctp_next_chunk(&cur, (struct hws_bytes){out, len}, &chunk));
    ck_assert(chunk.type == 64 && out[chunk.at + 1] == 7 && chunk.value.len == 16 + 12 + 1);
    ck_assert(hws_idata_read_piece((struct hws_bytes){chunk.value.data + 16, 13}, 3, &piece));
    ck_assert(piece.mid == 4 && piece.fsn == 2 && piece.last && !piece.first && !piece.unordered);
    ck_assert(piece.data.len == 1 && piece.data.data[0] == 'x');
    ck_assert(hws_sctp_next_chunk(&cur, (struct hws_bytes){out, len}, &chunk));
    ck_assert(hws_idata_read_piece((struct hws_bytes){chunk.value.data + 16, 14}, 3, &piece));
    ck_assert(piece.mid == 5 && piece.ppid == 53 && piece.first && !piece.last && piece.unordered);
    ck_assert(!hws_idata_read_piece((struct hws_bytes){chunk.value.data + 16, 12}, 3, &piece));
    ck_assert(!hws_sctp_next_chunk(&cur, (struct hws_bytes){out, len}, &chunk));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sctp_reassembly");
    TCase *tc = tcase_create("pieces");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, pieces_come_in_any_order, 0, 240);
    tcase_add_test(tc, streams_keep_their_order_and_unordered_ones_do_not_wait);
    tcase_add_test(tc, what_is_given_up_is_skipped);
    tcase_add_test(tc, a_stream_starts_over);
    tcase_add_test(tc, numbers_wrap);
    tcase_add_loop_test(tc, refuses_pieces_that_do_not_fit, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, what_is_unfinished_is_bounded, 0, 3);
    tcase_add_test(tc, a_muddle_has_an_end);
    tcase_add_test(tc, losses_are_no_muddle);
    tcase_add_loop_test(tc, any_place_is_found, 0, 20);
    tcase_add_test(tc, a_packet_is_labelled);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
