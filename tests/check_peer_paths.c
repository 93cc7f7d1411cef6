/* Paths of two whole peers that die, addresses that go and come: data goes on and nothing is lost. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/address.h"
#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT, WORKER };

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *sides[2];
static struct hws_channel channel;
static int offers;

static void count_offers(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    (void)from;
    (void)text;
    (void)cap;
    offers += kind == HWS_SIGNAL_OFFER;
}

static bool both_open(struct world *w)
{
    (void)w;
    return world_saw(sides[CLIENT], HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(sides[WORKER], HWS_EVENT_CHANNEL_INCOMING);
}

/* Up to the open channel, with the nomination under way. */
static void begin_pair(int rich, bool restart)
{
    struct hws_peer_config config = {.restart_ice = restart};

    world_init(&world, 7);
    world.edit = count_offers;
    sides[CLIENT] = world_add(&world, &config);
    config.restart_ice = false;
    sides[WORKER] = world_add(&world, &config);
    world_pair(sides[CLIENT], sides[WORKER]);
    if (rich >= 0) world_add_other(&world, sides[rich]);
    ck_assert_int_eq(hws_peer_open_channel(sides[CLIENT]->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
    ck_assert_int_eq(hws_peer_offer(sides[CLIENT]->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    offers = 0;
}

/* Connected; the side @p rich has two addresses, and @p restart lets the client offer restarts. */
static void connect_pair(int rich, bool restart)
{
    begin_pair(rich, restart);
    world_pass(&world, HWS_SEC(1)); /* for the nomination */
}

static struct hws_path path_of(int side)
{
    struct hws_path path;

    ck_assert(hws_peer_path(sides[side]->peer, &path));
    return path;
}

static bool uses(int side, const struct hws_address *addr)
{
    struct hws_path path;

    return hws_peer_path(sides[side]->peer, &path) && hws_address_equal(&path.local, addr);
}

/* Both sides send on the same pair. */
static void expect_one_path(void)
{
    struct hws_path a = path_of(CLIENT), b = path_of(WORKER);

    ck_assert(hws_address_equal(&a.local, &b.remote) && hws_address_equal(&a.remote, &b.local));
}

/* The address of the rich side that the path is on is dead from now on, without a word. */
static void cut_path(int rich)
{
    struct hws_path path = path_of(rich);
    bool first = hws_address_equal(&path.local, &sides[rich]->addr);

    *(first ? &sides[rich]->cut : &sides[rich]->other_cut) = true;
}

/* Both sides send all the time. @return how long until both got everything */
static hws_time transfer(hws_time limit)
{
    static const uint8_t piece[4000];
    size_t sent = 0, at_client = sides[CLIENT]->message_count;
    size_t at_worker = sides[WORKER]->message_count;
    hws_time begin = world.now;

    while (sent < 50 || sides[CLIENT]->message_count < at_client + sent ||
           sides[WORKER]->message_count < at_worker + sent) {
        ck_assert_msg(world.now < begin + limit, "%zu sent, client got %zu, worker got %zu", sent,
                      sides[CLIENT]->message_count - at_client,
                      sides[WORKER]->message_count - at_worker);
        ck_assert_msg(!world_saw(sides[CLIENT], HWS_EVENT_CLOSED), "%s",
                      hws_peer_fault_text(sides[CLIENT]->peer));
        ck_assert_msg(!world_saw(sides[WORKER], HWS_EVENT_CLOSED), "%s",
                      hws_peer_fault_text(sides[WORKER]->peer));
        if (sent < 50) {
            struct hws_bytes bytes = {piece, sizeof(piece)};

            ck_assert_int_eq(
                hws_peer_send(sides[CLIENT]->peer, channel, HWS_BINARY, bytes, world.now), HWS_OK);
            ck_assert_int_eq(hws_peer_send(sides[WORKER]->peer, sides[WORKER]->channel, HWS_BINARY,
                                           bytes, world.now),
                             HWS_OK);
            sent++;
        }
        world_pass(&world, HWS_MS(20));
    }
    ck_assert_uint_eq(sides[CLIENT]->message_count, at_client + sent);
    ck_assert_uint_eq(sides[WORKER]->message_count, at_worker + sent);
    return world.now - begin;
}

/* ---- Silence */

START_TEST(a_silent_path_is_left)
{
    hws_time took;

    connect_pair(_i, false);
    (void)transfer(HWS_SEC(2));
    cut_path(_i);
    took = transfer(HWS_SEC(20));
    /* 1 s without an answer, two requests of 0.5 s, a moment for the pair in use; then SCTP. */
    ck_assert_msg(took < HWS_SEC(6), "%lld ms", (long long)took / 1000);
    ck_assert(world_saw(sides[CLIENT], HWS_EVENT_PATH));
    world_pass(&world, HWS_SEC(60)); /* and it is the path from now on, for both */
    ck_assert_int_lt(transfer(HWS_SEC(2)), HWS_SEC(2));
    expect_one_path();
    ck_assert_int_eq(offers, 0);
    world_fini(&world);
}
END_TEST

START_TEST(a_path_that_dies_before_nomination_is_left)
{
    begin_pair(_i, false);
    cut_path(_i);
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(6));
    ck_assert_int_lt(transfer(HWS_SEC(2)), HWS_SEC(2));
    expect_one_path();
    world_fini(&world);
}
END_TEST

/* Nobody sends: the consent requests notice it, long before consent is gone. */
START_TEST(an_idle_path_is_left_too)
{
    struct hws_address dead;

    connect_pair(_i, false);
    dead = path_of(_i).local;
    cut_path(_i);
    world_pass(&world, HWS_SEC(9));
    ck_assert(!uses(_i, &dead));
    ck_assert_int_lt(transfer(HWS_SEC(2)), HWS_SEC(2));
    world_fini(&world);
}
END_TEST

/* A pause in the conversation is no silence: the path is asked, and answers. */
START_TEST(a_pause_changes_nothing)
{
    size_t datagrams;

    connect_pair(CLIENT, true);
    (void)transfer(HWS_SEC(2));
    world_pass(&world, HWS_SEC(3));
    sides[CLIENT]->event_count = sides[WORKER]->event_count = 0;
    datagrams = world.datagrams;
    world_pass(&world, HWS_SEC(60));
    ck_assert(!world_saw(sides[CLIENT], HWS_EVENT_PATH));
    ck_assert(!world_saw(sides[WORKER], HWS_EVENT_PATH));
    ck_assert_int_eq(offers, 0);
    /* Consent requests every 4 to 6 s and heartbeats of SCTP, with their answers. */
    ck_assert_uint_lt(world.datagrams - datagrams, 100);
    world_fini(&world);
}
END_TEST

START_TEST(a_silent_path_alone_is_restarted)
{
    connect_pair(-1, true);
    sides[CLIENT]->cut = true;
    ck_assert_int_eq(
        hws_peer_send(sides[CLIENT]->peer, channel, HWS_TEXT, hws_bytes_of("there"), world.now),
        HWS_OK);
    world_pass(&world, HWS_SEC(3));
    ck_assert_int_eq(offers, 0);
    world_pass(&world, HWS_SEC(2)); /* 1 s, 0.5 s for a request, and 2.5 s for other pairs */
    ck_assert_int_eq(offers, 1);
    sides[CLIENT]->cut = false;
    world_pass(&world, HWS_SEC(8)); /* the backoff of SCTP */
    ck_assert_uint_eq(sides[WORKER]->message_count, 1);
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(2));
    ck_assert_int_eq(offers, 1);
    world_fini(&world);
}
END_TEST

/* ---- Many candidates */

/* In the place of its own candidates the worker tells 63 dead ones and one that works, the last. */
static void add_dead(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    char *at = strstr(text, "a=candidate:");
    size_t len = strlen(text);

    if (from != sides[WORKER] || kind != HWS_SIGNAL_ANSWER || !at) return;
    for (int i = 0; i < 63; i++) {
        char line[100];
        int line_len =
            snprintf(line, sizeof(line), "a=candidate:%d 1 udp %d 10.9.0.%d 4000 typ host\r\n",
                     i + 10, 2130706431 - i, i + 1);

        ck_assert_uint_lt(len + (size_t)line_len, cap);
        memmove(at + line_len, at, strlen(at) + 1);
        memcpy(at, line, (size_t)line_len);
        len += (size_t)line_len;
        at += line_len;
    }
}

START_TEST(one_of_64_candidates_works)
{
    hws_time begin;

    world_init(&world, 7);
    world.edit = add_dead;
    sides[CLIENT] = world_add(&world, &(struct hws_peer_config){0});
    sides[WORKER] = world_add(&world, &(struct hws_peer_config){0});
    world_pair(sides[CLIENT], sides[WORKER]);
    ck_assert_int_eq(hws_peer_open_channel(sides[CLIENT]->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
    begin = world.now;
    ck_assert_int_eq(hws_peer_offer(sides[CLIENT]->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    /* The worker's own check comes by triggered check long before the client's turn. */
    ck_assert_int_lt(world.now - begin, HWS_MS(200));
    world_pass(&world, HWS_SEC(1));
    expect_one_path();
    world_fini(&world);
}
END_TEST

/* ---- Addresses */

START_TEST(an_address_that_goes_takes_no_data_along)
{
    struct hws_address gone;

    connect_pair(_i, false);
    gone = path_of(_i).local;
    cut_path(_i);
    hws_peer_remove_local(sides[_i]->peer, &gone, world.now);
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(6));
    ck_assert(!uses(_i, &gone));
    hws_peer_remove_local(sides[_i]->peer, &gone, world.now); /* unknown by now: no effect */
    ck_assert_int_lt(transfer(HWS_SEC(2)), HWS_SEC(2));
    ck_assert_int_eq(offers, 0);
    world_fini(&world);
}
END_TEST

/* The last address goes, and another one comes 5 s later: it is found without signalling. */
START_TEST(another_address_takes_over)
{
    connect_pair(-1, false);
    sides[_i]->cut = true;
    hws_peer_remove_local(sides[_i]->peer, &sides[_i]->addr, world.now);
    world_pass(&world, HWS_SEC(5));
    ck_assert(!uses(_i, &sides[_i]->addr));
    world_add_other(&world, sides[_i]);
    ck_assert_int_lt(transfer(HWS_SEC(30)), HWS_SEC(12));
    ck_assert(uses(_i, &sides[_i]->other));
    ck_assert_int_eq(offers, 0);
    world_fini(&world);
}
END_TEST

/* A new address of higher priority wins, although the path in use is well. */
START_TEST(a_better_address_is_taken)
{
    connect_pair(_i, false);
    hws_peer_remove_local(sides[_i]->peer, &sides[_i]->addr, world.now);
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(3));
    ck_assert(uses(_i, &sides[_i]->other));
    world_pass(&world, HWS_SEC(10));
    ck_assert_int_eq(hws_peer_add_local(sides[_i]->peer, &sides[_i]->addr, world.now), HWS_OK);
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(3));
    ck_assert(uses(_i, &sides[_i]->addr));
    expect_one_path();
    ck_assert_int_eq(offers, 0);
    world_fini(&world);
}
END_TEST

/* Nothing comes back: it ends in time, and says why. */
START_TEST(no_address_is_the_end)
{
    connect_pair(-1, false);
    hws_peer_remove_local(sides[_i]->peer, &sides[_i]->addr, world.now);
    world_pass(&world, HWS_SEC(30));
    ck_assert(!world_saw(sides[_i], HWS_EVENT_CLOSED));
    world_pass(&world, HWS_SEC(15));
    ck_assert(world_saw(sides[_i], HWS_EVENT_CLOSED));
    ck_assert(world_saw(sides[!_i], HWS_EVENT_CLOSED));
    world_fini(&world);
}
END_TEST

/* Addresses come and go many times: no table fills up. */
START_TEST(addresses_come_and_go)
{
    connect_pair(CLIENT, true);
    for (int i = 0; i < 200; i++) {
        struct hws_address fresh = sides[CLIENT]->other;

        hws_peer_remove_local(sides[CLIENT]->peer, &sides[CLIENT]->other, world.now);
        fresh.port++;
        sides[CLIENT]->other = fresh;
        ck_assert_int_eq(hws_peer_add_local(sides[CLIENT]->peer, &fresh, world.now), HWS_OK);
        world_pass(&world, HWS_MS(100));
    }
    ck_assert_int_lt(transfer(HWS_SEC(20)), HWS_SEC(6));
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("paths");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_silent_path_is_left, CLIENT, WORKER + 1);
    tcase_add_loop_test(tc, a_path_that_dies_before_nomination_is_left, CLIENT, WORKER + 1);
    tcase_add_loop_test(tc, an_idle_path_is_left_too, CLIENT, WORKER + 1);
    tcase_add_test(tc, a_pause_changes_nothing);
    tcase_add_test(tc, a_silent_path_alone_is_restarted);
    tcase_add_test(tc, one_of_64_candidates_works);
    tcase_add_loop_test(tc, an_address_that_goes_takes_no_data_along, CLIENT, WORKER + 1);
    tcase_add_loop_test(tc, another_address_takes_over, CLIENT, WORKER + 1);
    tcase_add_loop_test(tc, a_better_address_is_taken, CLIENT, WORKER + 1);
    tcase_add_loop_test(tc, no_address_is_the_end, CLIENT, WORKER + 1);
    tcase_add_test(tc, addresses_come_and_go);
    return run_case("peer paths", tc);
}
