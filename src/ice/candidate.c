/* The tables of candidates: ours (RFC 8445 section 5.1, RFC 8421 section 4) and the peer's. */
#include "ice/ice_internal.h"

#include "crypto/crc32.h"

#include <string.h>

enum {
    PREFERENCE_TOP = 65535,
    PREFERENCE_STEP = 32, /* between hosts; in the gap go what servers say of the host */
};

_Static_assert(2 * (int)HWS_ICE_SERVER_MAX < (int)PREFERENCE_STEP,
               "local preferences must be unique");
_Static_assert(2 * (int)HWS_ICE_LOCAL_MAX * (int)PREFERENCE_STEP < (int)PREFERENCE_TOP,
               "and not wrap");

bool hws_ice_same_endpoint(const struct hws_address *a, const struct hws_address *b)
{
    return a->family == b->family && a->port == b->port && a->tcp == b->tcp &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 &&
           (a->scope == b->scope || a->scope == 0 || b->scope == 0);
}

uint8_t hws_ice_find_base(const struct hws_ice *ice, const struct hws_address *addr)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i && hws_address_equal(&ice->locals[i].addr, addr))
            return (uint8_t)i;
    }
    return HWS_ICE_NONE;
}

static bool is_taken(const struct hws_ice *ice, enum hws_tcp_type kind, uint16_t preference)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i && ice->locals[i].type == HWS_CANDIDATE_HOST &&
            hws_ice_tcp_type(&ice->locals[i].addr) == kind &&
            ice->locals[i].preference == preference)
            return true;
    }
    return false;
}

/* RFC 8421 section 4: the n-th IPv6 address goes before the n-th IPv4 address, whatever the order
 * in which they come, because what was announced cannot be ranked again. One that is gone leaves
 * its place to the next. */
static uint16_t host_preference(const struct hws_ice *ice, const struct hws_address *addr)
{
    uint16_t preference = PREFERENCE_TOP - (addr->family == HWS_FAMILY_IP4 ? PREFERENCE_STEP : 0);

    while (is_taken(ice, hws_ice_tcp_type(addr), preference)) {
        preference = (uint16_t)(preference - 2 * PREFERENCE_STEP);
    }
    return preference;
}

static const struct hws_address *server_of(const struct hws_ice *ice,
                                           const struct hws_ice_local *local)
{
    if (local->server < HWS_ICE_SERVER_MAX) return &ice->servers[local->server];
    return &ice->turns[local->server - HWS_ICE_SERVER_MAX]->address;
}

/* RFC 8445 section 5.1.1.3: equal for equal type, protocol, IP of the base and IP of the server. */
static bool same_foundation(const struct hws_ice *ice, const struct hws_ice_local *a,
                            const struct hws_ice_local *b)
{
    if (a->type != b->type) return false;
    if (hws_ice_tcp_type(&a->addr) != hws_ice_tcp_type(&b->addr)) return false;
    if (!hws_address_same_ip(&ice->locals[a->base].addr, &ice->locals[b->base].addr)) return false;
    if (a->server == HWS_ICE_NONE || b->server == HWS_ICE_NONE) return a->server == b->server;
    return hws_address_same_ip(server_of(ice, a), server_of(ice, b));
}

static void settle_foundation(struct hws_ice *ice, size_t index)
{
    struct hws_ice_local *mine = &ice->locals[index];

    mine->foundation = 1;
    for (size_t i = 0; i < ice->local_count; i++) {
        const struct hws_ice_local *other = &ice->locals[i];

        if (i == index || other->base == HWS_ICE_NONE) continue;
        if (same_foundation(ice, mine, other)) {
            mine->foundation = other->foundation;
            return;
        }
        if (other->foundation >= mine->foundation)
            mine->foundation = (uint8_t)(other->foundation + 1);
    }
}

/* In relay-only mode addresses of the host are what sockets have, and nothing else. */
bool hws_ice_local_is_hidden(const struct hws_ice *ice, size_t index)
{
    const struct hws_ice_local *local = &ice->locals[index];

    return local->dead || (ice->relay_only && local->type != HWS_CANDIDATE_RELAY);
}

bool hws_ice_local_is_known(const struct hws_ice *ice, size_t index)
{
    const struct hws_ice_local *local = &ice->locals[index];

    return !local->late && !local->stale && !hws_ice_local_is_hidden(ice, index);
}

bool hws_ice_local_pairs(const struct hws_ice *ice, size_t index)
{
    return ice->locals[index].base == index && !hws_ice_local_is_hidden(ice, index);
}

static void local_added(struct hws_ice *ice, size_t index, hws_time now)
{
    struct hws_ice_local *local = &ice->locals[index];
    char text[HWS_ENDPOINT_TEXT_MAX];

    local->priority = hws_ice_priority(local, local->type);
    local->late = ice->local_end_raised;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "candidate.local",
            "local=%u type=%s base=%u priority=%u", (unsigned)index,
            hws_candidate_type_name(local->type), local->base, local->priority);
    if (hws_ice_local_is_hidden(ice, index)) return;
    /* Addresses only at the finest level: they may be what the user wants hidden. */
    HWS_LOG(&ice->log, HWS_LOG_TRACE, now, "ice", "candidate.address", "local=%u addr=%s",
            (unsigned)index, hws_endpoint_text(&local->addr, text));
}

/* Where a candidate goes: in the place of one that is true no more, or behind all. */
static size_t free_slot(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].stale) return i;
    }
    return ice->local_count;
}

enum hws_err hws_ice_local_add_host(struct hws_ice *ice, const struct hws_address *addr,
                                    hws_time now)
{
    size_t index = free_slot(ice);

    if (!hws_address_is_reachable(addr) || (addr->tcp && !ice->tcp)) return HWS_ERR_ARGUMENT;
    if (hws_ice_find_base(ice, addr) != HWS_ICE_NONE) return HWS_OK;
    if (index == HWS_ICE_LOCAL_MAX) return HWS_ERR_FULL;
    ice->locals[index] = (struct hws_ice_local){
        .addr = *addr,
        .type = HWS_CANDIDATE_HOST,
        .preference = host_preference(ice, addr),
        .base = (uint8_t)index,
        .server = HWS_ICE_NONE,
        .relay = HWS_ICE_NONE,
    };
    settle_foundation(ice, index);
    if (index == ice->local_count) ice->local_count++;
    local_added(ice, index, now);
    hws_ice_pairs_of_local(ice, (uint8_t)index, now);
    return HWS_OK;
}

void hws_ice_local_add_reflexive(struct hws_ice *ice, uint8_t base, uint8_t server,
                                 const struct hws_address *mapped, hws_time now)
{
    size_t index = free_slot(ice);

    if (!hws_address_is_reachable(mapped) || mapped->family != ice->locals[base].addr.family)
        return;
    for (size_t i = 0; i < ice->local_count; i++) { /* RFC 8445 section 5.1.3: redundant */
        if (ice->locals[i].base != base || !hws_ice_same_endpoint(&ice->locals[i].addr, mapped))
            continue;
        ice->locals[i].stale = false;
        return;
    }
    if (index == HWS_ICE_LOCAL_MAX) return;
    ice->locals[index] = (struct hws_ice_local){
        .addr = *mapped,
        .type = HWS_CANDIDATE_SRFLX,
        .preference = (uint16_t)(ice->locals[base].preference - server),
        .base = base,
        .server = server,
        .relay = HWS_ICE_NONE,
    };
    settle_foundation(ice, index);
    if (index == ice->local_count) ice->local_count++;
    local_added(ice, index, now);
}

uint8_t hws_ice_local_add_relayed(struct hws_ice *ice, uint8_t at,
                                  const struct hws_ice_local *local, hws_time now)
{
    size_t index = at == HWS_ICE_NONE ? ice->local_count : at;

    if (index == HWS_ICE_LOCAL_MAX) return HWS_ICE_NONE;
    ice->locals[index] = *local;
    ice->locals[index].base = (uint8_t)index;
    settle_foundation(ice, index);
    if (index == ice->local_count) ice->local_count++;
    local_added(ice, index, now);
    hws_ice_pairs_of_local(ice, (uint8_t)index, now);
    return (uint8_t)index;
}

enum hws_candidate_type hws_ice_local_type(const struct hws_ice *ice, uint8_t base,
                                           const struct hws_address *mapped)
{
    bool tcp = ice->locals[base].addr.tcp; /* its port is that of the connection, not of the base */

    if (tcp && hws_address_same_ip(&ice->locals[base].addr, mapped)) return HWS_CANDIDATE_HOST;
    for (size_t i = 0; i < ice->local_count && !tcp; i++) {
        if (ice->locals[i].base == base && hws_ice_same_endpoint(&ice->locals[i].addr, mapped))
            return ice->locals[i].type;
    }
    return HWS_CANDIDATE_PRFLX;
}

void hws_ice_local_describe(const struct hws_ice *ice, size_t index, struct hws_candidate *out)
{
    const struct hws_ice_local *local = &ice->locals[index];
    struct hws_writer text;

    *out = (struct hws_candidate){
        .type = local->type,
        .tcp_type = hws_ice_tcp_type(&local->addr),
        .priority = local->priority,
        .addr = local->addr,
    };
    if (local->base != index)
        out->related = ice->locals[local->base].addr;
    else if (local->relay != HWS_ICE_NONE && !ice->relay_only)
        out->related = ice->relays[local->relay].mapped;
    text = hws_writer_over((uint8_t *)out->foundation, sizeof(out->foundation) - 1);
    hws_write_text(&text, "%u", local->foundation);
    memcpy(out->ufrag, ice->cur.local_ufrag, sizeof(ice->cur.local_ufrag));
}

/* ---- Remote */

uint32_t hws_ice_generation(struct hws_bytes ufrag)
{
    uint32_t sum = hws_crc32(ufrag);

    return sum != 0 ? sum : 1;
}

uint8_t hws_ice_find_remote(const struct hws_ice *ice, const struct hws_address *addr)
{
    for (size_t i = 0; i < ice->remote_count; i++) {
        if (hws_ice_same_endpoint(&ice->remotes[i].addr, addr)) return (uint8_t)i;
    }
    return HWS_ICE_NONE;
}

/* The number of the group to which a candidate of this foundation belongs, among the first
 * @p count; @p index itself when it is the first of its group. */
static uint8_t remote_foundation(const struct hws_ice *ice, size_t count, size_t index,
                                 const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (i != index && text[0] != '\0' &&
            hws_bytes_equal(hws_bytes_of(ice->remotes[i].foundation_text), hws_bytes_of(text)))
            return ice->remotes[i].foundation;
    }
    return (uint8_t)index;
}

static void log_remote(const struct hws_ice *ice, size_t index, hws_time now)
{
    const struct hws_ice_remote *remote = &ice->remotes[index];
    char text[HWS_ENDPOINT_TEXT_MAX];

    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "candidate.remote",
            "remote=%u type=%s priority=%u", (unsigned)index, hws_candidate_type_name(remote->type),
            remote->priority);
    HWS_LOG(&ice->log, HWS_LOG_TRACE, now, "ice", "candidate.address", "remote=%u addr=%s",
            (unsigned)index, remote->named ? "hidden" : hws_endpoint_text(&remote->addr, text));
}

/* A candidate that a check had shown already gets the names that the peer gives it. */
static void remote_name(struct hws_ice *ice, size_t index, const struct hws_candidate *candidate)
{
    struct hws_ice_remote *remote = &ice->remotes[index];

    remote->type = candidate->type;
    remote->tcp_type = candidate->tcp_type;
    remote->priority = candidate->priority;
    memcpy(remote->foundation_text, candidate->foundation, sizeof(remote->foundation_text));
    remote->foundation_text[HWS_FOUNDATION_MAX] = '\0';
    remote->foundation = remote_foundation(ice, ice->remote_count, index, remote->foundation_text);
    remote->signalled = true;
    remote->named = candidate->mdns[0] != '\0';
    ice->signalled_count++;
}

enum hws_err hws_ice_remote_add(struct hws_ice *ice, const struct hws_candidate *candidate,
                                hws_time now)
{
    struct hws_bytes ufrag = {(const uint8_t *)candidate->ufrag,
                              strnlen(candidate->ufrag, sizeof(candidate->ufrag))};
    uint32_t generation = ufrag.len > 0 ? hws_ice_generation(ufrag) : 0;
    size_t index;

    if (!hws_address_is_reachable(&candidate->addr)) return HWS_ERR_UNSUPPORTED;
    if (candidate->priority == 0) return HWS_ERR_MALFORMED;
    if (!hws_ice_wants(ice, candidate)) return HWS_OK;
    if (generation != 0 && ice->cur.has_remote &&
        generation != hws_ice_generation(hws_bytes_of(ice->cur.remote_ufrag)))
        return HWS_OK;
    index = hws_ice_find_remote(ice, &candidate->addr);
    if (index != HWS_ICE_NONE && ice->remotes[index].signalled) return HWS_OK;
    if (ice->signalled_count == HWS_ICE_REMOTE_MAX) return HWS_ERR_FULL;
    if (index == HWS_ICE_NONE) {
        index = ice->remote_count;
        ice->remotes[index] = (struct hws_ice_remote){.addr = candidate->addr};
        remote_name(ice, index, candidate);
        ice->remote_count++;
    } else {
        remote_name(ice, index, candidate);
        hws_ice_pairs_reprioritize(ice);
    }
    ice->remotes[index].generation = generation;
    log_remote(ice, index, now);
    if (ice->cur.has_remote) hws_ice_pairs_of_remote(ice, (uint8_t)index, now);
    return HWS_OK;
}

/* Have all pairs with this remote candidate failed? */
static bool is_dead_end(const struct hws_ice *ice, size_t remote)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].remote == remote &&
            (ice->pairs[i].state != HWS_ICE_PAIR_FAILED || ice->pairs[i].queued ||
             ice->lane.pair == i || ice->nominated == i))
            return false;
    }
    return true;
}

/* A NAT that gives every check another address shows many that lead nowhere: they make room. */
static size_t find_forgettable(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->remote_count; i++) {
        if (!ice->remotes[i].signalled && is_dead_end(ice, i)) return i;
    }
    return ice->remote_count;
}

static void forget_pairs(struct hws_ice *ice, size_t remote)
{
    for (size_t i = ice->pair_count; i > 0; i--) {
        if (ice->pairs[i - 1].remote == remote) hws_ice_pair_remove(ice, (uint8_t)(i - 1));
    }
}

uint8_t hws_ice_remote_learn(struct hws_ice *ice, const struct hws_address *addr, uint32_t priority,
                             hws_time now)
{
    size_t index = ice->remote_count;

    if (!hws_address_is_reachable(addr) || ice->learned_count == HWS_ICE_LEARN_MAX)
        return HWS_ICE_NONE;
    if (index == HWS_ICE_REMOTE_CAP || index - ice->signalled_count >= HWS_ICE_PRFLX_MAX) {
        index = find_forgettable(ice);
        if (index == ice->remote_count) return HWS_ICE_NONE;
        forget_pairs(ice, index);
    }
    ice->learned_count++;
    ice->remotes[index] = (struct hws_ice_remote){
        .addr = *addr,
        .priority = priority,
        .type = HWS_CANDIDATE_PRFLX,
        .foundation = (uint8_t)index, /* unlike all others, RFC 8445 section 7.3.1.3 */
    };
    if (index == ice->remote_count) ice->remote_count++;
    log_remote(ice, index, now);
    return (uint8_t)index;
}

void hws_ice_remote_drop_foreign(struct hws_ice *ice, uint32_t generation)
{
    size_t kept = 0;

    for (size_t i = 0; i < ice->remote_count; i++) {
        struct hws_ice_remote remote = ice->remotes[i];

        if (remote.generation != 0 && remote.generation != generation) continue;
        ice->remotes[kept] = remote;
        ice->remotes[kept].foundation = remote_foundation(ice, kept, kept, remote.foundation_text);
        kept++;
    }
    ice->remote_count = kept;
    ice->signalled_count = kept; /* nothing is learned before the credentials are known */
}
