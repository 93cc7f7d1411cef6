/* The path in use and the peer's consent to it (RFC 7675 section 5.1). The path outlives the check
 * list it came from, so that a restart does not interrupt it. */
#include "ice/ice_internal.h"

#include <string.h>

const struct hws_ice_credentials *hws_ice_lane_credentials(const struct hws_ice *ice)
{
    return ice->lane.old ? &ice->old : &ice->cur;
}

/* Some time between 0.8 and 1.2 of the period, so that peers do not fall into step. */
static hws_time consent_gap(struct hws_ice *ice)
{
    hws_time fifth = ice->consent_period / 5;
    hws_time gap = ice->consent_period - fifth;

    gap += (hws_time)(hws_ice_random_u64(ice) % (uint64_t)(2 * fifth + 1));
    if (ice->lane.doubt_end) return HWS_ICE_CONSENT_PERIOD_MIN;
    return gap > HWS_ICE_CONSENT_PERIOD_MIN ? gap : HWS_ICE_CONSENT_PERIOD_MIN;
}

void hws_ice_lane_open(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    const struct hws_ice_pair *p = &ice->pairs[pair];
    const struct hws_ice_remote *remote = &ice->remotes[p->remote];

    if (ice->lane.active && ice->lane.pair == pair) return;
    if (ice->lane.active && ice->lane.old) {
        ice->parting.base = ice->lane.base;
        ice->parting.remote = ice->lane.path.remote;
    }
    ice->lane = (struct hws_ice_lane){
        .active = true,
        .base = p->base,
        .pair = pair,
        .heard_at = p->confirmed_at,
        .path = {.local = ice->locals[p->base].addr,
                 .remote = remote->addr,
                 .local_type = p->local_type,
                 .remote_type = remote->type,
                 .rtt = p->rtt},
    };
    if (remote->addr.scope == 0 && hws_address_is_link_local(&remote->addr))
        ice->lane.path.remote.scope = ice->lane.path.local.scope;
    ice->lane.next_at = hws_ice_later(p->confirmed_at, consent_gap(ice));
    if (ice->locals[p->base].relay != HWS_ICE_NONE)
        hws_ice_relay_bind(ice, p->base, &ice->lane.path.remote, now);
    ice->pending_selected = true;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "selected",
            "pair=%u local=%s remote=%s rtt_us=%lld", pair, hws_candidate_type_name(p->local_type),
            hws_candidate_type_name(remote->type), (long long)p->rtt);
}

bool hws_ice_lane_is_stale(const struct hws_ice *ice, hws_time now)
{
    return !ice->lane.active || now - ice->lane.heard_at > 2 * ice->consent_period;
}

static void consent_lost(struct hws_ice *ice, const char *why, hws_time now)
{
    bool old = ice->lane.old, searching = ice->phase == HWS_ICE_RUNNING;
    uint8_t next = HWS_ICE_NONE;

    if (!old && ice->lane.pair != HWS_ICE_NONE) ice->pairs[ice->lane.pair].valid = false;
    /* Of a peer that is said to be gone, only what it said since then counts. */
    if (old || searching)
        next = hws_ice_best_confirmed(
            ice, ice->lane.doubt_end ? ice->lane.doubt_end - HWS_ICE_DOUBT : INT64_MIN, now);
    HWS_LOG(&ice->log, HWS_LOG_WARN, now, "ice", "consent.lost", "pair=%u old=%d why=%s",
            ice->lane.pair, old, why);
    ice->has_lost = hws_ice_path(ice, &ice->lost);
    ice->lane = (struct hws_ice_lane){.pair = HWS_ICE_NONE};
    ice->pending_selected = false;
    ice->pending_nominated = false;
    ice->pending_expired = next == HWS_ICE_NONE;
    if (old) hws_wipe(&ice->old, sizeof(ice->old)); /* a restart is under way and goes on */
    if (next != HWS_ICE_NONE) {
        hws_ice_lane_open(ice, next, now);
    } else if (!old) {
        ice->phase = HWS_ICE_DEAD;
        hws_ice_stop_others(ice, HWS_ICE_NONE, now);
    }
}

static void consent_ask(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;
    uint8_t *transaction = lane->requests[lane->request_next].transaction;

    hws_ice_new_transaction(ice, transaction);
    lane->requests[lane->request_next].open = true;
    lane->requests[lane->request_next].sent_at = now;
    lane->requests[lane->request_next].controlling = ice->controlling;
    lane->request_next = (uint8_t)((lane->request_next + 1) % HWS_ICE_CONSENT_OPEN);
    lane->next_at = hws_ice_later(now, consent_gap(ice));
    lane->asked_at = now;
    if (lane->unanswered < UINT8_MAX) lane->unanswered++;
    hws_ice_send_request(ice, hws_ice_lane_credentials(ice), lane->base, &lane->path.remote,
                         transaction, 0);
    ice->totals.consent_sent++;
    hws_ice_lane_counts(ice)->consent_sent++;
    HWS_LOG(&ice->log, HWS_LOG_TRACE, now, "ice", "consent.send", "pair=%u", lane->pair);
}

void hws_ice_doubt(struct hws_ice *ice, hws_time now)
{
    if (!ice->lane.active || ice->lane.doubt_end) return;
    ice->lane.doubt_end = hws_ice_later(now, HWS_ICE_DOUBT);
    ice->lane.next_at = now;
}

/* When silence ends the path. */
static hws_time expiry_of(const struct hws_ice *ice)
{
    hws_time expiry = hws_ice_later(ice->lane.heard_at, ice->consent_expiry);

    return ice->lane.doubt_end && ice->lane.doubt_end < expiry ? ice->lane.doubt_end : expiry;
}

void hws_ice_consent_tick(struct hws_ice *ice, hws_time now)
{
    if (!ice->lane.active) return;
    if (now >= expiry_of(ice)) {
        consent_lost(ice, "silence", now);
    } else if (now >= ice->lane.next_at && !ice->lite) {
        consent_ask(ice, now);
    }
}

hws_time hws_ice_consent_deadline(const struct hws_ice *ice)
{
    hws_time expiry = expiry_of(ice);

    if (!ice->lane.active) return HWS_NEVER;
    if (ice->lite) return expiry;
    return expiry < ice->lane.next_at ? expiry : ice->lane.next_at;
}

static bool find_request(const struct hws_ice_lane *lane, const struct hws_stun_message *msg,
                         size_t *out_at)
{
    for (size_t i = 0; lane->active && i < HWS_ICE_CONSENT_OPEN; i++) {
        if (lane->requests[i].open &&
            memcmp(lane->requests[i].transaction, msg->transaction, HWS_STUN_TID_LEN) == 0) {
            *out_at = i;
            return true;
        }
    }
    return false;
}

static void path_answers(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;
    bool silent = lane->silent_at != 0;

    lane->heard_at = now;
    lane->doubt_end = lane->silent_at = 0;
    lane->unanswered = 0;
    if (lane->old) return;
    ice->restart_at = HWS_NEVER;
    /* A nomination that is on its way ends the checks of the others itself. */
    if (silent && ice->phase == HWS_ICE_COMPLETE && !ice->pairs[lane->pair].nominate)
        hws_ice_stop_others(ice, lane->pair, now);
}

/* A NAT has forgotten us, and the peer sees us somewhere else: it sends there as soon as we
 * nominate from there. */
static void take_mapped(struct hws_ice *ice, const struct hws_address *mapped, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;
    bool moved =
        lane->mapped.family != HWS_FAMILY_NONE && !hws_ice_same_endpoint(&lane->mapped, mapped);

    lane->mapped = *mapped;
    if (!moved || lane->old || !ice->controlling || ice->phase != HWS_ICE_COMPLETE) return;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "path.remapped", "pair=%u", lane->pair);
    ice->pairs[lane->pair].nominate = true;
    hws_ice_trigger(ice, lane->pair, now);
}

enum hws_err hws_ice_consent_response(struct hws_ice *ice, uint8_t base,
                                      const struct hws_address *remote,
                                      const struct hws_stun_message *msg, hws_time now)
{
    struct hws_ice_lane *lane = &ice->lane;
    size_t at = 0;

    if (!find_request(lane, msg, &at)) return HWS_ERR_UNEXPECTED;
    if (hws_stun_verify(msg, hws_bytes_of(hws_ice_lane_credentials(ice)->remote_pwd)) !=
        HWS_STUN_INTEGRITY_OK)
        return HWS_ERR_INTEGRITY;
    if (!msg->has_fingerprint) return HWS_ERR_MALFORMED;
    if (msg->unknown_required_count > 0) return HWS_ERR_UNSUPPORTED;
    if (base != lane->base || !hws_ice_same_endpoint(remote, &lane->path.remote))
        return HWS_ERR_MISMATCH;
    lane->requests[at].open = false; /* each request is answered once */
    ice->totals.responses_received++;
    hws_ice_lane_counts(ice)->responses_received++;
    if (msg->msg_class == HWS_STUN_SUCCESS) {
        path_answers(ice, now);
        take_mapped(ice, &msg->xor_mapped, now);
        lane->path.rtt = now - lane->requests[at].sent_at;
        hws_ice_count_rtt(hws_ice_lane_counts(ice), lane->path.rtt);
        if (lane->pair != HWS_ICE_NONE) ice->pairs[lane->pair].confirmed_at = now;
    } else if (msg->error_code == HWS_STUN_FORBIDDEN) { /* RFC 7675 section 5.2 */
        consent_lost(ice, "revoked", now);
    } else if (msg->error_code == HWS_STUN_ROLE_CONFLICT && !lane->old) {
        hws_ice_role_conflict(ice, lane->requests[at].controlling, now);
    }
    return HWS_OK;
}

void hws_ice_consent_heard(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                           hws_time now)
{
    if (!ice->lane.active || ice->lane.base != base ||
        !hws_ice_same_endpoint(&ice->lane.path.remote, remote))
        return;
    ice->lane.heard_at = now;
    ice->lane.doubt_end = 0;
}

void hws_ice_consent_renew(struct hws_ice *ice, uint8_t pair, hws_time rtt, hws_time now)
{
    if (!ice->lane.active || ice->lane.pair != pair) return;
    path_answers(ice, now);
    if (rtt > 0) ice->lane.path.rtt = rtt;
}
