/* The router's rules, one by one, as clients and workers see them. */
#include "base/bytes.h"
#include "support/router_world.h"
#include "support/suite.h"

#include <string.h>

static struct world world;

static void setup(void)
{
    struct hws_limits limits = world_limits();

    world_init(&world, &limits, 1);
}

static void teardown(void)
{
    world_fini(&world);
}

static void restart(const struct hws_limits *limits)
{
    world_fini(&world);
    world_init(&world, limits, 1);
}

/* ---- Words of the tests */

static struct hws_envelope letter(enum hws_rtc_event event, const char *text)
{
    return (struct hws_envelope){.event = event, .payload = hws_bytes_of(text)};
}

static enum hws_err say(struct peer *peer, enum hws_rtc_event event, int64_t worker,
                        const char *text)
{
    struct hws_envelope envelope = letter(event, text);

    envelope.worker = worker;
    return world_say(&world, peer, &envelope);
}

static enum hws_err say_in(struct peer *peer, uint64_t session, enum hws_rtc_event event,
                           const char *text)
{
    struct hws_envelope envelope = letter(event, text);

    envelope.session = session;
    return world_say(&world, peer, &envelope);
}

static enum hws_err say_numbered(struct peer *peer, uint64_t session, enum hws_rtc_event event,
                                 uint64_t number)
{
    struct hws_envelope envelope = letter(event, "x");

    envelope.worker = 7;
    envelope.session = session;
    envelope.sequence = number;
    return world_say(&world, peer, &envelope);
}

/* The next message is this one; gives its session. */
static uint64_t expect(struct peer *peer, enum hws_rtc_event event, const char *text,
                       uint64_t number)
{
    struct hws_envelope got;

    ck_assert_msg(world_take(peer, &got), "no %s came", hws_rtc_event_name(event));
    ck_assert_str_eq(hws_rtc_event_name(got.event), hws_rtc_event_name(event));
    ck_assert_msg(hws_bytes_equal(got.payload, hws_bytes_of(text)), "payload %.*s, not %s",
                  (int)got.payload.len, (const char *)got.payload.data, text);
    ck_assert_uint_eq(got.sequence, number);
    return got.session;
}

static void expect_nothing(struct peer *peer)
{
    struct hws_envelope got;

    ck_assert_msg(!world_take(peer, &got), "%s came", hws_rtc_event_name(got.event));
}

static void expect_open(const struct peer *peer)
{
    ck_assert_msg(peer->status == STILL_OPEN, "ended with %d: %s", peer->status, peer->text);
}

static void expect_end(const struct peer *peer, enum hws_status status, const char *part)
{
    ck_assert_msg(peer->status == (int)status, "status %d (%s), not %d", peer->status, peer->text,
                  (int)status);
    ck_assert_msg(strstr(peer->text, part) != NULL, "\"%s\" does not say \"%s\"", peer->text, part);
}

static struct peer *enrolled(int64_t id)
{
    struct peer *worker = world_join(&world, HWS_SIDE_WORKER);

    ck_assert_int_eq(say(worker, HWS_RTC_BLANK, id, ""), HWS_OK);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 0), 0);
    return worker;
}

/* A client in session with @p worker, registered as 7. */
static struct peer *in_session(struct peer *worker, uint64_t *out_session)
{
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);

    ck_assert_int_eq(say(client, HWS_RTC_OFFER, 7, "offer"), HWS_OK);
    *out_session = expect(worker, HWS_RTC_OFFER, "offer", 1);
    ck_assert_uint_ne(*out_session, 0);
    return client;
}

/* Whatever happened, nothing of it stays when all have left. */
static void expect_empty(void)
{
    struct hws_router_counts counts;

    for (size_t i = 0; i < PEER_MAX; i++) {
        if (world.peers[i].is_open) world_leave(&world, &world.peers[i]);
    }
    counts = hws_router_counts(world.router);
    ck_assert_uint_eq(counts.streams, 0);
    ck_assert_uint_eq(counts.workers, 0);
    ck_assert_uint_eq(counts.clients, 0);
    ck_assert_uint_eq(counts.seats, 0);
    ck_assert_uint_eq(counts.queued_len, 0);
    ck_assert(hws_router_deadline(world.router) == HWS_NEVER);
}

/* ---- Registration */

START_TEST(any_first_message_registers)
{
    for (int event = 0; event < HWS_RTC_EVENT_COUNT; event++) {
        struct peer *worker = world_join(&world, HWS_SIDE_WORKER);

        ck_assert_int_eq(say(worker, (enum hws_rtc_event)event, 100 + event, "ignored"), HWS_OK);
        (void)expect(worker, HWS_RTC_BLANK, "", 0);
        expect_nothing(worker);
        expect_open(worker);
    }
    ck_assert_uint_eq(hws_router_counts(world.router).workers, HWS_RTC_EVENT_COUNT);
    expect_empty();
}
END_TEST

START_TEST(worker_ids)
{
    struct peer *zero = world_join(&world, HWS_SIDE_WORKER);
    struct peer *negative = enrolled(-1);
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);

    ck_assert_int_eq(say(zero, HWS_RTC_BLANK, 0, ""), HWS_ERR_MALFORMED);
    expect_end(zero, HWS_STATUS_INVALID_ARGUMENT, "worker_machine_id");
    ck_assert_int_eq(say(client, HWS_RTC_OFFER, -1, "o"), HWS_OK);
    (void)expect(negative, HWS_RTC_OFFER, "o", 1);
    /* In later messages 0 means "as before", another id is refused. */
    ck_assert_int_eq(say(negative, HWS_RTC_PING, 0, "p"), HWS_OK);
    (void)expect(negative, HWS_RTC_PING, "p", 0);
    ck_assert_int_eq(say(negative, HWS_RTC_PING, 5, "p"), HWS_ERR_MISMATCH);
    expect_end(negative, HWS_STATUS_INVALID_ARGUMENT, "worker_machine_id");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "-1");
    expect_empty();
}
END_TEST

START_TEST(newest_registration_wins)
{
    uint64_t session;
    struct peer *old = enrolled(7);
    struct peer *client = in_session(old, &session);
    struct peer *young = enrolled(7);

    expect_end(old, HWS_STATUS_ALREADY_EXISTS, "7");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "7");
    ck_assert_int_eq(say_in(old, session, HWS_RTC_ANSWER, "late"), HWS_ERR_CLOSED);
    world_leave(&world, old); /* does not take the new registration with it */
    ck_assert_uint_eq(hws_router_counts(world.router).workers, 1);
    (void)in_session(young, &session);
    expect_empty();
}
END_TEST

/* ---- A session */

START_TEST(relays_a_whole_negotiation)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 7, "c1"), HWS_OK);
    ck_assert_int_eq(say(client, HWS_RTC_LOCAL_ICE_CANDIDATE, 0, "c2"), HWS_OK);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_LOCAL_ICE_CANDIDATE, "w1"), HWS_OK);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_ANSWER, "answer"), HWS_OK);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_ICE_CANDIDATE, ""), HWS_OK);
    ck_assert_int_eq(say(client, HWS_RTC_ACCEPT_ANSWER, 7, ""), HWS_OK);

    ck_assert_uint_eq(expect(worker, HWS_RTC_ICE_CANDIDATE, "c1", 2), session);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ICE_CANDIDATE, "c2", 3), session);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ACCEPT_ANSWER, "", 4), session);
    (void)expect(client, HWS_RTC_ICE_CANDIDATE, "w1", 1);
    (void)expect(client, HWS_RTC_ANSWER, "answer", 2);
    (void)expect(client, HWS_RTC_ICE_CANDIDATE, "", 3);

    /* Renegotiation, from either side. */
    ck_assert_int_eq(say(client, HWS_RTC_OFFER, 7, "offer 2"), HWS_OK);
    ck_assert_uint_eq(expect(worker, HWS_RTC_OFFER, "offer 2", 5), session);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_OFFER, "offer 3"), HWS_OK);
    (void)expect(client, HWS_RTC_OFFER, "offer 3", 4);
    ck_assert_int_eq(say(client, HWS_RTC_ANSWER, 7, "answer 3"), HWS_OK);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ANSWER, "answer 3", 6), session);
    expect_empty();
}
END_TEST

START_TEST(client_that_leaves_ends_its_session)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    world_leave(&world, client);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    expect_open(worker);
    ck_assert_uint_eq(hws_router_counts(world.router).seats, 0);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_ANSWER, "late"), HWS_ERR_NOT_FOUND);
    expect_open(worker);
    expect_empty();
}
END_TEST

START_TEST(worker_that_leaves_ends_its_sessions)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *first = in_session(worker, &session);
    struct peer *second = in_session(worker, &session);
    struct peer *third;

    world_leave(&world, worker);
    expect_end(first, HWS_STATUS_UNAVAILABLE, "worker 7");
    expect_end(second, HWS_STATUS_UNAVAILABLE, "worker 7");
    third = world_join(&world, HWS_SIDE_CLIENT);
    (void)say(third, HWS_RTC_OFFER, 7, "o");
    expect_end(third, HWS_STATUS_NOT_FOUND, "worker 7");
    expect_empty();
}
END_TEST

START_TEST(worker_that_half_closes_leaves)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    world_half_close(&world, worker);
    expect_end(worker, HWS_STATUS_OK, "");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "worker 7");
    expect_empty();
}
END_TEST

START_TEST(worker_ends_a_session)
{
    uint64_t one, two;
    struct peer *worker = enrolled(7);
    struct peer *first = in_session(worker, &one);
    struct peer *second = in_session(worker, &two);

    ck_assert_int_eq(say_in(worker, one, HWS_RTC_BLANK, ""), HWS_OK);
    expect_end(first, HWS_STATUS_OK, "");
    ck_assert_int_eq(say_in(worker, two, HWS_RTC_BLANK, "no room\n"), HWS_OK);
    expect_end(second, HWS_STATUS_ABORTED, "no room?"); /* no control characters in a status */
    expect_nothing(worker);
    expect_open(worker);
    ck_assert_uint_eq(hws_router_counts(world.router).seats, 0);
    expect_empty();
}
END_TEST

/* Ten clients at one worker: each gets its own answers, and only those. */
START_TEST(ten_clients_at_one_worker)
{
    enum { CLIENTS = 10 };
    struct peer *worker = enrolled(7);
    struct peer *clients[CLIENTS];
    uint64_t sessions[CLIENTS];
    char text[16];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = in_session(worker, &sessions[i]);
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(sessions[i], sessions[j]);
    }
    for (int i = CLIENTS - 1; i >= 0; i--) {
        (void)snprintf(text, sizeof(text), "for %d", i);
        ck_assert_int_eq(say_in(worker, sessions[i], HWS_RTC_ANSWER, text), HWS_OK);
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)snprintf(text, sizeof(text), "for %d", i);
        (void)expect(clients[i], HWS_RTC_ANSWER, text, 1);
        expect_nothing(clients[i]);
    }
    expect_empty();
}
END_TEST

START_TEST(session_of_another_worker_is_out_of_reach)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *thief = enrolled(8);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say_in(thief, session, HWS_RTC_ANSWER, "forged"), HWS_ERR_NOT_FOUND);
    ck_assert_int_eq(say_in(thief, session, HWS_RTC_BLANK, ""), HWS_ERR_NOT_FOUND);
    expect_nothing(client);
    expect_open(client);
    expect_open(thief);
    expect_empty();
}
END_TEST

/* ---- Refusals */

START_TEST(before_the_offer_only_ping)
{
    for (int event = 0; event < HWS_RTC_EVENT_COUNT; event++) {
        struct peer *client;

        if (event == HWS_RTC_OFFER) continue;
        client = world_join(&world, HWS_SIDE_CLIENT);
        if (event == HWS_RTC_PING) {
            ck_assert_int_eq(say(client, HWS_RTC_PING, 0, "time"), HWS_OK);
            (void)expect(client, HWS_RTC_PING, "time", 0);
            expect_open(client);
        } else {
            ck_assert_int_eq(say(client, (enum hws_rtc_event)event, 7, "x"), HWS_ERR_UNEXPECTED);
            expect_end(client, HWS_STATUS_FAILED_PRECONDITION,
                       hws_rtc_event_name((enum hws_rtc_event)event));
        }
    }
    expect_empty();
}
END_TEST

START_TEST(offers_that_go_nowhere)
{
    struct peer *unknown = world_join(&world, HWS_SIDE_CLIENT);
    struct peer *missing = world_join(&world, HWS_SIDE_CLIENT);

    ck_assert_int_eq(say(unknown, HWS_RTC_OFFER, 7, "o"), HWS_OK);
    expect_end(unknown, HWS_STATUS_NOT_FOUND, "worker 7");
    ck_assert_int_eq(say(missing, HWS_RTC_OFFER, 0, "o"), HWS_ERR_MALFORMED);
    expect_end(missing, HWS_STATUS_INVALID_ARGUMENT, "worker_machine_id");
    expect_empty();
}
END_TEST

START_TEST(another_worker_in_a_session)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *other = enrolled(8);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say(client, HWS_RTC_OFFER, 8, "o"), HWS_ERR_MISMATCH);
    expect_end(client, HWS_STATUS_INVALID_ARGUMENT, "worker_machine_id");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    expect_nothing(other);
    expect_empty();
}
END_TEST

static const struct {
    const char *packed;
    size_t len;
    const char *field;
} malformed[] = {
    {"\x10\x63",     2,  "event"            },
    {"\x0a\x01\x01", 3,  "worker_machine_id"},
    {"\x1a\x05\x01", 3,  "message"          },
    {"\x2a\x00",     2,  "sequence"         },
    {"GET / HTTP",   10, "unknown fields"   },
};

START_TEST(malformed_names_the_field)
{
    struct hws_bytes packed = {(const uint8_t *)malformed[_i].packed, malformed[_i].len};
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);
    struct peer *fresh = world_join(&world, HWS_SIDE_WORKER);
    struct peer *worker = enrolled(7);
    uint64_t session;
    struct peer *bystander = in_session(worker, &session);

    ck_assert_int_eq(world_say_bytes(&world, client, packed), HWS_ERR_MALFORMED);
    expect_end(client, HWS_STATUS_INVALID_ARGUMENT, malformed[_i].field);
    ck_assert_int_eq(world_say_bytes(&world, fresh, packed), HWS_ERR_MALFORMED);
    expect_end(fresh, HWS_STATUS_INVALID_ARGUMENT, malformed[_i].field);
    ck_assert_int_eq(world_say_bytes(&world, worker, packed), HWS_ERR_MALFORMED);
    expect_end(worker, HWS_STATUS_INVALID_ARGUMENT, malformed[_i].field);
    expect_end(bystander, HWS_STATUS_UNAVAILABLE, "worker 7");
    expect_empty();
}
END_TEST

/* ---- Programs of the earlier system: no session, no numbers */

START_TEST(earlier_worker_means_its_only_session)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 7, "a"), HWS_OK);
    (void)expect(client, HWS_RTC_ANSWER, "a", 1);
    ck_assert_int_eq(say(worker, HWS_RTC_BLANK, 7, ""), HWS_OK); /* without session: nothing */
    expect_open(client);
    expect_empty();
}
END_TEST

START_TEST(earlier_worker_with_two_sessions)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *first = in_session(worker, &session);
    struct peer *second = in_session(worker, &session);

    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 7, "whose?"), HWS_ERR_UNEXPECTED);
    expect_end(worker, HWS_STATUS_FAILED_PRECONDITION, "session");
    expect_end(first, HWS_STATUS_UNAVAILABLE, "7");
    expect_end(second, HWS_STATUS_UNAVAILABLE, "7");
    expect_empty();
}
END_TEST

START_TEST(earlier_worker_without_session)
{
    uint64_t session;
    struct peer *idle = enrolled(8);
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say(idle, HWS_RTC_ICE_CANDIDATE, 8, "c"), HWS_ERR_UNEXPECTED);
    expect_end(idle, HWS_STATUS_FAILED_PRECONDITION, "session");

    /* It may trickle on for a moment after its client has left. */
    world_leave(&world, client);
    world_wait(&world, HWS_SEC(9));
    ck_assert_int_eq(say(worker, HWS_RTC_ICE_CANDIDATE, 7, "c"), HWS_ERR_NOT_FOUND);
    expect_open(worker);
    world_wait(&world, HWS_SEC(2));
    ck_assert_int_eq(say(worker, HWS_RTC_ICE_CANDIDATE, 7, "c"), HWS_ERR_UNEXPECTED);
    expect_end(worker, HWS_STATUS_FAILED_PRECONDITION, "session");
    expect_empty();
}
END_TEST

/* ---- Numbers */

START_TEST(numbers_of_a_client)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);

    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_OFFER, 1), HWS_OK);
    session = expect(worker, HWS_RTC_OFFER, "x", 1);
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_PING, 0), HWS_OK); /* outside the count */
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_OFFER, 1), HWS_ERR_UNEXPECTED);
    expect_nothing(worker);                                             /* taken before */
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_PING, 2), HWS_OK); /* inside */
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_ICE_CANDIDATE, 3), HWS_OK);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ICE_CANDIDATE, "x", 2), session);
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_ICE_CANDIDATE, 5), HWS_ERR_UNEXPECTED);
    expect_end(client, HWS_STATUS_ABORTED, "sequence: 5 came where 4");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 3), session);
    expect_open(worker);
    expect_empty();
}
END_TEST

START_TEST(numbers_of_a_worker)
{
    uint64_t one, two;
    struct peer *worker = enrolled(7);
    struct peer *first = in_session(worker, &one);
    struct peer *second = in_session(worker, &two);

    ck_assert_int_eq(say_numbered(worker, one, HWS_RTC_ANSWER, 1), HWS_OK);
    ck_assert_int_eq(say_numbered(worker, two, HWS_RTC_ANSWER, 1), HWS_OK); /* of its own */
    ck_assert_int_eq(say_numbered(worker, one, HWS_RTC_ANSWER, 1), HWS_ERR_UNEXPECTED);
    (void)expect(first, HWS_RTC_ANSWER, "x", 1);
    expect_nothing(first);
    ck_assert_int_eq(say_numbered(worker, one, HWS_RTC_ICE_CANDIDATE, 3), HWS_ERR_UNEXPECTED);
    expect_end(first, HWS_STATUS_ABORTED, "sequence");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), one);
    expect_open(worker);
    ck_assert_int_eq(say_numbered(worker, two, HWS_RTC_ICE_CANDIDATE, 2), HWS_OK);
    (void)expect(second, HWS_RTC_ANSWER, "x", 1);
    (void)expect(second, HWS_RTC_ICE_CANDIDATE, "x", 2);
    expect_empty();
}
END_TEST

START_TEST(numbering_begins_and_goes_on)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_ICE_CANDIDATE, 1), HWS_OK);
    ck_assert_int_eq(say_numbered(client, 0, HWS_RTC_ICE_CANDIDATE, 0), HWS_ERR_UNEXPECTED);
    expect_end(client, HWS_STATUS_ABORTED, "sequence: 0 came where 2");
    expect_empty();
}
END_TEST

/* ---- The bus */

START_TEST(bus_that_repeats_is_not_heard_twice)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client;

    world.twice = 100;
    client = in_session(worker, &session);
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_ANSWER, "a"), HWS_OK);
    (void)expect(client, HWS_RTC_ANSWER, "a", 1);
    expect_nothing(worker);
    expect_nothing(client);
    expect_empty();
}
END_TEST

START_TEST(bus_that_loses_ends_the_session)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    world.lose_publish = 1; /* client to worker */
    (void)say(client, HWS_RTC_ICE_CANDIDATE, 7, "lost");
    (void)say(client, HWS_RTC_ICE_CANDIDATE, 7, "c");
    expect_end(client, HWS_STATUS_ABORTED, "bus");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);

    client = in_session(worker, &session);
    world.lose_publish = 1; /* worker to client */
    (void)say_in(worker, session, HWS_RTC_ANSWER, "lost");
    (void)say_in(worker, session, HWS_RTC_ICE_CANDIDATE, "c");
    expect_end(client, HWS_STATUS_ABORTED, "bus");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    expect_open(worker);
    expect_empty();
}
END_TEST

/* The end was lost, as when a process dies: the next message finds nobody. */
START_TEST(worker_that_vanished_from_the_bus)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    (void)say_in(worker, session, HWS_RTC_ANSWER, "a");
    world.lose_publish = 1;
    world_leave(&world, worker);
    expect_open(client);
    (void)say(client, HWS_RTC_ICE_CANDIDATE, 7, "c");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "worker 7");
    expect_empty();
}
END_TEST

START_TEST(bus_that_is_down)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    hws_router_bus_lost(world.router, session, world.now);
    world_pump(&world);
    expect_end(client, HWS_STATUS_UNAVAILABLE, "bus");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    hws_router_bus_lost(world.router, session, world.now); /* known no more */
    expect_empty();
}
END_TEST

/* What an earlier registration of the worker still had to say comes too late. */
START_TEST(frames_of_an_earlier_registration)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);
    struct hws_bus_frame frame = {.kind = HWS_BUS_RELAY,
                                  .session = session,
                                  .worker = 7,
                                  .epoch = 999, /* the first one is 1000 */
                                  .number = 2,
                                  .event = HWS_RTC_ANSWER};
    uint8_t bytes[HWS_BUS_FRAME_HEAD];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));
    struct hws_bus_delivery delivery = {.kind = HWS_BUS_TO_SESSION, .session = session};

    (void)say_in(worker, session, HWS_RTC_ANSWER, "a");
    (void)expect(client, HWS_RTC_ANSWER, "a", 1);
    hws_bus_frame_write(&out, &frame);
    delivery.bytes = hws_written(&out);
    ck_assert_int_eq(hws_router_feed_bus(world.router, &delivery, world.now), HWS_OK);
    world_pump(&world);
    expect_nothing(client);
    expect_open(client);
    expect_empty();
}
END_TEST

START_TEST(frames_that_are_no_frames)
{
    struct hws_bus_delivery delivery = {.kind = HWS_BUS_TO_WORKER, .bytes = hws_bytes_of("junk")};

    ck_assert_int_eq(hws_router_feed_bus(world.router, &delivery, world.now), HWS_ERR_MALFORMED);
    expect_empty();
}
END_TEST

/* ---- Limits */

static struct hws_envelope sized(enum hws_rtc_event event, size_t len)
{
    static uint8_t payload[HWS_ENVELOPE_MAX];

    return (struct hws_envelope){
        .worker = 7, .event = event, .payload = {payload, len}
    };
}

static const struct {
    enum hws_rtc_event event;
    size_t max;
    const char *limit;
} sizes[] = {
    {HWS_RTC_OFFER,               32768, "limit description"},
    {HWS_RTC_ANSWER,              32768, "limit description"},
    {HWS_RTC_ACCEPT_ANSWER,       32768, "limit description"},
    {HWS_RTC_ICE_CANDIDATE,       1024,  "limit candidate"  },
    {HWS_RTC_LOCAL_ICE_CANDIDATE, 1024,  "limit candidate"  },
    {HWS_RTC_BLANK,               1024,  "limit candidate"  },
    {HWS_RTC_PING,                1024,  "limit candidate"  },
};

START_TEST(sizes_of_a_client)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);
    struct hws_envelope envelope = sized(sizes[_i].event, sizes[_i].max);

    ck_assert_int_eq(world_say(&world, client, &envelope), HWS_OK);
    expect_open(client);
    envelope = sized(sizes[_i].event, sizes[_i].max + 1);
    ck_assert_int_eq(world_say(&world, client, &envelope), HWS_ERR_TOO_BIG);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, sizes[_i].limit);
    expect_open(worker);
    expect_empty();
}
END_TEST

START_TEST(sizes_of_a_worker)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);
    struct hws_envelope envelope = sized(sizes[_i].event, sizes[_i].max);

    envelope.session = session;
    if (envelope.event != HWS_RTC_BLANK) { /* which would end it */
        ck_assert_int_eq(world_say(&world, worker, &envelope), HWS_OK);
        expect_open(client);
    }
    envelope.payload.len++;
    ck_assert_int_eq(world_say(&world, worker, &envelope), HWS_ERR_TOO_BIG);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, sizes[_i].limit);
    expect_open(worker);
    expect_empty();
}
END_TEST

START_TEST(size_of_a_message)
{
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);
    struct hws_envelope envelope = sized(HWS_RTC_OFFER, HWS_ENVELOPE_MAX);

    ck_assert_int_eq(world_say(&world, client, &envelope), HWS_ERR_TOO_BIG);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit message");
    expect_empty();
}
END_TEST

/* 64 and the end mark, anew after each offer, in each direction. */
START_TEST(count_of_candidates)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 65; i++) {
            ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 7, "c"), HWS_OK);
            ck_assert_int_eq(say_in(worker, session, HWS_RTC_ICE_CANDIDATE, "c"), HWS_OK);
        }
        ck_assert_int_eq(say(client, HWS_RTC_OFFER, 7, "again"), HWS_OK);
    }
    for (int i = 0; i < 65; i++)
        (void)say(client, HWS_RTC_ICE_CANDIDATE, 7, "c");
    expect_open(client);
    ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 7, "c"), HWS_ERR_FULL);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit candidates");
    expect_open(worker);

    client = world_join(&world, HWS_SIDE_CLIENT);
    (void)say(client, HWS_RTC_OFFER, 7, "o");
    for (struct hws_envelope got; world_take(worker, &got);)
        session = got.session;
    for (int i = 0; i < 65; i++)
        (void)say_in(worker, session, HWS_RTC_ICE_CANDIDATE, "c");
    ck_assert_int_eq(say_in(worker, session, HWS_RTC_ICE_CANDIDATE, "c"), HWS_ERR_FULL);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit candidates");
    expect_open(worker);
    expect_empty();
}
END_TEST

START_TEST(slow_client_is_cut)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);
    int sent = 0;

    client->paused = true;
    while (client->status == STILL_OPEN) {
        struct hws_envelope envelope = sized(HWS_RTC_ANSWER, 32768);

        envelope.session = session;
        (void)world_say(&world, worker, &envelope);
        ck_assert_int_le(++sent, 9); /* one under way, seven fit into 256 KiB with their cost */
    }
    ck_assert_int_eq(sent, 9);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit session-queue");
    ck_assert(client->was_cut);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    ck_assert_uint_eq(hws_router_counts(world.router).queued_len, 0);
    expect_empty();
}
END_TEST

/* A worker that stalls costs the session that floods, not its other sessions. */
START_TEST(slow_worker_costs_the_flooding_session)
{
    uint64_t one, two;
    struct peer *worker = enrolled(7);
    struct peer *flood = in_session(worker, &one);
    struct peer *calm = in_session(worker, &two);
    struct hws_envelope envelope = sized(HWS_RTC_OFFER, 32768);
    bool told = false;

    worker->paused = true;
    for (int i = 0; i < 9 && flood->status == STILL_OPEN; i++) {
        (void)world_say(&world, flood, &envelope);
    }
    expect_end(flood, HWS_STATUS_RESOURCE_EXHAUSTED, "limit session-queue");
    ck_assert_int_eq(say(calm, HWS_RTC_ICE_CANDIDATE, 7, "still here"), HWS_OK);
    expect_open(calm);
    expect_open(worker);
    ck_assert_uint_eq(hws_router_counts(world.router).seats, 2); /* one says goodbye */
    world_resume(&world, worker);
    ck_assert_uint_eq(hws_router_counts(world.router).seats, 1);
    for (struct hws_envelope got; world_take(worker, &got);) {
        told |= got.event == HWS_RTC_BLANK && got.session == one;
    }
    ck_assert_msg(told, "the worker did not hear that the session is over");
    expect_empty();
}
END_TEST

START_TEST(worker_queue_is_bounded)
{
    struct hws_limits limits = world_limits();
    struct hws_envelope envelope = sized(HWS_RTC_OFFER, 32768);
    struct peer *worker, *client;
    uint64_t session;

    limits.worker_queue = 100000;
    restart(&limits);
    worker = enrolled(7);
    worker->paused = true;
    (void)say(worker, HWS_RTC_PING, 7, "under way");
    for (int i = 0; i < 3; i++) { /* three times 33 KiB fit */
        client = world_join(&world, HWS_SIDE_CLIENT);
        (void)world_say(&world, client, &envelope);
        expect_open(client);
    }
    client = world_join(&world, HWS_SIDE_CLIENT);
    (void)world_say(&world, client, &envelope);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit worker-queue");
    expect_open(worker);
    world_resume(&world, worker);
    /* Never heard of that session, so it is not told that it is over. */
    for (struct hws_envelope got; world_take(worker, &got);) {
        ck_assert_int_ne(got.event, HWS_RTC_BLANK);
    }
    (void)in_session(worker, &session);
    expect_empty();
}
END_TEST

START_TEST(pings_count_too)
{
    struct hws_limits limits = world_limits();
    struct peer *worker, *client;

    limits.session_queue = limits.worker_queue = 2000;
    restart(&limits);
    worker = enrolled(7);
    client = world_join(&world, HWS_SIDE_CLIENT);
    worker->paused = client->paused = true;
    for (int i = 0; i < 100; i++) {
        (void)say(worker, HWS_RTC_PING, 7, "p");
        (void)say(client, HWS_RTC_PING, 7, "p");
    }
    expect_end(worker, HWS_STATUS_RESOURCE_EXHAUSTED, "limit worker-queue");
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit session-queue");
    expect_empty();
}
END_TEST

START_TEST(counts_of_things)
{
    struct hws_limits limits = world_limits();
    struct peer *worker, *client;
    uint64_t session;

    limits.streams = 6;
    limits.clients_per_worker = 2;
    limits.sessions = 3;
    restart(&limits);
    worker = enrolled(7);
    (void)enrolled(8);
    (void)in_session(worker, &session);
    client = in_session(worker, &session);
    {
        struct peer *third = world_join(&world, HWS_SIDE_CLIENT);

        (void)say(third, HWS_RTC_OFFER, 7, "o");
        expect_end(third, HWS_STATUS_RESOURCE_EXHAUSTED, "limit clients-per-worker");
        (void)world_join(&world, HWS_SIDE_CLIENT);
        ck_assert_ptr_null(world_join(&world, HWS_SIDE_CLIENT)); /* limit streams */
        world_leave(&world, third);
    }
    world_leave(&world, client);
    (void)expect(worker, HWS_RTC_BLANK, "", 2);
    (void)in_session(worker, &session); /* the seat is free again */
    expect_empty();

    limits.clients_per_worker = 4;
    limits.sessions = 2;
    restart(&limits);
    worker = enrolled(7);
    (void)in_session(worker, &session);
    (void)in_session(worker, &session);
    client = world_join(&world, HWS_SIDE_CLIENT);
    (void)say(client, HWS_RTC_OFFER, 7, "o");
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit sessions");
    expect_empty();
}
END_TEST

/* ---- Time */

START_TEST(idle_streams_end)
{
    uint64_t session;
    struct peer *client = world_join(&world, HWS_SIDE_CLIENT);
    struct peer *nobody = world_join(&world, HWS_SIDE_WORKER);
    struct peer *worker = enrolled(7);
    struct peer *busy = in_session(worker, &session);

    world_wait(&world, HWS_SEC(50));
    (void)say(client, HWS_RTC_PING, 0, ""); /* is alive */
    world_wait(&world, HWS_SEC(12));
    expect_open(client);
    expect_end(nobody, HWS_STATUS_DEADLINE_EXCEEDED, "limit idle");
    world_wait(&world, HWS_SEC(50));
    expect_end(client, HWS_STATUS_DEADLINE_EXCEEDED, "limit idle");
    world_wait(&world, HWS_SEC(100000));
    expect_open(worker);
    expect_open(busy); /* a session lasts as long as its streams */
    expect_empty();
}
END_TEST

START_TEST(half_closed_client_waits_for_answers)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    world_half_close(&world, client);
    expect_open(client);
    world_wait(&world, HWS_SEC(8));
    (void)say_in(worker, session, HWS_RTC_ANSWER, "a");
    (void)expect(client, HWS_RTC_ANSWER, "a", 1);
    world_wait(&world, HWS_SEC(8));
    expect_open(client);
    world_wait(&world, HWS_SEC(4));
    expect_end(client, HWS_STATUS_OK, "");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, "", 2), session);
    expect_empty();
}
END_TEST

START_TEST(stalled_reader_is_cut)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);

    worker->paused = true;
    (void)say(client, HWS_RTC_ICE_CANDIDATE, 7, "c");
    world_wait(&world, HWS_SEC(29));
    expect_open(worker);
    world_wait(&world, HWS_SEC(4));
    expect_end(worker, HWS_STATUS_RESOURCE_EXHAUSTED, "limit stall");
    ck_assert(worker->was_cut);
    expect_end(client, HWS_STATUS_UNAVAILABLE, "7");
    expect_empty();
}
END_TEST

START_TEST(stopping_tells_everybody)
{
    uint64_t session;
    struct peer *worker = enrolled(7);
    struct peer *client = in_session(worker, &session);
    struct peer *fresh = world_join(&world, HWS_SIDE_CLIENT);

    hws_router_stop(world.router, world.now);
    world_pump(&world);
    expect_end(worker, HWS_STATUS_UNAVAILABLE, "going away");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "");
    expect_end(fresh, HWS_STATUS_UNAVAILABLE, "going away");
    ck_assert_ptr_null(world_join(&world, HWS_SIDE_CLIENT));
    expect_empty();
}
END_TEST

/* ---- Misuse by the edge */

START_TEST(void_ids_do_nothing)
{
    struct peer *worker = enrolled(7);
    struct hws_stream_id void_id = worker->id;

    world_leave(&world, worker);
    (void)enrolled(8); /* in the same place */
    ck_assert_int_eq(hws_router_feed(world.router, void_id, hws_bytes_of(""), world.now),
                     HWS_ERR_CLOSED);
    hws_router_close(world.router, void_id, world.now);
    hws_router_half_close(world.router, void_id, world.now);
    hws_router_sent(world.router, void_id, world.now);
    hws_router_close(world.router, (struct hws_stream_id){0}, world.now);
    hws_router_close(world.router, (struct hws_stream_id){9999, 1}, world.now);
    world_pump(&world);
    ck_assert_uint_eq(hws_router_counts(world.router).workers, 1);
    expect_empty();
}
END_TEST

static void no_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    memset(out, 1, len);
}

START_TEST(configurations_that_are_none)
{
    struct hws_router_config config = {
        .limits = world_limits(), .first_epoch = 1, .random = {.fill = no_random}};
    struct hws_router_config broken = config;
    struct hws_router *router;

    broken.limits.streams = 0;
    ck_assert_int_eq(hws_router_new(&broken, &router), HWS_ERR_ARGUMENT);
    broken = config;
    broken.limits.stall = 0;
    ck_assert_int_eq(hws_router_new(&broken, &router), HWS_ERR_ARGUMENT);
    broken = config;
    broken.limits.message = HWS_ENVELOPE_MAX + 1;
    ck_assert_int_eq(hws_router_new(&broken, &router), HWS_ERR_ARGUMENT);
    broken = config;
    broken.first_epoch = 0;
    ck_assert_int_eq(hws_router_new(&broken, &router), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_router_new(&config, &router), HWS_OK);
    hws_router_free(router);
    hws_router_free(NULL);
}
END_TEST

static void add_sessions(TCase *tc)
{
    tcase_add_test(tc, any_first_message_registers);
    tcase_add_test(tc, worker_ids);
    tcase_add_test(tc, newest_registration_wins);
    tcase_add_test(tc, relays_a_whole_negotiation);
    tcase_add_test(tc, client_that_leaves_ends_its_session);
    tcase_add_test(tc, worker_that_leaves_ends_its_sessions);
    tcase_add_test(tc, worker_that_half_closes_leaves);
    tcase_add_test(tc, worker_ends_a_session);
    tcase_add_test(tc, ten_clients_at_one_worker);
    tcase_add_test(tc, session_of_another_worker_is_out_of_reach);
}

static void add_refusals(TCase *tc)
{
    tcase_add_test(tc, before_the_offer_only_ping);
    tcase_add_test(tc, offers_that_go_nowhere);
    tcase_add_test(tc, another_worker_in_a_session);
    tcase_add_loop_test(tc, malformed_names_the_field, 0, ROWS(malformed));
    tcase_add_test(tc, earlier_worker_means_its_only_session);
    tcase_add_test(tc, earlier_worker_with_two_sessions);
    tcase_add_test(tc, earlier_worker_without_session);
    tcase_add_test(tc, numbers_of_a_client);
    tcase_add_test(tc, numbers_of_a_worker);
    tcase_add_test(tc, numbering_begins_and_goes_on);
    tcase_add_test(tc, bus_that_repeats_is_not_heard_twice);
    tcase_add_test(tc, bus_that_loses_ends_the_session);
    tcase_add_test(tc, worker_that_vanished_from_the_bus);
    tcase_add_test(tc, bus_that_is_down);
    tcase_add_test(tc, frames_of_an_earlier_registration);
    tcase_add_test(tc, frames_that_are_no_frames);
}

static void add_limits(TCase *tc)
{
    tcase_add_loop_test(tc, sizes_of_a_client, 0, ROWS(sizes));
    tcase_add_loop_test(tc, sizes_of_a_worker, 0, ROWS(sizes));
    tcase_add_test(tc, size_of_a_message);
    tcase_add_test(tc, count_of_candidates);
    tcase_add_test(tc, slow_client_is_cut);
    tcase_add_test(tc, slow_worker_costs_the_flooding_session);
    tcase_add_test(tc, worker_queue_is_bounded);
    tcase_add_test(tc, pings_count_too);
    tcase_add_test(tc, counts_of_things);
    tcase_add_test(tc, idle_streams_end);
    tcase_add_test(tc, half_closed_client_waits_for_answers);
    tcase_add_test(tc, stalled_reader_is_cut);
    tcase_add_test(tc, stopping_tells_everybody);
    tcase_add_test(tc, void_ids_do_nothing);
    tcase_add_test(tc, configurations_that_are_none);
}

int main(void)
{
    static void (*const adders[])(TCase *) = {add_sessions, add_refusals, add_limits};
    static const char *const names[] = {"sessions", "refusals", "limits"};
    Suite *suite = suite_create("router");

    for (int i = 0; i < ROWS(names); i++) {
        TCase *tc = tcase_create(names[i]);

        tcase_add_checked_fixture(tc, setup, teardown);
        adders[i](tc);
        suite_add_tcase(suite, tc);
    }
    return run_suite(suite);
}
