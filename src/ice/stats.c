/* What happened, in numbers. Counts and tells; decides nothing. */
#include "ice/ice_internal.h"

/* ---- Counting */

void hws_ice_count_drop(struct hws_ice *ice, enum hws_err reason)
{
    struct hws_ice_stats *totals = &ice->totals;

    totals->packets_dropped++;
    if (reason == HWS_ERR_INTEGRITY) {
        totals->dropped_integrity++;
    } else if (reason == HWS_ERR_UNEXPECTED) {
        totals->dropped_unexpected++;
    } else if (reason == HWS_ERR_REFUSED || reason == HWS_ERR_UNSUPPORTED ||
               reason == HWS_ERR_MISMATCH) {
        totals->dropped_refused++;
    } else {
        totals->dropped_malformed++;
    }
}

void hws_ice_count_rtt(struct hws_ice_counts *counts, hws_time rtt)
{
    counts->rtt_total += rtt;
    counts->rtt_count++;
}

struct hws_ice_counts *hws_ice_lane_counts(struct hws_ice *ice)
{
    return ice->lane.pair == HWS_ICE_NONE ? &ice->lane.counts : &ice->pairs[ice->lane.pair].counts;
}

/* The pair is looked for after the check was acted on, which may just have made it. */
void hws_ice_count_check(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         bool old)
{
    uint8_t known = hws_ice_find_remote(ice, remote);
    uint8_t pair = known == HWS_ICE_NONE ? HWS_ICE_NONE : hws_ice_pair_find(ice, base, known);
    struct hws_ice_counts *counts = NULL;

    ice->totals.checks_received++;
    ice->totals.responses_sent++;
    if (old) {
        counts = ice->lane.old ? &ice->lane.counts : NULL;
    } else if (pair != HWS_ICE_NONE) {
        counts = &ice->pairs[pair].counts;
    }
    if (!counts) return; /* nobody's yet: it is in the totals */
    counts->checks_received++;
    counts->responses_sent++;
}

/* ---- Telling */

void hws_ice_stats(const struct hws_ice *ice, struct hws_ice_stats *out)
{
    *out = ice->totals;
    out->local_count = 0;
    for (size_t i = 0; i < ice->local_count; i++) {
        if (!hws_ice_local_is_hidden(ice, i)) out->local_count++;
    }
    out->remote_count = ice->remote_count;
    out->pair_count = ice->pair_count;
    out->succeeded_count = out->failed_count = 0;
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].valid) out->succeeded_count++;
        if (ice->pairs[i].state == HWS_ICE_PAIR_FAILED) out->failed_count++;
    }
}

static void tell_counts(const struct hws_ice_counts *counts, struct hws_pair_stats *out)
{
    out->rtt_total = counts->rtt_total;
    out->rtt_count = counts->rtt_count;
    out->checks_sent = counts->checks_sent;
    out->checks_retransmitted = counts->checks_retransmitted;
    out->checks_received = counts->checks_received;
    out->responses_sent = counts->responses_sent;
    out->responses_received = counts->responses_received;
    out->consent_sent = counts->consent_sent;
}

static void tell_pair(const struct hws_ice *ice, size_t index, struct hws_pair_stats *out)
{
    const struct hws_ice_pair *p = &ice->pairs[index];
    const struct hws_ice_remote *remote = &ice->remotes[p->remote];
    bool selected = ice->lane.active && ice->lane.pair == index;

    *out = (struct hws_pair_stats){
        .local = ice->locals[p->base].addr,
        .remote = remote->addr,
        .local_type = hws_candidate_type_name(p->local_type),
        .remote_type = hws_candidate_type_name(remote->type),
        .state = hws_ice_pair_state_name(p->state),
        .selected = selected,
        .nominated = ice->nominated == index,
        .priority = p->priority,
        .rtt = selected ? ice->lane.path.rtt : p->rtt,
        .consented_at = p->valid ? p->confirmed_at : 0,
    };
    tell_counts(&p->counts, out);
}

size_t hws_ice_pairs(const struct hws_ice *ice, struct hws_pair_stats *out, size_t cap)
{
    for (size_t i = 0; i < ice->pair_count && i < cap; i++) {
        tell_pair(ice, i, &out[i]);
    }
    return ice->pair_count;
}

bool hws_ice_path_stats(const struct hws_ice *ice, struct hws_pair_stats *out)
{
    const struct hws_ice_path *path = &ice->lane.path;

    if (!ice->lane.active) return false;
    if (ice->lane.pair != HWS_ICE_NONE) {
        tell_pair(ice, ice->lane.pair, out);
        return true;
    }
    *out = (struct hws_pair_stats){
        .local = path->local,
        .remote = path->remote,
        .local_type = hws_candidate_type_name(path->local_type),
        .remote_type = hws_candidate_type_name(path->remote_type),
        .state = hws_ice_pair_state_name(HWS_ICE_PAIR_SUCCEEDED),
        .selected = true,
        .rtt = path->rtt,
        .consented_at = ice->lane.heard_at,
    };
    tell_counts(&ice->lane.counts, out);
    return true;
}
