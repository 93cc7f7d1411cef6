/* The tables of candidates: ours (RFC 8445 section 5.1, RFC 8421 section 4) and the peer's. */
#include "ice/ice_internal.h"

#include "crypto/crc32.h"

#include <string.h>

enum {
    PREFERENCE_TOP = 65535,
    PREFERENCE_STEP = 16, /* between hosts; in the gap go what servers say of the host */
};

_Static_assert((int)HWS_ICE_SERVER_MAX < (int)PREFERENCE_STEP, "local preferences must be unique");
_Static_assert(2 * (int)HWS_ICE_LOCAL_MAX * (int)PREFERENCE_STEP < (int)PREFERENCE_TOP,
               "and not wrap");

bool hws_ice_same_endpoint(const struct hws_address *a, const struct hws_address *b)
{
    return a->family == b->family && a->port == b->port &&
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

/* RFC 8421 section 4: the n-th IPv6 address goes before the n-th IPv4 address, whatever the order
 * in which they come, because what was announced cannot be ranked again. */
static uint16_t host_preference(const struct hws_ice *ice, enum hws_family family)
{
    int nth = 0;

    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i && ice->locals[i].addr.family == family) nth++;
    }
    return (uint16_t)(PREFERENCE_TOP -
                      PREFERENCE_STEP * (2 * nth + (family == HWS_FAMILY_IP4 ? 1 : 0)));
}

/* RFC 8445 section 5.1.1.3: equal for equal type, IP of the base and IP of the server. */
static bool same_foundation(const struct hws_ice *ice, const struct hws_ice_local *a,
                            const struct hws_ice_local *b)
{
    if (a->type != b->type) return false;
    if (!hws_address_same_ip(&ice->locals[a->base].addr, &ice->locals[b->base].addr)) return false;
    if (a->server == HWS_ICE_NONE || b->server == HWS_ICE_NONE) return a->server == b->server;
    return hws_address_same_ip(&ice->servers[a->server], &ice->servers[b->server]);
}

static void settle_foundation(struct hws_ice *ice, size_t index)
{
    struct hws_ice_local *mine = &ice->locals[index];

    mine->foundation = 1;
    for (size_t i = 0; i < ice->local_count; i++) {
        const struct hws_ice_local *other = &ice->locals[i];

        if (i == index) continue;
        if (same_foundation(ice, mine, other)) {
            mine->foundation = other->foundation;
            return;
        }
        if (other->foundation >= mine->foundation)
            mine->foundation = (uint8_t)(other->foundation + 1);
    }
}

bool hws_ice_local_is_known(const struct hws_ice_local *local)
{
    return !local->late && !local->stale;
}

static void local_added(struct hws_ice *ice, size_t index, hws_time now)
{
    struct hws_ice_local *local = &ice->locals[index];
    char text[HWS_ENDPOINT_TEXT_MAX];

    local->priority = hws_candidate_priority(local->type, local->preference);
    local->late = ice->local_end_raised;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "candidate.local",
            "local=%u type=%s base=%u priority=%u", (unsigned)index,
            hws_candidate_type_name(local->type), local->base, local->priority);
    /* Addresses only at the finest level: they may be what the user wants hidden. */
    HWS_LOG(&ice->log, HWS_LOG_TRACE, now, "ice", "candidate.address", "local=%u addr=%s",
            (unsigned)index, hws_endpoint_text(&local->addr, text));
}

enum hws_err hws_ice_local_add_host(struct hws_ice *ice, const struct hws_address *addr,
                                    hws_time now)
{
    size_t index = ice->local_count;

    if (!hws_address_is_reachable(addr)) return HWS_ERR_ARGUMENT;
    if (hws_ice_find_base(ice, addr) != HWS_ICE_NONE) return HWS_OK;
    if (index == HWS_ICE_LOCAL_MAX) return HWS_ERR_FULL;
    ice->locals[index] = (struct hws_ice_local){
        .addr = *addr,
        .type = HWS_CANDIDATE_HOST,
        .preference = host_preference(ice, addr->family),
        .base = (uint8_t)index,
        .server = HWS_ICE_NONE,
    };
    settle_foundation(ice, index);
    ice->local_count++;
    local_added(ice, index, now);
    hws_ice_pairs_of_local(ice, (uint8_t)index, now);
    return HWS_OK;
}

/* Where a reflexive candidate goes: in the place of one that is true no more, or behind all. */
static size_t free_slot(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].stale) return i;
    }
    return ice->local_count;
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
    };
    settle_foundation(ice, index);
    if (index == ice->local_count) ice->local_count++;
    local_added(ice, index, now);
}

enum hws_candidate_type hws_ice_local_type(const struct hws_ice *ice, uint8_t base,
                                           const struct hws_address *mapped)
{
    for (size_t i = 0; i < ice->local_count; i++) {
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
        .type = local->type, .priority = local->priority, .addr = local->addr};
    if (local->base != index) out->related = ice->locals[local->base].addr;
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

uint8_t hws_ice_remote_learn(struct hws_ice *ice, const struct hws_address *addr, uint32_t priority,
                             hws_time now)
{
    size_t index = ice->remote_count;

    if (!hws_address_is_reachable(addr) || index == HWS_ICE_REMOTE_CAP ||
        index - ice->signalled_count >= HWS_ICE_PRFLX_MAX)
        return HWS_ICE_NONE;
    ice->remotes[index] = (struct hws_ice_remote){
        .addr = *addr,
        .priority = priority,
        .type = HWS_CANDIDATE_PRFLX,
        .foundation = (uint8_t)index, /* unlike all others, RFC 8445 section 7.3.1.3 */
    };
    ice->remote_count++;
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
