/* A peer that keeps to no rule of RFC 8831 and 8832, against one of ours. The bad one is a whole
 * peer up to SCTP; from then on its own channels sleep and the test speaks for it, so that anything
 * may be said on any stream. What is told: how each sin ends, that the other channels and the other
 * peers of the process live on, and that nothing grows without a bound. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"
#include "peer/peer_internal.h"

#include <string.h>

static struct world world;
static struct world_peer *bad, *good;
static struct hws_channel used,
    kept; /* of the good one: the target, and one that must not suffer */

enum { USED = 0, KEPT = 2, THEIRS = 4, OURS = 5 }; /* streams; the bad one is the DTLS client */

static uint8_t data[64 * 1024];
static size_t resets_seen, acks_seen, incoming, closed;

static void count_events(struct world_peer *peer, const struct hws_event *event)
{
    (void)peer;
    if (event->kind == HWS_EVENT_CHANNEL_INCOMING) incoming++;
    if (event->kind == HWS_EVENT_CHANNEL_CLOSED) closed++;
}

/* What the good one says to the bad one. */
static void listen_in(void)
{
    struct hws_sctp_event event;

    while (bad->peer->sctp && hws_sctp_next_event(bad->peer->sctp, &event)) {
        if (event.kind == HWS_SCTP_RESET_RECEIVED) resets_seen++;
        if (event.kind == HWS_SCTP_MESSAGE && event.ppid == HWS_PPID_DCEP &&
            event.data.data[0] == 2)
            acks_seen++;
    }
}

static void pass(hws_time duration)
{
    for (hws_time at = 0; at < duration; at += HWS_MS(10)) {
        hws_peer_pump(bad->peer, world.now);
        world_pass(&world, HWS_MS(10));
        listen_in();
    }
}

static bool both_up(struct world *w)
{
    (void)w;
    return world_saw(bad, HWS_EVENT_CONNECTED) && world_saw(good, HWS_EVENT_CONNECTED);
}

static enum hws_err say(uint16_t stream, uint32_t ppid, const void *bytes, size_t len)
{
    return hws_sctp_send(bad->peer->sctp,
                         &(struct hws_sctp_message){
                             .stream = stream, .ppid = ppid, .data = {bytes, len}
    },
                         world.now);
}

static void say_open(uint16_t stream, const char *label)
{
    uint8_t buffer[256];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    enum hws_err err;

    hws_dcep_write_open(&out,
                        &(struct hws_dcep_open){.ordered = true, .label = hws_bytes_of(label)});
    ck_assert(!out.failed);
    while ((err = say(stream, HWS_PPID_DCEP, buffer, out.len)) == HWS_ERR_FULL) {
        pass(HWS_MS(10));
    }
    ck_assert_int_eq(err, HWS_OK);
}

static void start(const struct hws_peer_config *config)
{
    world_init(&world, 1);
    good = world_add(&world, config);
    bad = world_add(&world, &(struct hws_peer_config){.stream_count = config->stream_count});
    world_pair(good, bad);
    ck_assert_int_eq(hws_peer_offer(good->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_up));
    world_pass(&world, HWS_MS(50));
    bad->peer->has_inbound = bad->peer->paused = true; /* its channels sleep from now on */
    good->on_event = count_events;
    say_open(USED, "used");
    pass(HWS_MS(50));
    used = good->events[good->event_count - 1].channel;
    say_open(KEPT, "kept");
    pass(HWS_MS(50));
    kept = good->events[good->event_count - 1].channel;
    ck_assert_uint_eq(incoming, 2);
    ck_assert_uint_eq(acks_seen, 2);
}

/* It is there, and messages pass both ways. */
static bool lives(struct hws_channel channel, uint16_t stream)
{
    size_t before = good->message_count;

    ck_assert_int_eq(say(stream, HWS_PPID_STRING, "on", 2), HWS_OK);
    pass(HWS_MS(100));
    return good->message_count == before + 1 && !world_saw(good, HWS_EVENT_CLOSED) &&
           hws_peer_send(good->peer, channel, HWS_TEXT, (struct hws_bytes){data, 1}, world.now) ==
               HWS_OK;
}

/* ---- One sin at a time */

enum end { NOTHING, RESET, GONE };

/* clang-format off */
static const struct {
    const char *name;
    uint16_t stream;
    uint32_t ppid;
    const char *bytes;
    size_t len;
    enum end end;
} sins[] = {
    {"OPEN on a used stream", USED, 50, "\x03\0\0\0\0\0\0\0\0\0\0\0", 12, GONE},
    {"OPEN with our parity", OURS, 50, "\x03\0\0\0\0\0\0\0\0\0\0\0", 12, RESET},
    {"OPEN of an unknown type", THEIRS, 50, "\x03\x03\0\0\0\0\0\0\0\0\0\0", 12, RESET},
    {"OPEN that is cut", THEIRS, 50, "\x03\0\0\0\0\0\0\0\0\0\0", 11, RESET},
    {"OPEN that is shorter than its label", THEIRS, 50, "\x03\0\0\0\0\0\0\0\0\x05\0\0xx", 14, RESET},
    {"OPEN with a label of 65535 that is not there", THEIRS, 50, "\x03\0\0\0\0\0\0\0\xff\xff\0\0", 12,
     RESET},
    {"OPEN with more behind it", THEIRS, 50, "\x03\0\0\0\0\0\0\0\0\0\0\0x", 13, RESET},
    {"OPEN whose label is not UTF-8", THEIRS, 50, "\x03\0\0\0\0\0\0\0\0\x01\0\0\xff", 13, RESET},
    {"OPEN beyond the streams", 255, 50, "\x03\0\0\0\0\0\0\0\0\0\0\0", 12, RESET},
    {"ACK on a used stream", USED, 50, "\x02", 1, NOTHING},
    {"ACK on a free stream", THEIRS, 50, "\x02", 1, RESET},
    {"ACK of four bytes, as Pion sends it", USED, 50, "\x02\0\0\0", 4, NOTHING},
    {"unknown DCEP type", USED, 50, "\x07", 1, GONE},
    {"data before OPEN", THEIRS, 51, "x", 1, RESET},
    {"data on a free stream of ours", OURS, 53, "x", 1, RESET},
    {"empty data before OPEN", THEIRS, 57, "\0", 1, RESET},
    {"PPID 0", USED, 0, "x", 1, GONE},
    {"PPID 52, a part of a message", USED, 52, "x", 1, GONE},
    {"PPID 54, a part of a message", USED, 54, "x", 1, GONE},
    {"PPID 55", USED, 55, "x", 1, GONE},
    {"PPID of 32 bits", USED, 0xFFFFFFFF, "x", 1, GONE},
};
/* clang-format on */

START_TEST(each_sin_ends_as_the_rule_says)
{
    start(&(struct hws_peer_config){0});
    acks_seen = 0;
    ck_assert_int_eq(say(sins[_i].stream, sins[_i].ppid, sins[_i].bytes, sins[_i].len), HWS_OK);
    pass(HWS_MS(300));
    ck_assert_msg(resets_seen == (sins[_i].end == NOTHING ? 0 : 1), "%s: %zu resets", sins[_i].name,
                  resets_seen);
    ck_assert_uint_eq(acks_seen, 0);
    ck_assert_uint_eq(incoming, 2);
    if (sins[_i].end == GONE) {
        ck_assert_int_eq(
            hws_peer_send(good->peer, used, HWS_TEXT, (struct hws_bytes){data, 1}, world.now),
            HWS_ERR_STATE);
        ck_assert_int_eq(hws_sctp_reset(bad->peer->sctp, USED, world.now), HWS_OK);
        pass(HWS_MS(300));
        ck_assert_uint_eq(closed, 1);
        say_open(USED, "again"); /* the id is free again */
        pass(HWS_MS(100));
        ck_assert_uint_eq(incoming, 3);
    } else {
        ck_assert(lives(used, USED));
    }
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

START_TEST(names_may_hold_anything_that_is_text)
{
    static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 'a', 0, 'b', 0, 'p'};
    struct hws_channel_info info;

    start(&(struct hws_peer_config){0});
    ck_assert_int_eq(say(THEIRS, HWS_PPID_DCEP, open, sizeof(open)), HWS_OK);
    pass(HWS_MS(100));
    ck_assert_uint_eq(incoming, 3);
    ck_assert(
        hws_peer_channel_info(good->peer, good->events[good->event_count - 1].channel, &info));
    ck_assert(hws_bytes_equal(info.label, (struct hws_bytes){(const uint8_t *)"a\0b", 3}));
    ck_assert(hws_bytes_equal(info.protocol, (struct hws_bytes){(const uint8_t *)"\0p", 2}));
    ck_assert_uint_eq(info.priority, 256); /* 0 is what stacks say that know no priority */
    world_fini(&world);
}
END_TEST

/* The announced size is for messages; an OPEN is as long as its names. */
START_TEST(a_message_above_the_announced_size_ends_the_connection)
{
    static uint8_t open[2012] = {3, 0, 0, 0, 0, 0, 0, 0, 2000 >> 8, 2000 & 0xFF};

    memset(open + 12, 'l', 2000);
    start(&(struct hws_peer_config){.max_message_size = 1000});
    ck_assert_int_eq(say(THEIRS, HWS_PPID_DCEP, open, sizeof(open)), HWS_OK);
    ck_assert_int_eq(say(USED, HWS_PPID_BINARY, data, 1000), HWS_OK);
    pass(HWS_MS(100));
    ck_assert_uint_eq(incoming, 3);
    ck_assert_uint_eq(good->message_bytes, 1000);
    ck_assert_int_eq(say(USED, HWS_PPID_BINARY, data, 1001), HWS_OK);
    pass(HWS_MS(100));
    ck_assert(world_saw(good, HWS_EVENT_CLOSED));
    ck_assert_int_eq(hws_peer_fault(good->peer).err, HWS_ERR_TOO_BIG);
    ck_assert_int_eq(hws_peer_cause(good->peer), HWS_CAUSE_PROTOCOL);
    ck_assert_uint_eq(good->message_bytes, 1000);
    ck_assert_uint_eq(closed, 3);
    world_fini(&world);
}
END_TEST

/* A channel is gone when both sides have reset it, and its id is not used before. */
START_TEST(a_channel_that_the_other_side_does_not_reset_stays)
{
    start(&(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_close_channel(good->peer, used, world.now), HWS_OK);
    pass(HWS_SEC(5));
    ck_assert_uint_eq(resets_seen, 1);
    ck_assert_uint_eq(closed, 0);
    say_open(USED, "too soon");
    ck_assert_int_eq(say(USED, HWS_PPID_STRING, "late", 4), HWS_OK);
    pass(HWS_MS(100));
    ck_assert_uint_eq(incoming, 2);
    ck_assert_uint_eq(good->message_count, 0);
    ck_assert_int_eq(hws_sctp_reset(bad->peer->sctp, USED, world.now), HWS_OK);
    pass(HWS_MS(100));
    ck_assert_uint_eq(closed, 1);
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

/* ---- Floods */

static void check_bounds(void)
{
    const struct hws_channels *all = &good->peer->channels;

    ck_assert_uint_le(all->slot_cap, good->peer->config.channel_limit);
    ck_assert_uint_le(all->stream_cap, good->peer->config.stream_count);
    ck_assert_uint_le(all->name_bytes, HWS_LABEL_TOTAL_MAX);
    ck_assert_uint_eq(all->waiting_bytes, 0);
}

/* More OPENs than the table holds: the rest is refused, and no faster than it may be. */
START_TEST(opens_beyond_the_table_are_refused_slowly)
{
    start(&(struct hws_peer_config){.stream_count = 4096, .channel_limit = 50});
    for (uint16_t i = 0; i < 1000; i++) {
        say_open((uint16_t)(THEIRS + 2 * i), "flood");
    }
    pass(HWS_SEC(1));
    ck_assert_uint_eq(incoming, 50);
    /* 50 at once and 100 a second, of which 48 found room (two were open). */
    ck_assert_uint_ge(resets_seen, 80);
    ck_assert_uint_le(resets_seen, 110);
    ck_assert(good->peer->channels.holds_open);
    pass(HWS_SEC(10)); /* nothing is lost: all are answered in the end */
    ck_assert_uint_eq(incoming, 50);
    ck_assert_uint_eq(resets_seen, 1000 - 48);
    check_bounds();
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

/* Open and close without end: 100 a second, and the one who floods is held back by SCTP. */
START_TEST(a_flood_of_opens_is_slowed_down)
{
    size_t said = 0;

    start(&(struct hws_peer_config){.channel_limit = 4});
    for (int i = 0; i < 2000; i++) {
        uint16_t stream = (uint16_t)(THEIRS + 4 * (i % 60));
        uint8_t open[12] = {3};

        if (say(stream, HWS_PPID_DCEP, open, sizeof(open)) == HWS_OK) said++;
        if (i % 10 == 0) {
            (void)!hws_sctp_reset(bad->peer->sctp, stream, world.now);
            pass(HWS_MS(10));
        }
    }
    ck_assert_uint_gt(said, 500);
    ck_assert_uint_le(incoming, 4 + 230);
    ck_assert_uint_le(resets_seen, 4 + 230);
    check_bounds();
    pass(HWS_SEC(30));
    ck_assert(!world_saw(good, HWS_EVENT_CLOSED));
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

START_TEST(floods_of_labels_have_a_bound)
{
    static uint8_t open[12 + 60000] = {3, 0, 0, 0, 0, 0, 0, 0, 60000 >> 8, 60000 & 0xFF};

    memset(open + 12, 'l', 60000);
    start(&(struct hws_peer_config){0});
    for (uint16_t i = 0; i < 60; i++) {
        (void)say((uint16_t)(THEIRS + 2 * i), HWS_PPID_DCEP, open, sizeof(open));
        pass(HWS_MS(200));
    }
    ck_assert_uint_eq(incoming, 2 + 17); /* of 60000 in 1 MiB */
    ck_assert_uint_eq(resets_seen, 60 - 17);
    check_bounds();
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

START_TEST(floods_of_acks_change_nothing)
{
    size_t said = 0;

    start(&(struct hws_peer_config){0});
    for (int i = 0; i < 20000; i++) {
        uint16_t stream = (uint16_t)(i % 2 ? USED : THEIRS + i % 100);

        if (say(stream, HWS_PPID_DCEP, "\x02", 1) == HWS_OK) said++;
        if (i % 100 == 0) pass(HWS_MS(10));
    }
    pass(HWS_SEC(5));
    ck_assert_uint_gt(said, 10000);
    ck_assert_uint_eq(incoming, 2);
    ck_assert_uint_eq(closed, 0);
    check_bounds();
    ck_assert(lives(used, USED));
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

/* Of streams that nobody uses, over and over. They are answered, but the answers end. */
START_TEST(floods_of_resets_change_nothing)
{
    start(&(struct hws_peer_config){0});
    for (int round = 0; round < 200; round++) {
        for (uint16_t stream = THEIRS; stream < 256; stream++) {
            (void)!hws_sctp_reset(bad->peer->sctp, stream, world.now);
        }
        pass(HWS_MS(20));
    }
    pass(HWS_SEC(2));
    resets_seen = 0;
    pass(HWS_SEC(5));
    ck_assert_uint_eq(resets_seen, 0);
    ck_assert_uint_eq(closed, 0);
    check_bounds();
    ck_assert(lives(used, USED));
    ck_assert(lives(kept, KEPT));
    world_fini(&world);
}
END_TEST

/* Two that are nothing but polite, on the same stack, while a third floods. */
static size_t polite_messages;

START_TEST(other_peers_of_the_process_do_not_suffer)
{
    struct world_peer *a, *b;
    struct hws_channel channel;

    start(&(struct hws_peer_config){.stream_count = 4096, .channel_limit = 50});
    a = world_add(&world, &(struct hws_peer_config){0});
    b = world_add(&world, &(struct hws_peer_config){0});
    world_pair(a, b);
    ck_assert_int_eq(
        hws_peer_open_channel(a->peer, &(struct hws_channel_config){0}, world.now, &channel),
        HWS_OK);
    ck_assert_int_eq(hws_peer_offer(a->peer, world.now), HWS_OK);
    pass(HWS_SEC(1));
    for (uint16_t i = 0; i < 1000; i++) {
        say_open((uint16_t)(THEIRS + 2 * i), "flood");
    }
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(
            hws_peer_send(a->peer, channel, HWS_TEXT, (struct hws_bytes){data, 100}, world.now),
            HWS_OK);
        pass(HWS_MS(10));
        polite_messages++;
        ck_assert_uint_eq(b->message_count, polite_messages);
    }
    world_fini(&world);
}
END_TEST

/* The connection ends while an OPEN is held back: what had come is told, and nothing is touched
 * that is gone. */
START_TEST(the_end_may_come_while_opens_are_held_back)
{
    start(&(struct hws_peer_config){.stream_count = 4096, .channel_limit = 50});
    for (uint16_t i = 0; i < 400; i++) {
        say_open((uint16_t)(THEIRS + 2 * i), "flood");
    }
    pass(HWS_MS(100));
    ck_assert(good->peer->channels.holds_open);
    if (_i == 0) {
        hws_peer_close(good->peer, world.now);
    } else {
        hws_sctp_abort(bad->peer->sctp, world.now); /* told behind what came before it */
    }
    pass(_i == 0 ? HWS_MS(10) : HWS_SEC(5));
    ck_assert(world_saw(good, HWS_EVENT_CLOSED));
    ck_assert_uint_eq(closed, incoming);
    ck_assert_uint_eq(incoming, 50);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("bad peer");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_sin_ends_as_the_rule_says, 0, ROWS(sins));
    tcase_add_test(tc, names_may_hold_anything_that_is_text);
    tcase_add_test(tc, a_message_above_the_announced_size_ends_the_connection);
    tcase_add_test(tc, a_channel_that_the_other_side_does_not_reset_stays);
    tcase_add_test(tc, opens_beyond_the_table_are_refused_slowly);
    tcase_add_test(tc, a_flood_of_opens_is_slowed_down);
    tcase_add_test(tc, floods_of_labels_have_a_bound);
    tcase_add_test(tc, floods_of_acks_change_nothing);
    tcase_add_test(tc, floods_of_resets_change_nothing);
    tcase_add_test(tc, other_peers_of_the_process_do_not_suffer);
    tcase_add_loop_test(tc, the_end_may_come_while_opens_are_held_back, 0, 2);
    return run_case("bad_peer", tc);
}
