/* Generations: how one begins, and how a restart that was only offered is taken back. */
#include "ice/ice_internal.h"

#include <stdlib.h>
#include <string.h>

/* Text of ice-char (RFC 8839 section 5.4); 64 of them, so that every one is equally likely. */
static void random_text(struct hws_ice *ice, char *out, size_t len)
{
    static const char ice_chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    ice->random.fill(ice->random.user, (uint8_t *)out, len);
    for (size_t i = 0; i < len; i++) {
        out[i] = ice_chars[(uint8_t)out[i] & 63];
    }
    out[len] = '\0';
}

static void new_credentials(struct hws_ice *ice)
{
    hws_wipe(&ice->cur, sizeof(ice->cur));
    random_text(ice, ice->cur.local_ufrag, HWS_ICE_UFRAG_LEN);
    random_text(ice, ice->cur.local_pwd, HWS_ICE_PWD_LEN);
    ice->cur.has_local = true;
}

void hws_ice_begin_generation(struct hws_ice *ice)
{
    new_credentials(ice);
    ice->phase = HWS_ICE_RUNNING;
    ice->checked = false;
    ice->remote_lite = ice->renomination = ice->unheard = false;
    ice->nominations = ice->peer_nomination = 0;
    ice->learned_count = 0;
    ice->remote_count = ice->signalled_count = ice->early_count = 0;
    ice->remote_ended = false;
    ice->pair_count = ice->triggered_count = 0;
    ice->stream_count = 0;
    ice->nominee = ice->nominated = HWS_ICE_NONE;
    ice->fresh_count = 0;
}

void hws_ice_forget_before(struct hws_ice *ice)
{
    if (!ice->before) return;
    hws_wipe(ice->before, sizeof(*ice->before));
    free(ice->before);
    ice->before = NULL;
}

void hws_ice_forget_old(struct hws_ice *ice)
{
    if (ice->lane.active && ice->lane.old) return;
    hws_wipe(&ice->old, sizeof(ice->old));
}

/* The role stays (RFC 8445 section 6.1.1); a conflict may still change it. */
static void restart(struct hws_ice *ice, hws_time now)
{
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "restart", "path=%d", ice->lane.active);
    /* The path in use keeps the credentials it was made with, also through a second restart. */
    if (!ice->lane.active) {
        hws_wipe(&ice->old, sizeof(ice->old));
    } else if (!ice->lane.old) {
        ice->old = ice->cur;
        ice->lane.old = true;
        if (ice->lane.pair != HWS_ICE_NONE) ice->lane.counts = ice->pairs[ice->lane.pair].counts;
        ice->lane.pair = HWS_ICE_NONE;
    }
    hws_ice_begin_generation(ice);
    if (ice->restart_at != HWS_NEVER) ice->restart_at = hws_ice_later(now, HWS_ICE_RESTART_AGAIN);
    for (size_t i = 0; i < ice->local_count; i++) {
        ice->locals[i].announced = ice->locals[i].late = false;
    }
    hws_ice_gather_again(ice);
    hws_ice_relays_doubt(ice, now); /* a server that was started anew knows nothing of them */
    ice->local_end_raised = false;
    ice->pending_end = ice->pending_nominated = ice->pending_failed = false;
    hws_ice_tick(ice, now);
}

void hws_ice_restart(struct hws_ice *ice, hws_time now)
{
    hws_ice_forget_before(ice);
    restart(ice, now);
}

enum hws_err hws_ice_offer_restart(struct hws_ice *ice, hws_time now)
{
    struct hws_ice *before;

    if (ice->before) return HWS_ERR_STATE;
    before = calloc(1, sizeof(*before));
    if (!before) return HWS_ERR_NO_MEMORY;
    *before = *ice;
    ice->before = before;
    restart(ice, now);
    return HWS_OK;
}

/* ---- Taking it back */

/* What belongs to no generation went on meanwhile and stays as it is. */
static void keep_living(struct hws_ice *was, const struct hws_ice *ice)
{
    was->lane = ice->lane;
    was->last_new_at = ice->last_new_at;
    was->ask_turn = ice->ask_turn;
    was->error_window_at = ice->error_window_at;
    was->error_count = ice->error_count;
    was->peer_rtt = ice->peer_rtt;
    was->server_rtt = ice->server_rtt;
    was->lost = ice->lost;
    was->has_lost = ice->has_lost;
    was->totals = ice->totals;
    was->outbox = ice->outbox;
    memcpy(was->servers, ice->servers, sizeof(was->servers));
    memcpy(was->asks, ice->asks, sizeof(was->asks));
    memcpy(was->turns, ice->turns, sizeof(was->turns));
    memcpy(was->relays, ice->relays, sizeof(was->relays));
    was->turn_count = ice->turn_count;
    was->relay_count = ice->relay_count;
    was->server_count = ice->server_count;
    was->ask_count = ice->ask_count;
    was->local_ended = ice->local_ended;
    was->pending_selected = ice->pending_selected;
    was->pending_expired = ice->pending_expired;
    was->restart_at = ice->restart_at;
    was->before = NULL;
}

static bool is_same_local(const struct hws_ice_local *a, const struct hws_ice_local *b)
{
    return a->base == b->base && a->type == b->type && hws_address_equal(&a->addr, &b->addr);
}

/* What was announced in the generation that comes back is known to the peer. */
static void keep_locals(struct hws_ice *was, const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        struct hws_ice_local local = ice->locals[i];
        bool known = i < was->local_count && is_same_local(&local, &was->locals[i]);

        local.announced = known && was->locals[i].announced;
        local.late = known ? was->locals[i].late : was->local_end_raised;
        if (known) local.stale = was->locals[i].stale;
        was->locals[i] = local;
    }
    was->local_count = ice->local_count;
}

/* The path is of the generation that comes back, if it was before the restart. */
static void keep_lane(struct hws_ice *was, bool was_old, uint8_t was_pair)
{
    if (!was->lane.active) {
        hws_wipe(&was->old, sizeof(was->old));
        if (!was_old && was->phase == HWS_ICE_COMPLETE) was->phase = HWS_ICE_DEAD;
    } else if (!was_old) {
        was->lane.old = false;
        was->lane.pair = was_pair;
        if (was_pair != HWS_ICE_NONE) was->pairs[was_pair].counts = was->lane.counts;
        was->lane.counts = (struct hws_ice_counts){0};
    }
}

/* Candidates that came meanwhile for the generation that comes back. */
static void take_remotes(struct hws_ice *ice, const struct hws_ice_remote *remotes, size_t count,
                         hws_time now)
{
    uint32_t generation = hws_ice_generation(hws_bytes_of(ice->cur.remote_ufrag));

    for (size_t i = 0; ice->cur.has_remote && i < count; i++) {
        const struct hws_ice_remote *remote = &remotes[i];
        struct hws_candidate candidate = {
            .type = remote->type,
            .tcp_type = remote->tcp_type,
            .priority = remote->priority,
            .addr = remote->addr,
        };

        if (remote->generation != generation) continue;
        memcpy(candidate.foundation, remote->foundation_text, sizeof(candidate.foundation));
        if (remote->named) candidate.mdns[0] = '?'; /* that it had one is all that is known */
        memcpy(candidate.ufrag, ice->cur.remote_ufrag, sizeof(candidate.ufrag));
        if (hws_ice_remote_add(ice, &candidate, now)) return; /* the table is full */
    }
}

void hws_ice_withdraw_restart(struct hws_ice *ice, hws_time now)
{
    struct hws_ice *was = ice->before;
    struct hws_ice_remote remotes[HWS_ICE_REMOTE_CAP];
    size_t count = ice->remote_count;
    bool was_old;
    uint8_t was_pair;

    if (!was) return;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "restart.withdrawn", "path=%d", ice->lane.active);
    was_old = was->lane.old;
    was_pair = was->lane.pair;
    memcpy(remotes, ice->remotes, sizeof(remotes));
    keep_living(was, ice);
    keep_locals(was, ice);
    keep_lane(was, was_old, was_pair);
    *ice = *was;
    hws_wipe(was, sizeof(*was));
    free(was);
    for (size_t i = 0; i < ice->local_count; i++) { /* sockets that are new since */
        if (ice->locals[i].base == i) hws_ice_pairs_of_local(ice, (uint8_t)i, now);
    }
    hws_ice_relays_resume(ice, now);
    take_remotes(ice, remotes, count, now);
    hws_ice_tick(ice, now);
}
