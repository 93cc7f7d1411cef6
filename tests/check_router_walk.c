/*
 * Random walks: clients and workers of all tempers, with a model of what each session must bring.
 * Every message carries its number, so loss, repetition and mix-ups show at once.
 */
#include "base/bytes.h"
#include "support/router_world.h"
#include "support/suite.h"

#include <string.h>

enum { WALKS = 60, STEPS = 2500, WORKERS = 3, SEATS = 40 };

/* What the walk knows about one client: whom it talks to, and what has to come next. */
struct view {
    struct peer *peer;
    unsigned tag;        /* unique; every payload begins with it */
    unsigned to_worker;  /* sent by the client */
    unsigned at_worker;  /* arrived there */
    unsigned to_client;  /* sent by the worker */
    unsigned at_client;  /* arrived here */
    uint64_t session;    /* once the worker has heard of it */
    struct peer *worker; /* that one; NULL before or after */
};

struct walk {
    struct world world;
    struct peer *workers[WORKERS]; /* by id - 1; NULL = nobody */
    struct view views[SEATS];
    unsigned last_tag;
};

static struct walk walk;

static struct hws_bytes text_of(char *out, size_t cap, unsigned tag, unsigned number)
{
    (void)snprintf(out, cap, "%u %u", tag, number);
    return hws_bytes_of(out);
}

static struct view *view_of(unsigned tag)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (walk.views[i].peer && walk.views[i].tag == tag) return &walk.views[i];
    }
    return NULL;
}

/* Read the worker's letters: each session's numbers have no hole. */
static void read_worker(struct peer *worker)
{
    for (struct hws_envelope got; world_take(worker, &got);) {
        unsigned tag, number;
        struct view *view;

        if (got.event == HWS_RTC_BLANK) { /* registered, or a session is over */
            for (size_t i = 0; got.session != 0 && i < SEATS; i++) {
                view = &walk.views[i];
                if (view->worker == worker && view->session == got.session) view->worker = NULL;
            }
            continue;
        }
        if (got.event == HWS_RTC_PING) continue;
        ck_assert_int_eq(sscanf((const char *)got.payload.data, "%u %u", &tag, &number), 2);
        view = view_of(tag);
        if (!view) continue; /* the client has left, and this was on its way */
        if (view->session == 0) {
            view->session = got.session;
            view->worker = worker;
        }
        ck_assert_msg(view->session == got.session && view->worker == worker, "mixed up");
        ck_assert_uint_eq(number, ++view->at_worker);
        ck_assert_uint_eq(got.sequence, number);
    }
}

static void read_client(struct view *view)
{
    for (struct hws_envelope got; world_take(view->peer, &got);) {
        unsigned tag, number;

        if (got.event == HWS_RTC_PING) continue;
        ck_assert_int_eq(sscanf((const char *)got.payload.data, "%u %u", &tag, &number), 2);
        ck_assert_msg(tag == view->tag, "a message for another client");
        ck_assert_uint_eq(number, ++view->at_client);
        ck_assert_uint_eq(got.sequence, number);
    }
}

static void read_all(void)
{
    for (size_t i = 0; i < WORKERS; i++) {
        if (walk.workers[i]) read_worker(walk.workers[i]);
    }
    for (size_t i = 0; i < SEATS; i++) {
        if (walk.views[i].peer) read_client(&walk.views[i]);
    }
}

static void forget_client(struct view *view)
{
    world_leave(&walk.world, view->peer);
    *view = (struct view){0};
}

static void forget_worker(size_t at)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (walk.views[i].worker == walk.workers[at]) walk.views[i].worker = NULL;
    }
    walk.workers[at] = NULL;
}

static void worker_comes(size_t at)
{
    struct hws_envelope hello = {.worker = (int64_t)at + 1, .event = HWS_RTC_BLANK};
    struct peer *old = walk.workers[at];
    bool was_open = old && old->status == STILL_OPEN;
    struct peer *worker = world_join(&walk.world, HWS_SIDE_WORKER);

    ck_assert_ptr_nonnull(worker);
    (void)world_say(&walk.world, worker, &hello);
    if (old) {
        world_resume(&walk.world, old);
        if (was_open) ck_assert_int_ne(old->status, STILL_OPEN);
        read_worker(old);
        forget_worker(at);
        world_leave(&walk.world, old);
    }
    walk.workers[at] = worker;
}

static void client_comes(struct view *view, size_t at)
{
    char text[32];
    struct hws_envelope offer = {.worker = (int64_t)at + 1, .event = HWS_RTC_OFFER, .sequence = 1};

    *view = (struct view){
        .peer = world_join(&walk.world, HWS_SIDE_CLIENT), .tag = ++walk.last_tag, .to_worker = 1};
    ck_assert_ptr_nonnull(view->peer);
    offer.payload = text_of(text, sizeof(text), view->tag, 1);
    (void)world_say(&walk.world, view->peer, &offer);
}

static void client_talks(struct view *view)
{
    char text[32];
    struct hws_envelope envelope = {.event = HWS_RTC_ACCEPT_ANSWER};

    if (view->peer->status != STILL_OPEN) return;
    envelope.sequence = ++view->to_worker;
    envelope.payload = text_of(text, sizeof(text), view->tag, view->to_worker);
    (void)world_say(&walk.world, view->peer, &envelope);
}

static void worker_talks(struct view *view)
{
    char text[32];
    struct hws_envelope envelope = {.event = HWS_RTC_ACCEPT_ANSWER, .session = view->session};

    if (!view->worker || view->worker->status != STILL_OPEN) return;
    envelope.sequence = ++view->to_client;
    envelope.payload = text_of(text, sizeof(text), view->tag, view->to_client);
    (void)world_say(&walk.world, view->worker, &envelope);
}

static void worker_ends(struct view *view)
{
    struct hws_envelope over = {.event = HWS_RTC_BLANK, .session = view->session};

    if (!view->worker || view->worker->status != STILL_OPEN) return;
    over.sequence = ++view->to_client;
    (void)world_say(&walk.world, view->worker, &over);
    view->worker = NULL;
}

static void misbehave(struct peer *peer)
{
    struct hws_envelope envelope = {.event = HWS_RTC_ICE_CANDIDATE, .sequence = 1000000};

    switch (world_random(&walk.world, 4)) {
    case 0:
        (void)world_say_bytes(&walk.world, peer, hws_bytes_of("\x10\x63"));
        break;
    case 1:
        (void)world_say(&walk.world, peer, &envelope);
        break;
    case 2:
        world_half_close(&walk.world, peer);
        break;
    case 3:
        envelope.worker = 99;
        envelope.sequence = 0;
        (void)world_say(&walk.world, peer, &envelope);
        break;
    }
}

/* Streams that were ended are closed by the edge, sooner or later. */
static void bury(void)
{
    for (size_t i = 0; i < WORKERS; i++) {
        struct peer *worker = walk.workers[i];

        if (!worker || worker->status == STILL_OPEN || world_random(&walk.world, 2)) continue;
        read_worker(worker);
        forget_worker(i);
        world_leave(&walk.world, worker);
    }
    for (size_t i = 0; i < SEATS; i++) {
        struct view *view = &walk.views[i];

        if (!view->peer || view->peer->status == STILL_OPEN) continue;
        if (world_random(&walk.world, 2)) forget_client(view);
    }
}

static void step(void)
{
    struct view *view = &walk.views[world_random(&walk.world, SEATS)];
    size_t at = (size_t)world_random(&walk.world, WORKERS);
    uint64_t dice = world_random(&walk.world, 100);
    struct peer *peer = view->peer ? view->peer : walk.workers[at];

    if (dice < 3 || (!peer && dice < 50)) {
        worker_comes(at);
    } else if (!view->peer) {
        client_comes(view, at);
    } else if (dice < 35) {
        client_talks(view);
    } else if (dice < 65) {
        worker_talks(view);
    } else if (dice < 70) {
        worker_ends(view);
    } else if (dice < 78) {
        forget_client(view);
    } else if (dice < 80 && walk.workers[at]) {
        peer = walk.workers[at];
        forget_worker(at);
        world_leave(&walk.world, peer);
    } else if (!peer) {
        return;
    } else if (dice < 85) {
        peer->paused = true;
    } else if (dice < 92) {
        world_resume(&walk.world, peer);
    } else if (dice < 94) {
        misbehave(dice == 92 && walk.workers[at] ? walk.workers[at] : peer);
    } else if (dice < 95) {
        walk.world.twice = 3;
    } else if (dice < 96) {
        world_wait(&walk.world, HWS_MS(500) * (hws_time)world_random(&walk.world, 30));
    } else {
        bury();
    }
    read_all();
}

START_TEST(walks)
{
    struct hws_limits limits = world_limits();
    struct hws_router_counts counts;

    limits.session_queue = 1000; /* so that they are met */
    limits.worker_queue = 4000;
    limits.clients_per_worker = 15;
    world_init(&walk.world, &limits, (uint64_t)_i + 1);
    for (int i = 0; i < STEPS; i++)
        step();
    for (size_t i = 0; i < PEER_MAX; i++) {
        if (walk.world.peers[i].is_open) world_leave(&walk.world, &walk.world.peers[i]);
    }
    counts = hws_router_counts(walk.world.router);
    ck_assert_msg(counts.streams == 0 && counts.workers == 0 && counts.clients == 0 &&
                      counts.seats == 0 && counts.queued_len == 0,
                  "seed %d leaks: %zu streams %zu workers %zu clients %zu seats %zu bytes", _i,
                  counts.streams, counts.workers, counts.clients, counts.seats, counts.queued_len);
    world_fini(&walk.world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router_walk");
    TCase *tc = tcase_create("walks");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, walks, 0, WALKS);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
