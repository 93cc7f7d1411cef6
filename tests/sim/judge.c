/* What must be true of every run, whatever the seed. */
#include "sim/world.h"

#include "base/address.h"
#include "base/limits.h"

#define EXPIRY     HWS_SEC(30)
#define FAIL_AFTER HWS_MS(39500)

enum {
    /* To an address from which nothing came: RFC 8445 section 19.5.1 has checks only. Two whole
     * checks from each of three sockets are 54 requests of 130 bytes. */
    UNPROVEN_MAX = 8 * 1024,
};

hws_time sim_connect_bound(const struct sim_world *world)
{
    const struct sim_weather *w = &world->plan.weather;
    hws_time told = 4 * (w->signal_delay + w->signal_jitter) + HWS_SEC(1);

    /* Without loss a pair of NATs costs some retransmissions, and a full list of pairs 2 s of Ta;
     * with it, what is left of patience is all that counts. */
    if (w->loss == 0) return told + HWS_SEC(8) + 20 * (w->delay + w->jitter);
    return told + 2 * FAIL_AFTER;
}

/* ---- Every datagram */

static bool is_stun(const struct hws_datagram *datagram)
{
    return datagram->bytes.data[0] < 4;
}

static bool is_server(const struct sim_net *net, const struct hws_address *addr)
{
    for (size_t i = 0; i < net->socket_count; i++) {
        if (net->sockets[i].owner == SIM_OWNER_SERVER &&
            hws_address_equal(&net->sockets[i].addr, addr))
            return true;
    }
    return false;
}

static struct sim_probed *probed(struct sim_side *side, const struct hws_address *addr)
{
    for (size_t i = 0; i < side->probed_count; i++) {
        if (hws_address_equal(&side->probed[i].addr, addr)) return &side->probed[i];
    }
    if (side->probed_count == SIM_PROBED) {
        sim_break(side->world, "side %d sends to %d addresses", side->index, SIM_PROBED);
        return &side->probed[0];
    }
    side->probed[side->probed_count] = (struct sim_probed){.addr = *addr};
    return &side->probed[side->probed_count++];
}

void sim_judge_send(struct sim_side *side, const struct hws_datagram *datagram)
{
    struct sim_probed *to;
    char text[HWS_ENDPOINT_TEXT_MAX];

    if (is_server(&side->world->plan.net, &datagram->remote)) return;
    to = probed(side, &datagram->remote);
    if (to->proven) return;
    to->bytes += datagram->bytes.len;
    if (!is_stun(datagram))
        sim_break(side->world, "side %d sends data to %s, which never answered", side->index,
                  hws_endpoint_text(&datagram->remote, text));
    if (to->bytes > UNPROVEN_MAX * (1 + (size_t)side->restarts + side->world->sides[0].restarts +
                                    side->world->sides[1].restarts))
        sim_break(side->world, "side %d sent %zu bytes to %s, which never answered", side->index,
                  to->bytes, hws_endpoint_text(&datagram->remote, text));
}

void sim_judge_receive(struct sim_side *side, const struct hws_datagram *datagram)
{
    struct hws_address local, remote;

    if (is_server(&side->world->plan.net, &datagram->remote)) return;
    probed(side, &datagram->remote)->proven = true;
    if (datagram->bytes.data[0] == 1 && datagram->bytes.data[1] == 1 &&
        (!side->world->kind->path(side, &local, &remote) ||
         hws_address_equal(&remote, &datagram->remote)))
        side->answered_at = side->world->now;
}

/* ---- What the sides say */

void sim_judge_failed(struct sim_side *side)
{
    struct sim_world *world = side->world;

    sim_note(side, "failed", 0);
    side->nominated = false;
    if (world->plan.reachable && !world->hurt)
        sim_break(world, "side %d gave up, although there is a path", side->index);
    if (world->now - world->begun < FAIL_AFTER)
        sim_break(world, "side %d gave up too soon", side->index);
}

/* Consent ends when no answer came for 30 s and not before. A path from before a restart is not
 * told apart from the new one by the answers that come. */
void sim_judge_expired(struct sim_side *side)
{
    struct sim_world *world = side->world;
    bool same = world->sides[0].restarts == 0 && world->sides[1].restarts == 0;

    sim_note(side, "expired", 0);
    side->nominated = false;
    if (same && !world->hurt &&
        world->now - side->answered_at <
            EXPIRY - HWS_MS(1) - 2 * world->plan.weather.delay - 2 * world->plan.weather.jitter)
        sim_break(world, "side %d lost a path that was answered", side->index);
}

/* ---- Every step, and the end */

void sim_judge_step(struct sim_world *world)
{
    for (int i = 0; i < SIM_SIDES; i++) {
        struct sim_side *side = &world->sides[i];

        if (side->started && world->kind->pairs(side) > HWS_ICE_PAIR_MAX)
            sim_break(world, "side %d has more than %d pairs", i, HWS_ICE_PAIR_MAX);
    }
}

/* Where what this side sends comes out. */
static int path_end(struct sim_world *world, int side, const struct hws_address *local,
                    const struct hws_address *remote, struct hws_address *out_source)
{
    struct sim_net *net = &world->plan.net;
    size_t socket = 0;

    while (net->sockets[socket].owner != side ||
           !hws_address_equal(&net->sockets[socket].addr, local)) {
        socket++;
    }
    return sim_route(net, socket, remote, world->now, out_source);
}

bool sim_is_mirrored(struct sim_world *world)
{
    struct hws_address local[SIM_SIDES], remote[SIM_SIDES], source[SIM_SIDES];
    const struct sim_socket *sockets = world->plan.net.sockets;
    int ends[SIM_SIDES];

    for (int i = 0; i < SIM_SIDES; i++) {
        if (!world->sides[i].started || !world->kind->path(&world->sides[i], &local[i], &remote[i]))
            return false;
    }
    for (int i = 0; i < SIM_SIDES; i++) {
        ends[i] = path_end(world, i, &local[i], &remote[i], &source[i]);
        if (ends[i] < 0 || sockets[ends[i]].owner != 1 - i) return false;
    }
    /* A rebinding in the middle of it may leave each side with a working path of its own. */
    if (world->hurt) return true;
    return hws_address_equal(&sockets[ends[0]].addr, &local[1]) &&
           hws_address_equal(&source[0], &remote[1]);
}

static bool are_over(const struct sim_world *world)
{
    return world->sides[0].over && world->sides[1].over;
}

bool sim_is_settled(struct sim_world *world)
{
    const struct sim_side *a = &world->sides[0], *b = &world->sides[1];

    if (are_over(world)) return true;
    if (!world->plan.reachable) return a->failed && b->failed;
    if (world->kind->quiet && (a->first_message_at < 0 || b->first_message_at < 0)) return false;
    /* A nomination may be lost with the path that it was for; what is left is a path in use. */
    if (!world->hurt && !(a->nominated && b->nominated)) return false;
    return !a->failed && !b->failed && sim_is_mirrored(world);
}

static void judge_connected(struct sim_world *world)
{
    const struct sim_side *a = &world->sides[0], *b = &world->sides[1];
    hws_time bound = sim_connect_bound(world);

    if (are_over(world)) return; /* the kind says whether they may be */
    if (!sim_is_settled(world)) {
        sim_break(world, "not both connected over one path: nominated %d %d, failed %d %d",
                  a->nominated, b->nominated, a->failed, b->failed);
        return;
    }
    if (world->hurt || a->restarts + b->restarts > 0) return;
    if (a->first_nominated_at - world->begun > bound ||
        b->first_nominated_at - world->begun > bound)
        sim_break(world, "slow: nominated after %.3f and %.3f s, bound %.3f",
                  (double)(a->first_nominated_at - world->begun) / 1e6,
                  (double)(b->first_nominated_at - world->begun) / 1e6, (double)bound / 1e6);
}

void sim_judge_end(struct sim_world *world)
{
    if (world->plan.reachable) {
        judge_connected(world);
    } else if (world->sides[0].first_path_at >= 0 || world->sides[1].first_path_at >= 0) {
        /* One direction may be enough for one side's check, never for both. */
        if (sim_is_mirrored(world)) sim_break(world, "a path where there is none");
    } else if (!sim_is_settled(world)) {
        sim_break(world, "neither connected nor failed");
    }
    world->kind->judge(world);
}
