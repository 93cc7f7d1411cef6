/* Candidates behind names of multicast DNS, in both directions. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/address.h"
#include "base/bytes.h"
#include "peer/peer_internal.h"

#include <stdio.h>
#include <string.h>

static const char name[] = "11111111-2222-4333-8444-555555555555.local";

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static hws_time answer_after; /* how long the look-up takes; HWS_NEVER = nobody answers */
static hws_time asked_at[2];
static size_t asked_count;

static void start(bool client_hides, bool worker_hides)
{
    struct hws_channel channel;

    world_init(&world, 1);
    client = world_add(&world, &(struct hws_peer_config){0});
    worker = world_add(&world, &(struct hws_peer_config){0});
    world_pair(client, worker);
    if (client_hides)
        ck_assert_int_eq(hws_peer_hide_local(client->peer, &client->addr, name), HWS_OK);
    if (worker_hides)
        ck_assert_int_eq(hws_peer_hide_local(worker->peer, &worker->addr, name), HWS_OK);
    ck_assert_int_eq(
        hws_peer_open_channel(client->peer, &(struct hws_channel_config){0}, world.now, &channel),
        HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
}

/* Play the loop: look up what @p peer asks for. The only name is that of the other side. */
static void look_up(struct world_peer *peer, size_t which)
{
    const char *asked;

    while (hws_peer_next_name(peer->peer, &asked)) {
        ck_assert_str_eq(asked, name);
        asked_at[which] = world.now;
        asked_count++;
    }
    if (asked_at[which] == 0 || answer_after == HWS_NEVER ||
        world.now < asked_at[which] + answer_after)
        return;
    asked_at[which] = 0;
    ck_assert_int_eq(hws_peer_resolved(peer->peer, name, &peer->remote->addr, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_resolved(peer->peer, name, &peer->remote->addr, world.now),
                     HWS_ERR_NOT_FOUND);
}

static bool connected(struct world *w)
{
    (void)w;
    look_up(client, 0);
    look_up(worker, 1);
    return world_saw(client, HWS_EVENT_CONNECTED) && world_saw(worker, HWS_EVENT_CONNECTED);
}

/* In small steps, for the answers come by a clock that the world does not know of. */
static bool run(hws_time limit, bool (*done)(struct world *world))
{
    hws_time until = world.now + limit;

    while (world.now < until) {
        if (world_run(&world, HWS_MS(10), done)) return true;
    }
    return false;
}

/* One side hidden: its own checks tell where it is. Both hidden: only the look-up can. */
START_TEST(connects_with_hidden_addresses)
{
    start((_i & 1) != 0, (_i & 2) != 0);
    answer_after = HWS_MS(30);
    ck_assert(run(HWS_SEC(10), connected));
    ck_assert_uint_eq(asked_count, (_i & 1) + (_i >> 1 & 1));
    world_fini(&world);
}
END_TEST

/* The end of candidates waits for the names, so nothing fails before they are looked up. */
START_TEST(holds_the_end_back_for_a_slow_look_up)
{
    start(true, true);
    answer_after = HWS_SEC(3);
    ck_assert(run(HWS_SEC(10), connected));
    ck_assert_int_ge(world.now, HWS_SEC(3));
    world_fini(&world);
}
END_TEST

static bool closed(struct world *w)
{
    (void)connected(w);
    return world_saw(client, HWS_EVENT_CLOSED) && world_saw(worker, HWS_EVENT_CLOSED);
}

/* From now on the names are other ones, as browsers make them anew. */
static void rename_all(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    (void)from;
    (void)kind;
    (void)cap;
    for (char *at = strstr(text, name); at; at = strstr(at, name)) {
        *at = '2';
    }
}

/* What was not looked up before a restart is of no use after it, nor is the end of the candidates
 * that waited for it. */
START_TEST(a_restart_lets_go_of_names)
{
    char renamed[sizeof(name)];

    memcpy(renamed, name, sizeof(name));
    renamed[0] = '2';
    start(true, false);
    answer_after = HWS_NEVER;
    ck_assert(run(HWS_SEC(10), connected));
    ck_assert(worker->peer->end_waits);
    world.edit = rename_all;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert_int_eq(hws_peer_resolved(worker->peer, name, &client->addr, world.now),
                     HWS_ERR_NOT_FOUND);
    ck_assert_int_eq(hws_peer_resolved(worker->peer, renamed, &client->addr, world.now), HWS_OK);
    ck_assert(!world_saw(worker, HWS_EVENT_CLOSED));
    world_fini(&world);
}
END_TEST

START_TEST(fails_in_time_when_nobody_answers)
{
    start(true, true);
    answer_after = HWS_NEVER;
    world_pass(&world, HWS_SEC(1));
    ck_assert(!closed(&world));
    ck_assert_uint_eq(asked_count, 2);
    ck_assert_int_eq(hws_peer_resolved(client->peer, name, NULL, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_resolved(worker->peer, name, NULL, world.now), HWS_OK);
    ck_assert(run(HWS_SEC(60), closed));
    world_fini(&world);
}
END_TEST

static bool has(const uint8_t *text, size_t len, const char *part)
{
    return memmem(text, len, part, strlen(part)) != NULL;
}

/* No address of ours is in anything that is signalled. */
START_TEST(shows_names_only)
{
    struct hws_address server = {
        .ip = {10, 0, 0, 99},
          .port = 3478, .family = HWS_FAMILY_IP4
    };
    struct hws_signal signal;
    bool named = false;

    world_init(&world, 1);
    client = world_add(&world, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_hide_local(client->peer, &client->addr, name), HWS_OK);
    ck_assert_int_eq(hws_peer_add_stun(client->peer, &server, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    while (hws_peer_next_signal(client->peer, &signal)) {
        ck_assert(!has(signal.text.data, signal.text.len, "10.0.0."));
        named = named || has(signal.text.data, signal.text.len, name);
    }
    ck_assert(named);
    world_fini(&world);
}
END_TEST

static enum hws_err take(const char *text)
{
    return hws_peer_signal(
        client->peer,
        &(struct hws_signal){.kind = HWS_SIGNAL_CANDIDATE, .text = hws_bytes_of(text)}, world.now);
}

START_TEST(bounds_the_names_that_wait)
{
    char text[128];

    world_init(&world, 1);
    client = world_add(&world, &(struct hws_peer_config){0});
    for (int i = 0; i < 20; i++) {
        (void)snprintf(
            text, sizeof(text),
            "candidate:1 1 udp 1 11111111-2222-4333-8444-5555555555%02d.LOCAL 9 typ host", i);
        ck_assert_int_eq(take(text), i < 16 ? HWS_OK : HWS_ERR_FULL);
    }
    world_fini(&world);
}
END_TEST

START_TEST(refuses_other_names_for_ours)
{
    static const char *const names[] = {
        "", "printer.local", "11111111-2222-1333-8444-555555555555.local",
        "11111111-2222-4333-8444-555555555555.local and some more text"};

    world_init(&world, 1);
    client = world_add(&world, &(struct hws_peer_config){0});
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(hws_peer_hide_local(client->peer, &client->addr, names[i]),
                         HWS_ERR_ARGUMENT);
    }
    for (int i = 0; i < 16; i++) {
        ck_assert_int_eq(hws_peer_hide_local(client->peer, &client->addr, name), HWS_OK);
    }
    ck_assert_int_eq(hws_peer_hide_local(client->peer, &client->addr, name), HWS_ERR_FULL);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("names");

    tcase_add_loop_test(tc, connects_with_hidden_addresses, 0, 4);
    tcase_add_test(tc, holds_the_end_back_for_a_slow_look_up);
    tcase_add_test(tc, a_restart_lets_go_of_names);
    tcase_add_test(tc, fails_in_time_when_nobody_answers);
    tcase_add_test(tc, shows_names_only);
    tcase_add_test(tc, bounds_the_names_that_wait);
    tcase_add_test(tc, refuses_other_names_for_ours);
    return run_case("peer_names", tc);
}
