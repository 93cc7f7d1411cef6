/* Descriptions and candidates of the other side, and our answers. */
#include "peer/peer_internal.h"

#include "base/bytes.h"
#include "sdp/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What we keep */

static void keep_remote(struct hws_peer *peer, const struct hws_sdp *sdp)
{
    struct hws_remote *remote = &peer->remote;

    remote->known = true;
    memcpy(remote->fingerprints, sdp->fingerprints, sizeof(remote->fingerprints));
    remote->fingerprint_count = sdp->fingerprint_count;
    remote->max_message_size = sdp->max_message_size;
    remote->sctp_port = sdp->sctp_port;
    remote->renomination = sdp->renomination;
    memcpy(remote->mid, sdp->mid, sizeof(remote->mid));
    memcpy(remote->ufrag, sdp->ufrag, sizeof(remote->ufrag));
    memcpy(remote->pwd, sdp->pwd, sizeof(remote->pwd));
    memcpy(remote->tls_id, sdp->tls_id, sizeof(remote->tls_id));
}

static enum hws_err take_one(struct hws_peer *peer, const struct hws_candidate *candidate,
                             hws_time now)
{
    if (!hws_ice_wants(peer->ice, candidate)) return HWS_OK; /* nor is its name looked up */
    if (candidate->addr.family == HWS_FAMILY_NONE) return hws_names_keep(peer, candidate);
    return hws_ice_add_remote(peer->ice, candidate, now);
}

static void add_remote(struct hws_peer *peer, const struct hws_candidate *candidate, hws_time now)
{
    enum hws_err err = take_one(peer, candidate, now);

    if (err) { /* it may still come as a peer-reflexive one, so the rest goes on */
        HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "candidate.skipped", "err=%s",
                hws_err_name(err));
    }
}

static bool same_text(const char *a, const char *b)
{
    return hws_bytes_equal(hws_bytes_of(a), hws_bytes_of(b));
}

/* RFC 8839 section 4.4.1.1.1: a changed ufrag or password is an ICE restart. */
static bool is_restart(const struct hws_peer *peer, const struct hws_sdp *sdp)
{
    return peer->remote.known &&
           !(same_text(peer->remote.ufrag, sdp->ufrag) && same_text(peer->remote.pwd, sdp->pwd));
}

/* Hand the other side's half to ICE. */
static enum hws_err apply_remote(struct hws_peer *peer, const struct hws_sdp *sdp, hws_time now)
{
    enum hws_err err;

    if (sdp->type == HWS_SDP_OFFER && is_restart(peer, sdp)) hws_ice_restart(peer->ice, now);
    if (sdp->ice_lite) hws_ice_set_controlling(peer->ice, true); /* RFC 8445 section 6.1.1 */
    hws_ice_allow_renomination(peer->ice, sdp->renomination);
    if (sdp->type == HWS_SDP_OFFER) hws_ice_answers(peer->ice);
    err = hws_ice_set_remote(peer->ice, sdp->ufrag, sdp->pwd, sdp->ice_lite, now);
    if (err) return err;
    if (is_restart(peer, sdp)) hws_names_restart(peer, sdp->ufrag);
    keep_remote(peer, sdp);
    for (size_t i = 0; i < sdp->candidate_count; i++) {
        add_remote(peer, &sdp->candidates[i], now);
    }
    for (size_t i = 0; i < sdp->tcp_candidate_count; i++) {
        add_remote(peer, &sdp->tcp_candidates[i], now);
    }
    if (sdp->end_of_candidates) hws_names_end_remote(peer, now);
    if (peer->timeline.described == 0) {
        peer->timeline.described = now;
        hws_peer_limit_connecting(peer, now);
    }
    return HWS_OK;
}

/* The sections of an answered offer of the other side, for our own offers to come. */
static enum hws_err copy_layout(const struct hws_sdp *offer, struct hws_layout *out)
{
    struct hws_layout layout = {
        .media_count = offer->media_count,
        .media_index = offer->media_index,
        .proto = offer->proto,
    };

    memcpy(layout.mid, offer->mid, sizeof(layout.mid));
    if (offer->media_count > 1) {
        layout.media = calloc(offer->media_count, sizeof(*layout.media));
        if (!layout.media) return HWS_ERR_NO_MEMORY;
        memcpy(layout.media, offer->media, offer->media_count * sizeof(*layout.media));
    }
    *out = layout;
    return HWS_OK;
}

static void keep_layout(struct hws_peer *peer, struct hws_layout *layout)
{
    free(peer->layout.media);
    peer->layout = *layout;
    *layout = (struct hws_layout){0};
}

/* ---- Does it keep to the association that there is? */

static bool is_listed(const struct hws_remote *remote, const struct hws_fingerprint *wanted)
{
    for (size_t i = 0; i < remote->fingerprint_count; i++) {
        const struct hws_fingerprint *known = &remote->fingerprints[i];

        if (known->hash == wanted->hash &&
            memcmp(known->digest, wanted->digest, hws_hash_len(wanted->hash)) == 0)
            return true;
    }
    return false;
}

/* Other certificates, another tls-id or port ask for new associations (RFC 8842 section 5.1,
 * RFC 8841 section 9.3), which we do not make: later descriptions keep to what the first exchange
 * settled. Who sends no tls-id says nothing by it. */
static bool fits_association(const struct hws_peer *peer, const struct hws_sdp *sdp)
{
    const struct hws_remote *remote = &peer->remote;
    bool listed = false;

    if (remote->tls_id[0] && sdp->tls_id[0] && !same_text(remote->tls_id, sdp->tls_id))
        return false;
    for (size_t i = 0; i < sdp->fingerprint_count; i++) {
        listed = listed || is_listed(remote, &sdp->fingerprints[i]);
    }
    return listed && sdp->sctp_port == remote->sctp_port;
}

/* Our own role, as an answer of ours says it. */
static enum hws_sdp_setup own_setup(const struct hws_peer *peer)
{
    return peer->dtls_role == HWS_DTLS_CLIENT ? HWS_SETUP_ACTIVE : HWS_SETUP_PASSIVE;
}

/* A data section in another place is another one, with an association of its own. */
static bool is_offer_fit(const struct hws_peer *peer, const struct hws_sdp *offer)
{
    size_t index = peer->layout.media_count > 0 ? peer->layout.media_index : 0;

    return fits_association(peer, offer) && offer->setup != own_setup(peer) &&
           offer->media_index == index;
}

/*
 * RFC 8839 section 4.4.2: an answer has new credentials exactly when the offer had. What it says of
 * the DTLS roles is not looked at: they stay as long as the association (RFC 8842 section 5.5), and
 * Firefox answers "active" to a later "actpass" also where it is the server, and stays the server.
 */
static bool is_answer_fit(const struct hws_peer *peer, const struct hws_sdp *answer)
{
    if (!peer->remote.known) return true;
    return fits_association(peer, answer) && is_restart(peer, answer) == peer->offered_restart;
}

/* ---- Offers of the other side */

static void write_answer(const struct hws_peer *peer, const struct hws_sdp *offer,
                         struct hws_sdp *answer)
{
    /* Active when we may choose: the DTLS client can begin at once (RFC 8842 section 5.3). */
    bool active = offer->setup != HWS_SETUP_ACTIVE;

    /* The role of an association that lives stays (RFC 8842 section 5.5). */
    if (peer->remote.known) active = peer->dtls_role == HWS_DTLS_CLIENT;
    answer->type = HWS_SDP_ANSWER;
    answer->setup = active ? HWS_SETUP_ACTIVE : HWS_SETUP_PASSIVE;
    memcpy(answer->mid, offer->mid, sizeof(answer->mid));
    answer->bundled = offer->bundled;
    answer->proto = offer->proto;
    answer->media_index = offer->media_index;
    answer->media_count = offer->media_count;
    memcpy(answer->media, offer->media, sizeof(answer->media));
}

static enum hws_err answer_offer(struct hws_peer *peer, const struct hws_sdp *offer,
                                 struct hws_sdp *answer, hws_time now)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(peer->neg);
    struct hws_neg_remote_offer *offered;
    enum hws_err err;

    write_answer(peer, offer, answer);
    err = hws_neg_recv_offer(&stable, offer, &offered);
    if (err) return err;
    if (!peer->remote.known) {
        peer->dtls_role = answer->setup == HWS_SETUP_ACTIVE ? HWS_DTLS_CLIENT : HWS_DTLS_SERVER;
        hws_ice_set_controlling(peer->ice, false);
    }
    if (peer->timeline.started == 0) peer->timeline.started = now;
    err = apply_remote(peer, offer, now);
    if (!err) err = hws_peer_describe_self(peer, answer);
    if (!err) err = hws_peer_queue_description(peer, HWS_SIGNAL_ANSWER, answer);
    if (!err) err = hws_neg_send_answer(&offered, answer, &stable);
    if (err) return err;
    hws_peer_described(peer);
    if (peer->state == HWS_PEER_REST) peer->state = HWS_PEER_DESCRIBED;
    return HWS_OK;
}

/* May an offer of the other side be answered? One beside ours only by the polite side. */
static bool takes_offer(const struct hws_peer *peer)
{
    enum hws_neg_state state = hws_neg_state(peer->neg);

    return state == HWS_NEG_STABLE || (state == HWS_NEG_LOCAL_OFFER && peer->config.polite);
}

/* Our restart gave way to an offer that was none: it follows the answer. Refused for want of memory
 * it is as if it had not been asked for, which the fault says. */
static void restart_again(struct hws_peer *peer, hws_time now)
{
    enum hws_err err = hws_peer_write_restart(peer, now);

    if (err) {
        hws_peer_note(peer, (struct hws_fault){err, "peer", "the restart that gave way is lost", 0},
                      NULL);
    }
}

static enum hws_err take_offer(struct hws_peer *peer, const struct hws_sdp *offer, hws_time now)
{
    struct hws_layout layout = {0};
    struct hws_sdp *answer;
    bool theirs = is_restart(peer, offer), owed = false;
    enum hws_err err;

    if (!takes_offer(peer)) return hws_peer_refuse(peer, HWS_NEG_RECV_OFFER);
    if (peer->remote.known && !is_offer_fit(peer, offer)) {
        hws_peer_note(peer,
                      (struct hws_fault){HWS_ERR_UNSUPPORTED, "sdp",
                                         "the offer asks for a new association", 0},
                      NULL);
        return HWS_ERR_UNSUPPORTED;
    }
    answer = calloc(1, sizeof(*answer));
    if (!answer) return HWS_ERR_NO_MEMORY;
    err = copy_layout(offer, &layout);
    if (!err) owed = hws_peer_give_way(peer, now) && !theirs;
    if (!err) err = answer_offer(peer, offer, answer, now);
    if (!err) keep_layout(peer, &layout);
    free(layout.media);
    free(answer);
    /* Half-way through there is no way back: a machine that cannot answer is of no use. */
    if (err && hws_neg_state(peer->neg) == HWS_NEG_REMOTE_OFFER) {
        hws_peer_fail(peer, (struct hws_fault){err, "peer", "the offer cannot be answered", 0},
                      now);
    }
    if (!err && owed) restart_again(peer, now);
    return err;
}

static enum hws_err take_answer(struct hws_peer *peer, const struct hws_sdp *answer, hws_time now)
{
    struct hws_neg_local_offer *offered = hws_neg_as_local_offer(peer->neg);
    struct hws_neg_stable *stable;
    enum hws_err err;

    if (!offered) return hws_peer_refuse(peer, HWS_NEG_RECV_ANSWER);
    if (!is_answer_fit(peer, answer)) {
        hws_peer_note(peer,
                      (struct hws_fault){HWS_ERR_MISMATCH, "sdp",
                                         "the answer does not keep to the association", 0},
                      NULL);
        return HWS_ERR_MISMATCH;
    }
    err = hws_neg_recv_answer(&offered, answer, &stable);
    if (err) return err;
    peer->offered_restart = false;
    if (!peer->remote.known) {
        peer->dtls_role = answer->setup == HWS_SETUP_ACTIVE ? HWS_DTLS_SERVER : HWS_DTLS_CLIENT;
    }
    return apply_remote(peer, answer, now);
}

/* ---- The end of the data section */

static enum hws_err answer_rejection(struct hws_peer *peer, const struct hws_sdp *offer)
{
    struct hws_sdp *answer = calloc(1, sizeof(*answer));
    enum hws_err err;

    if (!answer) return HWS_ERR_NO_MEMORY;
    write_answer(peer, offer, answer);
    err = hws_peer_describe_self(peer, answer);
    answer->rejected = true;
    answer->renomination = offer->renomination;
    if (!err) err = hws_peer_queue_description(peer, HWS_SIGNAL_ANSWER, answer);
    free(answer);
    return err;
}

/* No data section, or SCTP port 0: no association (RFC 8841 section 5.2, section 9.3). At first it
 * is nothing that we could use; later it is the end of the association, and so of the peer. */
static enum hws_err take_rejection(struct hws_peer *peer, const struct hws_sdp *sdp, hws_time now)
{
    static const char what[] = "the other side rejects the data section";
    bool offered = sdp->type == HWS_SDP_OFFER;
    enum hws_err err = HWS_OK;

    if (!peer->remote.known) {
        hws_peer_note(peer, (struct hws_fault){HWS_ERR_UNSUPPORTED, "sdp", what, 0}, NULL);
        return HWS_ERR_UNSUPPORTED;
    }
    if (offered ? !takes_offer(peer) : hws_neg_state(peer->neg) != HWS_NEG_LOCAL_OFFER)
        return hws_peer_refuse(peer, offered ? HWS_NEG_RECV_OFFER : HWS_NEG_RECV_ANSWER);
    if (offered) err = answer_rejection(peer, sdp);
    if (err) return err;
    if (peer->dtls) hws_dtls_close(peer->dtls, now);
    hws_peer_fail(peer, (struct hws_fault){HWS_ERR_CLOSED, "sdp", what, 0}, now);
    return HWS_OK;
}

/* ---- In */

static enum hws_err take(struct hws_peer *peer, enum hws_sdp_type type, struct hws_bytes text,
                         struct hws_sdp *sdp, hws_time now)
{
    struct hws_sdp_error error = {0};
    char detail[128];
    enum hws_err err = hws_sdp_read(text, type, sdp, &error);

    if (err == HWS_ERR_MALFORMED) {
        (void)snprintf(detail, sizeof(detail), "line %zu: %s (%s)", error.line,
                       hws_sdp_flaw_text(error.flaw), hws_sdp_flaw_name(error.flaw));
        hws_peer_note(peer, (struct hws_fault){err, "sdp", "the description is malformed", 0},
                      detail);
        return err;
    }
    if (err) return err;
    if (sdp->ice_lite && peer->config.ice_lite) {
        hws_peer_note(peer,
                      (struct hws_fault){HWS_ERR_UNSUPPORTED, "ice",
                                         "both sides are ICE lite: nobody would check", 0},
                      NULL);
        return HWS_ERR_UNSUPPORTED;
    }
    if (sdp->rejected || sdp->sctp_port == 0) return take_rejection(peer, sdp, now);
    return type == HWS_SDP_OFFER ? take_offer(peer, sdp, now) : take_answer(peer, sdp, now);
}

enum hws_err hws_peer_take_description(struct hws_peer *peer, enum hws_sdp_type type,
                                       struct hws_bytes text, hws_time now)
{
    struct hws_sdp *sdp = calloc(1, sizeof(*sdp));
    enum hws_err err;

    if (!sdp) return HWS_ERR_NO_MEMORY;
    err = take(peer, type, text, sdp, now);
    free(sdp);
    if (err && peer->fault.err != err)
        hws_peer_note(peer, (struct hws_fault){err, "peer", "the description is refused", 0},
                      hws_strerror(err));
    return err;
}

/* A candidate that names no generation is of the last description (RFC 8838 section 9): of the
 * generation before, while a restart of ours is not answered. */
static void settle_generation(const struct hws_peer *peer, const struct hws_signal *in,
                              struct hws_candidate *candidate)
{
    const char *ufrag =
        in->ufrag && strnlen(in->ufrag, HWS_UFRAG_MAX + 1) <= HWS_UFRAG_MAX ? in->ufrag : "";

    if (candidate->ufrag[0]) return;
    if (!ufrag[0] && peer->remote.known) ufrag = peer->remote.ufrag;
    (void)snprintf(candidate->ufrag, sizeof(candidate->ufrag), "%s", ufrag);
}

static void take_end(struct hws_peer *peer, const struct hws_signal *in, hws_time now)
{
    bool foreign = peer->remote.known && in->ufrag && in->ufrag[0] &&
                   !same_text(in->ufrag, peer->remote.ufrag);

    /* What ends while our restart is not answered is the generation before. */
    if (!foreign && !peer->offered_restart) hws_names_end_remote(peer, now);
}

enum hws_err hws_peer_take_candidate(struct hws_peer *peer, const struct hws_signal *in,
                                     hws_time now)
{
    struct hws_candidate candidate;
    enum hws_candidate_verdict verdict;
    enum hws_err err = hws_candidate_read(in->text, &candidate, &verdict);

    if (err) {
        hws_peer_note(peer, (struct hws_fault){err, "sdp", "the candidate is malformed", 0}, NULL);
        return err;
    }
    switch (verdict) {
    case HWS_CANDIDATE_IGNORED:
        return HWS_OK;
    case HWS_CANDIDATE_END:
        take_end(peer, in, now);
        return HWS_OK;
    case HWS_CANDIDATE_USABLE:
    case HWS_CANDIDATE_TCP:
        break;
    }
    settle_generation(peer, in, &candidate);
    return take_one(peer, &candidate, now);
}
