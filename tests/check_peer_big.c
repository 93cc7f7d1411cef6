/* Messages of up to 16 MiB, both ways at once, beside small ones that do not wait for them. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024, SMALLS = 100 };

static const struct {
    size_t len;
    unsigned loss_percent;
    hws_time jitter;
} rows[] = {
    {MIB,      0, 0        },
    {MIB,      1, HWS_MS(1)},
    {16 * MIB, 0, 0        },
};

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *ends[2];
static uint8_t *data;
static size_t big_len, bigs[2], smalls[2];
static hws_time slowest;

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) + (i >> 16));
}

static void check_event(struct world_peer *peer, const struct hws_event *event)
{
    int at = peer == ends[0] ? 0 : 1;
    hws_time sent;

    ck_assert_int_ne(event->kind, HWS_EVENT_CLOSED);
    if (event->kind != HWS_EVENT_MESSAGE) return;
    if (event->message.len == sizeof(sent)) {
        memcpy(&sent, event->message.data, sizeof(sent));
        if (world.now - sent > slowest) slowest = world.now - sent;
        smalls[at]++;
        return;
    }
    ck_assert_uint_eq(event->message.len, big_len);
    ck_assert_int_eq(memcmp(event->message.data, data, big_len), 0);
    bigs[at]++;
}

static bool both_up(struct world *w)
{
    (void)w;
    return world_saw(ends[0], HWS_EVENT_CONNECTED) && world_saw(ends[1], HWS_EVENT_CONNECTED);
}

static void connect(const struct hws_peer_config *config)
{
    world_init(&world, 31);
    for (int i = 0; i < 2; i++) {
        ends[i] = world_add(&world, config);
        ends[i]->on_event = check_event;
    }
    world_pair(ends[0], ends[1]);
    ck_assert_int_eq(hws_peer_offer(ends[0]->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_up));
}

/* A negotiated channel on both sides; handles are alike, for both tables are. */
static struct hws_channel open_both(uint16_t id)
{
    struct hws_channel_config config = {.negotiated = true, .id = id};
    struct hws_channel channel[2];

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(hws_peer_open_channel(ends[i]->peer, &config, world.now, &channel[i]),
                         HWS_OK);
    }
    ck_assert(channel[0].slot == channel[1].slot);
    return channel[0];
}

static enum hws_err send_on(int from, struct hws_channel channel, const void *bytes, size_t len)
{
    return hws_peer_send(ends[from]->peer, channel, HWS_BINARY, (struct hws_bytes){bytes, len},
                         world.now);
}

START_TEST(big_messages_beside_small_ones)
{
    struct hws_channel big, small;

    big_len = rows[_i].len;
    data = calloc(1, big_len + 1);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < big_len; i++) {
        data[i] = byte_at(i);
    }
    connect(&(struct hws_peer_config){.max_message_size = big_len});
    big = open_both(4);
    small = open_both(6);
    world_pass(&world, HWS_MS(100));
    world.loss_percent = rows[_i].loss_percent;
    world.jitter = rows[_i].jitter;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(send_on(i, big, data, big_len + 1), HWS_ERR_TOO_BIG);
        ck_assert_int_eq(send_on(i, big, data, big_len), HWS_OK);
        ck_assert_int_eq(send_on(i, big, data, big_len), HWS_OK); /* this one waits */
    }
    for (int n = 0; n < SMALLS; n++) {
        ck_assert_int_eq(send_on(n % 2, small, &world.now, sizeof(world.now)), HWS_OK);
        world_pass(&world, HWS_MS(5));
    }
    world_pass(&world, HWS_SEC(60));
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(bigs[i], 2);
        ck_assert_uint_eq(smalls[i], SMALLS / 2);
        ck_assert_uint_eq(hws_peer_buffered(ends[i]->peer), 0);
    }
    /* One way is 5 ms; a lost packet is sent again within a second. */
    ck_assert_msg(slowest <= (rows[_i].loss_percent ? HWS_SEC(1) : HWS_MS(40)), "%lld us",
                  (long long)slowest);
    world_fini(&world);
    free(data);
}
END_TEST

/* What may wait grows with the messages: one of the longest fits, and others beside it. */
START_TEST(buffers_grow_with_the_longest_message)
{
    struct hws_channel_config config = {.negotiated = true, .id = 1};
    struct hws_channel channel, other;

    big_len = 16 * MIB;
    data = calloc(1, big_len);
    ck_assert_ptr_nonnull(data);
    world_init(&world, 32);
    ends[0] = world_add(&world, &(struct hws_peer_config){.max_message_size = big_len});
    ck_assert_int_eq(hws_peer_open_channel(ends[0]->peer, &config, world.now, &channel), HWS_OK);
    config.id = 2;
    ck_assert_int_eq(hws_peer_open_channel(ends[0]->peer, &config, world.now, &other), HWS_OK);
    ck_assert_int_eq(send_on(0, channel, data, big_len), HWS_OK);
    ck_assert_int_eq(send_on(0, channel, data, 1), HWS_ERR_FULL);
    ck_assert_int_eq(send_on(0, other, data, 1), HWS_OK);
    world_fini(&world);
    free(data);
}
END_TEST

static size_t woken, taken;

/* Send whenever there is room. */
static void send_more(struct world_peer *peer, const struct hws_event *event)
{
    if (event->kind != HWS_EVENT_WRITABLE) return;
    woken++;
    while (taken < 60 && hws_peer_send(peer->peer, event->channel, HWS_BINARY,
                                       (struct hws_bytes){data, big_len}, world.now) == HWS_OK) {
        taken++;
    }
}

/* While a long message keeps its stream to itself SCTP has room again and again, but not for this
 * channel: nobody is woken for nothing. */
START_TEST(who_waits_is_not_woken_in_vain)
{
    struct hws_channel channel;

    big_len = MIB;
    data = calloc(1, big_len);
    ck_assert_ptr_nonnull(data);
    connect(&(struct hws_peer_config){.max_message_size = big_len});
    channel = open_both(4);
    world_pass(&world, HWS_MS(100));
    ends[0]->on_event = send_more;
    send_more(ends[0], &(struct hws_event){.kind = HWS_EVENT_WRITABLE, .channel = channel});
    world_pass(&world, HWS_SEC(30));
    ck_assert_uint_eq(taken, 60);
    ck_assert_uint_eq(bigs[1], 60);
    ck_assert_uint_le(woken, taken + 1);
    ck_assert_uint_eq(hws_peer_buffered(ends[0]->peer), 0);
    world_fini(&world);
    free(data);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("big");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, big_messages_beside_small_ones, 0, ROWS(rows));
    tcase_add_test(tc, who_waits_is_not_woken_in_vain);
    tcase_add_test(tc, buffers_grow_with_the_longest_message);
    return run_case("peer_big", tc);
}
