/* Whole peers over a TURN server in virtual time: what a program sees of it. */
#include "base/address.h"
#include "support/check_main.h"
#include "support/peer_world.h"

#include <string.h>

static struct world world;
static struct turn_server server;
static struct hws_turn_server turn;
static struct world_peer *a, *b;

static void setup(void)
{
    world_init(&world, 1);
    server_init(&server);
    world.relay = &server;
    turn = (struct hws_turn_server){
        .address = server.addr, .username = "user", .password = "secret", .url = "turn:relay.test"};
}

static void teardown(void)
{
    world_fini(&world);
}

static bool both_connected(struct world *w)
{
    (void)w;
    return world_saw(a, HWS_EVENT_CONNECTED) && world_saw(b, HWS_EVENT_CONNECTED);
}

static bool a_is_open(struct world *w)
{
    (void)w;
    return world_saw(a, HWS_EVENT_CHANNEL_OPEN);
}

static void call(const struct hws_peer_config *config)
{
    struct hws_channel channel;

    world.turn = &turn;
    a = world_add(&world, config);
    world.turn = NULL;
    b = world_add(&world, &(struct hws_peer_config){0});
    world_pair(a, b);
    ck_assert(hws_peer_open_channel(a->peer, &(struct hws_channel_config){.label = "x"}, world.now,
                                    &channel) == HWS_OK);
    ck_assert(hws_peer_offer(a->peer, world.now) == HWS_OK);
    b->echo = true;
}

static bool all_is_back(struct world *w)
{
    (void)w;
    return a->message_count == 10;
}

START_TEST(everything_goes_through_the_relay)
{
    static uint8_t message[100000];
    struct hws_path path;

    world.needle = "10.0.0.1 ";
    call(&(struct hws_peer_config){.relay_only = true});
    ck_assert(world_run(&world, HWS_SEC(10), both_connected));
    ck_assert(world_run(&world, HWS_SEC(10), a_is_open));
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 7);
    }
    for (int i = 0; i < 10; i++) {
        struct hws_bytes bytes = {message, sizeof(message)};

        ck_assert(hws_peer_send(a->peer, a->channel, HWS_BINARY, bytes, world.now) == HWS_OK);
    }
    ck_assert(world_run(&world, HWS_SEC(60), all_is_back));
    ck_assert_uint_eq(a->last_len, sizeof(message));
    ck_assert(memcmp(a->last, message, sizeof(message)) == 0);
    ck_assert(hws_peer_path(a->peer, &path));
    ck_assert_str_eq(path.local_type, "relay");
    ck_assert(hws_address_equal(&path.local, &server.allocations[SERVER_CLIENTS - 1].relayed[0]));
    ck_assert(hws_peer_path(b->peer, &path));
    ck_assert_str_eq(path.remote_type, "relay");
    ck_assert_uint_eq(a->past_relay, 0);
    ck_assert_uint_eq(world.needle_count, 0); /* our address was in no description */
    ck_assert_uint_gt(server.channel_datas, 1000);
    ck_assert_uint_lt(server.sends, 20);
    ck_assert_uint_le(world.datagram_max, 1280);
}
END_TEST

START_TEST(closing_tells_the_other_side_and_the_server)
{
    call(&(struct hws_peer_config){.relay_only = true});
    ck_assert(world_run(&world, HWS_SEC(10), both_connected));
    hws_peer_close(a->peer, world.now);
    world_pass(&world, HWS_SEC(1));
    ck_assert(world_saw(b, HWS_EVENT_CLOSED));
    ck_assert(server_find(&server, &a->addr) == NULL);
    ck_assert_uint_eq(server.refused[HWS_STUN_REFRESH], 0);
}
END_TEST

START_TEST(the_other_side_closes)
{
    call(&(struct hws_peer_config){.relay_only = true});
    ck_assert(world_run(&world, HWS_SEC(10), both_connected));
    hws_peer_close(b->peer, world.now);
    world_pass(&world, HWS_SEC(1));
    ck_assert(world_saw(a, HWS_EVENT_CLOSED));
    ck_assert(server_find(&server, &a->addr) == NULL);
}
END_TEST

static bool more_came(struct world *w)
{
    (void)w;
    return a->message_count > 0;
}

/* The server is started anew and knows nobody: the path is silent at once, for good. Within half of
 * the time that consent lasts there is another allocation, and data flows through it. */
START_TEST(a_server_that_restarts_is_asked_anew)
{
    struct hws_path path;
    struct hws_bytes bytes = {(const uint8_t *)"x", 1};
    struct hws_address before;

    call(&(struct hws_peer_config){.relay_only = true, .restart_ice = true});
    ck_assert(world_run(&world, HWS_SEC(10), a_is_open));
    world_pass(&world, HWS_SEC(20) + HWS_MS(100 * _i));
    ck_assert(hws_peer_path(a->peer, &path));
    before = path.local;
    server_restart(&server, "other-nonce");
    ck_assert(hws_peer_send(a->peer, a->channel, HWS_BINARY, bytes, world.now) == HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), more_came));
    world_pass(&world, HWS_SEC(60));
    ck_assert(hws_peer_path(a->peer, &path));
    ck_assert_str_eq(path.local_type, "relay");
    ck_assert_uint_ne(path.local.port, before.port);
    ck_assert(!world_saw(a, HWS_EVENT_CLOSED) && !world_saw(b, HWS_EVENT_CLOSED));
}
END_TEST

static const struct world_event *find(const struct world_peer *peer, enum hws_event_kind kind)
{
    for (size_t i = 0; i < peer->event_count; i++) {
        if (peer->events[i].kind == kind) return &peer->events[i];
    }
    return NULL;
}

START_TEST(a_refusing_server_is_told_of)
{
    const struct world_event *event;
    struct hws_path path;

    turn.password = "wrong";
    call(&(struct hws_peer_config){0});
    ck_assert(world_run(&world, HWS_SEC(1), both_connected));
    ck_assert(hws_peer_path(a->peer, &path));
    ck_assert_str_eq(path.local_type, "host");
    event = find(a, HWS_EVENT_SERVER_FAILED);
    ck_assert(event != NULL);
    ck_assert_int_eq(event->fault.err, HWS_ERR_REFUSED);
    ck_assert_int_eq(event->fault.foreign, 401);
    ck_assert_str_eq(event->fault.layer, "turn");
    ck_assert(find(b, HWS_EVENT_SERVER_FAILED) == NULL);
}
END_TEST

START_TEST(servers_are_named)
{
    struct hws_address dead = {
        .ip = {192, 0, 2, 99},
          .port = 3478, .family = HWS_FAMILY_IP4
    };
    struct hws_event event;
    unsigned count = 0;

    server.dead = true;
    call(&(struct hws_peer_config){0});
    a->deaf = true;
    ck_assert(hws_peer_add_stun(a->peer, &dead, world.now) == HWS_OK);
    world_pass(&world, HWS_SEC(6));
    ck_assert(hws_peer_has_output(a->peer));
    while (hws_peer_next_event(a->peer, &event)) {
        if (event.kind != HWS_EVENT_SERVER_FAILED) continue;
        count++;
        ck_assert_int_eq(event.fault.err, HWS_ERR_TIMEOUT);
        ck_assert_str_eq(event.server,
                         event.fault.layer[0] == 's' ? "stun:192.0.2.99:3478" : "turn:relay.test");
    }
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(relay_only_without_a_relay_fails)
{
    server.dead = true;
    call(&(struct hws_peer_config){.relay_only = true});
    world_pass(&world, HWS_SEC(90));
    ck_assert(world_saw(a, HWS_EVENT_CLOSED));
    ck_assert_uint_eq(a->past_relay, 0);
}
END_TEST

START_TEST(a_stranger_cannot_speak_for_the_server)
{
    static const uint8_t channel_data[] = {0x40, 0, 0, 4, 22, 254, 253, 0};
    struct hws_datagram in;

    call(&(struct hws_peer_config){.relay_only = true});
    ck_assert(world_run(&world, HWS_SEC(10), both_connected));
    in = (struct hws_datagram){
        .local = a->addr, .remote = b->addr, .bytes = {channel_data, sizeof(channel_data)}
    };
    ck_assert(hws_peer_feed(a->peer, &in, world.now) == HWS_ERR_UNSUPPORTED);
    in.bytes.len = 3;
    in.remote = server.addr;
    (void)hws_peer_feed(a->peer, &in, world.now);
    in.bytes.len = sizeof(channel_data); /* on the server's 5-tuple, but no sound record */
    (void)hws_peer_feed(a->peer, &in, world.now);
    world_pass(&world, HWS_SEC(10));
    ck_assert(!world_saw(a, HWS_EVENT_CLOSED));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("peer_relay");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, everything_goes_through_the_relay);
    tcase_add_test(tc, closing_tells_the_other_side_and_the_server);
    tcase_add_loop_test(tc, a_server_that_restarts_is_asked_anew, 0, 50);
    tcase_add_test(tc, the_other_side_closes);
    tcase_add_test(tc, a_refusing_server_is_told_of);
    tcase_add_test(tc, servers_are_named);
    tcase_add_test(tc, relay_only_without_a_relay_fails);
    tcase_add_test(tc, a_stranger_cannot_speak_for_the_server);
    return run_case("peer_relay", tc);
}
