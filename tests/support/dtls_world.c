#include "support/dtls_world.h"

#include <check.h>
#include <string.h>
#include <sys/time.h>

static hws_time wall = HWS_SEC(1);

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    out->tv_sec = 1700000000 + wall / 1000000;
    out->tv_usec = wall % 1000000;
    return 0;
}

static double chance(struct world *world)
{
    world->random ^= world->random << 13; /* xorshift64 */
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (double)(world->random >> 11) / 9007199254740992.0;
}

static void set_now(struct world *world, hws_time now)
{
    world->now = now;
    wall = now;
}

static void keep_log(void *user, const char *line, size_t len)
{
    struct world *world = user;

    if (world->log_len + len + 2 > LOG_MAX) return;
    memcpy(world->log + world->log_len, line, len);
    world->log_len += len;
    world->log[world->log_len++] = '\n';
}

bool world_log_saw(const struct world *world, const char *text)
{
    return strstr(world->log, text) != NULL;
}

const char *world_log_tail(const struct world *world)
{
    enum { TAIL = 2000 };

    return world->log + (world->log_len > TAIL ? world->log_len - TAIL : 0);
}

struct hws_identity *world_identity(enum hws_dtls_versions versions)
{
    struct hws_identity_config config = {.versions = versions};
    struct hws_identity *identity = NULL;

    ck_assert_int_eq(hws_identity_new_from(&config, &identity), HWS_OK);
    return identity;
}

void world_init_bare(struct world *world, const struct hws_identity *client,
                     const struct hws_identity *server, uint64_t seed, size_t client_mtu,
                     size_t server_mtu)
{
    struct hws_dtls_config config = {
        .log = {.write = keep_log, .user = world, .level = HWS_LOG_TRACE}
    };

    memset(world, 0, sizeof(*world));
    world->random = seed * 0x9E3779B97F4A7C15U + 1;
    world->mtu[CLIENT] = client_mtu ? client_mtu : HWS_DATAGRAM_MAX;
    world->mtu[SERVER] = server_mtu ? server_mtu : HWS_DATAGRAM_MAX;
    world->born = wall + HWS_SEC(100); /* wolfSSL's clock never goes back */
    set_now(world, world->born);
    config.identity = client;
    config.role = HWS_DTLS_CLIENT;
    config.mtu = client_mtu;
    config.log.peer = CLIENT;
    ck_assert_int_eq(hws_dtls_new(&config, &world->end[CLIENT]), HWS_OK);
    config.identity = server;
    config.role = HWS_DTLS_SERVER;
    config.mtu = server_mtu;
    config.log.peer = SERVER;
    ck_assert_int_eq(hws_dtls_new(&config, &world->end[SERVER]), HWS_OK);
}

void world_expect(struct world *world, int end, const struct hws_identity *other)
{
    struct hws_fingerprint fingerprint;

    ck_assert_int_eq(hws_identity_fingerprint(other, HWS_HASH_SHA256, &fingerprint), HWS_OK);
    ck_assert_int_eq(hws_dtls_expect(world->end[end], &fingerprint, 1, world->now), HWS_OK);
}

void world_start(struct world *world)
{
    hws_dtls_start(world->end[SERVER], world->now);
    hws_dtls_start(world->end[CLIENT], world->now);
    world_drain(world);
}

void world_init(struct world *world, const struct hws_identity *client,
                const struct hws_identity *server, uint64_t seed)
{
    world_init_bare(world, client, server, seed, 0, 0);
    world_expect(world, CLIENT, server);
    world_expect(world, SERVER, client);
}

void world_fini(struct world *world)
{
    hws_dtls_free(world->end[CLIENT]);
    hws_dtls_free(world->end[SERVER]);
}

/* ---- The network */

static void fly(struct world *world, int to, struct hws_bytes bytes)
{
    struct datagram *datagram;

    if (chance(world) < world->loss) return;
    ck_assert_uint_lt(world->sky_count, IN_FLIGHT_MAX);
    datagram = &world->sky[world->sky_count++];
    datagram->at = world->now + LATENCY;
    if (chance(world) < world->reorder) datagram->at += (hws_time)(chance(world) * 15000);
    datagram->to = to;
    datagram->len = bytes.len;
    memcpy(datagram->bytes, bytes.data, bytes.len);
}

static void drain_packets(struct world *world, int from)
{
    struct hws_bytes packet;

    while (hws_dtls_next_packet(world->end[from], &packet)) {
        int copies = chance(world) < world->duplicate ? 2 : 1;

        ck_assert_uint_le(packet.len, world->mtu[from]);
        if (packet.len > world->biggest) world->biggest = packet.len;
        world->sent[from]++;
        if (world->lose && world->lose(world, from, packet)) continue;
        for (int i = 0; i < copies; i++) {
            fly(world, 1 - from, packet);
        }
    }
}

static void drain_events(struct world *world, int end)
{
    enum hws_dtls_event event;

    while (hws_dtls_next_event(world->end[end], &event)) {
        switch (event) {
        case HWS_DTLS_CONNECTED:
            ck_assert(!world->connected[end] && !world->closed[end] && !world->failed[end]);
            world->connected[end] = true;
            world->connected_at[end] = world->now;
            break;
        case HWS_DTLS_CLOSED:
            ck_assert(world->connected[end] && !world->closed[end]);
            world->closed[end] = true;
            break;
        case HWS_DTLS_FAILED:
            ck_assert(!world->failed[end] && !world->closed[end]);
            world->failed[end] = true;
            break;
        }
    }
}

void world_drain(struct world *world)
{
    for (int end = 0; end < ENDS; end++) {
        struct hws_bytes plain;

        drain_events(world, end);
        while (hws_dtls_next_plain(world->end[end], &plain)) {
            ck_assert(world->connected[end]);
            world->taken[end]++;
            world->last[end] = plain.data[0];
        }
        drain_packets(world, end);
    }
}

/* Index of the datagram that lands first; sky_count if none. */
static size_t find_next(const struct world *world)
{
    size_t best = world->sky_count;

    for (size_t i = 0; i < world->sky_count; i++) {
        if (best == world->sky_count || world->sky[i].at < world->sky[best].at) best = i;
    }
    return best;
}

static void land(struct world *world, size_t index)
{
    static struct datagram datagram;
    enum hws_err err;

    datagram = world->sky[index];
    world->sky_count--;
    memmove(&world->sky[index], &world->sky[index + 1],
            (world->sky_count - index) * sizeof(world->sky[0]));
    if (datagram.at > world->now) set_now(world, datagram.at);
    world->landed[datagram.to]++;
    err = hws_dtls_feed(world->end[datagram.to], (struct hws_bytes){datagram.bytes, datagram.len},
                        world->now);
    ck_assert(err == HWS_OK || hws_err_class(err) == HWS_CLASS_PEER);
}

bool world_step(struct world *world, hws_time until)
{
    size_t index;
    hws_time at;
    int timer = -1;

    world_drain(world); /* what the test did by itself */
    index = find_next(world);
    at = index < world->sky_count ? world->sky[index].at : HWS_NEVER;
    for (int end = 0; end < ENDS; end++) {
        hws_time deadline = hws_dtls_deadline(world->end[end]);

        if (deadline < at) {
            at = deadline;
            timer = end;
        }
    }
    if (at > until) {
        if (until > world->now) set_now(world, until);
        return false;
    }
    if (timer >= 0) {
        if (at > world->now) set_now(world, at);
        hws_dtls_tick(world->end[timer], world->now);
        ck_assert_msg(hws_dtls_deadline(world->end[timer]) > world->now, "the tick did nothing");
    } else {
        land(world, index);
    }
    world_drain(world);
    return true;
}

void world_run(struct world *world, hws_time span)
{
    hws_time until = world->now + span;

    while (world_step(world, until)) {
    }
}

bool world_connect(struct world *world, hws_time span)
{
    hws_time until = world->now + span;

    world_start(world);
    while (!(world->connected[CLIENT] && world->connected[SERVER])) {
        if (world->failed[CLIENT] || world->failed[SERVER]) return false;
        if (!world_step(world, until)) return false;
    }
    return true;
}

void world_send(struct world *world, int from, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t data[100] = {(uint8_t)i};

        ck_assert_int_eq(
            hws_dtls_send(world->end[from], (struct hws_bytes){data, sizeof(data)}, world->now),
            HWS_OK);
        if (i % 32 == 31) world_drain(world);
    }
    world_drain(world);
}
