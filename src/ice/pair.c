/* The check list (RFC 8445 section 6.1.2): which pairs there are, their states, and whose turn it
 * is. Moves pairs, sends nothing. */
#include "ice/ice_internal.h"

#include <string.h>

const char *hws_ice_pair_state_name(enum hws_ice_pair_state state)
{
    static const char *const names[] = {"frozen", "waiting", "in_progress", "succeeded", "failed"};

    return names[state];
}

void hws_ice_pair_move(struct hws_ice *ice, uint8_t pair, enum hws_ice_pair_state to, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    if (p->state == to) return;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "pair.state", "pair=%u from=%s to=%s", pair,
            hws_ice_pair_state_name(p->state), hws_ice_pair_state_name(to));
    p->state = to;
}

uint8_t hws_ice_pair_find(const struct hws_ice *ice, uint8_t base, uint8_t remote)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].base == base && ice->pairs[i].remote == remote) return (uint8_t)i;
    }
    return HWS_ICE_NONE;
}

uint64_t hws_ice_pair_priority(uint32_t controlling, uint32_t controlled)
{
    uint64_t g = controlling, d = controlled;

    return ((g < d ? g : d) << 32) + 2 * (g > d ? g : d) + (g > d ? 1 : 0);
}

static void settle_rank(const struct hws_ice *ice, struct hws_ice_pair *p)
{
    uint32_t local = ice->locals[p->base].priority, remote = ice->remotes[p->remote].priority;

    p->priority = ice->controlling ? hws_ice_pair_priority(local, remote)
                                   : hws_ice_pair_priority(remote, local);
    p->foundation =
        (uint16_t)(ice->locals[p->base].foundation << 8 | ice->remotes[p->remote].foundation);
}

void hws_ice_pairs_reprioritize(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        settle_rank(ice, &ice->pairs[i]);
    }
}

/* RFC 8445 section 6.1.2.2: same family, and link-local IPv6 only with its like. */
static bool can_pair(const struct hws_address *local, const struct hws_address *remote)
{
    if (local->family != remote->family) return false;
    return local->family != HWS_FAMILY_IP6 ||
           hws_address_is_link_local(local) == hws_address_is_link_local(remote);
}

static bool is_paired(const struct hws_ice *ice, uint8_t remote, size_t but)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (i != but && ice->pairs[i].remote == remote) return true;
    }
    return false;
}

/* Which pair to give up for a new one (RFC 8445 section 6.1.2.5): first what failed, then the
 * lowest of those that are not being checked. */
static uint8_t find_victim(const struct hws_ice *ice)
{
    uint8_t victim = HWS_ICE_NONE;

    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];
        const struct hws_ice_pair *v = victim == HWS_ICE_NONE ? NULL : &ice->pairs[victim];
        bool failed = p->state == HWS_ICE_PAIR_FAILED;

        if (p->queued || p->valid || ice->lane.pair == i) continue;
        if (p->state == HWS_ICE_PAIR_IN_PROGRESS) continue;
        if (!failed && !is_paired(ice, p->remote, i)) continue; /* each candidate keeps one */
        if (!v || (failed && v->state != HWS_ICE_PAIR_FAILED) ||
            (failed == (v->state == HWS_ICE_PAIR_FAILED) && p->priority < v->priority))
            victim = (uint8_t)i;
    }
    return victim;
}

/* Room for a candidate that no pair tries, whatever its priority: of many candidates one may work,
 * and it need not be among the first hundred pairs. There are fewer candidates than pairs, so some
 * candidate has two: it gives up the lesser one, and rather one not tried yet. */
static uint8_t find_spare(const struct hws_ice *ice)
{
    uint8_t spare = HWS_ICE_NONE;
    bool spare_waits = false;

    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];
        bool waits = p->state != HWS_ICE_PAIR_IN_PROGRESS;

        if (p->queued || p->valid || p->heard || ice->lane.pair == i || ice->nominee == i) continue;
        if (!is_paired(ice, p->remote, i)) continue;
        if (spare == HWS_ICE_NONE || (waits && !spare_waits) ||
            (waits == spare_waits && p->priority < ice->pairs[spare].priority)) {
            spare = (uint8_t)i;
            spare_waits = waits;
        }
    }
    return spare;
}

static bool foundation_succeeded(const struct hws_ice *ice, uint16_t foundation)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].foundation == foundation && ice->pairs[i].valid) return true;
    }
    return false;
}

uint8_t hws_ice_pair_form(struct hws_ice *ice, uint8_t base, uint8_t remote, bool force,
                          hws_time now)
{
    struct hws_ice_pair fresh = {
        .base = base, .remote = remote, .local_type = ice->locals[base].type};
    uint8_t at = hws_ice_pair_find(ice, base, remote);

    if (at != HWS_ICE_NONE) return at;
    if (!can_pair(&ice->locals[base].addr, &ice->remotes[remote].addr)) return HWS_ICE_NONE;
    if (!hws_ice_tcp_allows(ice, base, remote, force)) return HWS_ICE_NONE;
    /* A server would learn the address behind the name, and could hardly reach it. */
    if (ice->locals[base].relay != HWS_ICE_NONE && ice->remotes[remote].named) return HWS_ICE_NONE;
    if (ice->locals[base].relay != HWS_ICE_NONE &&
        !hws_ice_relay_permit(ice, base, &ice->remotes[remote].addr, &fresh.gated, now))
        return HWS_ICE_NONE;
    settle_rank(ice, &fresh);
    /* RFC 8838 section 12: a foundation that works is worth trying at once. */
    if (foundation_succeeded(ice, fresh.foundation)) fresh.state = HWS_ICE_PAIR_WAITING;
    if (ice->pair_count < HWS_ICE_PAIR_MAX) {
        at = (uint8_t)ice->pair_count++;
    } else {
        at = find_victim(ice);
        if (at != HWS_ICE_NONE && !force && ice->pairs[at].state != HWS_ICE_PAIR_FAILED &&
            ice->pairs[at].priority >= fresh.priority)
            at = HWS_ICE_NONE;
        if (at == HWS_ICE_NONE && (force || !is_paired(ice, remote, ice->pair_count)))
            at = find_spare(ice);
        if (at == HWS_ICE_NONE) return HWS_ICE_NONE;
    }
    ice->pairs[at] = fresh;
    if (hws_ice_tcp_type(&ice->locals[base].addr) == HWS_TCP_ACTIVE && !force) ice->stream_count++;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "pair.new",
            "pair=%u local=%u remote=%u priority=%llu state=%s", at, base, remote,
            (unsigned long long)fresh.priority, hws_ice_pair_state_name(fresh.state));
    return at;
}

static void renumber(uint8_t *index, uint8_t gone, uint8_t last)
{
    if (*index == gone)
        *index = HWS_ICE_NONE;
    else if (*index == last)
        *index = gone;
}

void hws_ice_pair_remove(struct hws_ice *ice, uint8_t pair)
{
    uint8_t last = (uint8_t)(ice->pair_count - 1);

    hws_ice_untrigger(ice, pair);
    for (size_t i = 0; i < ice->triggered_count; i++) {
        renumber(&ice->triggered[i], pair, last);
    }
    renumber(&ice->nominee, pair, last);
    renumber(&ice->nominated, pair, last);
    renumber(&ice->lane.pair, pair, last);
    ice->pairs[pair] = ice->pairs[last];
    ice->pair_count--;
}

/* When the checks are over, those of a new address have to be asked for: they may find a better
 * path, and are there when the one in use dies. */
void hws_ice_pairs_of_local(struct hws_ice *ice, uint8_t base, hws_time now)
{
    bool over = ice->phase == HWS_ICE_COMPLETE;

    if (!ice->cur.has_remote || ice->lite || (ice->phase != HWS_ICE_RUNNING && !over)) return;
    if (!hws_ice_local_pairs(ice, base)) return;
    for (size_t i = 0; i < ice->remote_count; i++) {
        bool known = hws_ice_pair_find(ice, base, (uint8_t)i) != HWS_ICE_NONE;
        uint8_t pair = hws_ice_pair_form(ice, base, (uint8_t)i, false, now);

        if (over && !known && pair != HWS_ICE_NONE) hws_ice_trigger(ice, pair, now);
    }
}

void hws_ice_pairs_of_remote(struct hws_ice *ice, uint8_t remote, hws_time now)
{
    if (ice->lite || ice->phase != HWS_ICE_RUNNING) return;
    for (size_t i = 0; i < ice->local_count; i++) {
        if (hws_ice_local_pairs(ice, i))
            (void)hws_ice_pair_form(ice, (uint8_t)i, remote, false, now);
    }
}

void hws_ice_pairs_unfreeze(struct hws_ice *ice, uint16_t foundation, hws_time now)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].foundation == foundation && ice->pairs[i].state == HWS_ICE_PAIR_FROZEN)
            hws_ice_pair_move(ice, (uint8_t)i, HWS_ICE_PAIR_WAITING, now);
    }
}

void hws_ice_trigger(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    if (ice->lite) return; /* it checks nothing */
    hws_ice_pair_move(ice, pair, HWS_ICE_PAIR_WAITING, now);
    if (p->queued) return;
    p->queued = true;
    ice->triggered[ice->triggered_count++] = pair; /* each pair once, so there is room */
}

void hws_ice_untrigger(struct hws_ice *ice, uint8_t pair)
{
    if (!ice->pairs[pair].queued) return;
    ice->pairs[pair].queued = false;
    for (size_t i = 0; i < ice->triggered_count; i++) {
        if (ice->triggered[i] != pair) continue;
        ice->triggered_count--;
        memmove(ice->triggered + i, ice->triggered + i + 1, ice->triggered_count - i);
        return;
    }
}

static bool is_held(const struct hws_ice *ice, uint16_t foundation)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        if (p->foundation == foundation &&
            (p->state == HWS_ICE_PAIR_WAITING || p->state == HWS_ICE_PAIR_IN_PROGRESS))
            return true;
    }
    return false;
}

/* RFC 8445 section 6.1.4.2: waiting pairs, then frozen ones of a foundation that nobody tries. That
 * rule alone would spend the 39.5 s of a whole transaction on each dead candidate of a foundation,
 * so when Ta would pass unused the frozen pairs of the others get their turn as well. */
static int turn_of(const struct hws_ice *ice, const struct hws_ice_pair *p)
{
    if (p->state == HWS_ICE_PAIR_WAITING) return 3;
    if (p->state != HWS_ICE_PAIR_FROZEN) return 0;
    return is_held(ice, p->foundation) ? 1 : 2;
}

uint8_t hws_ice_pair_next(const struct hws_ice *ice)
{
    uint8_t best = HWS_ICE_NONE;
    int best_turn = 0;

    if (!ice->cur.has_remote || ice->lite || ice->phase == HWS_ICE_GAVE_UP ||
        ice->phase == HWS_ICE_DEAD)
        return HWS_ICE_NONE;
    if (ice->triggered_count > 0) return ice->triggered[0];
    if (ice->phase != HWS_ICE_RUNNING) return HWS_ICE_NONE;
    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];
        int turn = turn_of(ice, p);

        if (turn == 0 || turn < best_turn || p->gated) continue;
        if (turn == best_turn && p->priority <= ice->pairs[best].priority) continue;
        best = (uint8_t)i;
        best_turn = turn;
    }
    return best;
}

bool hws_ice_any_alive(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        enum hws_ice_pair_state state = ice->pairs[i].state;

        if (state != HWS_ICE_PAIR_SUCCEEDED && state != HWS_ICE_PAIR_FAILED) return true;
    }
    return false;
}

bool hws_ice_any_valid(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].valid) return true;
    }
    return false;
}
