/* Later offers of two whole peers in virtual time: such that change nothing, ICE restarts, and
 * offers that are taken back. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"
#include "ice/ice_internal.h"
#include "peer/peer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 8 * 1024 };

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static struct hws_channel channel;

/* What each of the two signalled: the last offer and answer, and the candidates. */
static struct said {
    char offer[TEXT_MAX], answer[TEXT_MAX], candidate[TEXT_MAX];
    int offers, answers, candidates;
} said[2];

static struct said *said_by(const struct world_peer *peer)
{
    return &said[peer == worker];
}

static void note(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    struct said *it = said_by(from);
    char *copy = kind == HWS_SIGNAL_OFFER    ? it->offer
                 : kind == HWS_SIGNAL_ANSWER ? it->answer
                                             : it->candidate;

    (void)cap;
    ck_assert_uint_lt(strlen(text), TEXT_MAX);
    memcpy(copy, text, strlen(text) + 1);
    it->offers += kind == HWS_SIGNAL_OFFER;
    it->answers += kind == HWS_SIGNAL_ANSWER;
    it->candidates += kind == HWS_SIGNAL_CANDIDATE;
}

static void make_pair(uint64_t seed, const struct hws_peer_config *config)
{
    world_init(&world, seed);
    world.edit = note;
    client = world_add(&world, config);
    worker = world_add(&world, config);
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

static void connect_pair(uint64_t seed)
{
    make_pair(seed, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    world_pass(&world, HWS_MS(500)); /* for the nomination */
}

static struct world_peer *side(int i)
{
    return i == 0 ? client : worker;
}

static bool is_closed(void)
{
    return world_saw(client, HWS_EVENT_CLOSED) || world_saw(worker, HWS_EVENT_CLOSED);
}

/* One message each way arrives within @p limit. */
static void expect_data(hws_time limit)
{
    size_t at_client = client->message_count, at_worker = worker->message_count;
    hws_time until = world.now + limit;

    ck_assert_int_eq(
        hws_peer_send(client->peer, channel, HWS_TEXT, hws_bytes_of("there"), world.now), HWS_OK);
    ck_assert_int_eq(
        hws_peer_send(worker->peer, worker->channel, HWS_TEXT, hws_bytes_of("back"), world.now),
        HWS_OK);
    while (client->message_count == at_client || worker->message_count == at_worker) {
        ck_assert_msg(world.now < until && !is_closed(), "at %lld: client: %s; worker: %s",
                      (long long)world.now, hws_peer_fault_text(client->peer),
                      hws_peer_fault_text(worker->peer));
        world_pass(&world, HWS_MS(1));
    }
}

/* The value of the first "a=NAME:VALUE" or "o=" line. */
static const char *value(const char *text, const char *start, char out[128])
{
    const char *at = strstr(text, start);
    size_t len;

    ck_assert_msg(at != NULL, "'%s' is not in\n%s", start, text);
    at += strlen(start);
    len = strcspn(at, "\r");
    ck_assert_uint_lt(len, 128);
    memcpy(out, at, len);
    out[len] = '\0';
    return out;
}

static void expect_same(const char *start, const char *a, const char *b, bool same)
{
    char x[128], y[128];

    ck_assert_msg((strcmp(value(a, start, x), value(b, start, y)) == 0) == same, "%s%s and %s",
                  start, x, y);
}

/* ---- Later offers */

START_TEST(a_later_offer_changes_nothing)
{
    struct said first, *now = &said[_i], *other = &said[!_i];
    struct world_peer *peer;
    unsigned long long id, version, later_id, later_version;
    char a[128], b[128];

    connect_pair(1);
    peer = side(_i);
    first = said[0];
    peer->event_count = peer->remote->event_count = 0;
    ck_assert_int_eq(hws_peer_offer(peer->peer, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(peer->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_restart_ice(peer->peer, world.now), HWS_ERR_STATE);
    world_pass(&world, HWS_SEC(1));
    ck_assert_int_eq(
        sscanf(value(_i ? said[1].answer : first.offer, "o=- ", a), "%llu %llu", &id, &version), 2);
    ck_assert_int_eq(sscanf(value(now->offer, "o=- ", b), "%llu %llu", &later_id, &later_version),
                     2);
    ck_assert_uint_eq(id, later_id);
    ck_assert_uint_eq(version + 1, later_version);
    expect_same("a=ice-ufrag:", now->offer, _i ? now->answer : first.offer, true);
    expect_same("a=ice-pwd:", now->offer, _i ? now->answer : first.offer, true);
    expect_same("a=mid:", now->offer, first.offer, true);
    expect_same("m=", now->offer, first.offer, true);
    expect_same("a=group:", now->offer, first.offer, true);
    ck_assert_ptr_nonnull(strstr(now->offer, "a=setup:actpass\r\n"));
    ck_assert_ptr_nonnull(strstr(now->offer, "a=candidate:"));
    ck_assert_ptr_nonnull(strstr(now->offer, "a=end-of-candidates\r\n"));
    /* The worker answered first, as the active one, and stays it. */
    ck_assert_ptr_nonnull(strstr(other->answer, _i ? "a=setup:passive" : "a=setup:active"));
    ck_assert_uint_eq(client->event_count + worker->event_count, 0);
    ck_assert_int_eq(hws_neg_state(client->peer->neg), HWS_NEG_STABLE);
    ck_assert_int_eq(hws_neg_state(worker->peer->neg), HWS_NEG_STABLE);
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

/* What an answer to a later offer must not change. */
static const struct {
    const char *from, *to;
} changes[] = {
    {"a=ice-ufrag:",     "a=ice-ufrag:x"   },
    {"a=ice-pwd:",       "a=ice-pwd:x"     },
    {"a=sctp-port:5000", "a=sctp-port:5001"},
};

static void replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    size_t before = strlen(from), after = strlen(to);

    ck_assert_msg(at != NULL, "'%s' is not in\n%s", from, text);
    memmove(at + after, at + before, strlen(at + before) + 1);
    memcpy(at, to, after);
}

static enum hws_err tell(struct world_peer *peer, enum hws_signal_kind kind, const char *text)
{
    return hws_peer_signal(
        peer->peer, &(struct hws_signal){.kind = kind, .text = hws_bytes_of(text)}, world.now);
}

START_TEST(an_answer_keeps_to_the_association)
{
    char text[TEXT_MAX];

    connect_pair(2);
    client->remote = NULL; /* the answer is ours to give */
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    memcpy(text, said[1].answer, sizeof(text));
    replace(text, changes[_i].from, changes[_i].to);
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, text), HWS_ERR_MISMATCH);
    ck_assert_int_eq(hws_neg_state(client->peer->neg), HWS_NEG_LOCAL_OFFER);
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, said[1].answer), HWS_OK);
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, said[1].answer), HWS_ERR_STATE);
    client->remote = worker;
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

/* Firefox says "active" there even where it is the server, and stays the server. */
START_TEST(an_answer_does_not_change_the_roles)
{
    char text[TEXT_MAX];

    connect_pair(2);
    client->remote = NULL; /* the answer is ours to give */
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    memcpy(text, said[1].answer, sizeof(text));
    replace(text, "a=setup:active", "a=setup:passive");
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, text), HWS_OK);
    ck_assert_int_eq(client->peer->dtls_role, HWS_DTLS_SERVER);
    client->remote = worker;
}
END_TEST

START_TEST(an_answer_of_another_certificate_is_refused)
{
    char text[TEXT_MAX], *at;

    connect_pair(3);
    client->remote = NULL;
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    memcpy(text, said[1].answer, sizeof(text));
    at = strstr(text, "sha-256 ");
    ck_assert_ptr_nonnull(at);
    at[8] = at[8] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, text), HWS_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(hws_peer_fault_text(client->peer), "association"));
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, said[1].answer), HWS_OK);
    world_fini(&world);
}
END_TEST

/* ---- Restart */

static bool paths_renewed(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_PATH) && world_saw(worker, HWS_EVENT_PATH);
}

static void restart_from(struct world_peer *peer)
{
    client->event_count = worker->event_count = 0;
    ck_assert_int_eq(hws_peer_restart_ice(peer->peer, world.now), HWS_OK);
    ck_assert_msg(world_run(&world, HWS_SEC(30), paths_renewed), "client: %s; worker: %s",
                  hws_peer_fault_text(client->peer), hws_peer_fault_text(worker->peer));
}

START_TEST(a_restart_from_either_side)
{
    char before[2][128], text[128];
    struct world_peer *peer;

    connect_pair(4);
    peer = side(_i);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(before[i], sizeof(before[i]), "%s", hws_ice_ufrag(side(i)->peer->ice));
    }
    restart_from(peer);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_ne(before[i], hws_ice_ufrag(side(i)->peer->ice));
    }
    ck_assert_str_eq(value(said_by(peer)->offer, "a=ice-ufrag:", text),
                     hws_ice_ufrag(peer->peer->ice));
    ck_assert_ptr_nonnull(strstr(said_by(peer)->offer, "a=candidate:"));
    /* RFC 8445 section 6.1.1: the roles stay, whoever restarts. */
    ck_assert(hws_ice_is_controlling(client->peer->ice));
    ck_assert(!hws_ice_is_controlling(worker->peer->ice));
    world_pass(&world, HWS_SEC(1));
    ck_assert(!hws_ice_is_searching(client->peer->ice));
    ck_assert(!hws_ice_is_searching(worker->peer->ice));
    expect_data(HWS_MS(100));
    world_pass(&world, HWS_SEC(90)); /* consent goes on, on the new path */
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

START_TEST(restarts_one_after_the_other)
{
    connect_pair(5);
    world.loss_percent = 5;
    world.jitter = HWS_MS(5);
    for (int i = 0; i < 12; i++) {
        restart_from(side(i % 3 == 0));
        /* Some come before the one before is nominated, on which side ever. */
        if (i % 2) world_pass(&world, HWS_SEC(1));
        expect_data(HWS_SEC(5));
    }
    world.loss_percent = 0;
    world_pass(&world, HWS_SEC(60));
    expect_data(HWS_MS(100));
    ck_assert(hws_ice_is_controlling(client->peer->ice));
    ck_assert(!hws_ice_is_controlling(worker->peer->ice));
    world_fini(&world);
}
END_TEST

/* The signalling is slow: data and consent go on over the path of before, for minutes. */
START_TEST(data_goes_on_while_a_restart_is_under_way)
{
    connect_pair(6);
    world.signal_delay = HWS_SEC(60);
    client->event_count = worker->event_count = 0;
    ck_assert_int_eq(hws_peer_restart_ice(side(_i)->peer, world.now), HWS_OK);
    for (int i = 0; i < 119; i++) {
        hws_time before = world.now;

        expect_data(HWS_MS(50));
        ck_assert(!paths_renewed(&world));
        world_pass(&world, before + HWS_SEC(1) - world.now);
    }
    ck_assert(world_run(&world, HWS_SEC(5), paths_renewed));
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

START_TEST(a_restart_needs_a_connection)
{
    make_pair(7, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_ERR_STATE);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    hws_peer_close(client->peer, world.now);
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

static size_t remote_count(const struct world_peer *peer)
{
    struct hws_ice_stats stats;

    hws_ice_stats(peer->peer->ice, &stats);
    return stats.remote_count;
}

/* With the old ufrag, and with none while the restart is not answered. */
START_TEST(candidates_of_the_generation_before_are_dropped)
{
    static const char line[] = "candidate:1 1 udp 2130706431 10.9.9.9 9 typ host";
    char old[64];
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE, .text = hws_bytes_of(line)};

    connect_pair(8);
    (void)snprintf(old, sizeof(old), "%s", hws_ice_ufrag(worker->peer->ice));
    if (_i == 0) signal.ufrag = old;
    if (_i == 2) restart_from(client);
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    if (_i == 2) signal.ufrag = old;
    ck_assert_int_eq(hws_peer_signal(client->peer, &signal, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(remote_count(client), 1); /* the worker's own */
    ck_assert_int_eq(hws_peer_signal(client->peer, &signal, world.now), HWS_OK);
    ck_assert_uint_eq(remote_count(client), _i == 1 ? 2 : 1);
    world_fini(&world);
}
END_TEST

/* The client wakes up in another network: its old address is dead, the new one is announced by the
 * restart. The second time the signalling takes longer than consent lasts. */
START_TEST(a_restart_moves_to_another_network)
{
    struct hws_path path;

    connect_pair(9);
    if (_i == 1) world.signal_delay = HWS_SEC(15);
    client->addr.ip[3] = 77;
    ck_assert_int_eq(hws_peer_add_local(client->peer, &client->addr, world.now), HWS_OK);
    if (_i == 1) world_pass(&world, HWS_SEC(8));
    client->event_count = worker->event_count = 0;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    ck_assert_msg(world_run(&world, HWS_SEC(90), paths_renewed), "client: %s; worker: %s",
                  hws_peer_fault_text(client->peer), hws_peer_fault_text(worker->peer));
    world_pass(&world, HWS_SEC(1));
    ck_assert(hws_peer_path(client->peer, &path));
    ck_assert_mem_eq(&path.local, &client->addr, sizeof(path.local));
    expect_data(HWS_SEC(70)); /* SCTP waits longer and longer between its tries */
    world_fini(&world);
}
END_TEST

/* Nobody answers, and the path of before dies meanwhile: not for ever. */
START_TEST(a_restart_that_is_never_answered_ends)
{
    hws_time before;

    make_pair(10, &(struct hws_peer_config){.connect_limit = HWS_SEC(20)});
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    world_pass(&world, HWS_SEC(1));
    client->remote = NULL;
    worker->mute = true;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    before = world.now;
    while (!world_saw(client, HWS_EVENT_CLOSED)) {
        world_pass(&world, HWS_SEC(1));
        ck_assert_int_lt(world.now - before, HWS_SEC(60));
    }
    ck_assert_int_ge(world.now - before, HWS_SEC(45));
    ck_assert_int_eq(hws_peer_fault(client->peer).err, HWS_ERR_TIMEOUT);
    world_fini(&world);
}
END_TEST

/* ---- Taken back */

START_TEST(a_restart_is_taken_back)
{
    char ufrag[64];

    connect_pair(11);
    (void)snprintf(ufrag, sizeof(ufrag), "%s", hws_ice_ufrag(client->peer->ice));
    client->remote = NULL; /* the offer goes nowhere */
    for (int i = 0; i < 3; i++) {
        client->event_count = worker->event_count = 0;
        ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
        ck_assert_str_ne(ufrag, hws_ice_ufrag(client->peer->ice));
        world_pass(&world, HWS_SEC(40));
        ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
        ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_ERR_STATE);
        ck_assert_str_eq(ufrag, hws_ice_ufrag(client->peer->ice));
        ck_assert(!hws_ice_is_searching(client->peer->ice));
        world_pass(&world, HWS_SEC(70)); /* consent goes on with the credentials of before */
        expect_data(HWS_MS(100));
        ck_assert_uint_eq(client->event_count + worker->event_count, 0);
    }
    client->remote = worker;
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK); /* no restart any more */
    world_pass(&world, HWS_SEC(1));
    ck_assert_int_eq(hws_neg_state(client->peer->neg), HWS_NEG_STABLE);
    restart_from(worker);
    restart_from(client);
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

/* Before anything is nominated the checks of before must go on. */
START_TEST(a_restart_is_taken_back_before_nomination)
{
    connect_pair(12);
    restart_from(client);
    world_pass(&world, HWS_SEC(1));
    client->event_count = worker->event_count = 0;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_MS(11)); /* the answer is in, the first checks are on their way */
    ck_assert(hws_ice_is_searching(client->peer->ice));
    client->remote = NULL;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_MS(100));
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    client->remote = worker;
    ck_assert_msg(world_run(&world, HWS_SEC(5), paths_renewed), "the checks of before are lost");
    world_pass(&world, HWS_SEC(60));
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

/* Consent ran out meanwhile: there is nothing to return to. */
START_TEST(a_restart_taken_back_without_a_path_ends)
{
    connect_pair(13);
    client->remote = NULL;
    worker->mute = true;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(35));
    ck_assert(!world_saw(client, HWS_EVENT_CLOSED));
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    world_pass(&world, 1);
    ck_assert(world_saw(client, HWS_EVENT_CLOSED));
    ck_assert_int_eq(hws_peer_fault(client->peer).err, HWS_ERR_TIMEOUT);
    world_fini(&world);
}
END_TEST

/* A candidate of the generation that comes back, while it was away. */
START_TEST(a_candidate_waits_for_its_generation)
{
    static const char line[] = "candidate:1 1 udp 2130706431 10.9.9.9 9 typ host";
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE, .text = hws_bytes_of(line)};

    connect_pair(14);
    client->remote = NULL;
    ck_assert_int_eq(hws_peer_restart_ice(client->peer, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_signal(client->peer, &signal, world.now), HWS_OK);
    signal.text.len = 0; /* so is their end */
    ck_assert_int_eq(hws_peer_signal(client->peer, &signal, world.now), HWS_OK);
    ck_assert(!client->peer->ice->remote_ended);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    ck_assert_uint_eq(remote_count(client), 2);
    world_fini(&world);
}
END_TEST

START_TEST(there_must_be_an_offer_to_take_back)
{
    make_pair(15, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1)); /* it never went out */
    ck_assert_int_eq(said[0].offers + said[0].candidates, 0);
    ck_assert_int_eq(hws_peer_deadline(client->peer), HWS_NEVER);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_ERR_STATE);
    ck_assert_int_eq(hws_peer_rollback(worker->peer, world.now), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

/* Both offer at once, the client gives way: it becomes the answerer, controlled and active, and
 * the channel that it opened is announced all the same. */
START_TEST(both_offer_at_once)
{
    make_pair((uint64_t)_i + 16, &(struct hws_peer_config){0});
    world.loss_percent = _i % 2 ? 10 : 0;
    client->polite = true;
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    if (_i > 2) world_pass(&world, HWS_MS(3));
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    ck_assert_msg(world_run(&world, HWS_SEC(20), both_open), "client: %s; worker: %s",
                  hws_peer_fault_text(client->peer), hws_peer_fault_text(worker->peer));
    ck_assert_int_eq(said[0].offers + said[1].offers, 2);
    ck_assert_int_eq(said[0].answers, 1);
    ck_assert(!hws_ice_is_controlling(client->peer->ice));
    ck_assert(hws_ice_is_controlling(worker->peer->ice));
    ck_assert_ptr_nonnull(strstr(said[0].answer, "a=setup:active\r\n"));
    ck_assert_ptr_nonnull(strstr(said[0].answer, "a=candidate:"));
    world.loss_percent = 0;
    expect_data(HWS_SEC(5));
    world_fini(&world);
}
END_TEST

/* And once they are connected: with later offers, and with restarts of both. */
START_TEST(both_offer_anew_at_once)
{
    connect_pair(30);
    client->polite = _i % 2 == 0;
    worker->polite = !client->polite;
    client->event_count = worker->event_count = 0;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(_i < 2 ? hws_peer_offer(side(i)->peer, world.now)
                                : hws_peer_restart_ice(side(i)->peer, world.now),
                         HWS_OK);
    }
    world_pass(&world, HWS_SEC(1));
    ck_assert_int_eq(hws_neg_state(client->peer->neg), HWS_NEG_STABLE);
    ck_assert_int_eq(hws_neg_state(worker->peer->neg), HWS_NEG_STABLE);
    ck_assert(paths_renewed(&world) == (_i >= 2));
    ck_assert(hws_ice_is_controlling(client->peer->ice));
    world_pass(&world, HWS_SEC(60));
    expect_data(HWS_MS(100));
    world_fini(&world);
}
END_TEST

/* The other side had answered already: it hears another offer, with the same credentials. */
START_TEST(an_answered_offer_is_taken_back)
{
    make_pair(31, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_MS(6));
    ck_assert_int_eq(said[1].answers, 1);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1)); /* the answer finds no offer */
    ck_assert(!is_closed());
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    world_fini(&world);
}
END_TEST

/* A candidate that was trickled under an offer taken back is in the next description. */
START_TEST(candidates_outlive_the_offer)
{
    struct hws_peer_config config = {0};
    struct hws_address addr = {
        .ip = {10, 0, 0, 50},
          .port = 5, .family = HWS_FAMILY_IP4
    };
    struct hws_signal signal;
    struct hws_peer *peer;
    char text[TEXT_MAX];

    make_pair(32, &(struct hws_peer_config){0});
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    world_pass(&world, 1);
    config.stack = world.stack;
    config.identity = world.identity;
    config.random = client->peer->config.random;
    ck_assert_int_eq(hws_peer_new(&config, world.now, &peer), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(peer, world.now), HWS_OK);
    ck_assert(hws_peer_next_signal(peer, &signal));
    ck_assert_int_eq(signal.kind, HWS_SIGNAL_OFFER);
    for (addr.port = 5; addr.port < 7; addr.port++) {
        ck_assert_int_eq(hws_peer_add_local(peer, &addr, world.now), HWS_OK);
    }
    ck_assert(hws_peer_next_signal(peer, &signal));
    ck_assert_int_eq(signal.kind, HWS_SIGNAL_CANDIDATE);
    ck_assert_int_eq(hws_peer_rollback(peer, world.now), HWS_OK);
    ck_assert(!hws_peer_next_signal(peer, &signal));
    ck_assert_int_eq(hws_peer_add_local(peer, &addr, world.now), HWS_OK); /* at rest */
    ck_assert(!hws_peer_next_signal(peer, &signal));
    signal = (struct hws_signal){.kind = HWS_SIGNAL_OFFER, .text = hws_bytes_of(text)};
    ck_assert_int_eq(tell(worker, HWS_SIGNAL_ANSWER, "v=0\r\n"), HWS_ERR_MALFORMED);
    memcpy(text, said[1].offer, sizeof(text));
    signal.text = hws_bytes_of(text);
    ck_assert_int_eq(hws_peer_signal(peer, &signal, world.now), HWS_OK);
    ck_assert(hws_peer_next_signal(peer, &signal));
    ck_assert_int_eq(signal.kind, HWS_SIGNAL_ANSWER);
    memcpy(text, signal.text.data, signal.text.len);
    text[signal.text.len] = '\0';
    for (int port = 5; port < 8; port++) {
        char want[64];

        (void)snprintf(want, sizeof(want), " 10.0.0.50 %d typ host", port);
        ck_assert_msg(strstr(text, want) != NULL, "%s is not in\n%s", want, text);
    }
    addr.port = 8;
    ck_assert_int_eq(hws_peer_add_local(peer, &addr, world.now), HWS_OK); /* trickled again */
    ck_assert(hws_peer_next_signal(peer, &signal));
    ck_assert_int_eq(signal.kind, HWS_SIGNAL_CANDIDATE);
    hws_peer_free(peer);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("offers");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_later_offer_changes_nothing, 0, 2);
    tcase_add_loop_test(tc, an_answer_keeps_to_the_association, 0,
                        (int)(sizeof(changes) / sizeof(changes[0])));
    tcase_add_test(tc, an_answer_does_not_change_the_roles);
    tcase_add_test(tc, an_answer_of_another_certificate_is_refused);
    tcase_add_loop_test(tc, a_restart_from_either_side, 0, 2);
    tcase_add_test(tc, restarts_one_after_the_other);
    tcase_add_loop_test(tc, data_goes_on_while_a_restart_is_under_way, 0, 2);
    tcase_add_test(tc, a_restart_needs_a_connection);
    tcase_add_loop_test(tc, candidates_of_the_generation_before_are_dropped, 0, 3);
    tcase_add_loop_test(tc, a_restart_moves_to_another_network, 0, 2);
    tcase_add_test(tc, a_restart_that_is_never_answered_ends);
    tcase_add_test(tc, a_restart_is_taken_back);
    tcase_add_test(tc, a_restart_is_taken_back_before_nomination);
    tcase_add_test(tc, a_restart_taken_back_without_a_path_ends);
    tcase_add_test(tc, a_candidate_waits_for_its_generation);
    tcase_add_test(tc, there_must_be_an_offer_to_take_back);
    tcase_add_loop_test(tc, both_offer_at_once, 0, 6);
    tcase_add_loop_test(tc, both_offer_anew_at_once, 0, 4);
    tcase_add_test(tc, an_answered_offer_is_taken_back);
    tcase_add_test(tc, candidates_outlive_the_offer);
    return run_case("peer restart", tc);
}
