#include "support/peer_world.h"

#include "base/address.h"
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
    bool is_signal, is_end; /* end: of a connection */
    enum hws_signal_kind kind;
    struct hws_address from, local;
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

static void add_tcp(struct world *world, struct world_peer *peer)
{
    struct hws_address addr = peer->addr;

    addr.tcp = true;
    if (world->tcp_passive) {
        peer->passive = addr;
        assert(hws_peer_add_local(peer->peer, &addr, world->now) == HWS_OK);
    }
    addr.port = 9;
    if (world->tcp_active) assert(hws_peer_add_local(peer->peer, &addr, world->now) == HWS_OK);
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
    if (config->ice_tcp) add_tcp(world, peer);
    if (world->turn) assert(hws_peer_add_turn(peer->peer, world->turn, world->now) == HWS_OK);
    hws_peer_end_local(peer->peer, world->now);
    world->peer_count++;
    return peer;
}

void world_add_other(struct world *world, struct world_peer *peer)
{
    peer->other = peer->addr;
    peer->other.ip[1] = 1;
    assert(hws_peer_add_local(peer->peer, &peer->other, world->now) == HWS_OK);
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
        if (memcmp(&world->peers[i].addr, addr, sizeof(*addr)) == 0 ||
            memcmp(&world->peers[i].other, addr, sizeof(*addr)) == 0)
            return &world->peers[i];
    }
    return NULL;
}

static void fly(struct world *world, const struct hws_address *from, const struct hws_address *dest,
                struct hws_bytes bytes)
{
    struct world_peer *to = at_address(world, dest);
    struct flight *flight;

    if (!to || to->mute) return;
    flight = launch(world, world->now + world->delay, bytes);
    flight->to = to;
    flight->from = *from;
    flight->local = *dest;
}

/* By way of the TURN server; false when it has nothing to do with that. */
static bool relay(struct world *world, const struct hws_datagram *datagram)
{
    struct turn_server *server = world->relay;
    struct server_output out, inner;
    uint8_t copy[2048];

    if (!server) return false;
    if (hws_address_equal(&datagram->remote, &server->addr)) {
        if (!server_take(server, &datagram->local, datagram->bytes, world->now, &out)) return true;
        assert(out.bytes.len <= sizeof(copy));
        memcpy(copy, out.bytes.data, out.bytes.len);
        out.bytes.data = copy;
        if (out.relayed.family == HWS_FAMILY_NONE) {
            fly(world, &server->addr, &out.to, out.bytes);
        } else if (server_relay(server, &out.to, &out.relayed, out.bytes, world->now, &inner)) {
            fly(world, &server->addr, &inner.to, inner.bytes);
        } else {
            fly(world, &out.relayed, &out.to, out.bytes);
        }
        return true;
    }
    if (!server_relay(server, &datagram->remote, &datagram->local, datagram->bytes, world->now,
                      &out))
        return false;
    fly(world, &server->addr, &out.to, out.bytes);
    return true;
}

static bool is_cut(const struct world_peer *peer, const struct hws_address *addr)
{
    return memcmp(&peer->addr, addr, sizeof(*addr)) == 0 ? peer->cut : peer->other_cut;
}

/* ---- Connections */

static struct world_stream *find_stream(struct world *world, const struct world_peer *from,
                                        const struct hws_datagram *datagram, size_t *out_end)
{
    for (size_t i = 0; i < world->stream_count; i++) {
        struct world_stream *stream = &world->streams[i];

        for (size_t end = 0; stream->open && end < 2; end++) {
            if (stream->ends[end] != from ||
                !hws_address_equal(&stream->local[end], &datagram->local) ||
                !hws_address_equal(&stream->remote[end], &datagram->remote))
                continue;
            *out_end = end;
            return stream;
        }
    }
    return NULL;
}

static struct flight *launch_at(struct world *world, struct world_stream *stream, size_t end,
                                struct hws_bytes bytes)
{
    hws_time at = world->now + world->delay;
    struct flight *flight;

    if (at < stream->last[end]) at = stream->last[end];
    stream->last[end] = at;
    flight = launch(world, at, bytes);
    flight->to = stream->ends[end];
    flight->local = stream->local[end];
    flight->from = stream->remote[end];
    return flight;
}

static void end_stream(struct world *world, struct world_stream *stream)
{
    if (!stream->open) return;
    stream->open = false;
    for (size_t end = 0; end < 2; end++) {
        launch_at(world, stream, end, (struct hws_bytes){0})->is_end = true;
    }
}

void world_end_streams(struct world *world)
{
    for (size_t i = 0; i < world->stream_count; i++) {
        end_stream(world, &world->streams[i]);
    }
}

size_t world_streams_open(const struct world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->stream_count; i++) {
        if (world->streams[i].open) count++;
    }
    return count;
}

/* SYN and SYN-ACK go first. Where nobody listens the answer is a reset. */
static struct world_stream *make_stream(struct world *world, struct world_peer *from,
                                        const struct hws_datagram *datagram)
{
    struct world_stream *stream = &world->streams[world->stream_count];
    struct world_peer *to = NULL;

    for (size_t i = 0; i < world->peer_count; i++) {
        if (hws_address_equal(&world->peers[i].passive, &datagram->remote)) to = &world->peers[i];
    }
    if (!to || world->stream_count == WORLD_STREAMS) {
        struct flight *flight = launch(world, world->now + 2 * world->delay, (struct hws_bytes){0});

        world->streams_refused++;
        flight->to = from;
        flight->local = datagram->local;
        flight->from = datagram->remote;
        flight->is_end = true;
        return NULL;
    }
    *stream = (struct world_stream){
        .open = true,
        .ends = {from,             to              },
        .local = {datagram->local,  datagram->remote},
        .remote = {datagram->remote, datagram->local }
    };
    stream->remote[1].port = (uint16_t)(49152 + world->stream_count++);
    stream->last[1] = world->now + 3 * world->delay;
    return stream;
}

static void send_frame(struct world *world, struct world_peer *from,
                       const struct hws_datagram *datagram)
{
    size_t end = 0;
    struct world_stream *stream = find_stream(world, from, datagram, &end);

    if (!stream && datagram->local.port == 9) stream = make_stream(world, from, datagram);
    if (stream) (void)launch_at(world, stream, 1 - end, datagram->bytes);
}

/* As the loop does: what is of no use to one end is closed, once the first frame is through. */
static void sweep_streams(struct world *world)
{
    for (size_t i = 0; i < world->stream_count; i++) {
        struct world_stream *stream = &world->streams[i];

        if (!stream->open || world->now < stream->last[1]) continue;
        for (size_t end = 0; end < 2; end++) {
            if (!hws_peer_needs_stream(stream->ends[end]->peer, &stream->local[end],
                                       &stream->remote[end]))
                end_stream(world, stream);
        }
    }
}

static void send_datagram(struct world *world, struct world_peer *from,
                          const struct hws_datagram *datagram)
{
    struct world_peer *to;
    hws_time jitter = world->jitter ? (hws_time)(next_random(world) % (uint64_t)world->jitter) : 0;
    struct flight *flight;

    if (datagram->local.tcp) {
        send_frame(world, from, datagram);
        return;
    }
    if (world->no_udp) return;
    to = at_address(world, &datagram->remote);
    if (!world->relay || !hws_address_equal(&datagram->remote, &world->relay->addr))
        from->past_relay++;
    if (relay(world, datagram)) {
        world->datagrams++;
        if (datagram->bytes.len > world->datagram_max) world->datagram_max = datagram->bytes.len;
        return;
    }

    world->datagrams++;
    if (datagram->bytes.len > world->datagram_max) world->datagram_max = datagram->bytes.len;
    if (!to || from->mute || to->mute) return;
    if (is_cut(from, &datagram->local) || is_cut(to, &datagram->remote)) return;
    if (next_random(world) % 100 < world->loss_percent) return;
    flight = launch(world, world->now + world->delay + jitter, datagram->bytes);
    flight->to = to;
    flight->from = datagram->local;
    flight->local = datagram->remote;
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

    if (world->needle &&
        memmem(signal->text.data, signal->text.len, world->needle, strlen(world->needle)))
        world->needle_count++;
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

    if (flight->is_end) {
        hws_peer_stream_gone(peer, &flight->local, &flight->from, world->now);
    } else if (flight->is_signal) {
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
            .local = flight->local, .remote = flight->from, .bytes = {flight->data, flight->len}
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

        assert(event->message.len <= sizeof(copy) || !peer->echo);
        for (size_t i = 0; i < event->message.len; i++) {
            peer->message_sum = peer->message_sum * 31 + event->message.data[i];
        }
        peer->message_count++;
        peer->message_bytes += event->message.len;
        peer->last_len = event->message.len;
        peer->last_kind = event->message_kind;
        if (event->message.len > 0 && event->message.len <= sizeof(peer->last))
            memcpy(peer->last, event->message.data, event->message.len);
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
    sweep_streams(world);
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
