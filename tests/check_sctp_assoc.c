/* Two associations in one process, in virtual time, over a network that loses, delays and doubles:
 * set-up, messages of every size, the honest window, resets, every way to end, and teardown at any
 * moment. A failure names its seed or its row. */
#include "sctp_pair.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sctp/packet_view.h"

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

static uint8_t payload[4 * 1024 * 1024];
static struct pair pair;
static char log_text[64 * 1024];
static size_t log_len;

static void keep_log(void *user, const char *line, size_t len)
{
    (void)user;
    if (len + 2 > sizeof(log_text) - log_len) return;
    memcpy(log_text + log_len, line, len);
    log_text[log_len + len] = '\n';
    log_len += len + 1;
}

static bool log_saw(const char *text)
{
    log_text[log_len] = '\0';
    return strstr(log_text, text) != NULL;
}

static void fill_payload(void)
{
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 2654435761U >> 13);
    }
}

/* A pair with a round trip of 20 ms, at rest. */
static void open_pair(uint64_t seed)
{
    struct hws_sctp_config config = pair.config;

    memset(&pair, 0, sizeof(pair));
    log_len = 0;
    pair.config = config;
    pair.config.log = (struct hws_log){.write = keep_log, .level = HWS_LOG_DEBUG};
    pair.seed = seed;
    pair.delay = HWS_MS(10);
    pair.now = HWS_SEC(1);
    pair_open(&pair);
}

static void connect_pair(void)
{
    pair_connect(&pair);
    ck_assert_msg(pair_run_until(&pair, HWS_SEC(25), pair_is_up), "not up: seed %llu",
                  (unsigned long long)pair.seed);
}

static void set_up(void)
{
    memset(&pair, 0, sizeof(pair));
    fill_payload();
}

static struct hws_sctp_message message_of(uint16_t stream, size_t len)
{
    return (struct hws_sctp_message){
        .stream = stream, .ppid = 53, .data = {payload, len}
    };
}

static enum hws_err send_on(int from, uint16_t stream, size_t len)
{
    struct hws_sctp_message msg = message_of(stream, len);

    return hws_sctp_send(pair.ends[from].sctp, &msg, pair.now);
}

/* SCTP takes no more than keeps the network busy: the rest waits here. */
static void send_in_turn(int from, const struct hws_sctp_message *msg)
{
    hws_time end = pair.now + HWS_SEC(300);
    enum hws_err err;

    while ((err = hws_sctp_send(pair.ends[from].sctp, msg, pair.now)) == HWS_ERR_FULL) {
        ck_assert_int_lt(pair.now, end);
        pair_run(&pair, HWS_MS(1));
    }
    ck_assert_int_eq(err, HWS_OK);
}

static void send_on_in_turn(int from, uint16_t stream, size_t len)
{
    struct hws_sctp_message msg = message_of(stream, len);

    send_in_turn(from, &msg);
}

static void compare_with_payload(struct pair_end *end, const struct hws_sctp_event *event)
{
    (void)end;
    ck_assert_msg(memcmp(event->data.data, payload, event->data.len) == 0, "%zu bytes differ",
                  event->data.len);
}

/* ---- Set-up */

START_TEST(both_sides_connect_in_three_half_trips)
{
    open_pair(1);
    connect_pair();
    ck_assert_int_eq(pair.ends[0].up_at, HWS_SEC(1) + 3 * pair.delay);
    ck_assert_int_eq(pair.ends[1].up_at, HWS_SEC(1) + 3 * pair.delay);
    ck_assert_uint_eq(hws_sctp_streams(pair.ends[0].sctp), HWS_STREAMS_DEFAULT);
    ck_assert(log_saw("sctp state from=connecting to=up"));
    pair_close(&pair);
}
END_TEST

/* RFC 9260 section 5.1: data may travel with COOKIE ECHO. */
START_TEST(what_is_sent_before_up_travels_with_the_handshake)
{
    open_pair(2);
    ck_assert_int_eq(send_on(0, 0, 5), HWS_ERR_STATE); /* not connecting yet */
    pair_connect(&pair);
    pair.ends[1].on_message = compare_with_payload;
    ck_assert_int_eq(send_on(0, 7, 900), HWS_OK);
    ck_assert_int_eq(send_on(0, 7, 256 * 1024), HWS_OK);
    pair_run(&pair, HWS_SEC(2));
    ck_assert_int_eq(pair.ends[1].up_at, HWS_SEC(1) + 3 * pair.delay);
    ck_assert_uint_eq(pair.ends[1].message_count, 2);
    ck_assert_uint_eq(pair.ends[1].last_stream, 7);
    ck_assert_uint_eq(pair.ends[1].last_ppid, 53);
    pair_close(&pair);
}
END_TEST

static bool first_message_came(const struct pair *p)
{
    return p->ends[1].message_count > 0;
}

START_TEST(an_early_message_saves_a_round_trip)
{
    open_pair(3);
    pair_connect(&pair);
    ck_assert_int_eq(send_on(0, 1, 100), HWS_OK);
    ck_assert(pair_run_until(&pair, HWS_SEC(1), first_message_came));
    ck_assert_int_eq(pair.ends[1].message_at, HWS_SEC(1) + 3 * pair.delay);
    pair_close(&pair);
}
END_TEST

START_TEST(connects_on_a_bad_path)
{
    open_pair(100 + (uint64_t)_i);
    pair.loss = 20;
    pair.late = 30;
    pair.twice = 10;
    connect_pair();
    pair_close(&pair);
}
END_TEST

START_TEST(refuses_what_it_cannot_be)
{
    static const struct {
        uint16_t local_port, remote_port;
        size_t mtu, send_buffer, receive_buffer, receive_max;
    } bad[] = {
        {0,    5000, 0,    0,    0,       0      },
        {5000, 0,    0,    0,    0,       0      },
        {5000, 5000, 523,  0,    0,       0      },
        {5000, 5000, 2049, 0,    0,       0      },
        {5000, 5000, 0,    1024, 0,       0      },
        {5000, 5000, 0,    0,    1 << 30, 0      },
        {5000, 5000, 0,    0,    0,       1 << 30},
    };
    struct hws_sctp_stack *second = NULL;
    struct hws_sctp *sctp = NULL;

    open_pair(4);
    for (int i = 0; i < COUNT_OF(bad); i++) {
        struct hws_sctp_config config = {.local_port = bad[i].local_port,
                                         .remote_port = bad[i].remote_port,
                                         .mtu = bad[i].mtu,
                                         .send_buffer = bad[i].send_buffer,
                                         .receive_buffer = bad[i].receive_buffer,
                                         .receive_max = bad[i].receive_max};

        ck_assert_msg(hws_sctp_new(pair.stack, &config, &sctp) == HWS_ERR_ARGUMENT, "row %d", i);
    }
    ck_assert_int_eq(hws_sctp_stack_new(0, &second), HWS_ERR_STATE);
    ck_assert_ptr_null(sctp);
    ck_assert_ptr_null(second);
    pair_close(&pair);
    open_pair(5); /* and again, after the first one is gone */
    connect_pair();
    pair_close(&pair);
}
END_TEST

/* usrsctp would answer with ABORT, and the peer would take it for the end. */
START_TEST(an_early_init_is_left_alone)
{
    open_pair(6);
    ck_assert_int_eq(hws_sctp_connect(pair.ends[0].sctp, pair.now), HWS_OK);
    ck_assert_int_eq(hws_sctp_connect(pair.ends[0].sctp, pair.now), HWS_ERR_STATE);
    pair_run(&pair, HWS_MS(50));
    ck_assert_uint_eq(pair.ends[1].packet_count, 0);
    ck_assert_int_eq(hws_sctp_feed(pair.ends[1].sctp, (struct hws_bytes){payload, 100}, pair.now),
                     HWS_ERR_UNEXPECTED);
    ck_assert_int_eq(hws_sctp_connect(pair.ends[1].sctp, pair.now), HWS_OK);
    ck_assert(pair_run_until(&pair, HWS_SEC(2), pair_is_up));
    pair_close(&pair);
}
END_TEST

START_TEST(bad_packets_change_nothing)
{
    uint8_t packet[16] = {0x13, 0x89, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0, 15, 0, 0, 4};

    open_pair(7);
    connect_pair();
    ck_assert_int_eq(
        hws_sctp_feed(pair.ends[0].sctp, (struct hws_bytes){packet, sizeof(packet)}, pair.now),
        HWS_ERR_UNSUPPORTED);
    ck_assert(log_saw("sctp drop reason=ERR_UNSUPPORTED"));
    ck_assert_int_eq(send_on(0, 1, 10), HWS_OK);
    pair_run(&pair, HWS_SEC(1));
    ck_assert_uint_eq(pair.ends[1].message_count, 1);
    pair_close(&pair);
}
END_TEST

/* ---- Messages */

static const size_t sizes[] = {1,     2,     3,     100,   1000,   1119,           1120,      1121,
                               16384, 65535, 65536, 65537, 131072, 256 * 1024 - 1, 256 * 1024};

START_TEST(every_size_arrives_both_ways)
{
    open_pair(200 + (uint64_t)_i);
    pair.loss = _i % 2 ? 3 : 0;
    pair.late = _i % 3 ? 10 : 0;
    pair.twice = 5;
    connect_pair();
    for (int i = 0; i < COUNT_OF(sizes); i++) {
        pair.ends[0].on_message = pair.ends[1].on_message = compare_with_payload;
        for (int from = 0; from < 2; from++) {
            pair.ends[1 - from].byte_count = 0;
            ck_assert_int_eq(send_on(from, (uint16_t)i, sizes[i]), HWS_OK);
        }
        pair_run(&pair, HWS_SEC(30));
        for (int to = 0; to < 2; to++) {
            ck_assert_msg(pair.ends[to].byte_count == sizes[i], "%zu bytes: got %zu", sizes[i],
                          pair.ends[to].byte_count);
            ck_assert_uint_eq(pair.ends[to].message_count, (size_t)i + 1);
            ck_assert_uint_eq(hws_sctp_buffered(pair.ends[to].sctp), 0);
        }
    }
    pair_close(&pair);
}
END_TEST

START_TEST(refuses_messages_that_cannot_be_sent)
{
    open_pair(8);
    connect_pair();
    ck_assert_int_eq(send_on(0, 1, 0), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(send_on(0, HWS_STREAMS_DEFAULT, 1), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(send_on(0, 1, HWS_SEND_BUFFER + 1), HWS_ERR_TOO_BIG);
    ck_assert_uint_eq(hws_sctp_buffered(pair.ends[0].sctp), 0);
    pair_close(&pair);
}
END_TEST

/* The window grows with the messages that we take, so that they need not come in pieces. */
START_TEST(a_message_of_four_mebibytes)
{
    pair.config.receive_max = sizeof(payload);
    pair.config.send_buffer = sizeof(payload);
    pair.config.receive_buffer = 256 * 1024;
    open_pair(9);
    pair.loss = 1;
    connect_pair();
    pair.ends[1].on_message = compare_with_payload;
    ck_assert_int_eq(send_on(0, 1, sizeof(payload)), HWS_OK);
    pair_run(&pair, HWS_SEC(60));
    ck_assert_uint_eq(pair.ends[1].message_count, 1);
    ck_assert_uint_eq(pair.ends[1].byte_count, sizeof(payload));
    pair_close(&pair);
}
END_TEST

static uint8_t next_number[2];

static void expect_order(struct pair_end *end, const struct hws_sctp_event *event)
{
    (void)end;
    ck_assert_uint_eq(event->data.data[0], next_number[event->stream]);
    next_number[event->stream]++;
}

START_TEST(ordered_streams_keep_their_order)
{
    open_pair(10);
    pair.loss = 10;
    pair.late = 30;
    connect_pair();
    memset(next_number, 0, sizeof(next_number));
    pair.ends[1].on_message = expect_order;
    for (int i = 0; i < 200; i++) {
        uint8_t number = (uint8_t)(i / 2);
        struct hws_sctp_message msg = {
            .stream = (uint16_t)(i % 2), .ppid = 53, .data = {&number, 1}
        };

        ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &msg, pair.now), HWS_OK);
        pair_run(&pair, HWS_MS(1));
    }
    pair_run(&pair, HWS_SEC(60));
    ck_assert_uint_eq(pair.ends[1].message_count, 200);
    pair_close(&pair);
}
END_TEST

static int out_of_order;

static void count_disorder(struct pair_end *end, const struct hws_sctp_event *event)
{
    static uint8_t last;

    if (end->message_count > 0 && (uint8_t)(event->data.data[0] - last) > 128) out_of_order++;
    last = event->data.data[0];
}

START_TEST(unordered_messages_do_not_wait)
{
    open_pair(11);
    pair.loss = 10;
    pair.late = 50;
    connect_pair();
    out_of_order = 0;
    pair.ends[1].on_message = count_disorder;
    for (int i = 0; i < 200; i++) {
        uint8_t number = (uint8_t)i;
        struct hws_sctp_message msg = {
            .ppid = 53, .unordered = true, .data = {&number, 1}
        };

        ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &msg, pair.now), HWS_OK);
        pair_run(&pair, HWS_MS(1));
    }
    pair_run(&pair, HWS_SEC(60));
    ck_assert_uint_eq(pair.ends[1].message_count, 200);
    ck_assert_int_gt(out_of_order, 0);
    pair_close(&pair);
}
END_TEST

static const struct {
    enum hws_reliability reliability;
    uint32_t value;
} partial[] = {
    {HWS_MAX_RETRANSMITS, 0 },
    {HWS_MAX_RETRANSMITS, 1 },
    {HWS_MAX_LIFETIME,    60}
};

/* RFC 3758 section 3.6: the receiver skips what is given up, and nothing waits for it. */
START_TEST(unreliable_messages_are_given_up)
{
    size_t count = 300;

    open_pair(300 + (uint64_t)_i);
    connect_pair();
    pair.loss = 30;
    for (size_t i = 0; i < count; i++) {
        struct hws_sctp_message msg = message_of(3, 700);

        msg.reliability = partial[_i].reliability;
        msg.reliability_value = partial[_i].value;
        send_in_turn(0, &msg);
        pair_run(&pair, HWS_MS(5));
    }
    pair_run(&pair, HWS_SEC(20));
    pair.loss = 0;
    pair_run(&pair, HWS_SEC(20));
    ck_assert_uint_gt(pair.ends[1].message_count, count / 3);
    ck_assert_uint_lt(pair.ends[1].message_count, count);
    ck_assert_uint_eq(hws_sctp_buffered(pair.ends[0].sctp), 0);
    ck_assert_int_eq(send_on(0, 3, 10), HWS_OK); /* and the stream goes on */
    count = pair.ends[1].message_count;
    pair_run(&pair, HWS_SEC(1));
    ck_assert_uint_eq(pair.ends[1].message_count, count + 1);
    pair_close(&pair);
}
END_TEST

static void expect_whole(struct pair_end *end, const struct hws_sctp_event *event)
{
    ck_assert_msg(event->data.len == 600 * 1024 || event->data.len == 1, "a torso of %zu bytes",
                  event->data.len);
    compare_with_payload(end, event);
}

/* The receiver must neither deliver a torso nor get stuck. */
START_TEST(a_message_given_up_half_way_is_never_delivered)
{
    size_t cut;

    pair.config.receive_max = 1024 * 1024;
    pair.config.receive_buffer = 128 * 1024;
    open_pair(400 + (uint64_t)_i);
    connect_pair();
    pair.ends[1].on_message = expect_whole;
    cut = 0;
    for (int i = 0; i < 12; i++) {
        struct hws_sctp_message msg = message_of(1, 600 * 1024);

        msg.reliability = HWS_MAX_RETRANSMITS;
        pair.loss = i % 2 ? 0 : 1;
        ck_assert_int_eq(hws_sctp_send(pair.ends[0].sctp, &msg, pair.now), HWS_OK);
        pair_run(&pair, HWS_SEC(30));
        if (pair.ends[1].message_count <= (size_t)i - cut) cut++;
    }
    ck_assert_uint_gt(cut, 0); /* else this test shows nothing */
    ck_assert_uint_lt(cut, 12);
    pair.loss = 0;
    ck_assert_int_eq(send_on(0, 1, 1), HWS_OK);
    pair_run(&pair, HWS_SEC(5));
    ck_assert_uint_eq(pair.ends[1].message_count, 13 - cut);
    pair_close(&pair);
}
END_TEST

/* ---- The window and the send buffer */

START_TEST(sixty_four_mebibytes_with_back_pressure)
{
    const size_t total = 64 * 1024 * 1024, len = 64 * 1024;
    size_t sent = 0, full = 0;

    open_pair(12);
    pair.delay = 0;
    connect_pair();
    pair.ends[1].on_message = compare_with_payload;
    while (sent < total) {
        enum hws_err err = send_on(0, 1, len);

        if (!err) {
            sent += len;
            ck_assert_uint_le(hws_sctp_buffered(pair.ends[0].sctp), HWS_SEND_BUFFER);
            continue;
        }
        ck_assert_int_eq(err, HWS_ERR_FULL);
        full++;
        pair.ends[0].writable = false;
        pair_settle(&pair);
        if (!pair.ends[0].writable) pair_run(&pair, HWS_MS(10));
    }
    pair_run(&pair, HWS_SEC(5));
    ck_assert_uint_gt(full, 0);
    ck_assert_uint_eq(pair.ends[1].byte_count, total);
    ck_assert(!log_saw("queue_full"));
    pair_close(&pair);
}
END_TEST

START_TEST(a_receiver_that_does_not_read_holds_the_sender)
{
    size_t accepted = 0, held;

    open_pair(13);
    connect_pair();
    pair.ends[1].stalled = true;
    for (int i = 0; i < 1000 && pair.now < HWS_SEC(60); i++) {
        enum hws_err err = send_on(0, 1, 64 * 1024);

        if (!err) accepted += 64 * 1024;
        ck_assert(!err || err == HWS_ERR_FULL);
        pair_run(&pair, HWS_MS(50));
    }
    /* What both buffers hold, and no more. */
    ck_assert_uint_ge(accepted, HWS_RECEIVE_BUFFER);
    ck_assert_uint_le(accepted, HWS_SEND_BUFFER + HWS_RECEIVE_BUFFER);
    ck_assert_int_eq(pair.ends[0].down_count, 0);
    held = hws_sctp_buffered(pair.ends[0].sctp);
    ck_assert_uint_gt(held, 0);
    ck_assert_uint_lt(held, HWS_SEND_BUFFER / 2); /* the rest is to wait elsewhere */

    pair.ends[0].writable = false;
    pair.ends[1].stalled = false;
    pair.ends[1].on_message = compare_with_payload;
    pair_run(&pair, HWS_SEC(20));
    ck_assert_uint_eq(pair.ends[1].byte_count, accepted);
    ck_assert_uint_eq(hws_sctp_buffered(pair.ends[0].sctp), 0);
    ck_assert_int_eq(send_on(0, 1, 64 * 1024), HWS_OK);
    pair_close(&pair);
}
END_TEST

/* Reading opens the window, which has to be said although no timer runs. */
START_TEST(reading_late_asks_for_a_turn)
{
    struct hws_sctp_event event;
    struct hws_bytes packet;
    size_t got = 0;

    open_pair(29);
    connect_pair();
    pair.ends[1].stalled = true;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(send_on(0, 1, 100 * 1024), HWS_OK);
        pair_run(&pair, HWS_SEC(1));
    }
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[1].sctp), HWS_NEVER);
    while (hws_sctp_next_event(pair.ends[1].sctp, &event)) {
        got += event.data.len;
    }
    ck_assert_uint_eq(got, 6 * 100 * 1024);
    ck_assert_int_le(hws_sctp_deadline(pair.ends[1].sctp), pair.now);
    ck_assert(hws_sctp_next_packet(pair.ends[1].sctp, &packet));
    hws_sctp_tick(pair.ends[1].sctp, pair.now);
    ck_assert_int_gt(hws_sctp_deadline(pair.ends[1].sctp), pair.now);
    pair_close(&pair);
}
END_TEST

/* A byte costs usrsctp some hundred bytes, so messages are counted too. */
START_TEST(tiny_messages_are_bounded_by_what_they_cost)
{
    size_t accepted = 0, refused = 0;

    open_pair(14);
    connect_pair();
    pair.cut = true;
    while (send_on(0, 1, 1) == HWS_OK) {
        accepted++;
        ck_assert_uint_le(accepted, HWS_SCTP_MESSAGES_MAX);
    }
    ck_assert_uint_gt(accepted, 100);
    ck_assert_uint_lt(accepted, HWS_SEND_BUFFER / 20); /* each is a chunk of 20 bytes */
    pair.cut = false;
    for (int i = 0; i < 100000; i++) {
        if (send_on(0, 1, 1) == HWS_OK) {
            accepted++;
            continue;
        }
        refused++;
        pair.ends[0].writable = false;
        while (!pair.ends[0].writable) {
            pair_run(&pair, HWS_MS(10));
            ck_assert_int_lt(pair.now, HWS_SEC(300));
        }
    }
    pair_run(&pair, HWS_SEC(10));
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_eq(pair.ends[1].message_count, accepted);
    pair_close(&pair);
}
END_TEST

/* ---- Resets */

static bool both_reset(const struct pair *p)
{
    return p->ends[0].reset_sent_count > 0 && p->ends[1].reset_received_count > 0 &&
           p->ends[1].reset_sent_count > 0 && p->ends[0].reset_received_count > 0;
}

START_TEST(a_stream_is_reset_and_used_again_a_thousand_times)
{
    open_pair(15);
    pair.delay = HWS_MS(1);
    connect_pair();
    for (int i = 0; i < 1000; i++) {
        for (int end = 0; end < 2; end++) {
            pair.ends[end].message_count = 0;
            pair.ends[end].reset_received_count = pair.ends[end].reset_sent_count = 0;
        }
        ck_assert_int_eq(send_on(0, 5, 1 + (size_t)i * 3), HWS_OK);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, 5, pair.now), HWS_OK);
        ck_assert_int_eq(send_on(0, 5, 1), HWS_ERR_STATE);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, 5, pair.now), HWS_OK);
        if (i % 2) pair_run(&pair, HWS_MS(3)); /* else both at once */
        ck_assert_int_eq(hws_sctp_reset(pair.ends[1].sctp, 5, pair.now), HWS_OK);
        ck_assert_msg(pair_run_until(&pair, HWS_SEC(5), both_reset), "turn %d", i);
        ck_assert_uint_eq(pair.ends[1].message_count, 1);
        ck_assert_uint_eq(pair.ends[0].last_reset_received, 5);
        ck_assert_uint_eq(pair.ends[0].last_reset_sent, 5);
    }
    pair_run(&pair, HWS_SEC(1));
    ck_assert_uint_eq(pair.ends[0].reset_sent_count, 1); /* told once each */
    ck_assert_uint_eq(pair.ends[1].reset_received_count, 1);
    ck_assert(log_saw("sctp reset stream=5 dir=out"));
    pair_close(&pair);
}
END_TEST

START_TEST(all_streams_are_reset_on_a_bad_path)
{
    open_pair(500 + (uint64_t)_i);
    pair.loss = 10;
    pair.late = 20;
    pair.twice = 10;
    pair_connect(&pair);
    for (uint16_t i = 0; i < HWS_STREAMS_DEFAULT; i++) { /* before it is up: they wait */
        ck_assert_int_eq(send_on(0, i, 30), HWS_OK);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[i % 2].sctp, i, pair.now), HWS_OK);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[1 - i % 2].sctp, i, pair.now), HWS_OK);
    }
    pair_run(&pair, HWS_SEC(120));
    ck_assert_uint_eq(pair.ends[1].message_count, HWS_STREAMS_DEFAULT);
    for (int end = 0; end < 2; end++) {
        ck_assert_uint_eq(pair.ends[end].reset_sent_count, HWS_STREAMS_DEFAULT);
        ck_assert_uint_eq(pair.ends[end].reset_received_count, HWS_STREAMS_DEFAULT);
    }
    ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, HWS_STREAMS_DEFAULT, pair.now),
                     HWS_ERR_ARGUMENT);
    pair_close(&pair);
}
END_TEST

static bool had_its_message;

static void note_message(struct pair_end *end, const struct hws_sctp_event *event)
{
    ck_assert_uint_eq(event->data.len, 256 * 1024);
    had_its_message = end->reset_received_count == 0;
}

START_TEST(a_reset_waits_for_what_is_queued)
{
    open_pair(16);
    connect_pair();
    had_its_message = false;
    pair.ends[1].on_message = note_message;
    ck_assert_int_eq(send_on(0, 2, 256 * 1024), HWS_OK);
    ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, 2, pair.now), HWS_OK);
    pair_run(&pair, HWS_SEC(5));
    ck_assert(had_its_message);
    ck_assert_uint_eq(pair.ends[1].reset_received_count, 1);
    pair_close(&pair);
}
END_TEST

/* ---- Ends */

static uint32_t acked_up_to;
static bool acks_seen;
static size_t resets_out;

/* Either end's packets: what end 0 sent, what end 1 acknowledged, and when a reset goes out. */
static void watch_resets(struct pair *p, struct hws_bytes packet)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;
    uint32_t tsn;

    (void)p;
    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        if (chunk.type == HWS_CHUNK_SACK && hws_sctp_read_sacked_tsn(chunk.value, &tsn) &&
            (!acks_seen || hws_sctp_tsn_is_after(tsn, acked_up_to))) {
            acked_up_to = tsn;
            acks_seen = true;
        }
        if (chunk.type != HWS_CHUNK_RECONFIG || !hws_sctp_read_reset_tsn(chunk.value, &tsn))
            continue;
        resets_out++;
        ck_assert_msg(!hws_sctp_tsn_is_after(tsn, acked_up_to), "the reset overtakes its data");
    }
}

/* Other usrsctp would hang on a reset that comes before its data: ours waits for the answer. */
START_TEST(a_reset_leaves_when_its_data_is_acknowledged)
{
    enum { STREAMS = 20 };

    open_pair(900 + (uint64_t)_i);
    pair.loss = 20;
    pair.late = 20;
    connect_pair();
    pair.on_packet = watch_resets;
    for (uint16_t stream = 0; stream < STREAMS; stream++) {
        send_on_in_turn(0, stream, 30000);
        /* The first one only shows where the numbers are. */
        if (stream == 0) pair_run(&pair, HWS_SEC(20));
        if (stream == 0) continue;
        ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, stream, pair.now), HWS_OK);
    }
    pair_run(&pair, HWS_SEC(120));
    ck_assert(acks_seen);
    ck_assert_uint_ge(resets_out, 1);
    ck_assert_uint_eq(pair.ends[1].message_count, STREAMS);
    ck_assert_uint_eq(pair.ends[1].reset_received_count, STREAMS - 1);
    pair_close(&pair);
}
END_TEST

START_TEST(an_abort_ends_the_other_side_once)
{
    struct hws_fault fault;

    open_pair(17);
    connect_pair();
    ck_assert_int_eq(send_on(0, 1, 10), HWS_OK);
    ck_assert_int_eq(send_on(0, 2, 10), HWS_OK);
    hws_sctp_abort(pair.ends[0].sctp, pair.now);
    hws_sctp_abort(pair.ends[0].sctp, pair.now);
    ck_assert_int_eq(send_on(0, 1, 10), HWS_ERR_STATE);
    ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, 1, pair.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_sctp_connect(pair.ends[0].sctp, pair.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[0].sctp), HWS_NEVER);
    pair_run(&pair, HWS_SEC(5));
    fault = hws_sctp_fault(pair.ends[1].sctp);
    ck_assert_uint_eq(pair.ends[1].message_count, 2); /* what came before the end is told first */
    ck_assert_int_eq(pair.ends[1].down_count, 1);
    ck_assert_int_eq(pair.ends[0].down_count, 0);
    ck_assert_int_eq(fault.err, HWS_ERR_CLOSED);
    ck_assert_int_eq(fault.foreign, 12); /* user-initiated, RFC 9260 section 3.3.10.12 */
    ck_assert_int_eq(send_on(1, 1, 10), HWS_ERR_STATE);
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[1].sctp), HWS_NEVER);
    ck_assert(log_saw("sctp abort by=us"));
    ck_assert(log_saw("sctp state from=up to=gone"));
    pair_close(&pair);
}
END_TEST

START_TEST(a_peer_that_vanishes_is_given_up)
{
    hws_time since;

    open_pair(18);
    connect_pair();
    pair.cut = true;
    since = pair.now;
    ck_assert_int_eq(send_on(0, 1, 10), HWS_OK);
    pair_run(&pair, HWS_SEC(120));
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_TIMEOUT);
    ck_assert_int_gt(pair.ends[0].down_at, since + HWS_SEC(30)); /* ICE consent comes first */
    ck_assert_int_lt(pair.ends[0].down_at, since + HWS_SEC(60));
    ck_assert_int_eq(pair.ends[1].down_count, 0); /* it had nothing to say */
    pair_close(&pair);
}
END_TEST

START_TEST(a_reset_that_nobody_answers_is_given_up)
{
    open_pair(26);
    connect_pair();
    pair_run(&pair, HWS_SEC(100));
    pair.cut = true;
    ck_assert_int_eq(hws_sctp_reset(pair.ends[0].sctp, 3, pair.now), HWS_OK);
    pair_run(&pair, HWS_SEC(30));
    ck_assert_int_eq(pair.ends[0].down_count, 0);
    pair_run(&pair, HWS_SEC(30));
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_TIMEOUT);
    pair_close(&pair);
}
END_TEST

/* A gap in the path that is shorter than ICE's patience. */
START_TEST(a_path_that_comes_back_is_used_again)
{
    open_pair(27);
    connect_pair();
    pair.cut = true;
    ck_assert_int_eq(send_on(0, 1, 100000), HWS_OK);
    pair_run(&pair, HWS_SEC(29));
    pair.cut = false;
    pair_run(&pair, HWS_SEC(6));
    ck_assert_uint_eq(pair.ends[1].message_count, 1);
    pair_close(&pair);
}
END_TEST

START_TEST(nobody_answers_the_handshake)
{
    open_pair(19);
    pair.cut = true;
    pair_connect(&pair);
    pair_run(&pair, HWS_SEC(120));
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_TIMEOUT);
    ck_assert_int_lt(pair.ends[0].down_at, HWS_SEC(1) + HWS_SEC(45));
    pair_close(&pair);
}
END_TEST

static const size_t oversizes[] = {256 * 1024 + 1, 300 * 1024, 600 * 1024, 1024 * 1024};

START_TEST(a_message_over_the_announced_size_ends_it)
{
    size_t len = oversizes[_i % COUNT_OF(oversizes)];

    pair.config.no_interleaving = _i >= COUNT_OF(oversizes);
    open_pair(20);
    connect_pair();
    ck_assert_int_eq(send_on(0, 1, 10), HWS_OK);
    pair_run(&pair, HWS_SEC(1));
    ck_assert_int_eq(send_on(0, 1, len), HWS_OK);
    pair_run(&pair, HWS_SEC(20));
    ck_assert_uint_eq(pair.ends[1].message_count, 1);
    ck_assert_int_eq(pair.ends[1].down_count, 1);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[1].sctp).err, HWS_ERR_TOO_BIG);
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_CLOSED);
    pair_close(&pair);
}
END_TEST

/* ---- Time */

START_TEST(an_idle_association_asks_for_no_ticks)
{
    size_t ticks;

    open_pair(21);
    connect_pair();
    ck_assert_int_eq(send_on(0, 1, 100000), HWS_OK);
    pair_run(&pair, HWS_SEC(2));
    ticks = pair.ends[0].tick_count;
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[0].sctp), HWS_NEVER);
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[1].sctp), HWS_NEVER);
    pair_run(&pair, HWS_SEC(40 * 86400)); /* past the wrap of usrsctp's clock half-way */
    ck_assert_uint_eq(pair.ends[0].tick_count, ticks);
    pair.loss = 20; /* so that timers are needed at once */
    for (int i = 0; i < 20; i++) {
        send_on_in_turn(i % 2, 1, 5000);
    }
    pair_run(&pair, HWS_SEC(60));
    ck_assert_uint_eq(pair.ends[0].message_count, 10);
    ck_assert_uint_eq(pair.ends[1].message_count, 11);
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[0].sctp), HWS_NEVER);
    pair_close(&pair);
}
END_TEST

/* The timers of all run with the tick of one: the other one must hear of it. */
START_TEST(a_tick_of_another_association_is_noticed)
{
    struct hws_bytes packet;
    struct hws_sctp_event event;

    open_pair(22);
    ck_assert_int_eq(hws_sctp_connect(pair.ends[0].sctp, pair.now), HWS_OK);
    while (hws_sctp_next_packet(pair.ends[0].sctp, &packet)) {
        /* the INIT is lost */
    }
    ck_assert_int_gt(hws_sctp_deadline(pair.ends[0].sctp), pair.now);
    hws_sctp_tick(pair.ends[1].sctp, pair.now + HWS_MS(600));
    ck_assert_int_le(hws_sctp_deadline(pair.ends[0].sctp), pair.now + HWS_MS(600));
    hws_sctp_tick(pair.ends[0].sctp, pair.now + HWS_MS(600));
    ck_assert(hws_sctp_next_packet(pair.ends[0].sctp, &packet));
    ck_assert_int_gt(hws_sctp_deadline(pair.ends[0].sctp), pair.now + HWS_MS(600));
    ck_assert(!hws_sctp_next_event(pair.ends[0].sctp, &event));
    pair_close(&pair);
}
END_TEST

/* ... and its own turn does not move away each time the other one is faster. */
START_TEST(ticks_of_another_association_do_not_postpone_ours)
{
    open_pair(28);
    pair_connect(&pair);
    hws_sctp_tick(pair.ends[0].sctp, pair.now + HWS_MS(10));
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[0].sctp), pair.now + HWS_MS(20));
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[1].sctp), pair.now + HWS_MS(10));
    hws_sctp_tick(pair.ends[1].sctp, pair.now + HWS_MS(10));
    ck_assert_int_eq(hws_sctp_deadline(pair.ends[1].sctp), pair.now + HWS_MS(20));
    pair_close(&pair);
}
END_TEST

/* ---- What is on the wire */

START_TEST(no_packet_is_longer_than_the_mtu)
{
    static const size_t mtus[] = {524, 1000, 1117, 1151, 1152, 1163, 1200, 2048};

    pair.config.mtu = mtus[_i];
    open_pair(23);
    pair.loss = 5;
    connect_pair();
    for (uint16_t i = 0; i < 40; i++) {
        send_on_in_turn(i % 2, i, 1 + (size_t)i * 700);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[i % 2].sctp, i, pair.now), HWS_OK);
    }
    pair_run(&pair, HWS_SEC(20));
    for (int end = 0; end < 2; end++) {
        ck_assert_uint_le(pair.ends[end].packet_max, mtus[_i]);
        ck_assert_uint_gt(pair.ends[end].packet_max, mtus[_i] - 8); /* and room is used */
    }
    pair_close(&pair);
}
END_TEST

static struct {
    uintptr_t low, high;
} ranges[256];
static int range_count;

/* The heap, the stack, and the data of libraries; not what sanitizers reserve. */
static void read_ranges(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], rights[8];
    unsigned long low, high;

    range_count = 0;
    while (maps && fgets(line, sizeof(line), maps) && range_count < COUNT_OF(ranges)) {
        if (sscanf(line, "%lx-%lx %7s", &low, &high, rights) != 3) continue;
        if (rights[1] != 'w' || high - low > 1UL << 30 || low >> 32 == 0) continue;
        ranges[range_count].low = low;
        ranges[range_count++].high = high;
    }
    if (maps) fclose(maps);
}

static bool is_pointer(uint64_t value)
{
    for (int i = 0; i < range_count; i++) {
        if (value >= ranges[i].low && value < ranges[i].high) return true;
    }
    return false;
}

static void look_for_pointers(struct pair *p, struct hws_bytes packet)
{
    (void)p;
    for (size_t i = 0; i + 8 <= packet.len; i++) {
        uint64_t little = 0, big = 0;

        for (size_t k = 0; k < 8; k++) {
            little |= (uint64_t)packet.data[i + k] << 8 * k;
            big = big << 8 | packet.data[i + k];
        }
        ck_assert_msg(!is_pointer(little) && !is_pointer(big), "a pointer at byte %zu of %zu", i,
                      packet.len);
    }
}

/* CVE-2020-6514: usrsctp puts the address that it was given into its state cookie. */
START_TEST(no_pointer_leaves_the_process)
{
    int on_stack;
    void *on_heap = calloc(1, 100);

    open_pair(24);
    read_ranges();
    ck_assert(is_pointer((uintptr_t)&on_stack)); /* the search can find something */
    ck_assert(is_pointer((uintptr_t)on_heap));
    free(on_heap);
    pair.on_packet = look_for_pointers;
    pair.loss = 10;
    connect_pair();
    for (uint16_t i = 0; i < 20; i++) {
        send_on_in_turn(i % 2, i, 1 + (size_t)i * 300);
        ck_assert_int_eq(hws_sctp_reset(pair.ends[i % 2].sctp, i, pair.now), HWS_OK);
    }
    pair_run(&pair, HWS_SEC(5));
    hws_sctp_abort(pair.ends[0].sctp, pair.now);
    pair_run(&pair, HWS_SEC(1));
    ck_assert_uint_gt(pair.ends[0].packet_count, 10);
    pair_close(&pair);
}
END_TEST

/* ---- Teardown at any moment */

static void do_something(void)
{
    int end = (int)pair_random(&pair, 2);

    switch (pair_random(&pair, 8)) {
    case 0:
    case 1:
    case 2:
        (void)!send_on(end, (uint16_t)pair_random(&pair, 4), 1 + pair_random(&pair, 200000));
        break;
    case 3:
        (void)!hws_sctp_reset(pair.ends[end].sctp, (uint16_t)pair_random(&pair, 4), pair.now);
        break;
    case 4:
        pair.ends[end].stalled = !pair.ends[end].stalled;
        break;
    case 5:
        if (pair_random(&pair, 8) == 0) hws_sctp_abort(pair.ends[end].sctp, pair.now);
        break;
    default:
        pair_run(&pair, pair_random(&pair, 40000));
        break;
    }
}

START_TEST(teardown_storm)
{
    enum { ROUNDS = 500 };

    for (uint64_t i = 0; i < ROUNDS; i++) {
        open_pair(1000 + i);
        pair.loss = pair_random(&pair, 3) * 15;
        if (pair_random(&pair, 10) > 0) {
            (void)!hws_sctp_connect(pair.ends[0].sctp, pair.now);
        }
        if (pair_random(&pair, 10) > 0) {
            (void)!hws_sctp_connect(pair.ends[1].sctp, pair.now);
        }
        for (uint32_t n = pair_random(&pair, 20); n > 0; n--) {
            do_something();
        }
        pair_close(&pair);
    }
}
END_TEST

/* Many associations come and go on one stack; tokens and ports are given out and taken back. */
START_TEST(associations_come_and_go)
{
    enum { LIVE = 50, TURNS = 2000 };
    static struct hws_sctp *live[LIVE];
    struct hws_sctp_config config = {.local_port = 5000, .remote_port = 5000};

    open_pair(25);
    for (int i = 0; i < TURNS; i++) {
        uint32_t at = pair_random(&pair, LIVE);

        hws_sctp_free(live[at]);
        live[at] = NULL;
        ck_assert_int_eq(hws_sctp_new(pair.stack, &config, &live[at]), HWS_OK);
        if (i % 2) ck_assert_int_eq(hws_sctp_connect(live[at], pair.now), HWS_OK);
        pair.now += HWS_MS(1);
        hws_sctp_tick(live[at], pair.now);
    }
    for (int i = 0; i < LIVE; i++) {
        hws_sctp_free(live[i]);
        live[i] = NULL;
    }
    pair_close(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sctp_assoc");
    TCase *tc = tcase_create("pair");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, both_sides_connect_in_three_half_trips);
    tcase_add_test(tc, what_is_sent_before_up_travels_with_the_handshake);
    tcase_add_test(tc, an_early_message_saves_a_round_trip);
    tcase_add_loop_test(tc, connects_on_a_bad_path, 0, 50);
    tcase_add_test(tc, refuses_what_it_cannot_be);
    tcase_add_test(tc, an_early_init_is_left_alone);
    tcase_add_loop_test(tc, a_reset_leaves_when_its_data_is_acknowledged, 0, 5);
    tcase_add_test(tc, bad_packets_change_nothing);
    tcase_add_loop_test(tc, every_size_arrives_both_ways, 0, 6);
    tcase_add_test(tc, refuses_messages_that_cannot_be_sent);
    tcase_add_test(tc, a_message_of_four_mebibytes);
    tcase_add_test(tc, ordered_streams_keep_their_order);
    tcase_add_test(tc, unordered_messages_do_not_wait);
    tcase_add_loop_test(tc, unreliable_messages_are_given_up, 0, COUNT_OF(partial));
    tcase_add_loop_test(tc, a_message_given_up_half_way_is_never_delivered, 0, 4);
    tcase_add_test(tc, sixty_four_mebibytes_with_back_pressure);
    tcase_add_test(tc, a_receiver_that_does_not_read_holds_the_sender);
    tcase_add_test(tc, reading_late_asks_for_a_turn);
    tcase_add_test(tc, tiny_messages_are_bounded_by_what_they_cost);
    tcase_add_test(tc, a_stream_is_reset_and_used_again_a_thousand_times);
    tcase_add_loop_test(tc, all_streams_are_reset_on_a_bad_path, 0, 6);
    tcase_add_test(tc, a_reset_waits_for_what_is_queued);
    tcase_add_test(tc, an_abort_ends_the_other_side_once);
    tcase_add_test(tc, a_peer_that_vanishes_is_given_up);
    tcase_add_test(tc, a_reset_that_nobody_answers_is_given_up);
    tcase_add_test(tc, a_path_that_comes_back_is_used_again);
    tcase_add_test(tc, nobody_answers_the_handshake);
    tcase_add_loop_test(tc, a_message_over_the_announced_size_ends_it, 0, 2 * COUNT_OF(oversizes));
    tcase_add_test(tc, an_idle_association_asks_for_no_ticks);
    tcase_add_test(tc, a_tick_of_another_association_is_noticed);
    tcase_add_test(tc, ticks_of_another_association_do_not_postpone_ours);
    tcase_add_loop_test(tc, no_packet_is_longer_than_the_mtu, 0, 8);
    tcase_add_test(tc, no_pointer_leaves_the_process);
    tcase_add_test(tc, teardown_storm);
    tcase_add_test(tc, associations_come_and_go);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
