/* Addresses of ours that go, and a path that falls silent: how data comes to another path before
 * consent has run out. Candidates of the same generation only; restart_at says when they were not
 * enough, and the program should offer a restart. */
#include "ice/ice_internal.h"

#include <string.h>

/* ---- Searching again with what there is */

/* Check every pair once more, the best first: that is the order of the triggered queue. */
static void check_all(struct hws_ice *ice, uint8_t except, hws_time now)
{
    for (;;) {
        uint8_t best = HWS_ICE_NONE;

        for (size_t i = 0; i < ice->pair_count; i++) {
            const struct hws_ice_pair *p = &ice->pairs[i];

            if (i == except || p->queued || p->state == HWS_ICE_PAIR_IN_PROGRESS) continue;
            if (best == HWS_ICE_NONE || p->priority > ice->pairs[best].priority) best = (uint8_t)i;
        }
        if (best == HWS_ICE_NONE) return;
        hws_ice_trigger(ice, best, now);
    }
}

/* The path is gone and the checks are over: they begin anew, with patience from now on. Where
 * consent was given lately data goes on at once. */
static void reopen(struct hws_ice *ice, hws_time now)
{
    uint8_t best = hws_ice_best_confirmed(ice, INT64_MIN, now);

    ice->phase = HWS_ICE_RUNNING;
    ice->nominee = ice->nominated = HWS_ICE_NONE;
    ice->started_at = ice->first_valid_at = now;
    ice->restart_at = hws_ice_later(now, HWS_ICE_RESTART_LOST);
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i) hws_ice_pairs_of_local(ice, (uint8_t)i, now);
    }
    for (size_t i = 0; i < ice->pair_count; i++) {
        struct hws_ice_pair *p = &ice->pairs[i];

        p->valid = p->valid && now < hws_ice_later(p->confirmed_at, ice->consent_expiry);
        p->nominate = p->peer_nominates = false;
    }
    if (best == HWS_ICE_NONE)
        ice->pending_expired = true;
    else
        hws_ice_lane_open(ice, best, now);
    check_all(ice, HWS_ICE_NONE, now);
}

/* ---- An address that is gone */

static void drop_waiting(struct hws_ice *ice, uint8_t base)
{
    size_t kept = 0;

    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].base != base) ice->asks[kept++] = ice->asks[i];
    }
    ice->ask_count = kept;
    kept = 0;
    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].base != base) ice->early[kept++] = ice->early[i];
    }
    ice->early_count = kept;
}

/* A slot without a base belongs to nobody until another candidate takes it. */
static void drop_base(struct hws_ice *ice, uint8_t base)
{
    drop_waiting(ice, base);
    hws_ice_outbox_drop(ice, &ice->locals[base].addr);
    for (size_t i = ice->pair_count; i > 0; i--) {
        if (ice->pairs[i - 1].base == base) hws_ice_pair_remove(ice, (uint8_t)(i - 1));
    }
    if (ice->parting.base == base) ice->parting.base = HWS_ICE_NONE;
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base != base) continue;
        ice->locals[i].base = HWS_ICE_NONE;
        ice->locals[i].stale = true;
    }
}

void hws_ice_path_lost(struct hws_ice *ice, hws_time now)
{
    bool old = ice->lane.old;

    ice->lane = (struct hws_ice_lane){.pair = HWS_ICE_NONE};
    ice->pending_selected = false;
    /* After a restart the search is on already. */
    if (old || ice->phase == HWS_ICE_GAVE_UP)
        ice->pending_expired = true;
    else
        reopen(ice, now);
    hws_ice_forget_old(ice);
}

void hws_ice_remove_local(struct hws_ice *ice, const struct hws_address *addr, hws_time now)
{
    uint8_t base = hws_ice_find_base(ice, addr);
    bool in_use;

    if (base == HWS_ICE_NONE) return;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "candidate.gone", "local=%u", base);
    in_use = ice->lane.active && ice->lane.base == base;
    hws_ice_relays_drop_base(ice, base, now);
    drop_base(ice, base);
    if (ice->before) drop_base(ice->before, base);
    if (in_use) hws_ice_path_lost(ice, now);
    hws_ice_tick(ice, now);
}

/* ---- A path that is silent */

/* How long an answer may take before it is missed. */
static hws_time patience(const struct hws_ice *ice)
{
    return HWS_ICE_MISSED + 2 * ice->lane.path.rtt;
}

/* The other side asks or is asked on every pair. As the controlling side we nominate the path in
 * use once more: behind a NAT that forgot us, the peer takes the address that we have now. */
static void probe(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;

    if (ice->controlling && ice->phase == HWS_ICE_COMPLETE) ice->pairs[lane->pair].nominate = true;
    hws_ice_trigger(ice, lane->pair, now);
    check_all(ice, lane->pair, now);
    lane->next_probe_at = hws_ice_later(now, HWS_ICE_PROBE_PERIOD);
}

static bool is_watched(const struct hws_ice *ice)
{
    return !ice->lite && ice->lane.active && !ice->lane.old && ice->lane.pair != HWS_ICE_NONE &&
           (ice->phase == HWS_ICE_COMPLETE || ice->phase == HWS_ICE_RUNNING);
}

void hws_ice_ask_path(struct hws_ice *ice, hws_time now)
{
    if (!is_watched(ice) || ice->lane.unanswered > 0) return;
    ice->lane.next_at = now;
    ice->lane.unanswered = 1; /* the doubt counts as the first request that got no answer */
}

void hws_ice_suspect(struct hws_ice *ice, hws_time now)
{
    hws_ice_ask_path(ice, now);
    hws_ice_tick(ice, now);
}

/* The pair that would take the place of a silent one: it answered after that fell silent. */
static uint8_t find_refuge(const struct hws_ice *ice)
{
    uint8_t best = HWS_ICE_NONE;

    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        if (i == ice->lane.pair || !p->valid || p->confirmed_at <= ice->lane.silent_at) continue;
        if (best == HWS_ICE_NONE || p->priority > ice->pairs[best].priority) best = (uint8_t)i;
    }
    return best;
}

static void fall_silent(struct hws_ice *ice, hws_time now)
{
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "path.silent", "pair=%u", ice->lane.pair);
    ice->lane.silent_at = now;
    if (ice->phase == HWS_ICE_RUNNING && ice->nominee == ice->lane.pair) {
        ice->nominee = HWS_ICE_NONE; /* not this one, unless it answers */
        ice->pairs[ice->lane.pair].nominate = false;
    }
    if (ice->restart_at == HWS_NEVER) ice->restart_at = hws_ice_later(now, HWS_ICE_RESTART_SILENT);
    if (ice->locals[ice->lane.base].relay != HWS_ICE_NONE) hws_ice_relays_doubt(ice, now);
    probe(ice, now);
}

/* Data may flow on any valid pair (RFC 8445 section 12.1): it moves first, and the controlling
 * side nominates the pair behind it. */
static void take_refuge(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    ice->pairs[ice->lane.pair].valid = false;
    hws_ice_lane_open(ice, pair, now);
    if (ice->controlling) hws_ice_renominate(ice, pair, now);
}

void hws_ice_silence_tick(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;
    uint8_t refuge;

    if (!is_watched(ice) || hws_ice_silence_deadline(ice) > now) return;
    if (!lane->silent_at) {
        if (lane->unanswered == 1)
            lane->next_at = now; /* one may be lost */
        else
            fall_silent(ice, now);
        return;
    }
    refuge = find_refuge(ice);
    if (refuge != HWS_ICE_NONE)
        take_refuge(ice, refuge, now); /* the silent pair is valid again when it answers */
    else
        probe(ice, now);
}

hws_time hws_ice_silence_deadline(const struct hws_ice *ice)
{
    const struct hws_ice_lane *lane = &ice->lane;

    if (!is_watched(ice)) return HWS_NEVER;
    if (!lane->silent_at)
        return lane->unanswered ? hws_ice_later(lane->asked_at, patience(ice)) : HWS_NEVER;
    /* The pair in use is asked first and gets the first chance to answer. */
    if (find_refuge(ice) != HWS_ICE_NONE)
        return hws_ice_later(lane->silent_at, HWS_ICE_SETTLE + 2 * lane->path.rtt);
    return lane->next_probe_at;
}

hws_time hws_ice_restart_due(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i) return ice->restart_at;
    }
    return HWS_NEVER; /* nowhere to be reached */
}
