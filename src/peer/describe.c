/* Descriptions and candidates of one peer, in and out. */
#include "peer/peer_internal.h"

#include "base/bytes.h"
#include "sdp/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCTP_PORT = 5000 };

/* ---- Out */

static enum hws_err queue_signal(struct hws_peer *peer, enum hws_signal_kind kind,
                                 struct hws_bytes text)
{
    struct hws_signal_item *item = calloc(1, sizeof(*item) + text.len + 1);

    if (!item) return HWS_ERR_NO_MEMORY;
    item->kind = kind;
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

static enum hws_err keep_early(struct hws_peer *peer, const struct hws_candidate *candidate)
{
    if (!candidate) {
        peer->early_end = true;
        return HWS_OK;
    }
    if (!peer->early_candidates) {
        peer->early_candidates = calloc(HWS_ICE_LOCAL_MAX, sizeof(*peer->early_candidates));
        if (!peer->early_candidates) return HWS_ERR_NO_MEMORY;
    }
    if (peer->early_candidate_count < HWS_ICE_LOCAL_MAX) {
        peer->early_candidates[peer->early_candidate_count++] = *candidate;
    }
    return HWS_OK;
}

enum hws_err hws_peer_local_candidate(struct hws_peer *peer, const struct hws_candidate *candidate)
{
    uint8_t buffer[HWS_CANDIDATE_TEXT_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    if (!peer->described_once) return keep_early(peer, candidate);
    if (candidate) {
        struct hws_candidate shown = *candidate;

        hws_names_hide(peer, &shown);
        hws_candidate_write(&out, &shown);
    }
    return queue_signal(peer, HWS_SIGNAL_CANDIDATE, hws_written(&out));
}

/* What both our offer and our answer say of ourselves. */
static enum hws_err describe_self(struct hws_peer *peer, struct hws_sdp *sdp)
{
    sdp->session_id = peer->session_id;
    sdp->session_version = peer->session_version + 1;
    (void)snprintf(sdp->ufrag, sizeof(sdp->ufrag), "%s", hws_ice_ufrag(peer->ice));
    (void)snprintf(sdp->pwd, sizeof(sdp->pwd), "%s", hws_ice_pwd(peer->ice));
    sdp->trickle = true;
    sdp->sctp_port = SCTP_PORT;
    sdp->max_message_size = peer->config.max_message_size;
    sdp->fingerprint_count = 1;
    for (size_t i = 0; i < peer->early_candidate_count; i++) {
        sdp->candidates[i] = peer->early_candidates[i];
        hws_names_hide(peer, &sdp->candidates[i]);
    }
    sdp->candidate_count = peer->early_candidate_count;
    sdp->end_of_candidates = peer->early_end;
    return hws_identity_fingerprint(peer->config.identity, HWS_HASH_SHA256, &sdp->fingerprints[0]);
}

static enum hws_err queue_description(struct hws_peer *peer, enum hws_signal_kind kind,
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

/* The description is out: from here on candidates travel by themselves. */
static void described(struct hws_peer *peer)
{
    peer->session_version++;
    peer->described_once = true;
    free(peer->early_candidates);
    peer->early_candidates = NULL;
    peer->early_candidate_count = 0;
    peer->early_end = false;
}

static enum hws_err write_offer(struct hws_peer *peer, struct hws_sdp *offer)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(peer->neg);
    struct hws_neg_local_offer *offered;
    enum hws_err err = describe_self(peer, offer);

    if (err) return err;
    offer->type = HWS_SDP_OFFER;
    offer->setup = HWS_SETUP_ACTPASS; /* RFC 8842 section 5.2 */
    offer->bundled = true;
    offer->mid[0] = '0';
    offer->media_count = 1;
    err = queue_description(peer, HWS_SIGNAL_OFFER, offer);
    if (err) return err;
    return hws_neg_send_offer(&stable, offer, &offered);
}

enum hws_err hws_peer_write_offer(struct hws_peer *peer, hws_time now)
{
    struct hws_sdp *offer;
    enum hws_err err;

    if (!hws_neg_as_stable(peer->neg) || peer->state != HWS_PEER_REST) return HWS_ERR_STATE;
    offer = calloc(1, sizeof(*offer)); /* tens of kilobytes: too much for a small stack */
    if (!offer) return HWS_ERR_NO_MEMORY;
    err = write_offer(peer, offer);
    free(offer);
    if (err) return err;
    described(peer);
    peer->state = HWS_PEER_DESCRIBED;
    peer->offerer = true;
    peer->timeline.started = now;
    hws_ice_set_controlling(peer->ice, true);
    return HWS_OK;
}

/* ---- In */

static void keep_remote(struct hws_peer *peer, const struct hws_sdp *sdp)
{
    struct hws_remote *remote = &peer->remote;

    remote->known = true;
    memcpy(remote->fingerprints, sdp->fingerprints, sizeof(remote->fingerprints));
    remote->fingerprint_count = sdp->fingerprint_count;
    remote->max_message_size = sdp->max_message_size;
    remote->sctp_port = sdp->sctp_port;
    memcpy(remote->mid, sdp->mid, sizeof(remote->mid));
    memcpy(remote->ufrag, sdp->ufrag, sizeof(remote->ufrag));
    memcpy(remote->pwd, sdp->pwd, sizeof(remote->pwd));
}

static enum hws_err take_one(struct hws_peer *peer, const struct hws_candidate *candidate,
                             hws_time now)
{
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

/* Hand the other side's half to ICE. A changed ufrag or password is an ICE restart. */
static enum hws_err apply_remote(struct hws_peer *peer, const struct hws_sdp *sdp, hws_time now)
{
    bool restart = peer->remote.known && !(same_text(peer->remote.ufrag, sdp->ufrag) &&
                                           same_text(peer->remote.pwd, sdp->pwd));
    enum hws_err err;

    if (restart && sdp->type == HWS_SDP_OFFER) hws_ice_restart(peer->ice, now);
    if (sdp->ice_lite) hws_ice_set_controlling(peer->ice, true); /* RFC 8445 section 6.1.1 */
    err = hws_ice_set_remote(peer->ice, sdp->ufrag, sdp->pwd, sdp->ice_lite, now);
    if (err) return err;
    keep_remote(peer, sdp);
    for (size_t i = 0; i < sdp->candidate_count; i++) {
        add_remote(peer, &sdp->candidates[i], now);
    }
    if (sdp->end_of_candidates) hws_names_end_remote(peer, now);
    if (peer->timeline.described == 0) {
        peer->timeline.described = now;
        peer->connect_deadline = peer->config.connect_limit > HWS_NEVER - now
                                     ? HWS_NEVER
                                     : now + peer->config.connect_limit;
    }
    return HWS_OK;
}

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

/* Other certificates, another role or port ask for new associations (RFC 8842 section 5.1, RFC 8841
 * section 9.3), which we do not make: a later offer keeps to what the first exchange settled. */
static bool fits_association(const struct hws_peer *peer, const struct hws_sdp *offer)
{
    enum hws_sdp_setup ours =
        peer->dtls_role == HWS_DTLS_CLIENT ? HWS_SETUP_ACTIVE : HWS_SETUP_PASSIVE;
    bool listed = false;

    for (size_t i = 0; i < offer->fingerprint_count; i++) {
        listed = listed || is_listed(&peer->remote, &offer->fingerprints[i]);
    }
    return listed && offer->setup != ours && offer->sctp_port == peer->remote.sctp_port;
}

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
    if (!err) err = describe_self(peer, answer);
    if (!err) err = queue_description(peer, HWS_SIGNAL_ANSWER, answer);
    if (!err) err = hws_neg_send_answer(&offered, answer, &stable);
    if (err) return err;
    described(peer);
    if (peer->state == HWS_PEER_REST) peer->state = HWS_PEER_DESCRIBED;
    return HWS_OK;
}

static enum hws_err take_offer(struct hws_peer *peer, const struct hws_sdp *offer, hws_time now)
{
    struct hws_sdp *answer;
    enum hws_err err;

    if (!hws_neg_as_stable(peer->neg)) return HWS_ERR_STATE;
    if (peer->remote.known && !fits_association(peer, offer)) {
        hws_peer_note(peer,
                      (struct hws_fault){HWS_ERR_UNSUPPORTED, "sdp",
                                         "the offer asks for a new association", 0},
                      NULL);
        return HWS_ERR_UNSUPPORTED;
    }
    answer = calloc(1, sizeof(*answer));
    if (!answer) return HWS_ERR_NO_MEMORY;
    err = answer_offer(peer, offer, answer, now);
    free(answer);
    /* Half-way through there is no way back: a machine that cannot answer is of no use. */
    if (err && hws_neg_state(peer->neg) == HWS_NEG_REMOTE_OFFER) {
        hws_peer_fail(peer, (struct hws_fault){err, "peer", "the offer cannot be answered", 0},
                      now);
    }
    return err;
}

static enum hws_err take_answer(struct hws_peer *peer, const struct hws_sdp *answer, hws_time now)
{
    struct hws_neg_local_offer *offered = hws_neg_as_local_offer(peer->neg);
    struct hws_neg_stable *stable;
    enum hws_err err = hws_neg_recv_answer(&offered, answer, &stable);

    if (err) return err;
    if (!peer->remote.known) {
        peer->dtls_role = answer->setup == HWS_SETUP_ACTIVE ? HWS_DTLS_SERVER : HWS_DTLS_CLIENT;
    }
    return apply_remote(peer, answer, now);
}

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
    if (sdp->rejected || sdp->sctp_port == 0) {
        hws_peer_note(
            peer, (struct hws_fault){HWS_ERR_UNSUPPORTED, "sdp", "the data section is rejected", 0},
            NULL);
        return HWS_ERR_UNSUPPORTED;
    }
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
        hws_names_end_remote(peer, now);
        return HWS_OK;
    case HWS_CANDIDATE_USABLE:
        break;
    }
    if (candidate.ufrag[0] == '\0' && in->ufrag && strlen(in->ufrag) <= HWS_UFRAG_MAX) {
        (void)snprintf(candidate.ufrag, sizeof(candidate.ufrag), "%s", in->ufrag);
    }
    return take_one(peer, &candidate, now);
}
