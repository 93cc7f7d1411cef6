/* Checks of the peer (RFC 8445 section 7.3): answered at once, then acted upon if they are of the
 * present generation. */
#include "ice/ice_internal.h"

#include <string.h>

/* RFC 8445 section 7.3: whatever error there is, its reply is never bigger than the request, and
 * whoever did not prove to be the peer gets a few of them a second. */
static bool may_refuse(struct hws_ice *ice, hws_time now)
{
    if (now - ice->error_window_at >= HWS_SEC(1)) {
        ice->error_window_at = now;
        ice->error_count = 0;
    }
    if (ice->error_count == HWS_ICE_ERROR_REPLIES) return false;
    ice->error_count++;
    return true;
}

/* Integrity in the response is of the kind that the request had (RFC 8489 section 9.1.4). */
static void sign(struct hws_stun_writer *out, const struct hws_stun_message *request,
                 const char *pwd)
{
    if (request->integrity_sha256.data) {
        hws_stun_add_integrity_sha256(out, hws_bytes_of(pwd));
    } else {
        hws_stun_add_integrity(out, hws_bytes_of(pwd));
    }
}

static void send_error(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                       const struct hws_stun_message *request, uint16_t code, const char *pwd,
                       hws_time now)
{
    uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    struct hws_stun_writer out = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_ERROR,
                                                HWS_STUN_BINDING, request->transaction);
    struct hws_bytes bytes;

    hws_stun_add_error(&out, code, ""); /* the code says it all, and the reply stays small */
    if (code == HWS_STUN_UNKNOWN_ATTRIBUTE)
        hws_stun_add_u16_list(&out, HWS_STUN_UNKNOWN_ATTRIBUTES, request->unknown_required,
                              request->unknown_required_count);
    if (pwd) sign(&out, request, pwd);
    hws_stun_add_fingerprint(&out);
    if (hws_stun_end(&out, &bytes) || bytes.len > request->datagram.len) return;
    if (!pwd && !may_refuse(ice, now)) return;
    ice->totals.refusals_sent++;
    hws_ice_outbox_push(ice, base, remote, bytes);
}

static void send_success(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         const struct hws_stun_message *request, const char *pwd)
{
    uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    struct hws_stun_writer out = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS,
                                                HWS_STUN_BINDING, request->transaction);
    struct hws_bytes bytes;

    hws_stun_add_xor_address(&out, HWS_STUN_XOR_MAPPED_ADDRESS, remote);
    sign(&out, request, pwd);
    hws_stun_add_fingerprint(&out);
    if (hws_stun_end(&out, &bytes)) return;
    hws_ice_outbox_push(ice, base, remote, bytes);
}

/* Would the pair be better than the nominated one, if it works again? */
static bool may_be_better(const struct hws_ice *ice, const struct hws_ice_pair *p)
{
    return ice->controlling && ice->nominated != HWS_ICE_NONE && !p->queued && !p->valid &&
           p->state != HWS_ICE_PAIR_IN_PROGRESS &&
           p->priority > ice->pairs[ice->nominated].priority;
}

/* Do we have that pair, and no need of it? */
static bool is_old_news(const struct hws_ice *ice, uint8_t base, uint8_t remote)
{
    uint8_t pair = remote == HWS_ICE_NONE ? HWS_ICE_NONE : hws_ice_pair_find(ice, base, remote);

    if (pair == HWS_ICE_NONE || ice->lane.silent_at) return false;
    if (pair == ice->nominated && ice->lane.pair != pair) return false; /* left, and it lives */
    return !may_be_better(ice, &ice->pairs[pair]);
}

/* Of numbered nominations the highest counts; one that is older than what was heard says nothing,
 * one that is repeated says the same again. */
static bool is_nomination(struct hws_ice *ice, const struct hws_ice_early *check)
{
    if (!check->use_candidate || ice->controlling) return false;
    if (!ice->renomination || !check->nomination) return true;
    if (check->nomination < ice->peer_nomination) return false;
    ice->peer_nomination = check->nomination;
    return true;
}

/* What the check means for our list: RFC 8445 section 7.3.1.3 to section 7.3.1.5. */
static void act_on_check(struct hws_ice *ice, const struct hws_ice_early *check, hws_time now)
{
    uint8_t remote = hws_ice_find_remote(ice, &check->remote), pair;
    bool nominates = is_nomination(ice, check);
    struct hws_ice_pair *p;

    /* The peer knows both halves of this generation: it needs the one before no more. */
    if (ice->phase == HWS_ICE_COMPLETE) hws_ice_forget_old(ice);
    /* When the checks are over, only another nomination by the controlling peer means something, or
     * a pair that is new: one side has got another address. */
    if (ice->phase == HWS_ICE_COMPLETE && !nominates) {
        if (is_old_news(ice, check->base, remote)) return;
        hws_ice_ask_path(ice, now);
    }
    if (remote == HWS_ICE_NONE)
        remote = hws_ice_remote_learn(ice, &check->remote, check->priority, now);
    if (remote == HWS_ICE_NONE) return;
    pair = hws_ice_pair_form(ice, check->base, remote, true, now);
    if (pair == HWS_ICE_NONE) return;
    p = &ice->pairs[pair];
    p->heard = true;
    ice->unheard = false;
    if (ice->lite) { /* RFC 8445 section 7.3.2: what the peer nominates is valid, and only that */
        if (!nominates) return;
        p->confirmed_at = now;
        hws_ice_pair_validated(ice, pair, false, now);
        hws_ice_peer_nominates(ice, pair, now);
    } else if (nominates) {
        hws_ice_peer_nominates(ice, pair, now);
    } else if (!p->valid || ice->nominee == pair) { /* which a lost answer makes late */
        hws_ice_check_again(ice, pair, now);
    }
}

static void remember_early(struct hws_ice *ice, const struct hws_ice_early *check)
{
    for (size_t i = 0; i < ice->early_count; i++) {
        struct hws_ice_early *known = &ice->early[i];

        if (known->base == check->base && known->generation == check->generation &&
            hws_address_equal(&known->remote, &check->remote)) {
            known->use_candidate = known->use_candidate || check->use_candidate;
            if (known->nomination < check->nomination) known->nomination = check->nomination;
            return;
        }
    }
    if (ice->early_count < HWS_ICE_EARLY_MAX) ice->early[ice->early_count++] = *check;
}

void hws_ice_replay_early(struct hws_ice *ice, hws_time now)
{
    uint32_t generation = hws_ice_generation(hws_bytes_of(ice->cur.remote_ufrag));

    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].generation == generation) act_on_check(ice, &ice->early[i], now);
    }
    ice->early_count = 0;
}

static void accept_check(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         const struct hws_stun_message *msg, hws_time now)
{
    struct hws_bytes first, second;
    struct hws_ice_early check = {
        .remote = *remote, .base = base, .use_candidate = msg->use_candidate};

    if (!hws_ice_split_username(msg->username, &first, &second)) return;
    check.priority =
        msg->has_priority ? msg->priority : hws_candidate_priority(HWS_CANDIDATE_PRFLX, 0);
    check.nomination = msg->has_nomination ? msg->nomination : 0;
    check.generation = hws_ice_generation(second);
    if (!ice->cur.has_remote) {
        remember_early(ice, &check);
    } else if (hws_bytes_equal(second, hws_bytes_of(ice->cur.remote_ufrag))) {
        act_on_check(ice, &check, now);
    }
}

/* Is the request one for the path from before the restart? */
static bool is_for_old(const struct hws_ice *ice, const struct hws_stun_message *msg)
{
    struct hws_bytes first, second;

    return ice->old.has_local && hws_ice_split_username(msg->username, &first, &second) &&
           hws_bytes_equal(first, hws_bytes_of(ice->old.local_ufrag));
}

enum hws_err hws_ice_request(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                             const struct hws_stun_message *msg, hws_time now)
{
    bool old = is_for_old(ice, msg);
    const struct hws_ice_credentials *creds = old ? &ice->old : &ice->cur;
    struct hws_ice_ruler ruler = {
        .local_ufrag = creds->local_ufrag,
        .local_pwd = creds->local_pwd,
        .controlling = ice->controlling,
        .lite = ice->lite,
        .tiebreaker = ice->tiebreaker,
    };
    enum hws_ice_ruling ruling = hws_ice_rule_message(&ruler, msg);

    /* Given up or without consent: let the peer's own consent run out. */
    if (!old && (ice->phase == HWS_ICE_GAVE_UP || ice->phase == HWS_ICE_DEAD))
        return HWS_ERR_UNEXPECTED;
    /* Roles are a matter of the present generation; the old path is only kept alive. */
    if (old && (ruling == HWS_ICE_ERROR_487 || ruling == HWS_ICE_SUCCEED_SWITCH))
        ruling = HWS_ICE_SUCCEED;
    switch (ruling) {
    case HWS_ICE_DISCARD:
        return HWS_ERR_UNEXPECTED;
    case HWS_ICE_ERROR_400:
        send_error(ice, base, remote, msg, HWS_STUN_BAD_REQUEST, NULL, now);
        return HWS_ERR_MALFORMED;
    case HWS_ICE_ERROR_401:
        send_error(ice, base, remote, msg, HWS_STUN_UNAUTHENTICATED, NULL, now);
        return HWS_ERR_INTEGRITY;
    case HWS_ICE_ERROR_420:
        send_error(ice, base, remote, msg, HWS_STUN_UNKNOWN_ATTRIBUTE, creds->local_pwd, now);
        return HWS_ERR_UNSUPPORTED;
    case HWS_ICE_ERROR_487:
        send_error(ice, base, remote, msg, HWS_STUN_ROLE_CONFLICT, creds->local_pwd, now);
        return HWS_ERR_REFUSED;
    case HWS_ICE_SUCCEED_SWITCH:
        hws_ice_switch_role(ice, !ice->controlling, now);
        break;
    case HWS_ICE_SUCCEED:
        break;
    }
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "check.recv", "base=%u use_candidate=%d old=%d",
            base, msg->use_candidate, old);
    send_success(ice, base, remote, msg, creds->local_pwd);
    if (ice->lite) hws_ice_consent_heard(ice, base, remote, now);
    if (!old) accept_check(ice, base, remote, msg, now);
    hws_ice_count_check(ice, base, remote, old);
    return HWS_OK;
}
