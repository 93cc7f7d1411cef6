/* Perfect negotiation of two whole peers in virtual time: both offer at once, one of them is
 * polite, and signals take their time in both directions. Both must end with the same descriptions. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"
#include "ice/ice_internal.h"
#include "peer/peer_internal.h"

#include <stdio.h>
#include <string.h>

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static struct hws_channel channel;
static int offers[2], answers[2];

static void note(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    (void)text;
    (void)cap;
    offers[from == worker] += kind == HWS_SIGNAL_OFFER;
    answers[from == worker] += kind == HWS_SIGNAL_ANSWER;
}

static void make_pair(uint64_t seed)
{
    world_init(&world, seed);
    world.edit = note;
    client = world_add(&world, &(struct hws_peer_config){0});
    worker = world_add(&world, &(struct hws_peer_config){.polite = true});
    world_pair(client, worker);
    ck_assert_int_eq(hws_peer_open_channel(client->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
}

static bool both_open(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(worker, HWS_EVENT_CHANNEL_INCOMING);
}

static void forget(void)
{
    client->event_count = worker->event_count = 0;
    memset(offers, 0, sizeof(offers));
    memset(answers, 0, sizeof(answers));
}

static void connect_pair(uint64_t seed)
{
    make_pair(seed);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    world_pass(&world, HWS_MS(500)); /* for the nomination */
    forget();
}

static void expect_data(void)
{
    size_t at_client = client->message_count, at_worker = worker->message_count;

    ck_assert_int_eq(
        hws_peer_send(client->peer, channel, HWS_TEXT, hws_bytes_of("there"), world.now), HWS_OK);
    ck_assert_int_eq(
        hws_peer_send(worker->peer, worker->channel, HWS_TEXT, hws_bytes_of("back"), world.now),
        HWS_OK);
    world_pass(&world, HWS_SEC(5));
    ck_assert_uint_gt(client->message_count, at_client);
    ck_assert_uint_gt(worker->message_count, at_worker);
}

static bool knows(const struct world_peer *peer, const struct world_peer *other)
{
    return strcmp(peer->peer->remote.ufrag, hws_ice_ufrag(other->peer->ice)) == 0;
}

/* Nothing is open, and each side knows the other as it is now. */
static void expect_agreement(void)
{
    ck_assert_int_eq(hws_neg_state(client->peer->neg), HWS_NEG_STABLE);
    ck_assert_int_eq(hws_neg_state(worker->peer->neg), HWS_NEG_STABLE);
    ck_assert(knows(client, worker));
    ck_assert(knows(worker, client));
    ck_assert(!hws_ice_is_searching(client->peer->ice));
    ck_assert(!hws_ice_is_searching(worker->peer->ice));
    expect_data();
}

/* Who begins, how much later the other one follows, and how long a signal takes. */
static const struct {
    bool worker_first;
    int64_t later_ms, signal_ms;
} moments[] = {
    {false, 0,  5  },
    {true,  0,  5  },
    {false, 4,  5  },
    {true,  4,  5  },
    {false, 0,  300},
    {true,  0,  300},
    {false, 90, 300},
    {true,  90, 300},
};
enum { MOMENTS = sizeof(moments) / sizeof(moments[0]) };

enum act { OFFER, RESTART };

static void act(struct world_peer *peer, enum act what)
{
    ck_assert_int_eq(what == OFFER ? hws_peer_offer(peer->peer, world.now)
                                   : hws_peer_restart_ice(peer->peer, world.now),
                     HWS_OK);
}

/* Both act before either hears of the other. */
static void both_act(int moment, enum act by_client, enum act by_worker)
{
    bool worker_first = moments[moment].worker_first;

    world.signal_delay = HWS_MS(moments[moment].signal_ms);
    act(worker_first ? worker : client, worker_first ? by_worker : by_client);
    world_pass(&world, HWS_MS(moments[moment].later_ms));
    act(worker_first ? client : worker, worker_first ? by_client : by_worker);
}

START_TEST(at_the_first_offer)
{
    make_pair((uint64_t)_i + 1);
    both_act(_i, OFFER, OFFER);
    ck_assert_msg(world_run(&world, HWS_SEC(20), both_open), "client: %s; worker: %s",
                  hws_peer_fault_text(client->peer), hws_peer_fault_text(worker->peer));
    ck_assert_int_eq(offers[0], 1);
    ck_assert_int_eq(offers[1], 1);
    ck_assert_int_eq(answers[0], 0); /* the impolite one ignored an offer */
    ck_assert_int_eq(answers[1], 1);
    ck_assert(hws_ice_is_controlling(client->peer->ice));
    ck_assert(!hws_ice_is_controlling(worker->peer->ice));
    world_pass(&world, HWS_SEC(1));
    expect_agreement();
    world_fini(&world);
}
END_TEST

START_TEST(at_later_offers)
{
    connect_pair((uint64_t)_i + 20);
    both_act(_i, OFFER, OFFER);
    world_pass(&world, HWS_SEC(3));
    ck_assert_int_eq(offers[1], 1); /* the exchange that there was serves it too */
    ck_assert_int_eq(answers[0], 0);
    ck_assert_int_eq(answers[1], 1);
    ck_assert_uint_eq(client->event_count + worker->event_count, 0);
    expect_agreement();
    world_fini(&world);
}
END_TEST

/* One exchange renews both sides: the worker's own restart needs no other. */
START_TEST(at_two_restarts)
{
    connect_pair((uint64_t)_i + 40);
    both_act(_i, RESTART, RESTART);
    world_pass(&world, HWS_SEC(5));
    ck_assert_int_eq(offers[1], 1);
    ck_assert_int_eq(answers[1], 1);
    ck_assert_uint_eq(world_count(client, HWS_EVENT_PATH), 1);
    ck_assert_uint_eq(world_count(worker, HWS_EVENT_PATH), 1);
    expect_agreement();
    world_pass(&world, HWS_SEC(60)); /* consent goes on */
    expect_agreement();
    world_fini(&world);
}
END_TEST

/* The client's offer changes nothing, so the worker's restart follows. */
START_TEST(at_a_restart_of_the_polite_side)
{
    char before[64];

    connect_pair((uint64_t)_i + 60);
    (void)snprintf(before, sizeof(before), "%s", hws_ice_ufrag(client->peer->ice));
    both_act(_i, OFFER, RESTART);
    world_pass(&world, HWS_SEC(5));
    ck_assert_int_eq(answers[1], 1);
    ck_assert_int_eq(offers[1], 2);
    ck_assert_int_eq(answers[0], 1);
    ck_assert_str_ne(before, hws_ice_ufrag(client->peer->ice));
    ck_assert_uint_eq(world_count(client, HWS_EVENT_PATH), 1);
    ck_assert_uint_eq(world_count(worker, HWS_EVENT_PATH), 1);
    expect_agreement();
    world_fini(&world);
}
END_TEST

START_TEST(at_a_restart_of_the_impolite_side)
{
    connect_pair((uint64_t)_i + 80);
    both_act(_i, RESTART, OFFER);
    world_pass(&world, HWS_SEC(5));
    ck_assert_int_eq(offers[0], 1);
    ck_assert_int_eq(offers[1], 1);
    ck_assert_uint_eq(world_count(client, HWS_EVENT_PATH), 1);
    ck_assert_uint_eq(world_count(worker, HWS_EVENT_PATH), 1);
    expect_agreement();
    world_fini(&world);
}
END_TEST

/* Again and again, at moments from a seed, over signalling of changing speed and a lossy path. */
START_TEST(over_and_over)
{
    uint32_t random = (uint32_t)_i * 2654435761u + 1;

    connect_pair((uint64_t)_i + 100);
    world.loss_percent = 3;
    for (int i = 0; i < 60; i++) {
        struct world_peer *peer;

        random = random * 1664525u + 1013904223u;
        peer = random >> 31 ? client : worker;
        /* Refused while one of its own is under way. */
        if (random >> 30 & 1)
            (void)!hws_peer_restart_ice(peer->peer, world.now);
        else
            (void)!hws_peer_offer(peer->peer, world.now);
        world_pass(&world, HWS_MS((random >> 8 & 63)));
    }
    world.loss_percent = 0;
    world_pass(&world, HWS_SEC(30));
    expect_agreement();
    world_fini(&world);
}
END_TEST

/* An offer that the polite side must refuse leaves its own where it is. */
START_TEST(a_bad_offer_makes_nobody_give_way)
{
    struct hws_signal bad = {.kind = HWS_SIGNAL_OFFER, .text = hws_bytes_of("v=0\r\n")};
    char ufrag[64];

    connect_pair(200);
    ck_assert_int_eq(hws_peer_restart_ice(worker->peer, world.now), HWS_OK);
    (void)snprintf(ufrag, sizeof(ufrag), "%s", hws_ice_ufrag(worker->peer->ice));
    ck_assert_int_eq(hws_peer_signal(worker->peer, &bad, world.now), HWS_ERR_MALFORMED);
    ck_assert_int_eq(hws_neg_state(worker->peer->neg), HWS_NEG_LOCAL_OFFER);
    ck_assert_str_eq(ufrag, hws_ice_ufrag(worker->peer->ice));
    world_pass(&world, HWS_SEC(3));
    expect_agreement();
    world_fini(&world);
}
END_TEST

static void expect_refusal(struct world_peer *peer, const char *what)
{
    struct hws_fault fault = hws_peer_fault(peer->peer);

    ck_assert_int_eq(fault.err, HWS_ERR_STATE);
    ck_assert_msg(strstr(hws_peer_fault_text(peer->peer), what) != NULL, "no '%s' in '%s'", what,
                  hws_peer_fault_text(peer->peer));
}

START_TEST(a_refusal_says_why)
{
    connect_pair(201);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_ERR_STATE);
    expect_refusal(client, "rollback is refused in state stable of negotiation, which takes "
                           "send-offer, recv-offer, close");
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_ERR_STATE);
    expect_refusal(client, "send-offer is refused in state have-local-offer");
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("glare");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, at_the_first_offer, 0, MOMENTS);
    tcase_add_loop_test(tc, at_later_offers, 0, MOMENTS);
    tcase_add_loop_test(tc, at_two_restarts, 0, MOMENTS);
    tcase_add_loop_test(tc, at_a_restart_of_the_polite_side, 0, MOMENTS);
    tcase_add_loop_test(tc, at_a_restart_of_the_impolite_side, 0, MOMENTS);
    tcase_add_loop_test(tc, over_and_over, 0, 20);
    tcase_add_test(tc, a_bad_offer_makes_nobody_give_way);
    tcase_add_test(tc, a_refusal_says_why);
    return run_case("peer glare", tc);
}
