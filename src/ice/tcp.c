/* ICE-TCP (RFC 6544): what is different when a pair is a connection. An active candidate is a base
 * with port 9, whose packets make the connection that they need; a passive one is an address that
 * listens, and its pairs come with the checks of those who connect. What is sent on a connection
 * that cannot be made is lost, and the program says so. */
#include "ice/ice_internal.h"

enum {
    PREFERENCE_TOP = 65535, /* of a host, as in candidate.c */
    OTHER_TOP = 8191,
};

enum hws_tcp_type hws_ice_tcp_type(const struct hws_address *local)
{
    if (!local->tcp) return HWS_TCP_NONE;
    return local->port == HWS_TCP_ACTIVE_PORT ? HWS_TCP_ACTIVE : HWS_TCP_PASSIVE;
}

uint32_t hws_ice_priority(const struct hws_ice_local *local, enum hws_candidate_type type)
{
    enum hws_tcp_type kind = hws_ice_tcp_type(&local->addr);

    if (kind == HWS_TCP_NONE) return hws_candidate_priority(type, local->preference);
    return hws_candidate_tcp_priority(type, kind,
                                      (uint16_t)(OTHER_TOP - (PREFERENCE_TOP - local->preference)));
}

bool hws_ice_wants(const struct hws_ice *ice, const struct hws_candidate *candidate)
{
    return !candidate->addr.tcp || (ice->tcp && candidate->tcp_type == HWS_TCP_PASSIVE);
}

/* RFC 6544 section 6.2: active with passive, and the side that waits checks nothing by itself. The
 * other side must not make us connect to more than a few places, whatever it signals. */
bool hws_ice_tcp_allows(const struct hws_ice *ice, uint8_t base, uint8_t remote, bool heard)
{
    const struct hws_address *local = &ice->locals[base].addr;

    if (local->tcp != ice->remotes[remote].addr.tcp) return false;
    if (!local->tcp || heard) return true;
    return hws_ice_tcp_type(local) == HWS_TCP_ACTIVE &&
           ice->remotes[remote].tcp_type == HWS_TCP_PASSIVE &&
           ice->stream_count < HWS_ICE_STREAMS_MAX;
}

/* ---- Connections */

static bool is_lane(const struct hws_ice *ice, uint8_t base, const struct hws_address *remote)
{
    return ice->lane.active && ice->lane.base == base &&
           hws_ice_same_endpoint(&ice->lane.path.remote, remote);
}

static bool is_parting(const struct hws_ice *ice, uint8_t base, const struct hws_address *remote)
{
    return ice->old.has_local && ice->parting.base == base &&
           hws_ice_same_endpoint(&ice->parting.remote, remote);
}

static bool is_early(const struct hws_ice *ice, uint8_t base, const struct hws_address *remote)
{
    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].base == base && hws_ice_same_endpoint(&ice->early[i].remote, remote))
            return true;
    }
    return false;
}

static uint8_t pair_of(const struct hws_ice *ice, uint8_t base, const struct hws_address *remote)
{
    uint8_t known = hws_ice_find_remote(ice, remote);

    return known == HWS_ICE_NONE ? HWS_ICE_NONE : hws_ice_pair_find(ice, base, known);
}

/* RFC 6544 section 9.1: when the checks are over, the connections that were not chosen are closed.
 * One that is needed after all is made again by the side that made it. */
static bool is_pair_alive(const struct hws_ice *ice, uint8_t pair)
{
    const struct hws_ice_pair *p = &ice->pairs[pair];

    if (p->queued || p->state == HWS_ICE_PAIR_IN_PROGRESS || p->peer_nominates) return true;
    if (ice->phase == HWS_ICE_COMPLETE) return ice->nominated == pair || ice->nominee == pair;
    return ice->phase == HWS_ICE_RUNNING && p->state != HWS_ICE_PAIR_FAILED;
}

bool hws_ice_needs_stream(const struct hws_ice *ice, const struct hws_address *local,
                          const struct hws_address *remote)
{
    uint8_t base = hws_ice_find_base(ice, local), pair;

    if (base == HWS_ICE_NONE) return false;
    if (is_lane(ice, base, remote) || is_parting(ice, base, remote) || is_early(ice, base, remote))
        return true;
    pair = pair_of(ice, base, remote);
    return pair != HWS_ICE_NONE && is_pair_alive(ice, pair);
}

void hws_ice_stream_gone(struct hws_ice *ice, const struct hws_address *local,
                         const struct hws_address *remote, hws_time now)
{
    uint8_t base = hws_ice_find_base(ice, local), pair;
    bool in_use;

    if (base == HWS_ICE_NONE || !local->tcp) return;
    in_use = is_lane(ice, base, remote);
    pair = pair_of(ice, base, remote);
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "stream.gone", "pair=%u in_use=%d", pair, in_use);
    if (is_parting(ice, base, remote)) ice->parting.base = HWS_ICE_NONE;
    if (pair != HWS_ICE_NONE) {
        hws_ice_pair_give_up(ice, pair, now);
        /* The next connection from there has another port, so this pair will never work again. */
        if (hws_ice_tcp_type(local) == HWS_TCP_PASSIVE) hws_ice_pair_remove(ice, pair);
    }
    if (in_use) hws_ice_path_lost(ice, now);
    hws_ice_tick(ice, now);
}
