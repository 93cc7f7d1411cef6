/* Streams that are used again and again: on a path that loses the answers to resets, with and
 * without a channel on the other side. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "peer/peer_internal.h"

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static size_t opened, closed, incoming, messages;

static void count(struct world_peer *peer, const struct hws_event *event)
{
    if (peer == worker) {
        if (event->kind == HWS_EVENT_CHANNEL_INCOMING) incoming++;
        if (event->kind == HWS_EVENT_MESSAGE) messages++;
        return;
    }
    if (event->kind == HWS_EVENT_CHANNEL_OPEN) opened++;
    if (event->kind == HWS_EVENT_CHANNEL_CLOSED) closed++;
}

static bool both_up(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CONNECTED) && world_saw(worker, HWS_EVENT_CONNECTED);
}

static size_t wanted;

static bool is_open(struct world *w)
{
    (void)w;
    return opened >= wanted;
}

static bool is_closed(struct world *w)
{
    (void)w;
    return closed >= wanted;
}

static void connect(uint64_t seed, uint16_t streams)
{
    world_init(&world, seed);
    client = world_add(&world, &(struct hws_peer_config){.stream_count = streams});
    worker = world_add(&world, &(struct hws_peer_config){.stream_count = streams});
    world_pair(client, worker);
    client->on_event = worker->on_event = count;
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_up));
    world_pass(&world, HWS_MS(100));
}

static struct hws_channel open_with(const struct hws_channel_config *config)
{
    struct hws_channel channel = {0};

    client->event_count = worker->event_count = 0;
    ck_assert_int_eq(hws_peer_open_channel(client->peer, config, world.now, &channel), HWS_OK);
    return channel;
}

static void close_it(struct hws_channel channel)
{
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
}

/* The next channel takes the stream as soon as it is free here. The other side may not know yet
 * that it is: the answer to its reset is lost, and the OPEN comes first. */
START_TEST(a_stream_is_used_again_at_once_on_a_bad_path)
{
    enum { LIVES = 150 };
    static const uint8_t byte;

    connect(100 + (uint64_t)_i, 2); /* so each side has one number */
    world.loss_percent = 10;
    world.jitter = HWS_MS(2);
    for (size_t i = 1; i <= LIVES; i++) {
        struct hws_channel channel = open_with(&(struct hws_channel_config){.label = "again"});

        wanted = i;
        ck_assert_int_eq(hws_peer_send(client->peer, channel, HWS_BINARY,
                                       (struct hws_bytes){&byte, 1}, world.now),
                         HWS_OK);
        ck_assert_msg(world_run(&world, HWS_SEC(30), is_open), "life %zu is not opened", i);
        close_it(channel);
        ck_assert_msg(world_run(&world, HWS_SEC(30), is_closed), "life %zu does not end", i);
    }
    world_pass(&world, HWS_SEC(10));
    ck_assert_uint_eq(incoming, LIVES);
    ck_assert_uint_eq(messages, LIVES);
    ck_assert_uint_eq(opened, LIVES);
    ck_assert_uint_eq(closed, LIVES);
    world_fini(&world);
}
END_TEST

/* Only one side has it, and uses its id again. Each time the other side answers the reset, and
 * keeps no mark of the stream. */
START_TEST(a_channel_that_only_one_side_has_ends_each_time)
{
    connect(7, 16);
    for (size_t i = 1; i <= 5; i++) {
        struct hws_channel channel =
            open_with(&(struct hws_channel_config){.negotiated = true, .id = 9});

        wanted = i;
        ck_assert(world_run(&world, HWS_SEC(1), is_open));
        close_it(channel);
        ck_assert_msg(world_run(&world, HWS_SEC(10), is_closed), "life %zu does not end", i);
        world_pass(&world, HWS_SEC(1));
    }
    ck_assert_uint_eq(worker->peer->channels.slot_of_stream[9], HWS_NO_SLOT);
    world_fini(&world);
}
END_TEST

/* What is late for the one before must not meet the next one. */
START_TEST(a_number_rests_while_there_are_others)
{
    uint16_t last = HWS_NO_STREAM, number;

    connect(8, 16);
    for (size_t i = 1; i <= 100; i++) {
        struct hws_channel channel = open_with(&(struct hws_channel_config){.label = "again"});

        wanted = i;
        ck_assert(world_run(&world, HWS_SEC(1), is_open));
        number = hws_channel_find(client->peer, channel)->stream;
        ck_assert_uint_ne(number, last);
        ck_assert_uint_lt(number, 16);
        last = number;
        close_it(channel);
        ck_assert(world_run(&world, HWS_SEC(10), is_closed));
        world_pass(&world, HWS_SEC(1));
    }
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("reuse");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_stream_is_used_again_at_once_on_a_bad_path, 0, 6);
    tcase_add_test(tc, a_channel_that_only_one_side_has_ends_each_time);
    tcase_add_test(tc, a_number_rests_while_there_are_others);
    return run_case("peer_reuse", tc);
}
