/* Which pair carries data: the first valid one at once, then the nominated one, as
 * RFC 8445 section 8.1.1 has it. Also the verdict that there is none. */
#include "ice/ice_internal.h"

/* The checks are over but for what could still win: with a peer that nominates by every check, a
 * better pair may follow (RFC 8445 section 8.1.1 allows it on the controlled side). */
void hws_ice_stop_others(struct hws_ice *ice, uint8_t winner, hws_time now)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        struct hws_ice_pair *p = &ice->pairs[i];
        bool may_win = winner != HWS_ICE_NONE && !ice->controlling &&
                       p->priority > ice->pairs[winner].priority &&
                       (p->state == HWS_ICE_PAIR_IN_PROGRESS || p->queued);

        if (i == winner || may_win) continue;
        hws_ice_untrigger(ice, (uint8_t)i);
        p->nominate = false;
        p->peer_nominates = false;
        p->check.sends = 0;
        p->former.open = false;
        if (p->state != HWS_ICE_PAIR_FAILED)
            hws_ice_pair_move(ice, (uint8_t)i,
                              p->valid ? HWS_ICE_PAIR_SUCCEEDED : HWS_ICE_PAIR_FROZEN, now);
    }
}

bool hws_ice_is_heard(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].heard) return true;
    }
    return false;
}

static void complete(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    p->nominate = false;
    p->peer_nominates = false;
    ice->nominee = HWS_ICE_NONE;
    ice->phase = HWS_ICE_COMPLETE;
    hws_ice_lane_open(ice, pair, now);
    hws_ice_stop_others(ice, pair, now);
    if (hws_ice_is_heard(ice)) hws_ice_forget_old(ice);
    ice->restart_at = HWS_NEVER;
    ice->nominated_at = now;
    if (ice->nominated == pair) return;
    ice->nominated = pair;
    ice->pending_nominated = true;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "nominated", "pair=%u", pair);
}

/* RFC 8445 section 8.1.1: of several nominated pairs the one of highest priority is used, unless it
 * went silent. A peer that nominates another one later on moves there by intent. Of a candidate
 * that only a check showed, the priority is not what the peer takes it to be. */
static bool is_beaten(const struct hws_ice *ice, uint8_t pair, hws_time now)
{
    if (ice->peer_nomination || !ice->remotes[ice->pairs[pair].remote].signalled) return false;
    if (ice->phase != HWS_ICE_COMPLETE || ice->nominated == pair) return false;
    if (ice->nominated == HWS_ICE_NONE || ice->lane.silent_at) return false;
    if (now >= hws_ice_later(ice->nominated_at, HWS_ICE_NOMINATING)) return false;
    return ice->pairs[ice->nominated].priority > ice->pairs[pair].priority &&
           !hws_ice_lane_is_stale(ice, now);
}

/* A pair that was answered long ago is asked before data moves to it: consent might end with it. */
static bool is_fresh(const struct hws_ice *ice, const struct hws_ice_pair *p, hws_time now)
{
    return now < hws_ice_later(p->confirmed_at, ice->consent_expiry / 2);
}

void hws_ice_peer_nominates(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    if (is_beaten(ice, pair, now)) return;
    if (p->valid && is_fresh(ice, p, now)) {
        complete(ice, pair, now);
    } else {
        for (size_t i = 0; ice->peer_nomination && i < ice->pair_count; i++) {
            ice->pairs[i].peer_nominates = false; /* an earlier one, that is overtaken */
        }
        p->peer_nominates = true; /* RFC 8445 section 7.3.1.5: as soon as our own check succeeds */
        hws_ice_check_again(ice, pair, now);
    }
}

void hws_ice_renominate(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    if (ice->nominee != HWS_ICE_NONE) ice->pairs[ice->nominee].nominate = false;
    ice->nominee = pair;
    ice->pairs[pair].nominate = true;
    hws_ice_trigger(ice, pair, now);
}

/* Is it a better one than what we nominated when there was nothing else? */
static bool is_better(const struct hws_ice *ice, uint8_t pair)
{
    uint8_t rival = ice->nominee != HWS_ICE_NONE ? ice->nominee : ice->nominated;

    return ice->controlling && ice->phase == HWS_ICE_COMPLETE && rival != HWS_ICE_NONE &&
           rival != pair && ice->pairs[pair].priority > ice->pairs[rival].priority;
}

void hws_ice_pair_validated(struct hws_ice *ice, uint8_t pair, bool nominated, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    if (!hws_ice_any_valid(ice)) ice->first_valid_at = now;
    p->valid = true;
    p->confirmed_at = now;
    if (p->check.sends == 0 && !p->nominate) hws_ice_untrigger(ice, pair);
    if (p->check.sends == 0 && !p->queued)
        hws_ice_pair_move(ice, pair, HWS_ICE_PAIR_SUCCEEDED, now);
    hws_ice_pairs_unfreeze(ice, p->foundation, now); /* RFC 8445 section 7.2.5.3.3 */
    hws_ice_consent_renew(ice, pair, p->rtt, now);
    if (ice->controlling && nominated) {
        complete(ice, pair, now);
    } else if (!ice->controlling && p->peer_nominates && !is_beaten(ice, pair, now)) {
        complete(ice, pair, now);
    } else if (ice->phase == HWS_ICE_COMPLETE && ice->nominated == pair && !ice->controlling) {
        hws_ice_lane_open(ice, pair, now); /* the peer is still there: we had fled from it */
    } else if (!ice->lane.active || (ice->lane.old && hws_ice_lane_is_stale(ice, now))) {
        /* RFC 8445 section 12.1 lets data flow on any valid pair: nobody waits for nomination. A
         * path from before a restart that still works stays until then (RFC 7675 section 5.1). */
        hws_ice_lane_open(ice, pair, now);
    } else if (is_better(ice, pair)) {
        hws_ice_renominate(ice, pair, now);
    }
}

uint8_t hws_ice_best_confirmed(const struct hws_ice *ice, hws_time since, hws_time now)
{
    uint8_t best = HWS_ICE_NONE;

    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        if (!p->valid || now >= hws_ice_later(p->confirmed_at, ice->consent_expiry)) continue;
        if (p->confirmed_at < since) continue;
        if (best == HWS_ICE_NONE || p->priority > ice->pairs[best].priority) best = (uint8_t)i;
    }
    return best;
}

static uint8_t best_valid(const struct hws_ice *ice)
{
    uint8_t best = HWS_ICE_NONE;

    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].state != HWS_ICE_PAIR_SUCCEEDED) continue;
        if (best == HWS_ICE_NONE || ice->pairs[i].priority > ice->pairs[best].priority)
            best = (uint8_t)i;
    }
    return best;
}

/* A relay or TCP: what is used when no direct UDP pair works. */
static bool is_detour(const struct hws_ice *ice, const struct hws_ice_pair *p)
{
    return ice->locals[p->base].relay != HWS_ICE_NONE || ice->locals[p->base].addr.tcp ||
           ice->remotes[p->remote].type == HWS_CANDIDATE_RELAY;
}

/* When the best pair is good enough: at once if none is better, a detour after some patience. */
static hws_time settled_at(const struct hws_ice *ice, uint8_t best)
{
    const struct hws_ice_pair *b = &ice->pairs[best];
    hws_time patience = 0;

    /* Firefox fails when a nomination overtakes our answer. */
    if (ice->unheard && !ice->remote_lite)
        return hws_ice_later(ice->first_valid_at, HWS_ICE_UNHEARD);
    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        if (p->priority <= b->priority || p->state == HWS_ICE_PAIR_FAILED) continue;
        if (is_detour(ice, b) && !is_detour(ice, p)) {
            patience = HWS_ICE_SETTLE_DETOUR;
        } else if (patience == 0) {
            patience = HWS_ICE_SETTLE;
        }
    }
    return hws_ice_later(ice->first_valid_at, patience);
}

/* The pair that we would nominate as soon as the time comes. */
static uint8_t find_nominee(const struct hws_ice *ice)
{
    if (!ice->controlling || ice->phase != HWS_ICE_RUNNING || ice->nominee != HWS_ICE_NONE)
        return HWS_ICE_NONE;
    return best_valid(ice);
}

void hws_ice_nominate_tick(struct hws_ice *ice, hws_time now)
{
    uint8_t best = find_nominee(ice);

    if (best == HWS_ICE_NONE || now < settled_at(ice, best)) return;
    ice->nominee = best;
    ice->pairs[best].nominate = true;
    hws_ice_trigger(ice, best, now);
}

hws_time hws_ice_nominate_deadline(const struct hws_ice *ice)
{
    uint8_t best = find_nominee(ice);

    return best == HWS_ICE_NONE ? HWS_NEVER : settled_at(ice, best);
}

/* RFC 8863 section 4: patience runs from the start of the checks, because the peer's own checks may
 * still bring a candidate. Without both ends of candidates (RFC 8838 section 14) it is doubled. */
static hws_time fail_at(const struct hws_ice *ice)
{
    hws_time at = hws_ice_later(ice->started_at, ice->fail_after);

    return ice->remote_ended && ice->local_end_raised ? at : hws_ice_later(at, ice->fail_after);
}

static bool can_fail(const struct hws_ice *ice)
{
    if (ice->phase != HWS_ICE_RUNNING || !ice->cur.has_remote) return false;
    if (ice->lane.active && !ice->lane.old) return false;
    return !hws_ice_any_valid(ice) && (ice->lite || !hws_ice_any_alive(ice));
}

void hws_ice_fail_tick(struct hws_ice *ice, hws_time now)
{
    if (!can_fail(ice) || now < fail_at(ice)) return;
    ice->phase = HWS_ICE_GAVE_UP;
    ice->pending_failed = true;
    HWS_LOG(&ice->log, HWS_LOG_WARN, now, "ice", "failed", "pairs=%u remote_ended=%d",
            (unsigned)ice->pair_count, ice->remote_ended);
}

hws_time hws_ice_fail_deadline(const struct hws_ice *ice)
{
    return can_fail(ice) ? fail_at(ice) : HWS_NEVER;
}
