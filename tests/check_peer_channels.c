/* Channels of two whole peers in virtual time: names, negotiated ids, queues and their bounds,
 * turns by priority, lives that end, every way to close. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"
#include "peer/peer_internal.h"

#include <stdio.h>
#include <string.h>

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static uint8_t data[256 * 1024];

static bool both_up(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CONNECTED) && world_saw(worker, HWS_EVENT_CONNECTED);
}

static void make(uint64_t seed, const struct hws_peer_config *config)
{
    world_init(&world, seed);
    client = world_add(&world, config);
    worker = world_add(&world, config);
    world_pair(client, worker);
}

static void connect(void)
{
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_up));
    world_pass(&world, HWS_MS(50)); /* for what follows it */
}

static struct hws_channel open_on(struct world_peer *peer, const struct hws_channel_config *config)
{
    struct hws_channel channel = {0};

    ck_assert_int_eq(hws_peer_open_channel(peer->peer, config, world.now, &channel), HWS_OK);
    return channel;
}

static enum hws_err try_open(const struct hws_channel_config *config)
{
    struct hws_channel channel = {7, 7};
    enum hws_err err = hws_peer_open_channel(client->peer, config, world.now, &channel);

    ck_assert(!err || (channel.slot == 7 && channel.generation == 7));
    return err;
}

static enum hws_err send_on(struct world_peer *peer, struct hws_channel channel, size_t len)
{
    return hws_peer_send(peer->peer, channel, HWS_BINARY, (struct hws_bytes){data, len}, world.now);
}

static struct hws_channel_info info_of(const struct world_peer *peer, struct hws_channel channel)
{
    struct hws_channel_info info;

    ck_assert(hws_peer_channel_info(peer->peer, channel, &info));
    return info;
}

/* ---- What is counted by channel: the first byte of a message says whose it is. */

static size_t bytes_of[256], closed_at, messages_seen;

static void count_by_first_byte(struct world_peer *peer, const struct hws_event *event)
{
    (void)peer;
    if (event->kind == HWS_EVENT_MESSAGE && event->message.len > 0)
        bytes_of[event->message.data[0]] += event->message.len;
}

static void note_order(struct world_peer *peer, const struct hws_event *event)
{
    (void)peer;
    if (event->kind == HWS_EVENT_MESSAGE) messages_seen++;
    if (event->kind == HWS_EVENT_CHANNEL_CLOSED) closed_at = messages_seen;
}

/* ---- Names and what else an OPEN says */

START_TEST(names_arrive_as_they_are)
{
    static char label[HWS_LABEL_MAX], protocol[HWS_LABEL_MAX];
    struct hws_channel opened;
    struct hws_channel_info info;

    memset(label, 'l', sizeof(label));
    memset(protocol, 'p', sizeof(protocol));
    label[1] = protocol[0] = '\0';
    make(1, &(struct hws_peer_config){0});
    opened = open_on(client, &(struct hws_channel_config){.label = label,
                                                          .label_len = sizeof(label),
                                                          .protocol = protocol,
                                                          .protocol_len = sizeof(protocol),
                                                          .unordered = true,
                                                          .reliability = HWS_CHANNEL_MAX_LIFETIME,
                                                          .reliability_value = 1234,
                                                          .priority = 1024});
    ck_assert(!info_of(client, opened).has_id);
    connect();
    world_pass(&world, HWS_SEC(1));
    info = info_of(client, opened);
    ck_assert(info.has_id && !info.incoming && !info.negotiated);
    ck_assert_uint_eq(info.id, 1); /* who offers is the DTLS server here */
    info = info_of(worker, worker->channel);
    ck_assert(info.has_id && info.incoming && info.unordered);
    ck_assert_uint_eq(info.id, 1);
    ck_assert_uint_eq(info.priority, 1024);
    ck_assert_int_eq(info.reliability, HWS_CHANNEL_MAX_LIFETIME);
    ck_assert_uint_eq(info.reliability_value, 1234);
    ck_assert(hws_bytes_equal(info.label, (struct hws_bytes){(uint8_t *)label, sizeof(label)}));
    ck_assert(
        hws_bytes_equal(info.protocol, (struct hws_bytes){(uint8_t *)protocol, sizeof(protocol)}));
    world_fini(&world);
}
END_TEST

static char too_long[HWS_LABEL_MAX + 2];

static const struct {
    struct hws_channel_config config;
    enum hws_err err;
} refusals[] = {
    {{.label = "a\xff"},                                        HWS_ERR_ARGUMENT},
    {{.label = "\0\xff", .label_len = 2},                       HWS_ERR_ARGUMENT},
    {{.label_len = 3},                                          HWS_ERR_ARGUMENT},
    {{.protocol = "\xed\xa0\x80"},                              HWS_ERR_ARGUMENT},
    {{.label = too_long},                                       HWS_ERR_ARGUMENT},
    {{.protocol = too_long, .protocol_len = HWS_LABEL_MAX + 1}, HWS_ERR_ARGUMENT},
    {{.reliability = (enum hws_channel_reliability)3},          HWS_ERR_ARGUMENT},
    {{.id = 2},                                                 HWS_ERR_ARGUMENT},
    {{.negotiated = true, .id = 256},                           HWS_ERR_ARGUMENT},
    {{.negotiated = true, .id = 65535},                         HWS_ERR_ARGUMENT},
    {{.negotiated = true, .id = 7},                             HWS_ERR_STATE   }, /* in use */
    {{.negotiated = true, .id = 255},                           HWS_OK          },
    {{.label = too_long, .label_len = HWS_LABEL_MAX},           HWS_OK          },
};

START_TEST(what_cannot_be_opened_is_refused)
{
    memset(too_long, 'x', sizeof(too_long) - 1);
    make(2, &(struct hws_peer_config){0});
    (void)open_on(client, &(struct hws_channel_config){.negotiated = true, .id = 7});
    ck_assert_int_eq(try_open(&refusals[_i].config), refusals[_i].err);
    connect();
    if (refusals[_i].err) ck_assert_int_eq(try_open(&refusals[_i].config), refusals[_i].err);
    world_fini(&world);
}
END_TEST

START_TEST(names_of_all_channels_have_a_bound)
{
    int count = 0;

    memset(too_long, 'x', sizeof(too_long) - 1);
    make(3, &(struct hws_peer_config){0});
    while (try_open(&(struct hws_channel_config){.label = too_long, .label_len = HWS_LABEL_MAX}) ==
           HWS_OK) {
        ck_assert_int_lt(++count, 17);
    }
    ck_assert_int_eq(count, 16);
    world_fini(&world);
}
END_TEST

/* ---- Negotiated */

START_TEST(negotiated_channels_open_by_themselves)
{
    const struct hws_channel_config config = {.negotiated = true, .id = 1, .unordered = true};
    struct hws_channel ours, theirs, other, again;

    make(4, &(struct hws_peer_config){0});
    ours = open_on(client, &config);
    theirs = open_on(worker, &config);
    ck_assert_int_eq(send_on(client, ours, 100), HWS_OK); /* waits */
    connect();
    ck_assert_uint_eq(world_count(client, HWS_EVENT_CHANNEL_OPEN), 1);
    ck_assert_uint_eq(world_count(worker, HWS_EVENT_CHANNEL_OPEN), 1);
    ck_assert_uint_eq(world_count(worker, HWS_EVENT_CHANNEL_INCOMING), 0);
    ck_assert_int_eq(send_on(worker, theirs, 200), HWS_OK);
    world_pass(&world, HWS_MS(100));
    ck_assert_uint_eq(worker->message_bytes, 100);
    ck_assert_uint_eq(client->message_bytes, 200);
    /* An id that is chosen here goes around it. */
    other = open_on(client, &(struct hws_channel_config){0});
    ck_assert_uint_eq(info_of(client, other).id, 3);
    ck_assert_int_eq(hws_peer_close_channel(worker->peer, theirs, world.now), HWS_OK);
    world_pass(&world, HWS_MS(200));
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert(world_saw(worker, HWS_EVENT_CHANNEL_CLOSED));
    /* Free again, and open at once now. */
    client->event_count = 0;
    again = open_on(client, &config);
    ck_assert_uint_eq(info_of(client, again).id, 1);
    world_pass(&world, 0);
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_OPEN));
    world_fini(&world);
}
END_TEST

/* A message for an id that is not opened here ends the channel over there: nothing is lost in
 * silence. */
START_TEST(a_negotiated_channel_that_only_one_side_has_ends_when_it_is_used)
{
    struct hws_channel ours;

    make(5, &(struct hws_peer_config){0});
    ours = open_on(client, &(struct hws_channel_config){.negotiated = true, .id = 9});
    connect();
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_OPEN));
    ck_assert_int_eq(send_on(client, ours, 1), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert_uint_eq(worker->message_count, 0);
    ck_assert_int_eq(send_on(client, ours, 1), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

/* ---- Queues */

static size_t fill(struct hws_channel channel, size_t len)
{
    size_t count = 0;

    while (send_on(client, channel, len) == HWS_OK) {
        ck_assert_uint_lt(++count, 100000);
    }
    ck_assert_int_eq(send_on(client, channel, len), HWS_ERR_FULL);
    return count;
}

static bool client_writable(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_WRITABLE);
}

START_TEST(each_channel_and_all_have_their_bounds)
{
    struct hws_channel channels[5];

    make(6, &(struct hws_peer_config){.send_buffer = 64 * 1024, .send_total = 160 * 1024});
    for (size_t i = 0; i < 5; i++) {
        channels[i] = open_on(client, &(struct hws_channel_config){0});
    }
    ck_assert_uint_eq(fill(channels[0], 16 * 1024), 4);
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channels[0]), 64 * 1024);
    ck_assert_uint_eq(fill(channels[1], 16 * 1024), 4);
    ck_assert_uint_eq(fill(channels[2], 16 * 1024), 2); /* 160 KiB in all */
    ck_assert_uint_eq(fill(channels[3], 1), 0);
    ck_assert_int_eq(send_on(client, channels[4], 0), HWS_OK);
    ck_assert_uint_eq(hws_peer_buffered(client->peer), 160 * 1024);
    ck_assert_int_eq(send_on(client, channels[0], 64 * 1024 + 1), HWS_ERR_TOO_BIG);
    connect();
    world_pass(&world, HWS_SEC(2));
    ck_assert_uint_eq(world_count(client, HWS_EVENT_WRITABLE), 4); /* whoever was refused, once */
    ck_assert_uint_eq(worker->message_bytes, 160 * 1024);
    ck_assert_uint_eq(worker->message_count, 11);
    ck_assert_uint_eq(hws_peer_buffered(client->peer), 0);
    world_fini(&world);
}
END_TEST

/* What one channel gives up makes room for another that waits for nothing else. */
START_TEST(room_that_an_abort_or_a_death_makes_is_told)
{
    struct hws_channel full, other;

    make(25, &(struct hws_peer_config){.send_buffer = 64 * 1024, .send_total = 64 * 1024});
    full = open_on(client, &(struct hws_channel_config){.reliability = HWS_CHANNEL_MAX_LIFETIME,
                                                        .reliability_value = 100});
    other = open_on(client, &(struct hws_channel_config){0});
    ck_assert_uint_eq(fill(full, 64 * 1024), 1);
    ck_assert_int_eq(send_on(client, other, 64 * 1024), HWS_ERR_FULL);
    world_pass(&world, HWS_MS(99));
    ck_assert(!world_saw(client, HWS_EVENT_WRITABLE));
    if (_i == 0) ck_assert_int_eq(hws_peer_abort_channel(client->peer, full, world.now), HWS_OK);
    world_pass(&world, HWS_MS(1));
    ck_assert_uint_eq(world_count(client, HWS_EVENT_WRITABLE), _i == 0 ? 1 : 2);
    ck_assert_int_eq(send_on(client, other, 64 * 1024), HWS_OK);
    world_fini(&world);
}
END_TEST

START_TEST(empty_messages_have_a_bound_too)
{
    struct hws_channel channel;

    make(7, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){0});
    ck_assert_uint_eq(fill(channel, 0), HWS_WAITING_MAX);
    for (size_t i = 1; i < HWS_WAITING_TOTAL_MAX / HWS_WAITING_MAX; i++) {
        ck_assert_uint_eq(fill(open_on(client, &(struct hws_channel_config){0}), 0),
                          HWS_WAITING_MAX);
    }
    ck_assert_uint_eq(fill(open_on(client, &(struct hws_channel_config){0}), 0), 0);
    world_fini(&world);
}
END_TEST

START_TEST(a_full_channel_leaves_the_others_their_room)
{
    struct hws_channel full, other;

    make(8, &(struct hws_peer_config){0});
    full = open_on(client, &(struct hws_channel_config){0});
    other = open_on(client, &(struct hws_channel_config){0});
    connect();
    worker->deaf = true;
    for (int i = 0; i < 40; i++) { /* until nothing moves any more */
        while (send_on(client, full, sizeof(data)) == HWS_OK) {
        }
        world_pass(&world, HWS_MS(100));
    }
    client->event_count = 0;
    ck_assert_int_eq(send_on(client, full, sizeof(data)), HWS_ERR_FULL);
    ck_assert_int_eq(send_on(client, other, sizeof(data)), HWS_OK);
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, other), sizeof(data));
    worker->deaf = false;
    ck_assert(world_run(&world, HWS_SEC(10), client_writable));
    world_pass(&world, HWS_SEC(10));
    ck_assert_uint_eq(hws_peer_buffered(client->peer), 0);
    world_fini(&world);
}
END_TEST

START_TEST(low_water_is_told_each_time_it_is_crossed)
{
    struct hws_channel channel;

    make(9, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){0});
    ck_assert_int_eq(hws_peer_set_buffer_low(client->peer, channel, 5000), HWS_OK);
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(send_on(client, channel, 1000), HWS_OK);
        }
        if (round > 1) break; /* it goes at once now, and is never above */
        ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 10000);
        connect();
        ck_assert_uint_eq(world_count(client, HWS_EVENT_BUFFER_LOW), 1);
        ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 0);
    }
    ck_assert_uint_eq(world_count(client, HWS_EVENT_BUFFER_LOW), 1);
    worker->deaf = true;
    for (int i = 0; i < 40; i++) {
        (void)send_on(client, channel, sizeof(data));
        world_pass(&world, HWS_MS(50));
    }
    ck_assert_uint_gt(hws_peer_channel_buffered(client->peer, channel), 5000);
    client->event_count = 0;
    worker->deaf = false;
    world_pass(&world, HWS_SEC(10));
    ck_assert_uint_eq(world_count(client, HWS_EVENT_BUFFER_LOW), 1);
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 0);
    world_fini(&world);
}
END_TEST

/* ---- Turns */

static const uint16_t weights[] = {128, 256, 512, 1024}; /* RFC 8831 section 6.4 */

/* Four channels that always have something to say, in messages of different length: what arrives
 * while all of them wait is shared by priority. */
START_TEST(priority_is_a_share_of_the_bytes)
{
    static const size_t sizes[] = {64 * 1024, 3000, 16 * 1024, 1200};
    struct hws_channel channels[4];
    size_t start[4], total = 0, got[4];

    make(10, &(struct hws_peer_config){0});
    for (size_t i = 0; i < 4; i++) {
        channels[i] = open_on(client, &(struct hws_channel_config){.priority = weights[i]});
    }
    worker->on_event = count_by_first_byte;
    connect();
    for (int round = 0; round < 1200; round++) {
        for (size_t i = 0; i < 4; i++) {
            data[0] = (uint8_t)i;
            while (send_on(client, channels[i], sizes[i]) == HWS_OK) {
            }
        }
        if (round == 400) memcpy(start, bytes_of, sizeof(start)); /* all of them are full now */
        world_pass(&world, HWS_MS(5));
    }
    for (size_t i = 0; i < 4; i++) {
        got[i] = bytes_of[i] - start[i];
        total += got[i];
    }
    ck_assert_uint_gt(total, 8 * 1024 * 1024);
    for (size_t i = 0; i < 4; i++) {
        double share = (double)got[i] / (double)total, due = weights[i] / 1920.0;

        ck_assert_msg(share > due * 0.85 && share < due * 1.15,
                      "priority %u: %.3f of the bytes, not %.3f", weights[i], share, due);
    }
    world_fini(&world);
}
END_TEST

static uint8_t last_mark[2];
static bool in_order = true;

static void check_order(struct world_peer *peer, const struct hws_event *event)
{
    (void)peer;
    if (event->kind != HWS_EVENT_MESSAGE) return;
    if (event->message.data[1] != last_mark[event->message.data[0]]) in_order = false;
    last_mark[event->message.data[0]]++;
}

START_TEST(each_channel_stays_in_order)
{
    struct hws_channel channels[2];
    uint8_t mark[2] = {0};
    unsigned refused = 0;

    make(11, &(struct hws_peer_config){.send_buffer = 64 * 1024});
    world.loss_percent = 2;
    channels[0] = open_on(client, &(struct hws_channel_config){.priority = 128});
    channels[1] = open_on(client, &(struct hws_channel_config){.priority = 1024});
    worker->on_event = check_order;
    for (int i = 0; i < 400; i++) {
        size_t which = (size_t)i * 7 % 3 % 2;

        if (i == 20) connect();
        data[0] = (uint8_t)which;
        data[1] = mark[which];
        if (send_on(client, channels[which], 2 + (size_t)i * 131 % 9000) == HWS_OK) {
            mark[which]++;
        } else {
            refused++;
            world_pass(&world, HWS_MS(20));
        }
    }
    world_pass(&world, HWS_SEC(60));
    ck_assert(in_order);
    ck_assert_uint_gt(refused, 0);
    ck_assert_mem_eq(mark, last_mark, sizeof(mark));
    world_fini(&world);
}
END_TEST

/* ---- Lives */

START_TEST(what_outlives_its_life_in_the_queue_is_dropped)
{
    const struct hws_channel_config mortal = {.reliability = HWS_CHANNEL_MAX_LIFETIME,
                                              .reliability_value = 100};
    struct hws_channel channel, other;
    hws_time due;

    make(12, &(struct hws_peer_config){0});
    channel = open_on(client, &mortal);
    other = open_on(client, &(struct hws_channel_config){0});
    ck_assert_int_eq(send_on(client, channel, 1000), HWS_OK);
    ck_assert_int_eq(send_on(client, other, 500), HWS_OK);
    due = world.now + HWS_MS(100);
    ck_assert_int_eq(hws_peer_deadline(client->peer), due);
    world_pass(&world, HWS_MS(99));
    ck_assert_int_eq(send_on(client, channel, 10), HWS_OK); /* it has its own life */
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 1010);
    world_pass(&world, HWS_MS(1));
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 10);
    ck_assert_uint_eq(client->peer->counts.channels.expired, 1);
    ck_assert_int_eq(hws_peer_deadline(client->peer), due + HWS_MS(99));
    connect();
    world_pass(&world, HWS_MS(100));
    ck_assert_uint_eq(worker->message_bytes, 510);
    world_fini(&world);
}
END_TEST

static const struct {
    uint32_t life;
    size_t arrives;
} lives[] = {
    {10000, 0},
    {30000, 1},
};

/* The clock runs from hws_peer_send() on, and SCTP gets what is left: here half a second of ten,
 * so that it does not send the message again, as it would with ten. */
START_TEST(sctp_gets_what_is_left_of_a_life)
{
    struct hws_channel channel;

    make(13, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){.reliability = HWS_CHANNEL_MAX_LIFETIME,
                                                           .reliability_value = lives[_i].life});
    connect();
    client->peer->channels.full = true; /* as if SCTP had no room */
    ck_assert_int_eq(send_on(client, channel, 1000), HWS_OK);
    world_pass(&world, HWS_MS(9500));
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 1000);
    worker->mute = true;
    hws_channels_writable(client->peer, world.now);
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 0);
    world_pass(&world, HWS_MS(300));
    worker->mute = false;
    world_pass(&world, HWS_SEC(8));
    ck_assert_uint_eq(worker->message_count, lives[_i].arrives);
    ck_assert_uint_eq(client->peer->counts.channels.expired, 0);
    world_fini(&world);
}
END_TEST

START_TEST(a_life_of_nothing_goes_at_once_or_never)
{
    const struct hws_channel_config mortal = {.reliability = HWS_CHANNEL_MAX_LIFETIME};
    struct hws_channel channel;

    make(14, &(struct hws_peer_config){0});
    channel = open_on(client, &mortal);
    ck_assert_int_eq(send_on(client, channel, 10), HWS_OK);
    connect();
    ck_assert_uint_eq(worker->message_count, 0);
    ck_assert_int_eq(send_on(client, channel, 20), HWS_OK);
    world_pass(&world, HWS_MS(50));
    ck_assert_uint_eq(worker->message_bytes, 20);
    world_fini(&world);
}
END_TEST

/* What is closed with messages that all die before they are sent still goes away. */
START_TEST(a_draining_channel_whose_messages_die_ends)
{
    struct hws_channel channel;

    make(15, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){.negotiated = true,
                                                           .id = 4,
                                                           .reliability = HWS_CHANNEL_MAX_LIFETIME,
                                                           .reliability_value = 50});
    ck_assert_int_eq(send_on(client, channel, 10), HWS_OK);
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    world_pass(&world, HWS_MS(49));
    ck_assert(!world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    world_pass(&world, HWS_MS(1));
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    world_fini(&world);
}
END_TEST

/* ---- Ends */

START_TEST(what_came_before_the_close_is_told_before_it)
{
    struct hws_channel channel;

    make(16, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){0});
    connect();
    worker->deaf = true;
    worker->on_event = note_order;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(send_on(client, channel, 10000), HWS_OK);
    }
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(5));
    worker->deaf = false;
    world_pass(&world, HWS_SEC(1));
    ck_assert(world_saw(worker, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert_uint_eq(closed_at, 20);
    world_fini(&world);
}
END_TEST

START_TEST(who_is_closed_by_the_other_side_says_what_it_had_to_say)
{
    struct hws_channel channel;

    make(17, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){0});
    connect();
    client->deaf = true; /* so that much of the worker's waits */
    for (int i = 0; i < 100 && !send_on(worker, worker->channel, sizeof(data)); i++) {
        world_pass(&world, HWS_MS(50));
    }
    ck_assert_uint_gt(hws_peer_channel_buffered(worker->peer, worker->channel), 0);
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert_int_eq(send_on(worker, worker->channel, 1), HWS_ERR_STATE);
    ck_assert(!world_saw(worker, HWS_EVENT_CHANNEL_CLOSED));
    client->deaf = false;
    world_pass(&world, HWS_SEC(20));
    ck_assert(world_saw(worker, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert_uint_eq(hws_peer_buffered(worker->peer), 0);
    world_fini(&world);
}
END_TEST

/* Abort from open, or from a close that waits for its messages. */
START_TEST(an_abort_drops_what_waits)
{
    struct hws_channel channel;
    size_t sent = 0;

    make(18, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){0});
    connect();
    worker->deaf = true;
    while (send_on(client, channel, sizeof(data)) == HWS_OK) {
        sent++;
        world_pass(&world, HWS_MS(50));
    }
    if (_i == 1) ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    ck_assert_uint_gt(hws_peer_channel_buffered(client->peer, channel), 512 * 1024);
    ck_assert_int_eq(hws_peer_abort_channel(client->peer, channel, world.now), HWS_OK);
    ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 0);
    ck_assert_int_eq(hws_peer_abort_channel(client->peer, channel, world.now), HWS_OK);
    worker->deaf = false;
    world_pass(&world, HWS_SEC(10));
    ck_assert(world_saw(client, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert(world_saw(worker, HWS_EVENT_CHANNEL_CLOSED));
    ck_assert(!world_saw(client, HWS_EVENT_WRITABLE));
    ck_assert_uint_le(worker->message_count, sent - 3);
    ck_assert_int_eq(hws_peer_abort_channel(client->peer, channel, world.now), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

/* In any state of the connection, and with what it has to say or without. */
START_TEST(an_abort_is_possible_at_any_time)
{
    struct hws_channel channel, kept;

    make(19, &(struct hws_peer_config){0});
    kept = open_on(client, &(struct hws_channel_config){0});
    channel = open_on(
        client, &(struct hws_channel_config){.negotiated = _i % 2 == 1, .id = (uint16_t)(_i % 2)});
    if (_i / 2 % 2) ck_assert_int_eq(send_on(client, channel, 10), HWS_OK);
    if (_i / 4 % 2)
        ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_MS(4 * (_i / 8)));
    (void)hws_peer_abort_channel(client->peer, channel, world.now);
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(world_count(client, HWS_EVENT_CHANNEL_CLOSED), 1);
    ck_assert_int_eq(send_on(client, kept, 5), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_ge(worker->message_count, 1);
    world_fini(&world);
}
END_TEST

START_TEST(a_handle_is_harmless_after_the_end)
{
    struct hws_channel_info info;
    struct hws_channel channel, next;

    make(20, &(struct hws_peer_config){0});
    channel = open_on(client, &(struct hws_channel_config){.label = "old"});
    connect();
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    next = open_on(client, &(struct hws_channel_config){.label = "new"});
    ck_assert_uint_eq(next.slot, channel.slot);
    ck_assert_uint_ne(next.generation, channel.generation);
    for (int i = 0; i < 2; i++) {
        ck_assert(!hws_peer_channel_info(client->peer, channel, &info));
        ck_assert_uint_eq(hws_peer_channel_buffered(client->peer, channel), 0);
        ck_assert_int_eq(hws_peer_set_buffer_low(client->peer, channel, 1), HWS_ERR_STATE);
        ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_ERR_STATE);
        ck_assert_int_eq(hws_peer_abort_channel(client->peer, channel, world.now), HWS_ERR_STATE);
        ck_assert_int_eq(send_on(client, channel, 1), HWS_ERR_STATE);
        channel = (struct hws_channel){60000, 1}; /* and one that never was */
    }
    world_fini(&world);
}
END_TEST

/* ---- Many */

START_TEST(a_table_grows_with_its_use_only)
{
    make(21, &(struct hws_peer_config){.stream_count = 65535, .channel_limit = 65535});
    ck_assert_uint_eq(client->peer->channels.slot_cap, 0);
    ck_assert_uint_eq(client->peer->channels.stream_cap, 0);
    (void)open_on(client, &(struct hws_channel_config){0});
    ck_assert_uint_le(client->peer->channels.slot_cap, 4);
    world_fini(&world);
}
END_TEST

START_TEST(thousands_open_and_close_on_one_connection)
{
    struct hws_channel channels[100];

    make(22, &(struct hws_peer_config){0});
    connect();
    for (int round = 0; round < 50; round++) {
        struct world_peer *opener = round % 2 ? worker : client;

        client->event_count = worker->event_count = 0;
        for (size_t i = 0; i < 100; i++) {
            channels[i] = open_on(opener, &(struct hws_channel_config){.label = "many"});
            ck_assert_int_eq(send_on(opener, channels[i], 10), HWS_OK);
            if (i % 2)
                ck_assert_int_eq(hws_peer_close_channel(opener->peer, channels[i], world.now),
                                 HWS_OK);
        }
        world_pass(&world, HWS_MS(200));
        for (size_t i = 0; i < 100; i += 2) {
            ck_assert_int_eq(hws_peer_close_channel(opener->peer, channels[i], world.now), HWS_OK);
        }
        world_pass(&world, HWS_MS(2000));
        ck_assert_uint_eq(world_count(client, HWS_EVENT_CHANNEL_CLOSED), 100);
        ck_assert_uint_eq(world_count(worker, HWS_EVENT_CHANNEL_CLOSED), 100);
        ck_assert_uint_eq(world_count(opener->remote, HWS_EVENT_CHANNEL_INCOMING), 100);
    }
    ck_assert_uint_eq(client->message_count + worker->message_count, 5000);
    ck_assert_uint_le(client->peer->channels.slot_cap, 256);
    world_fini(&world);
}
END_TEST

static size_t incoming, gone;

static void count_ends(struct world_peer *peer, const struct hws_event *event)
{
    (void)peer;
    if (event->kind == HWS_EVENT_CHANNEL_INCOMING) incoming++;
    if (event->kind == HWS_EVENT_CHANNEL_CLOSED) gone++;
}

/* As many as may be in one go: nobody is held back or refused. */
START_TEST(a_thousand_channels_open_in_one_go)
{
    struct hws_channel channels[1000];

    make(23, &(struct hws_peer_config){.stream_count = 4096});
    worker->on_event = count_ends;
    connect();
    for (size_t i = 0; i < 1000; i++) {
        channels[i] = open_on(client, &(struct hws_channel_config){.label = "go"});
    }
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(incoming, 1000);
    ck_assert_uint_eq(gone, 0);
    for (size_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(hws_peer_close_channel(client->peer, channels[i], world.now), HWS_OK);
    }
    world_pass(&world, HWS_SEC(20));
    ck_assert_uint_eq(gone, 1000);
    world_fini(&world);
}
END_TEST

static const struct {
    struct hws_peer_config config;
    enum hws_err err;
} configs[] = {
    {{.send_total = 1024 * 1024},                         HWS_OK          },
    {{.send_total = 1024 * 1024 - 1},                     HWS_ERR_ARGUMENT}, /* one channel could not be filled */
    {{.send_buffer = 64 * 1024, .send_total = 64 * 1024}, HWS_OK          },
    {{.send_buffer = 64 * 1024 * 1024},                   HWS_OK          },
    {{.send_total = 1024 * 1024 * 1024 + 1},              HWS_ERR_ARGUMENT},
    {{.stream_count = 65535, .channel_limit = 65535},     HWS_OK          },
    {{.stream_count = 1, .channel_limit = 65535},         HWS_OK          },
};

static void no_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    memset(out, 7, len);
}

START_TEST(bounds_are_checked)
{
    struct hws_peer_config config = configs[_i].config;
    struct hws_peer *peer = NULL;

    make(24, &(struct hws_peer_config){0});
    config.stack = world.stack;
    config.identity = world.identity;
    config.random.fill = no_random;
    ck_assert_int_eq(hws_peer_new(&config, world.now, &peer), configs[_i].err);
    hws_peer_free(peer);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("channels");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, names_arrive_as_they_are);
    tcase_add_loop_test(tc, what_cannot_be_opened_is_refused, 0, ROWS(refusals));
    tcase_add_test(tc, names_of_all_channels_have_a_bound);
    tcase_add_test(tc, negotiated_channels_open_by_themselves);
    tcase_add_test(tc, a_negotiated_channel_that_only_one_side_has_ends_when_it_is_used);
    tcase_add_test(tc, each_channel_and_all_have_their_bounds);
    tcase_add_loop_test(tc, room_that_an_abort_or_a_death_makes_is_told, 0, 2);
    tcase_add_test(tc, empty_messages_have_a_bound_too);
    tcase_add_test(tc, a_full_channel_leaves_the_others_their_room);
    tcase_add_test(tc, low_water_is_told_each_time_it_is_crossed);
    tcase_add_test(tc, priority_is_a_share_of_the_bytes);
    tcase_add_test(tc, each_channel_stays_in_order);
    tcase_add_test(tc, what_outlives_its_life_in_the_queue_is_dropped);
    tcase_add_loop_test(tc, sctp_gets_what_is_left_of_a_life, 0, ROWS(lives));
    tcase_add_test(tc, a_life_of_nothing_goes_at_once_or_never);
    tcase_add_test(tc, a_draining_channel_whose_messages_die_ends);
    tcase_add_test(tc, what_came_before_the_close_is_told_before_it);
    tcase_add_test(tc, who_is_closed_by_the_other_side_says_what_it_had_to_say);
    tcase_add_loop_test(tc, an_abort_drops_what_waits, 0, 2);
    tcase_add_loop_test(tc, an_abort_is_possible_at_any_time, 0, 8 * 25);
    tcase_add_test(tc, a_handle_is_harmless_after_the_end);
    tcase_add_test(tc, a_table_grows_with_its_use_only);
    tcase_add_test(tc, thousands_open_and_close_on_one_connection);
    tcase_add_test(tc, a_thousand_channels_open_in_one_go);
    tcase_add_loop_test(tc, bounds_are_checked, 0, ROWS(configs));
    return run_case("peer_channels", tc);
}
