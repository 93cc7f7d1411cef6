#include "support/router_world.h"

#include "base/bytes.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct hws_limits world_limits(void)
{
    return (struct hws_limits){.streams = PEER_MAX,
                               .sessions = PEER_MAX,
                               .clients_per_worker = PEER_MAX,
                               .message = 65536,
                               .description = 32768,
                               .candidate = 1024,
                               .candidates = 64,
                               .session_queue = 262144,
                               .worker_queue = 4194304,
                               .idle = HWS_SEC(60),
                               .linger = HWS_SEC(10),
                               .stall = HWS_SEC(30),
                               .grace = HWS_SEC(10)};
}

uint64_t world_random(struct world *world, uint64_t below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (world->random >> 33) % below;
}

static void fill(void *user, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)world_random(user, 256);
}

static void write_line(void *user, const char *line, size_t len)
{
    struct world *world = user;

    if (world->log) (void)fprintf(world->log, "%.*s\n", (int)len, line);
}

void world_init(struct world *world, const struct hws_limits *limits, uint64_t seed)
{
    struct hws_router_config config = {.limits = *limits, .instance = 7, .first_epoch = 1000};

    *world = (struct world){.now = HWS_SEC(1), .random = seed};
    config.random = (struct hws_random){.fill = fill, .user = world};
    config.log = (struct hws_log){.write = write_line, .user = world, .level = HWS_LOG_TRACE};
    ck_assert_int_eq(hws_router_new(&config, &world->router), HWS_OK);
    ck_assert_int_eq(hws_bus_local_new(limits->streams, seed, &world->bus), HWS_OK);
}

void world_fini(struct world *world)
{
    for (size_t i = 0; i < PEER_MAX; i++) {
        struct peer *peer = &world->peers[i];

        while (peer->first) {
            struct letter *letter = peer->first;

            peer->first = letter->next;
            free(letter);
        }
    }
    hws_router_free(world->router);
    world->bus->ops->free(world->bus);
}

/* ---- The edge */

static void deliver(struct world *world, struct peer *peer, struct hws_bytes packed)
{
    struct hws_envelope envelope;
    struct letter *letter;

    ck_assert_msg(peer->is_open && peer->status == STILL_OPEN, "a message after the end");
    ck_assert_msg(!peer->holds, "two messages under way at once");
    ck_assert_int_eq(hws_envelope_read(peer->side, packed, &envelope, NULL), HWS_OK);
    letter = calloc(1, sizeof(*letter) + envelope.payload.len + 1);
    ck_assert_ptr_nonnull(letter);
    letter->envelope = envelope;
    if (envelope.payload.len > 0) {
        memcpy(letter->text, envelope.payload.data, envelope.payload.len);
    }
    letter->envelope.payload.data = (const uint8_t *)letter->text;
    *peer->last = letter;
    peer->last = &letter->next;
    if (peer->paused) {
        peer->holds = true;
    } else {
        hws_router_sent(world->router, peer->id, world->now);
    }
}

static void end(struct peer *peer, const struct hws_router_output *output)
{
    ck_assert_msg(peer->is_open && peer->status == STILL_OPEN, "ended twice");
    ck_assert_msg(!peer->holds || output->kind == HWS_ROUTER_CUT, "ended before its message went");
    peer->status = (int)output->status;
    peer->was_cut = output->kind == HWS_ROUTER_CUT;
    (void)snprintf(peer->text, sizeof(peer->text), "%s", output->text);
}

/* A bus that loses or repeats what it is told to. */
static void publish(struct world *world, const struct hws_router_output *output)
{
    const struct hws_bus_ops *ops = world->bus->ops;
    int times = 1;

    if (world->lose_publish > 0) {
        world->lose_publish--;
        times = 0;
    } else if (world->twice > 0) {
        world->twice--;
        times = 2;
    }
    while (times-- > 0) {
        enum hws_err err =
            output->kind == HWS_ROUTER_PUBLISH_WORKER
                ? ops->publish_worker(world->bus, output->worker, output->session, output->bytes)
                : ops->publish_session(world->bus, output->instance, output->session,
                                       output->bytes);

        ck_assert_int_eq(err, HWS_OK);
        if (output->kind == HWS_ROUTER_PUBLISH_SESSION) ck_assert_uint_eq(output->instance, 7);
    }
}

static void carry(struct world *world, const struct hws_router_output *output)
{
    switch (output->kind) {
    case HWS_ROUTER_SEND:
        deliver(world, output->user, output->bytes);
        break;
    case HWS_ROUTER_END:
    case HWS_ROUTER_CUT:
        end(output->user, output);
        break;
    case HWS_ROUTER_SUBSCRIBE:
        ck_assert_int_eq(world->bus->ops->subscribe(world->bus, output->worker), HWS_OK);
        break;
    case HWS_ROUTER_UNSUBSCRIBE:
        world->bus->ops->unsubscribe(world->bus, output->worker);
        break;
    case HWS_ROUTER_PUBLISH_WORKER:
    case HWS_ROUTER_PUBLISH_SESSION:
        publish(world, output);
        break;
    }
}

void world_pump(struct world *world)
{
    struct hws_router_output output;
    struct hws_bus_delivery delivery;

    for (;;) {
        hws_router_check(world->router);
        if (hws_router_next_output(world->router, &output)) {
            carry(world, &output);
        } else if (world->bus->ops->next(world->bus, &delivery)) {
            ck_assert_int_eq(hws_router_feed_bus(world->router, &delivery, world->now), HWS_OK);
        } else {
            return;
        }
    }
}

/* ---- What peers do */

struct peer *world_join(struct world *world, enum hws_envelope_side side)
{
    struct peer *peer = world->peers;

    while (peer < world->peers + PEER_MAX && peer->is_open)
        peer++;
    ck_assert(peer < world->peers + PEER_MAX);
    while (peer->first) {
        struct letter *letter = peer->first;

        peer->first = letter->next;
        free(letter);
    }
    *peer = (struct peer){.side = side, .status = STILL_OPEN, .is_open = true};
    peer->last = &peer->first;
    if (hws_router_open(world->router, side, peer, world->now, &peer->id)) {
        peer->is_open = false;
        return NULL;
    }
    world_pump(world);
    return peer;
}

enum hws_err world_say_bytes(struct world *world, struct peer *peer, struct hws_bytes packed)
{
    enum hws_err err = hws_router_feed(world->router, peer->id, packed, world->now);

    world_pump(world);
    return err;
}

enum hws_err world_say(struct world *world, struct peer *peer, const struct hws_envelope *envelope)
{
    static uint8_t packed[2 * HWS_ENVELOPE_MAX];
    struct hws_writer out = hws_writer_over(packed, sizeof(packed));

    hws_envelope_write(&out, peer->side, envelope);
    ck_assert(!out.failed);
    return world_say_bytes(world, peer, hws_written(&out));
}

void world_half_close(struct world *world, struct peer *peer)
{
    hws_router_half_close(world->router, peer->id, world->now);
    world_pump(world);
}

void world_leave(struct world *world, struct peer *peer)
{
    peer->is_open = false;
    hws_router_close(world->router, peer->id, world->now);
    world_pump(world);
}

void world_resume(struct world *world, struct peer *peer)
{
    peer->paused = false;
    if (!peer->holds) return;
    peer->holds = false;
    hws_router_sent(world->router, peer->id, world->now);
    world_pump(world);
}

void world_wait(struct world *world, hws_time time)
{
    hws_time until = world->now + time;

    while (hws_router_deadline(world->router) <= until) {
        if (hws_router_deadline(world->router) > world->now) {
            world->now = hws_router_deadline(world->router);
        }
        hws_router_tick(world->router, world->now);
        world_pump(world);
    }
    world->now = until;
}

bool world_take(struct peer *peer, struct hws_envelope *out)
{
    static char text[HWS_ENVELOPE_MAX + 1];
    struct letter *letter = peer->first;

    if (!letter) return false;
    peer->first = letter->next;
    if (!peer->first) peer->last = &peer->first;
    *out = letter->envelope;
    memcpy(text, letter->text, letter->envelope.payload.len + 1);
    out->payload.data = (const uint8_t *)text;
    free(letter);
    return true;
}
