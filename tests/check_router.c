/* The router with its bus, and nothing else: every rule of doc/protocol.md and every limit. */
#include "distributor/router.h"

#include "base/bytes.h"
#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

enum { STREAMS = 40, INBOX = 64 };

/* One stream as its far end sees it. */
struct far {
    struct hws_stream_id id;
    enum hws_envelope_side side;
    bool open, ended;
    enum hws_status status;
    char text[200];
    struct hws_envelope inbox[INBOX];
    uint8_t payload[INBOX][256];
    size_t count, taken;
};

static struct hws_router *router;
static struct hws_bus *bus;
static struct far fars[STREAMS];
static size_t far_count;
static hws_time now;
static uint64_t seed;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)next_random();
    }
}

static const struct hws_limits usual = {
    .streams = 32,
    .sessions = 32,
    .clients_per_worker = 8,
    .message = 65536,
    .description = 1000,
    .candidate = 200,
    .candidates = 4,
    .session_queue = 70000,
    .worker_queue = 140000,
    .idle = HWS_SEC(60),
    .linger = HWS_SEC(10),
    .stall = HWS_SEC(30),
    .grace = HWS_SEC(10),
};

static void start(uint64_t with_seed)
{
    struct hws_router_config config = {
        .limits = usual, .instance = 7, .first_epoch = 1, .random = {.fill = fill}};

    seed = with_seed;
    now = HWS_SEC(1000);
    far_count = 0;
    memset(fars, 0, sizeof(fars));
    ck_assert_int_eq(hws_router_new(&config, &router), HWS_OK);
    ck_assert_int_eq(hws_bus_local_new(64, 1, &bus), HWS_OK);
}

static void setup(void)
{
    start(1);
}

static void teardown(void)
{
    bus->ops->free(bus);
    hws_router_free(router);
}

/* ---- Driving */

static void arrive(struct far *far, struct hws_bytes bytes)
{
    struct hws_envelope *slot = &far->inbox[far->count % INBOX];

    ck_assert_int_eq(hws_envelope_read(far->side, bytes, slot, NULL), HWS_OK);
    ck_assert_uint_le(slot->payload.len, sizeof(far->payload[0]));
    if (slot->payload.len > 0)
        memcpy(far->payload[far->count % INBOX], slot->payload.data, slot->payload.len);
    slot->payload.data = far->payload[far->count % INBOX];
    far->count++;
}

static void serve(const struct hws_router_output *out)
{
    struct far *far = out->user;

    switch (out->kind) {
    case HWS_ROUTER_SEND:
        arrive(far, out->bytes);
        hws_router_sent(router, out->stream, now);
        break;
    case HWS_ROUTER_END:
    case HWS_ROUTER_CUT:
        far->ended = true;
        far->status = out->status;
        (void)snprintf(far->text, sizeof(far->text), "%s", out->text);
        break;
    case HWS_ROUTER_SUBSCRIBE:
        ck_assert_int_eq(bus->ops->subscribe(bus, out->worker), HWS_OK);
        break;
    case HWS_ROUTER_UNSUBSCRIBE:
        bus->ops->unsubscribe(bus, out->worker);
        break;
    case HWS_ROUTER_PUBLISH_WORKER:
        ck_assert_int_eq(bus->ops->publish_worker(bus, out->worker, out->session, out->bytes),
                         HWS_OK);
        break;
    case HWS_ROUTER_PUBLISH_SESSION:
        ck_assert_int_eq(
            bus->ops->publish_session(bus, out->instance, out->session, out->bytes), HWS_OK);
        break;
    }
}

static void drain(void)
{
    struct hws_router_output out;
    struct hws_bus_delivery delivery;
    bool moved = true;

    while (moved) {
        moved = false;
        while (hws_router_next_output(router, &out)) {
            serve(&out);
            moved = true;
        }
        while (bus->ops->next(bus, &delivery)) {
            (void)hws_router_feed_bus(router, &delivery, now);
            moved = true;
        }
    }
    hws_router_check(router);
}

static struct far *join(enum hws_envelope_side side)
{
    struct far *far = &fars[far_count++];

    ck_assert_uint_le(far_count, STREAMS);
    far->side = side;
    ck_assert_int_eq(hws_router_open(router, side, far, now, &far->id), HWS_OK);
    far->open = true;
    drain();
    return far;
}

static void leave(struct far *far)
{
    if (far->open) hws_router_close(router, far->id, now);
    far->open = false;
    drain();
}

static enum hws_err say_all(struct far *far, const struct hws_envelope *envelope)
{
    static uint8_t packed[HWS_ENVELOPE_MAX + 64];
    struct hws_writer out = hws_writer_over(packed, sizeof(packed));
    enum hws_err err;

    hws_envelope_write(&out, far->side, envelope);
    err = hws_router_feed(router, far->id, hws_written(&out), now);
    drain();
    return err;
}

static enum hws_err say(struct far *far, enum hws_rtc_event event, int64_t worker, uint64_t session,
                        uint64_t sequence, const char *payload)
{
    return say_all(far, &(struct hws_envelope){.worker = worker,
                                               .event = event,
                                               .payload = hws_bytes_of(payload),
                                               .session = session,
                                               .sequence = sequence});
}

static const struct hws_envelope *hear(struct far *far, enum hws_rtc_event event)
{
    const struct hws_envelope *got;

    ck_assert_msg(far->taken < far->count, "nothing came, want %s; ended %d: %s",
                  hws_rtc_event_name(event), far->ended, far->text);
    got = &far->inbox[far->taken++ % INBOX];
    ck_assert_str_eq(hws_rtc_event_name(got->event), hws_rtc_event_name(event));
    return got;
}

static void hear_nothing(const struct far *far)
{
    ck_assert_uint_eq(far->taken, far->count);
}

static void expect_end(const struct far *far, enum hws_status status, const char *names)
{
    ck_assert_msg(far->ended, "it did not end, want status %d", status);
    ck_assert_msg(far->status == status, "status %d, want %d: %s", far->status, status, far->text);
    ck_assert_msg(strstr(far->text, names), "\"%s\" does not name %s", far->text, names);
}

static struct far *register_worker(int64_t id)
{
    struct far *worker = join(HWS_SIDE_WORKER);

    ck_assert_int_eq(say(worker, HWS_RTC_BLANK, id, 0, 0, ""), HWS_OK);
    ck_assert_int_eq(hear(worker, HWS_RTC_BLANK)->worker, id);
    return worker;
}

/* A client whose offer has reached the worker; the session's number. */
static uint64_t open_session(struct far *worker, int64_t id, struct far **out_client)
{
    struct far *client = join(HWS_SIDE_CLIENT);
    const struct hws_envelope *offer;

    ck_assert_int_eq(say(client, HWS_RTC_OFFER, id, 0, 1, "offer"), HWS_OK);
    offer = hear(worker, HWS_RTC_OFFER);
    ck_assert(hws_bytes_equal(offer->payload, hws_bytes_of("offer")));
    ck_assert_uint_ne(offer->session, 0);
    *out_client = client;
    return offer->session;
}

/* ---- The rules */

START_TEST(a_negotiation_goes_both_ways_in_order)
{
    struct far *worker = register_worker(42), *client;
    uint64_t session = open_session(worker, 42, &client);
    const struct hws_envelope *got;

    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 42, session, 1, "answer"), HWS_OK);
    ck_assert_int_eq(say(worker, HWS_RTC_LOCAL_ICE_CANDIDATE, 42, session, 2, "c1"), HWS_OK);
    got = hear(client, HWS_RTC_ANSWER);
    ck_assert_uint_eq(got->sequence, 1);
    got = hear(client, HWS_RTC_ICE_CANDIDATE);
    ck_assert(hws_bytes_equal(got->payload, hws_bytes_of("c1")));
    ck_assert_uint_eq(got->sequence, 2);
    ck_assert_int_eq(say(client, HWS_RTC_ACCEPT_ANSWER, 42, 0, 2, ""), HWS_OK);
    ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 42, 0, 3, ""), HWS_OK); /* their end */
    got = hear(worker, HWS_RTC_ACCEPT_ANSWER);
    ck_assert_uint_eq(got->session, session);
    ck_assert_uint_eq(got->sequence, 2);
    ck_assert_uint_eq(hear(worker, HWS_RTC_ICE_CANDIDATE)->payload.len, 0);
    hear_nothing(client);
    hear_nothing(worker);
}
END_TEST

START_TEST(an_earlier_worker_needs_no_session_number)
{
    struct far *worker = join(HWS_SIDE_WORKER), *client, *second;

    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 5, 0, 0, "whatever"), HWS_OK); /* any event */
    hear(worker, HWS_RTC_BLANK);
    (void)open_session(worker, 5, &client);
    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 5, 0, 0, "answer"), HWS_OK);
    hear(client, HWS_RTC_ANSWER);
    (void)open_session(worker, 5, &second);
    (void)say(worker, HWS_RTC_ANSWER, 5, 0, 0, "to whom?");
    expect_end(worker, HWS_STATUS_FAILED_PRECONDITION, "");
}
END_TEST

START_TEST(an_unknown_worker_is_known_at_once)
{
    struct far *client = join(HWS_SIDE_CLIENT);

    ck_assert_int_eq(say(client, HWS_RTC_OFFER, 99, 0, 1, "offer"), HWS_OK);
    expect_end(client, HWS_STATUS_NOT_FOUND, "99");
}
END_TEST

START_TEST(an_offer_comes_first)
{
    struct far *client = join(HWS_SIDE_CLIENT);

    (void)register_worker(1);
    ck_assert_int_eq(say(client, HWS_RTC_PING, 1, 0, 0, "still there?"), HWS_OK);
    hear(client, HWS_RTC_PING);
    ck_assert_int_ne(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 1, "c"), HWS_OK);
    expect_end(client, HWS_STATUS_FAILED_PRECONDITION, "");
}
END_TEST

START_TEST(ping_is_answered_with_ping)
{
    struct far *worker = register_worker(1);

    ck_assert_int_eq(say(worker, HWS_RTC_PING, 1, 0, 0, ""), HWS_OK);
    hear(worker, HWS_RTC_PING);
}
END_TEST

START_TEST(what_cannot_be_read_names_the_field)
{
    static const uint8_t event_9[] = {0x08, 0x01, 0x10, 0x09};
    struct far *client = join(HWS_SIDE_CLIENT), *worker = join(HWS_SIDE_WORKER);

    ck_assert_int_eq(
        hws_router_feed(router, client->id, (struct hws_bytes){event_9, sizeof(event_9)}, now),
        HWS_ERR_MALFORMED);
    drain();
    expect_end(client, HWS_STATUS_INVALID_ARGUMENT, "event");
    ck_assert_int_ne(say(worker, HWS_RTC_BLANK, 0, 0, 0, ""), HWS_OK);
    expect_end(worker, HWS_STATUS_INVALID_ARGUMENT, "worker_machine_id");
}
END_TEST

START_TEST(a_gap_ends_the_session_with_aborted)
{
    struct far *worker = register_worker(1), *client, *other;
    uint64_t session = open_session(worker, 1, &client);

    (void)open_session(worker, 1, &other);
    ck_assert_int_ne(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 3, "c"), HWS_OK);
    expect_end(client, HWS_STATUS_ABORTED, "");
    ck_assert_uint_eq(hear(worker, HWS_RTC_BLANK)->session, session);
    ck_assert(!worker->ended && !other->ended); /* nobody else is harmed */
}
END_TEST

START_TEST(a_workers_gap_ends_that_session_only)
{
    struct far *worker = register_worker(1), *client, *other;
    uint64_t session = open_session(worker, 1, &client), second = open_session(worker, 1, &other);

    ck_assert_int_ne(say(worker, HWS_RTC_ANSWER, 1, session, 2, "answer"), HWS_OK);
    expect_end(client, HWS_STATUS_ABORTED, "");
    ck_assert(!worker->ended);
    hear(worker, HWS_RTC_BLANK);
    ck_assert_int_eq(say(worker, HWS_RTC_ANSWER, 1, second, 1, "answer"), HWS_OK);
    hear(other, HWS_RTC_ANSWER);
}
END_TEST

START_TEST(a_repeated_number_is_dropped)
{
    struct far *worker = register_worker(1), *client;

    (void)open_session(worker, 1, &client);
    ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 2, "c"), HWS_OK);
    ck_assert_int_ne(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 2, "c"), HWS_OK);
    hear(worker, HWS_RTC_ICE_CANDIDATE);
    hear_nothing(worker);
    ck_assert(!client->ended);
}
END_TEST

START_TEST(a_client_that_leaves_frees_its_session)
{
    struct far *worker = register_worker(1), *client;
    uint64_t session = open_session(worker, 1, &client);
    const struct hws_envelope *over;

    ck_assert_uint_eq(hws_router_counts(router).seats, 1);
    leave(client);
    over = hear(worker, HWS_RTC_BLANK);
    ck_assert_uint_eq(over->session, session);
    ck_assert_uint_eq(hws_router_counts(router).seats, 0);
    (void)say(worker, HWS_RTC_ANSWER, 1, session, 1, "too late");
    ck_assert(!worker->ended);
}
END_TEST

START_TEST(a_worker_that_leaves_ends_its_sessions)
{
    struct far *worker = register_worker(1), *one, *two;

    (void)open_session(worker, 1, &one);
    (void)open_session(worker, 1, &two);
    leave(worker);
    expect_end(one, HWS_STATUS_UNAVAILABLE, "");
    expect_end(two, HWS_STATUS_UNAVAILABLE, "");
}
END_TEST

START_TEST(a_worker_says_that_a_session_is_over)
{
    struct far *worker = register_worker(1), *client;
    uint64_t session = open_session(worker, 1, &client);

    ck_assert_int_eq(say(worker, HWS_RTC_BLANK, 1, session, 1, ""), HWS_OK);
    ck_assert(client->ended);
    ck_assert(!worker->ended);
}
END_TEST

START_TEST(the_newest_registration_wins)
{
    struct far *old = register_worker(1), *client, *fresh;

    fresh = register_worker(1);
    expect_end(old, HWS_STATUS_ALREADY_EXISTS, "");
    leave(old);
    (void)open_session(fresh, 1, &client);
    ck_assert(!fresh->ended);
    ck_assert_uint_eq(hws_router_counts(router).workers, 1);
}
END_TEST

/* ---- Limits, each with its name */

static char long_text[1200];

START_TEST(a_long_description_is_refused)
{
    struct far *client = join(HWS_SIDE_CLIENT);

    (void)register_worker(1);
    memset(long_text, 'x', 1001);
    ck_assert_int_eq(say(client, HWS_RTC_OFFER, 1, 0, 1, long_text), HWS_ERR_TOO_BIG);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "description");
}
END_TEST

START_TEST(a_long_candidate_is_refused)
{
    struct far *worker = register_worker(1), *client;

    (void)open_session(worker, 1, &client);
    memset(long_text, 'x', 201);
    ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 2, long_text), HWS_ERR_TOO_BIG);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "candidate");
}
END_TEST

START_TEST(too_many_candidates_are_refused)
{
    struct far *worker = register_worker(1), *client;

    (void)open_session(worker, 1, &client);
    for (uint64_t i = 0; i < 5; i++) { /* four, and their end, which the router cannot tell */
        ck_assert_int_eq(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 2 + i, "c"), HWS_OK);
    }
    ck_assert_int_ne(say(client, HWS_RTC_ICE_CANDIDATE, 1, 0, 7, "c"), HWS_OK);
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "candidates");
}
END_TEST

START_TEST(too_many_clients_of_a_worker_are_refused)
{
    struct far *worker = register_worker(1), *client = NULL;

    for (int i = 0; i < 8; i++) {
        (void)open_session(worker, 1, &client);
    }
    client = join(HWS_SIDE_CLIENT);
    (void)say(client, HWS_RTC_OFFER, 1, 0, 1, "offer");
    expect_end(client, HWS_STATUS_RESOURCE_EXHAUSTED, "clients-per-worker");
    ck_assert(!worker->ended);
}
END_TEST

START_TEST(too_many_streams_are_refused)
{
    struct hws_stream_id id;

    for (int i = 0; i < 32; i++) {
        (void)join(HWS_SIDE_CLIENT);
    }
    ck_assert_int_eq(hws_router_open(router, HWS_SIDE_CLIENT, &fars[0], now, &id), HWS_ERR_FULL);
}
END_TEST

START_TEST(idle_streams_end)
{
    struct far *client = join(HWS_SIDE_CLIENT), *worker = register_worker(1);

    ck_assert_int_le(hws_router_deadline(router), now + HWS_SEC(60));
    now += HWS_SEC(61);
    hws_router_tick(router, now);
    drain();
    expect_end(client, HWS_STATUS_DEADLINE_EXCEEDED, "");
    ck_assert(!worker->ended); /* a registered worker may wait for ever */
}
END_TEST

START_TEST(stopping_tells_everybody)
{
    struct far *worker = register_worker(1), *client;
    struct hws_stream_id id;

    (void)open_session(worker, 1, &client);
    hws_router_stop(router, now);
    drain();
    expect_end(worker, HWS_STATUS_UNAVAILABLE, "");
    expect_end(client, HWS_STATUS_UNAVAILABLE, "");
    ck_assert_int_eq(hws_router_open(router, HWS_SIDE_CLIENT, client, now, &id), HWS_ERR_STATE);
}
END_TEST

/* ---- Any order of anything */

static void wander(struct far *far)
{
    static const char *const texts[] = {"", "x", "candidate"};
    struct hws_envelope envelope = {
        .worker = (int64_t)(next_random() % 3),
        .event = (enum hws_rtc_event)(next_random() % HWS_RTC_EVENT_COUNT),
        .payload = hws_bytes_of(texts[next_random() % 3]),
        .session = far->side == HWS_SIDE_WORKER && far->count && next_random() % 4
                       ? far->inbox[(far->count - 1) % INBOX].session
                       : 0,
        .sequence = next_random() % 3,
    };

    (void)say_all(far, &envelope);
}

START_TEST(no_walk_breaks_an_invariant_or_leaks)
{
    for (size_t i = 0; i < far_count; i++) {
        leave(&fars[i]);
    }
    seed = (uint64_t)_i + 100;
    for (int step = 0; step < 3000; step++) {
        struct far *far = &fars[next_random() % 24];

        now += (hws_time)(next_random() % 2000000);
        if (!far->open) {
            *far = (struct far){.side = next_random() % 3 ? HWS_SIDE_CLIENT : HWS_SIDE_WORKER};
            ck_assert_int_eq(hws_router_open(router, far->side, far, now, &far->id), HWS_OK);
            far->open = true;
        } else if (far->ended || next_random() % 20 == 0) {
            leave(far);
        } else if (next_random() % 30 == 0) {
            hws_router_half_close(router, far->id, now);
        } else {
            wander(far);
        }
        if (hws_router_deadline(router) <= now) hws_router_tick(router, now);
        drain();
    }
    for (size_t i = 0; i < 24; i++) {
        leave(&fars[i]);
    }
    ck_assert_uint_eq(hws_router_counts(router).streams, 0);
    ck_assert_uint_eq(hws_router_counts(router).clients, 0);
    ck_assert_uint_eq(hws_router_counts(router).seats, 0);
    ck_assert_uint_eq(hws_router_counts(router).workers, 0);
    ck_assert_uint_eq(hws_router_counts(router).queued_len, 0);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("rules");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_negotiation_goes_both_ways_in_order);
    tcase_add_test(tc, an_earlier_worker_needs_no_session_number);
    tcase_add_test(tc, an_unknown_worker_is_known_at_once);
    tcase_add_test(tc, an_offer_comes_first);
    tcase_add_test(tc, ping_is_answered_with_ping);
    tcase_add_test(tc, what_cannot_be_read_names_the_field);
    tcase_add_test(tc, a_gap_ends_the_session_with_aborted);
    tcase_add_test(tc, a_workers_gap_ends_that_session_only);
    tcase_add_test(tc, a_repeated_number_is_dropped);
    tcase_add_test(tc, a_client_that_leaves_frees_its_session);
    tcase_add_test(tc, a_worker_that_leaves_ends_its_sessions);
    tcase_add_test(tc, a_worker_says_that_a_session_is_over);
    tcase_add_test(tc, the_newest_registration_wins);
    tcase_add_test(tc, a_long_description_is_refused);
    tcase_add_test(tc, a_long_candidate_is_refused);
    tcase_add_test(tc, too_many_candidates_are_refused);
    tcase_add_test(tc, too_many_clients_of_a_worker_are_refused);
    tcase_add_test(tc, too_many_streams_are_refused);
    tcase_add_test(tc, idle_streams_end);
    tcase_add_test(tc, stopping_tells_everybody);
    tcase_add_loop_test(tc, no_walk_breaks_an_invariant_or_leaks, 0, 20);
    return run_case("router", tc);
}
