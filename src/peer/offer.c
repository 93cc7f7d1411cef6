/* What we say of ourselves, our offers, and taking one back. */
#include "peer/peer_internal.h"

#include "base/bytes.h"
#include "sdp/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Signals out */

static enum hws_err queue_signal(struct hws_peer *peer, enum hws_signal_kind kind,
                                 struct hws_bytes text)
{
    struct hws_signal_item *item = calloc(1, sizeof(*item) + text.len + 1);

    if (!item) return HWS_ERR_NO_MEMORY;
    item->kind = kind;
    (void)snprintf(item->ufrag, sizeof(item->ufrag), "%s", hws_ice_ufrag(peer->ice));
    item->len = text.len;
    if (text.len > 0) memcpy(item->text, text.data, text.len);
    if (peer->signals_tail) {
        peer->signals_tail->next = item;
    } else {
        peer->signals = item;
    }
    peer->signals_tail = item;
    return HWS_OK;
}

/* An offer that nobody asked for yet never was, nor were candidates of a generation that is gone,
 * or of no description at all: the next description has them. */
static bool is_taken_back(const struct hws_peer *peer, const struct hws_signal_item *item)
{
    if (item->kind == HWS_SIGNAL_OFFER) return true;
    return item->kind == HWS_SIGNAL_CANDIDATE &&
           (!peer->remote.known ||
            !hws_bytes_equal(hws_bytes_of(item->ufrag), hws_bytes_of(hws_ice_ufrag(peer->ice))));
}

static void drop_unsent(struct hws_peer *peer)
{
    struct hws_signal_item *item = peer->signals;

    peer->signals = peer->signals_tail = NULL;
    while (item) {
        struct hws_signal_item *next = item->next;

        item->next = NULL;
        if (is_taken_back(peer, item)) {
            free(item);
        } else {
            if (peer->signals_tail)
                peer->signals_tail->next = item;
            else
                peer->signals = item;
            peer->signals_tail = item;
        }
        item = next;
    }
}

enum hws_err hws_peer_local_candidate(struct hws_peer *peer, const struct hws_candidate *candidate)
{
    uint8_t buffer[HWS_CANDIDATE_TEXT_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    if (!peer->trickling) return HWS_OK; /* the next description has it */
    if (candidate) {
        struct hws_candidate shown = *candidate;

        hws_names_hide(peer, &shown);
        hws_candidate_write(&out, &shown);
    }
    return queue_signal(peer, HWS_SIGNAL_CANDIDATE, hws_written(&out));
}

/* ---- Descriptions out */

/* The version goes up with every description, which RFC 9429 section 5.2.2 allows: candidates and
 * roles make each differ from the one before. */
enum hws_err hws_peer_describe_self(struct hws_peer *peer, struct hws_sdp *sdp)
{
    sdp->session_id = peer->session_id;
    sdp->session_version = peer->session_version + 1;
    (void)snprintf(sdp->ufrag, sizeof(sdp->ufrag), "%s", hws_ice_ufrag(peer->ice));
    (void)snprintf(sdp->pwd, sizeof(sdp->pwd), "%s", hws_ice_pwd(peer->ice));
    sdp->trickle = true;
    sdp->renomination = !peer->remote.known || peer->remote.renomination; /* unless it is in vain */
    sdp->ice_lite = peer->config.ice_lite;
    sdp->sctp_port = peer->config.sctp_port;
    sdp->max_message_size = peer->config.max_message_size;
    sdp->candidate_count =
        hws_ice_known(peer->ice, sdp->candidates, HWS_ICE_REMOTE_MAX, &sdp->end_of_candidates);
    for (size_t i = 0; i < sdp->candidate_count; i++) {
        hws_names_hide(peer, &sdp->candidates[i]);
    }
    sdp->fingerprint_count = 1;
    return hws_identity_fingerprint(peer->config.identity, HWS_HASH_SHA256, &sdp->fingerprints[0]);
}

enum hws_err hws_peer_queue_description(struct hws_peer *peer, enum hws_signal_kind kind,
                                        const struct hws_sdp *sdp)
{
    uint8_t *buffer = calloc(1, HWS_DESCRIPTION_MAX);
    struct hws_writer out = hws_writer_over(buffer, HWS_DESCRIPTION_MAX);
    enum hws_err err;

    if (!buffer) return HWS_ERR_NO_MEMORY;
    err = hws_sdp_write(&out, sdp);
    if (!err) err = queue_signal(peer, kind, hws_written(&out));
    free(buffer);
    return err;
}

void hws_peer_described(struct hws_peer *peer)
{
    peer->session_version++;
    peer->trickling = true;
    hws_ice_mark_known(peer->ice);
}

/* RFC 9429 section 5.2.2: what was settled stays in its place, and what was rejected stays so. */
static void write_sections(const struct hws_peer *peer, struct hws_sdp *offer)
{
    const struct hws_layout *layout = &peer->layout;

    offer->bundled = true;
    if (layout->media_count == 0) { /* the other side never offered */
        offer->mid[0] = '0';
        offer->media_count = 1;
        return;
    }
    memcpy(offer->mid, layout->mid, sizeof(offer->mid));
    offer->proto = layout->proto;
    offer->media_index = layout->media_index;
    offer->media_count = layout->media_count;
    if (layout->media)
        memcpy(offer->media, layout->media, layout->media_count * sizeof(*layout->media));
}

static enum hws_err write_offer(struct hws_peer *peer, struct hws_sdp *offer)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(peer->neg);
    struct hws_neg_local_offer *offered;
    enum hws_err err = hws_peer_describe_self(peer, offer);

    if (err) return err;
    offer->type = HWS_SDP_OFFER;
    /* RFC 8842 section 5.2; later too: the answer keeps the role (section 5.5). */
    offer->setup = HWS_SETUP_ACTPASS;
    write_sections(peer, offer);
    err = hws_neg_send_offer(&stable, offer, &offered);
    if (err) return err;
    err = hws_peer_queue_description(peer, HWS_SIGNAL_OFFER, offer);
    /* It never went out: as if it had not been made. */
    if (err && hws_neg_rollback(&offered, &stable)) return HWS_ERR_STATE;
    return err;
}

static enum hws_err offer(struct hws_peer *peer, hws_time now)
{
    struct hws_sdp *sdp = calloc(1, sizeof(*sdp)); /* tens of kilobytes: too much for a stack */
    enum hws_err err;

    if (!sdp) return HWS_ERR_NO_MEMORY;
    err = write_offer(peer, sdp);
    free(sdp);
    if (err) return err;
    hws_peer_described(peer);
    hws_peer_limit_answer(peer, now);
    return HWS_OK;
}

enum hws_err hws_peer_write_offer(struct hws_peer *peer, hws_time now)
{
    enum hws_err err;

    if (!hws_neg_as_stable(peer->neg)) return hws_peer_refuse(peer, HWS_NEG_SEND_OFFER);
    err = offer(peer, now);
    if (err || peer->remote.known) return err;
    /* RFC 8445 section 6.1.1: the first offerer controls, and the roles stay. */
    hws_ice_set_controlling(peer->ice, true);
    peer->state = HWS_PEER_DESCRIBED;
    peer->timeline.started = now;
    return HWS_OK;
}

enum hws_err hws_peer_write_restart(struct hws_peer *peer, hws_time now)
{
    enum hws_err err;

    if (!hws_neg_as_stable(peer->neg)) return hws_peer_refuse(peer, HWS_NEG_SEND_OFFER);
    if (peer->state != HWS_PEER_CONNECTED) return HWS_ERR_STATE;
    err = hws_ice_offer_restart(peer->ice, now);
    if (err) return err;
    err = offer(peer, now);
    if (err)
        hws_ice_withdraw_restart(peer->ice, now);
    else
        peer->offered_restart = true;
    return err;
}

/* ---- Refusing, and taking it back */

enum hws_err hws_peer_refuse(struct hws_peer *peer, enum hws_neg_input input)
{
    char who[32], why[HWS_FSM_WHY_MAX];

    if (peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE; /* why it closed is what counts */
    (void)snprintf(who, sizeof(who), "peer %u", (unsigned)peer->config.log.peer);
    hws_fsm_why(&hws_neg_table, hws_neg_state(peer->neg), input, who, why, sizeof(why));
    hws_peer_note(peer, (struct hws_fault){HWS_ERR_STATE, "fsm", "not now", 0}, why);
    return HWS_ERR_STATE;
}

enum hws_err hws_peer_withdraw_offer(struct hws_peer *peer, hws_time now)
{
    struct hws_neg_local_offer *offered = hws_neg_as_local_offer(peer->neg);
    struct hws_neg_stable *stable;

    if (hws_neg_rollback(&offered, &stable)) return hws_peer_refuse(peer, HWS_NEG_ROLLBACK);
    if (peer->offered_restart) hws_ice_withdraw_restart(peer->ice, now);
    peer->offered_restart = false;
    drop_unsent(peer);
    if (!peer->remote.known) { /* the first one: nothing was said */
        peer->state = HWS_PEER_REST;
        peer->trickling = false;
        peer->timeline.started = 0;
    }
    return HWS_OK;
}

bool hws_peer_give_way(struct hws_peer *peer, hws_time now)
{
    bool restart = peer->offered_restart;

    if (!hws_neg_as_local_offer(peer->neg) || hws_peer_withdraw_offer(peer, now)) return false;
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "offer.yielded", "restart=%d", restart);
    return restart;
}
