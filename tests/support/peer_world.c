#include "support/peer_world.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* One thing on its way: a datagram or a signal. */
struct flight {
    struct flight *next;
    hws_time at;
    struct world_peer *to;
    bool is_signal;
    enum hws_signal_kind kind;
    struct hws_address from;
    char ufrag[260];
    size_t len;
    uint8_t data[];
};

/* usrsctp reads the wall clock by itself: give it the world's. */
static hws_time wall;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    hws_time time = wall + HWS_SEC(1000000);

    (void)tz;
    tv->tv_sec = time / 1000000;
    tv->tv_usec = time % 1000000;
    return 0;
}

/* splitmix64: small, seeded, the same everywhere. */
static uint64_t next_random(struct world *world)
{
    uint64_t z = (world->seed += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void fill(void *user, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)next_random(user);
    }
}

void world_init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->seed = seed;
    world->now = HWS_SEC(100);
    world->delay = HWS_MS(5);
    world->signal_delay = HWS_MS(5);
    wall = world->now;
    assert(hws_sctp_stack_new(world->now, &world->stack) == HWS_OK);
    assert(hws_identity_new(&world->identity) == HWS_OK);
}

void world_fini(struct world *world)
{
    for (size_t i = 0; i < world->peer_count; i++) {
        hws_peer_free(world->peers[i].peer);
        free(world->peers[i].back);
    }
    while (world->flights) {
        struct flight *next = world->flights->next;

        free(world->flights);
        world->flights = next;
    }
    hws_sctp_stack_free(world->stack);
    hws_identity_free(world->identity);
}

struct world_peer *world_add(struct world *world, const struct hws_peer_config *config)
{
    struct world_peer *peer = &world->peers[world->peer_count];
    struct hws_peer_config complete = *config;

    complete.stack = world->stack;
    complete.identity = world->identity;
    complete.random = (struct hws_random){.fill = fill, .user = world};
    complete.log = world->log;
    complete.log.peer = (uint32_t)world->peer_count + 1;
    assert(hws_peer_new(&complete, world->now, &peer->peer) == HWS_OK);
    peer->addr = (struct hws_address){
        .ip = {10, 0, 0, (uint8_t)(world->peer_count + 1)},
          .port = 4000, .family = HWS_FAMILY_IP4
    };
    assert(hws_peer_add_local(peer->peer, &peer->addr, world->now) == HWS_OK);
    hws_peer_end_local(peer->peer, world->now);
    world->peer_count++;
    return peer;
}

void world_pair(struct world_peer *a, struct world_peer *b)
{
    a->remote = b;
    b->remote = a;
}

/* ---- In the air */

static struct flight *launch(struct world *world, hws_time at, struct hws_bytes bytes)
{
    struct flight *flight = calloc(1, sizeof(*flight) + bytes.len + 1);
    struct flight **place = &world->flights;

    assert(flight);
    flight->at = at;
    flight->len = bytes.len;
    if (bytes.len > 0) memcpy(flight->data, bytes.data, bytes.len);
    while (*place && (*place)->at <= at) {
        place = &(*place)->next;
    }
    flight->next = *place;
    *place = flight;
    return flight;
}

static struct world_peer *at_address(struct world *world, const struct hws_address *addr)
{
    for (size_t i = 0; i < world->peer_count; i++) {
        if (memcmp(&world->peers[i].addr, addr, sizeof(*addr)) == 0) return &world->peers[i];
    }
    return NULL;
}

static void send_datagram(struct world *world, struct world_peer *from,
                          const struct hws_datagram *datagram)
{
    struct world_peer *to = at_address(world, &datagram->remote);
    hws_time jitter = world->jitter ? (hws_time)(next_random(world) % (uint64_t)world->jitter) : 0;
    struct flight *flight;

    world->datagrams++;
    if (datagram->bytes.len > world->datagram_max) world->datagram_max = datagram->bytes.len;
    if (!to || from->mute || to->mute) return;
    if (next_random(world) % 100 < world->loss_percent) return;
    flight = launch(world, world->now + world->delay + jitter, datagram->bytes);
    flight->to = to;
    flight->from = datagram->local;
}

/* Change one hex digit behind "sha-256 ". */
static void spoil(struct flight *flight)
{
    char *at = strstr((char *)flight->data, "sha-256 ");

    if (at) at[8] = at[8] == 'A' ? 'B' : 'A';
}

static void send_signal(struct world *world, struct world_peer *from,
                        const struct hws_signal *signal)
{
    static char edited[64 * 1024];
    struct hws_bytes text = signal->text;
    struct flight *flight;

    if (!from->remote) return;
    if (world->edit) {
        assert(text.len < sizeof(edited));
        if (text.len > 0) memcpy(edited, text.data, text.len);
        edited[text.len] = '\0';
        world->edit(from, signal->kind, edited, sizeof(edited));
        text = hws_bytes_of(edited);
    }
    flight = launch(world, world->now + world->signal_delay, text);
    flight->to = from->remote;
    flight->is_signal = true;
    flight->kind = signal->kind;
    memcpy(flight->ufrag, signal->ufrag, strlen(signal->ufrag) + 1);
    if (world->spoil_fingerprint && signal->kind != HWS_SIGNAL_CANDIDATE) spoil(flight);
}

static void land(struct world *world, struct flight *flight)
{
    struct hws_peer *peer = flight->to->peer;

    if (flight->is_signal) {
        struct hws_signal signal = {
            .kind = flight->kind, .text = {flight->data, flight->len},
                 .ufrag = flight->ufrag
        };
        enum hws_err err = hws_peer_signal(peer, &signal, world->now);

        if (err == HWS_ERR_STATE && signal.kind == HWS_SIGNAL_OFFER && flight->to->polite) {
            assert(hws_peer_rollback(peer, world->now) == HWS_OK);
            (void)!hws_peer_signal(peer, &signal, world->now);
        }
    } else {
        struct hws_datagram datagram = {
            .local = flight->to->addr,
            .remote = flight->from,
            .bytes = {flight->data, flight->len}
        };

        (void)hws_peer_feed(peer, &datagram, world->now);
    }
}

/* ---- What the peers say */

static void echo(struct world *world, struct world_peer *peer, const struct hws_event *event)
{
    enum hws_err err =
        hws_peer_send(peer->peer, event->channel, event->message_kind, event->message, world->now);

    assert(err == HWS_OK || err == HWS_ERR_FULL || err == HWS_ERR_STATE);
}

static void note(struct world *world, struct world_peer *peer, const struct hws_event *event)
{
    if (event->kind == HWS_EVENT_MESSAGE) {
        uint8_t copy[sizeof(peer->last)];

        assert(event->message.len <= sizeof(copy));
        for (size_t i = 0; i < event->message.len; i++) {
            peer->message_sum = peer->message_sum * 31 + event->message.data[i];
        }
        peer->message_count++;
        peer->message_bytes += event->message.len;
        peer->last_len = event->message.len;
        peer->last_kind = event->message_kind;
        if (event->message.len > 0) memcpy(peer->last, event->message.data, event->message.len);
        if (peer->echo) {
            struct hws_event again = *event;

            memcpy(copy, peer->last, peer->last_len);
            again.message = (struct hws_bytes){copy, peer->last_len};
            echo(world, peer, &again);
        }
        return;
    }
    if ((event->kind == HWS_EVENT_CHANNEL_INCOMING || event->kind == HWS_EVENT_CHANNEL_OPEN) &&
        peer->channel.generation == 0)
        peer->channel = event->channel;
    if (peer->event_count < WORLD_EVENTS) {
        peer->events[peer->event_count++] =
            (struct world_event){event->kind, event->channel, event->fault};
    }
}

/* Drain one peer until nothing moves; true if anything did. */
static bool drain(struct world *world, struct world_peer *peer)
{
    struct hws_datagram datagrams[16];
    struct hws_signal signal;
    struct hws_event event;
    bool moved = false;
    size_t count;

    while ((count = hws_peer_next_datagrams(peer->peer, datagrams, 16)) > 0) {
        for (size_t i = 0; i < count; i++) {
            send_datagram(world, peer, &datagrams[i]);
        }
        moved = true;
    }
    while (hws_peer_next_signal(peer->peer, &signal)) {
        send_signal(world, peer, &signal);
        moved = true;
    }
    while (!peer->deaf && hws_peer_next_event(peer->peer, &event)) {
        if (peer->on_event) peer->on_event(peer, &event);
        note(world, peer, &event);
        moved = true;
    }
    return moved;
}

static void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < world->peer_count; i++) {
            struct world_peer *peer = &world->peers[i];

            if (hws_peer_deadline(peer->peer) <= world->now) hws_peer_tick(peer->peer, world->now);
            moved = drain(world, peer) || moved;
        }
    }
}

static hws_time next_time(struct world *world, hws_time until)
{
    hws_time next = world->flights ? world->flights->at : HWS_NEVER;

    for (size_t i = 0; i < world->peer_count; i++) {
        hws_time due = hws_peer_deadline(world->peers[i].peer);

        if (due < next) next = due;
    }
    if (next > until) next = until;
    return next > world->now ? next : world->now + 1; /* a deaf peer's deadline stays past */
}

static bool never(struct world *world)
{
    (void)world;
    return false;
}

bool world_run(struct world *world, hws_time limit, bool (*done)(struct world *world))
{
    hws_time until = world->now + limit;

    settle(world);
    while (!done(world)) {
        if (world->now >= until) return false;
        world->now = wall = next_time(world, until);
        while (world->flights && world->flights->at <= world->now) {
            struct flight *flight = world->flights;

            world->flights = flight->next;
            land(world, flight);
            free(flight);
        }
        settle(world);
    }
    return true;
}

void world_pass(struct world *world, hws_time duration)
{
    (void)world_run(world, duration, never);
}

size_t world_count(const struct world_peer *peer, enum hws_event_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < peer->event_count; i++) {
        if (peer->events[i].kind == kind) count++;
    }
    return count;
}

bool world_saw(const struct world_peer *peer, enum hws_event_kind kind)
{
    return world_count(peer, kind) > 0;
}
