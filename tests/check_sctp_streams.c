/* Many streams of one association at once, with I-DATA (RFC 8260) and without: nothing is lost,
 * doubled, torn or out of its order whatever the network does, a small message does not wait for a
 * big one, and what a peer leaves unfinished is bounded. A failure names its seed or its row. */
#include "sctp_pair.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct pair pair;

static void open_pair(uint64_t seed)
{
    pair.seed = seed;
    pair.delay = HWS_MS(10);
    pair.now = HWS_SEC(1);
    pair_open(&pair);
    pair_connect(&pair);
    ck_assert(pair_run_until(&pair, HWS_SEC(25), pair_is_up));
}

static void set_up(void)
{
    memset(&pair, 0, sizeof(pair));
}

/* ---- Everything at random */

enum { STREAMS = 40, MESSAGES = 1500, LEN_MAX = 256 * 1024 };

struct sent {
    size_t len;
    uint16_t stream;
    bool unordered, reliable, came;
};

static struct sent sent[2][MESSAGES];
static size_t sent_count[2], given_up[2];
static int64_t newest[2][STREAMS];
static uint8_t buffer[LEN_MAX];

static uint8_t byte_of(uint32_t id, size_t at)
{
    return (uint8_t)(id * 31 + at * 7 + (at >> 8));
}

static void write_message(uint32_t id, size_t len)
{
    memcpy(buffer, &id, sizeof(id));
    for (size_t i = sizeof(id); i < len; i++) {
        buffer[i] = byte_of(id, i);
    }
}

static void check_message(struct pair_end *end, const struct hws_sctp_event *event)
{
    int from = end == &pair.ends[0] ? 1 : 0;
    struct sent *message;
    uint32_t id;

    ck_assert_uint_ge(event->data.len, sizeof(id));
    memcpy(&id, event->data.data, sizeof(id));
    ck_assert_uint_lt(id, sent_count[from]);
    message = &sent[from][id];
    ck_assert_msg(!message->came, "%u came twice, seed %llu", id, (unsigned long long)pair.seed);
    ck_assert_msg(event->data.len == message->len, "%u: %zu bytes, not %zu", id, event->data.len,
                  message->len);
    ck_assert_uint_eq(event->stream, message->stream);
    ck_assert_uint_eq(event->ppid, 53 + id % 3);
    for (size_t i = sizeof(id); i < event->data.len; i++) {
        if (event->data.data[i] != byte_of(id, i)) ck_abort_msg("%u differs at %zu", id, i);
    }
    message->came = true;
    if (message->unordered) return;
    ck_assert_msg(newest[from][event->stream] < (int64_t)id, "%u is out of order", id);
    newest[from][event->stream] = id;
}

static size_t pick_len(void)
{
    switch (pair_random(&pair, 8)) {
    case 0:
        return 4 + pair_random(&pair, LEN_MAX - 3);
    case 1:
    case 2:
        return 4 + pair_random(&pair, 20000);
    default:
        return 4 + pair_random(&pair, 1500);
    }
}

static bool send_one(int from, unsigned unreliable)
{
    uint32_t id = (uint32_t)sent_count[from];
    struct sent *message = &sent[from][id];
    struct hws_sctp_message msg = {.ppid = 53 + id % 3};
    enum hws_err err;

    *message = (struct sent){.len = pick_len(),
                             .stream = (uint16_t)pair_random(&pair, STREAMS),
                             .unordered = pair_random(&pair, 3) == 0,
                             .reliable = pair_random(&pair, 100) >= unreliable};
    write_message(id, message->len);
    msg.stream = message->stream;
    msg.unordered = message->unordered;
    msg.data = (struct hws_bytes){buffer, message->len};
    if (!message->reliable) {
        msg.reliability = pair_random(&pair, 2) ? HWS_MAX_RETRANSMITS : HWS_MAX_LIFETIME;
        msg.reliability_value =
            msg.reliability == HWS_MAX_RETRANSMITS ? pair_random(&pair, 3) : pair_random(&pair, 90);
    }
    err = hws_sctp_send(pair.ends[from].sctp, &msg, pair.now);
    ck_assert_msg(!err || err == HWS_ERR_FULL || err == HWS_ERR_STATE, "send: %d", err);
    if (!err) sent_count[from]++;
    return !err;
}

static const struct {
    unsigned loss, late, twice, unreliable, resets;
    bool plain[2];
} paths[] = {
    {0, 0,  0,  0,  0, {false, false}},
    {2, 0,  0,  0,  0, {false, false}},
    {1, 20, 5,  0,  0, {false, false}},
    {0, 0,  0,  50, 0, {false, false}},
    {3, 0,  0,  50, 0, {false, false}},
    {5, 20, 10, 30, 0, {false, false}},
    {2, 10, 5,  0,  3, {false, false}},
    {3, 20, 5,  50, 3, {false, false}},
    {2, 10, 5,  0,  3, {true, false} },
    {3, 10, 5,  40, 0, {false, true} },
    {3, 10, 5,  0,  3, {true, true}  },
};

enum { SEEDS = 3 };

static void check_all_came(void)
{
    for (int from = 0; from < 2; from++) {
        ck_assert_int_eq(pair.ends[from].down_count, 0);
        ck_assert_uint_eq(hws_sctp_buffered(pair.ends[from].sctp), 0);
        given_up[from] = 0;
        for (size_t i = 0; i < sent_count[from]; i++) {
            const struct sent *message = &sent[from][i];

            if (!message->came) given_up[from]++;
            ck_assert_msg(message->came || !message->reliable,
                          "%zu of %d is lost: stream %u, %zu bytes, %s, seed %llu", i, from,
                          (unsigned)message->stream, message->len,
                          message->unordered ? "unordered" : "ordered",
                          (unsigned long long)pair.seed);
        }
    }
}

START_TEST(nothing_is_lost_doubled_or_torn)
{
    int row = _i / SEEDS;
    struct hws_sctp_stats stats;

    memcpy(pair.plain, paths[row].plain, sizeof(pair.plain));
    memset(sent_count, 0, sizeof(sent_count));
    for (int i = 0; i < 2 * STREAMS; i++) {
        newest[i % 2][i / 2] = -1;
    }
    open_pair(5000 + (uint64_t)_i);
    pair.ends[0].on_message = pair.ends[1].on_message = check_message;
    pair.loss = paths[row].loss;
    pair.late = paths[row].late;
    pair.twice = paths[row].twice;
    while (sent_count[0] < MESSAGES && sent_count[1] < MESSAGES && pair.now < HWS_SEC(20000)) {
        int from = (int)pair_random(&pair, 2);

        if (!send_one(from, paths[row].unreliable)) pair_run(&pair, pair_random(&pair, 30000));
        if (pair_random(&pair, 100) < paths[row].resets) {
            (void)!hws_sctp_reset(pair.ends[from].sctp, (uint16_t)pair_random(&pair, STREAMS),
                                  pair.now);
        }
    }
    pair_run(&pair, HWS_SEC(20));
    pair.loss = 0;
    pair_run(&pair, HWS_SEC(60));
    check_all_came();
    ck_assert_uint_ge(sent_count[0] + sent_count[1], MESSAGES);
    if (paths[row].unreliable > 0 && paths[row].loss > 0) {
        ck_assert_uint_gt(given_up[0] + given_up[1], 0);
    }
    hws_sctp_stats(pair.ends[0].sctp, &stats);
    ck_assert_int_eq(stats.interleaving, !paths[row].plain[0] && !paths[row].plain[1]);
    pair_close(&pair);
}
END_TEST

/* ---- A small message beside big ones */

static uint8_t big[LEN_MAX];
static hws_time small_wanted, small_worst;
static size_t small_count;

static void time_small(struct pair_end *end, const struct hws_sctp_event *event)
{
    hws_time took = pair.now - small_wanted;

    (void)end;
    if (event->stream != 2) return;
    if (took > small_worst) small_worst = took;
    small_wanted = 0;
    small_count++;
}

static const struct {
    bool plain;
    unsigned loss;
    uint16_t big_streams;
    hws_time worst;
} races[] = {
    {false, 0, 1, HWS_MS(150)},
    {false, 0, 3, HWS_MS(200)},
    {false, 1, 3, HWS_MS(800)}, /* a small message that is lost takes a timeout */
    {true,  0, 1, HWS_MS(600)}, /* one big message and the depth */
    {true,  0, 3, HWS_MS(600)},
};

/* At 1 MB/s a message of 256 KiB takes 260 ms. The small one is offered first, as a fair queue
 * above SCTP does; what it waits for is what SCTP holds. */
START_TEST(a_small_message_does_not_wait_for_big_ones)
{
    struct hws_sctp_message large = {
        .ppid = 53, .data = {big, sizeof(big)}
    };
    struct hws_sctp_message small = {
        .stream = 2, .ppid = 53, .data = {big, 100}
    };
    bool waits = false;

    pair.plain[1] = races[_i].plain;
    open_pair(600 + (uint64_t)_i);
    pair.rate = 1000 * 1000;
    pair.loss = races[_i].loss;
    pair.ends[1].on_message = time_small;
    small_wanted = small_worst = 0;
    small_count = 0;
    for (int ms = 0; ms < 30000; ms++) {
        if (small_wanted == 0 && ms % 97 == 0) {
            small_wanted = pair.now;
            waits = true;
        }
        if (waits && hws_sctp_send(pair.ends[0].sctp, &small, pair.now) == HWS_OK) waits = false;
        large.stream = (uint16_t)(3 + ms % races[_i].big_streams);
        (void)!hws_sctp_send(pair.ends[0].sctp, &large, pair.now);
        pair_run(&pair, HWS_MS(1));
    }
    ck_assert_uint_gt(small_count, 50);
    ck_assert_msg(small_worst <= races[_i].worst, "row %d: %lld us", _i, (long long)small_worst);
    ck_assert_uint_gt(pair.ends[1].byte_count, races[_i].loss ? 8000000 : 24000000);
    pair_close(&pair);
}
END_TEST

/* ---- Long messages, ports, streams */

enum { HUGE_MAX = 16 * 1024 * 1024 };

static uint8_t *huge;

static void check_huge(struct pair_end *end, const struct hws_sctp_event *event)
{
    (void)end;
    if (event->data.len == 1) return;
    ck_assert_mem_eq(event->data.data, huge, event->data.len);
}

static bool huge_came(const struct pair *p)
{
    return p->ends[0].byte_count >= HUGE_MAX && p->ends[1].byte_count >= HUGE_MAX;
}

static bool something_came(const struct pair *p)
{
    return p->ends[1].message_count > 0;
}

/* By configuration; a small message on another stream goes through meanwhile, if it may. */
START_TEST(sixteen_mebibytes_both_ways)
{
    struct hws_sctp_message small = {.stream = 9, .ppid = 53};
    size_t len = _i % 2 ? HUGE_MAX : 1024 * 1024;

    huge = calloc(1, HUGE_MAX);
    ck_assert_ptr_nonnull(huge);
    for (size_t i = 0; i < HUGE_MAX; i++) {
        huge[i] = (uint8_t)(i * 2654435761U >> 13);
    }
    small.data = (struct hws_bytes){huge, 1};
    pair.config.receive_max = HUGE_MAX; /* what is sent may be as long then */
    pair.config.no_interleaving = _i >= 2;
    open_pair(700);
    pair.rate = 20 * 1000 * 1000;
    pair.ends[0].on_message = pair.ends[1].on_message = check_huge;
    for (size_t sent_bytes = 0; sent_bytes < HUGE_MAX; sent_bytes += len) {
        for (int from = 0; from < 2; from++) {
            struct hws_sctp_message msg = {
                .stream = 1, .ppid = 53, .data = {huge, len}
            };

            while (hws_sctp_send(pair.ends[from].sctp, &msg, pair.now) == HWS_ERR_FULL) {
                pair_run(&pair, HWS_MS(5));
            }
        }
    }
    pair_run(&pair, HWS_MS(200));
    if (_i == 1) {
        ck_assert_uint_eq(pair.ends[1].message_count, 0);
        ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &small, pair.now), HWS_OK);
        ck_assert(pair_run_until(&pair, HWS_SEC(60), something_came));
        ck_assert_uint_eq(pair.ends[1].byte_count, 1); /* it passed the long one */
    }
    ck_assert(pair_run_until(&pair, HWS_SEC(120), huge_came));
    pair_close(&pair);
    free(huge);
}
END_TEST

static const struct {
    uint16_t local_port, remote_port, streams;
} shapes[] = {
    {5000,  5000,  1    },
    {9,     65535, 256  },
    {5000,  1,     1024 },
    {40000, 5000,  65535},
};

START_TEST(ports_and_stream_counts)
{
    uint16_t last = (uint16_t)(shapes[_i].streams - 1);
    struct hws_sctp_message msg = {
        .stream = last, .ppid = 53, .data = {big, 30000}
    };
    struct hws_sctp_stats stats;

    pair.config.local_port = shapes[_i].local_port;
    pair.config.remote_port = shapes[_i].remote_port;
    pair.config.streams = shapes[_i].streams;
    open_pair(800);
    for (int from = 0; from < 2; from++) {
        ck_assert_uint_eq(hws_sctp_streams(pair.ends[from].sctp), shapes[_i].streams);
        ck_assert_int_eq(hws_sctp_send(pair.ends[from].sctp, &msg, pair.now), HWS_OK);
        pair_run(&pair, HWS_SEC(1));
        ck_assert_int_eq(hws_sctp_reset(pair.ends[from].sctp, last, pair.now), HWS_OK);
        pair_run(&pair, HWS_SEC(1));
        ck_assert_uint_eq(pair.ends[1 - from].message_count, 1);
        ck_assert_uint_eq(pair.ends[1 - from].last_stream, last);
        ck_assert_uint_eq(pair.ends[1 - from].last_reset_received, last);
        hws_sctp_stats(pair.ends[from].sctp, &stats);
        ck_assert_uint_eq(stats.streams_out, shapes[_i].streams);
        ck_assert_uint_eq(stats.streams_in, shapes[_i].streams);
    }
    pair_close(&pair);
}
END_TEST

/* RFC 9260 section 5.1.1: the smaller of what one asks for and the other one takes. */
START_TEST(a_peer_gives_fewer_streams)
{
    struct hws_sctp_message msg = {
        .stream = 10, .ppid = 53, .data = {big, 10}
    };

    pair.config.streams = 100;
    pair.streams_of_second = 10;
    open_pair(900);
    ck_assert_uint_eq(hws_sctp_streams(pair.ends[0].sctp), 10);
    ck_assert_uint_eq(hws_sctp_streams(pair.ends[1].sctp), 10);
    ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &msg, pair.now), HWS_ERR_ARGUMENT);
    msg.stream = 9;
    ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &msg, pair.now), HWS_OK);
    pair_run(&pair, HWS_SEC(1));
    ck_assert_uint_eq(pair.ends[1].message_count, 1);
    pair_close(&pair);
}
END_TEST

/* ---- Statistics */

START_TEST(statistics_add_up)
{
    struct hws_sctp_message msg = {
        .stream = 1, .ppid = 53, .data = {big, 50000}
    };
    static const uint8_t junk[20] = {1};
    struct hws_sctp_stats ours, theirs;

    pair.plain[0] = _i == 1;
    open_pair(1000);
    pair.loss = 10;
    for (int i = 0; i < 20; i++) {
        (void)!hws_sctp_send(pair.ends[0].sctp, &msg, pair.now);
        pair_run(&pair, HWS_SEC(5));
    }
    ck_assert_int_ne(
        hws_sctp_feed(pair.ends[1].sctp, (struct hws_bytes){junk, sizeof(junk)}, pair.now), HWS_OK);
    hws_sctp_stats(pair.ends[0].sctp, &ours);
    hws_sctp_stats(pair.ends[1].sctp, &theirs);
    ck_assert_uint_eq(ours.messages_sent, 20);
    ck_assert_uint_eq(ours.message_bytes_sent, 20 * 50000);
    ck_assert_uint_eq(theirs.messages_received, 20);
    ck_assert_uint_eq(theirs.message_bytes_received, 20 * 50000);
    ck_assert_uint_eq(ours.packets_sent, pair.ends[0].packet_count);
    ck_assert_uint_lt(theirs.packets_received, ours.packets_sent);
    ck_assert_uint_gt(theirs.bytes_received, 20 * 50000);
    ck_assert_uint_gt(ours.chunks_resent, 0);
    ck_assert_uint_gt(ours.chunks_sent - ours.chunks_resent, 20 * 50000 / 1151);
    ck_assert_uint_le(theirs.chunks_received, ours.chunks_sent);
    ck_assert_uint_eq(theirs.chunks_resent, 0);
    ck_assert_uint_eq(theirs.dropped_malformed, 1);
    ck_assert_uint_eq(ours.dropped_malformed + ours.dropped_unexpected, 0);
    ck_assert_uint_eq(ours.unacknowledged, 0);
    ck_assert_uint_ge(ours.congestion_window, 1000);
    ck_assert_uint_gt(ours.peer_window, 500000);
    ck_assert_int_ge(ours.round_trip, HWS_MS(15));
    ck_assert_int_le(ours.round_trip, HWS_MS(120));
    ck_assert_int_ge(ours.retransmission_timeout, HWS_MS(200));
    ck_assert_uint_eq(ours.mtu, 1151);
    ck_assert_int_eq(ours.interleaving, _i == 0);
    ck_assert_int_eq(theirs.interleaving, _i == 0);
    pair_close(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sctp_streams");
    TCase *tc = tcase_create("random");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, nothing_is_lost_doubled_or_torn, 0, COUNT_OF(paths) * SEEDS);
    tcase_add_loop_test(tc, a_small_message_does_not_wait_for_big_ones, 0, COUNT_OF(races));
    tcase_add_loop_test(tc, sixteen_mebibytes_both_ways, 0, 4);
    tcase_add_loop_test(tc, ports_and_stream_counts, 0, COUNT_OF(shapes));
    tcase_add_test(tc, a_peer_gives_fewer_streams);
    tcase_add_loop_test(tc, statistics_add_up, 0, 2);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
