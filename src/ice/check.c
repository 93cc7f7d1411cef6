/* Our checks (RFC 8445 section 7.2): each a STUN transaction of one pair, and what its response
 * means. */
#include "ice/ice_internal.h"

#include <string.h>

void hws_ice_send_request(struct hws_ice *ice, const struct hws_ice_credentials *creds,
                          uint8_t base, const struct hws_address *remote,
                          const uint8_t transaction[HWS_STUN_TID_LEN], uint32_t nomination)
{
    uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    uint8_t username[HWS_UFRAG_MAX + 1 + HWS_ICE_UFRAG_LEN];
    struct hws_writer name = hws_writer_over(username, sizeof(username));
    struct hws_stun_writer msg =
        hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, HWS_STUN_BINDING, transaction);
    struct hws_address to = *remote;
    struct hws_bytes bytes;

    hws_write_bytes(&name, hws_bytes_of(creds->remote_ufrag)); /* RFC 8445 section 7.2.2 */
    hws_write_u8(&name, ':');
    hws_write_bytes(&name, hws_bytes_of(creds->local_ufrag));
    hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, hws_written(&name));
    hws_stun_add_u32(&msg, HWS_STUN_PRIORITY,
                     hws_ice_priority(&ice->locals[base], HWS_CANDIDATE_PRFLX));
    hws_stun_add_u64(&msg, ice->controlling ? HWS_STUN_ICE_CONTROLLING : HWS_STUN_ICE_CONTROLLED,
                     ice->tiebreaker);
    if (nomination) hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    if (nomination && ice->renomination) hws_stun_add_u32(&msg, HWS_STUN_NOMINATION, nomination);
    hws_stun_add_integrity(&msg, hws_bytes_of(creds->remote_pwd));
    hws_stun_add_fingerprint(&msg);
    if (hws_stun_end(&msg, &bytes)) return; /* as if the network had lost it */
    /* A signalled link-local address has no scope; it lives on the link of our socket. */
    if (to.scope == 0 && hws_address_is_link_local(&to)) to.scope = ice->locals[base].addr.scope;
    hws_ice_outbox_push(ice, base, &to, bytes);
}

/* Send the check of the pair once more, or for the first time. */
static void send_check(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];
    struct hws_ice_check *check = &p->check;
    hws_time end = hws_ice_later(check->patient_from, ice->fail_after);
    hws_time most = p->heard ? HWS_ICE_HEARD_WAIT : ice->fail_after;

    hws_ice_send_request(ice, &ice->cur, p->base, &ice->remotes[p->remote].addr, check->transaction,
                         check->nomination);
    if (check->sends < UINT8_MAX) check->sends++; /* only one and more are told apart */
    if (check->steps < UINT8_MAX) check->steps++;
    check->last_at = now;
    if (most < check->rto_us) most = check->rto_us; /* many pairs share the rate */
    check->next_at = hws_ice_later(now, hws_ice_backoff(check->rto_us, check->steps, most));
    /* A stream loses nothing, so nothing is sent again (RFC 8489 section 6.2.2). */
    if (check->next_at > end || ice->locals[p->base].addr.tcp) check->next_at = end;
    if (check->sends == 1) {
        ice->totals.checks_sent++;
        p->counts.checks_sent++;
    } else {
        ice->totals.checks_retransmitted++;
        p->counts.checks_retransmitted++;
    }
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "check.send", "pair=%u send=%u nominates=%d",
            pair, check->sends, check->nominates);
}

void hws_ice_check_begin(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    hws_ice_untrigger(ice, pair);
    if (p->check.sends > 0) {
        p->former = (struct hws_ice_former){.open = true,
                                            .once = p->check.sends == 1,
                                            .controlling = p->check.controlling,
                                            .sent_at = p->check.sent_at};
        memcpy(p->former.transaction, p->check.transaction, HWS_STUN_TID_LEN);
    }
    hws_ice_pair_move(ice, pair, HWS_ICE_PAIR_IN_PROGRESS, now);
    p->check = (struct hws_ice_check){
        .controlling = ice->controlling,
        .nominates = ice->controlling && p->nominate,
        .sent_at = now,
        .patient_from = now,
        .rto_us = hws_ice_check_rto(ice, p->rtt),
    };
    if (p->check.nominates) p->check.nomination = ++ice->nominations;
    /* The role is inside the message: a retransmission must not mix it with a new one, which is why
     * a switch of roles begins every check anew. */
    hws_ice_new_transaction(ice, p->check.transaction);
    ice->checked = true;
    if (ice->fresh_count < HWS_ICE_FAST_CHECKS) ice->fresh_count++;
    send_check(ice, pair, now);
}

/*
 * The peer was heard on a pair that is not valid yet: RFC 8445 section 7.3.1.4. One that is being
 * checked is checked at once once more, because what we sent may have met a closed NAT that is open
 * now. It stays the same transaction, and follows half a timeout behind the one before: a new one
 * for every check that comes would outrun the responses on a path that is slower than that.
 */
void hws_ice_check_again(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];
    struct hws_ice_check *check = &p->check;
    hws_time at = check->last_at + check->rto_us / 2;

    if (p->state != HWS_ICE_PAIR_IN_PROGRESS || check->controlling != ice->controlling ||
        check->nominates != (ice->controlling && p->nominate)) {
        hws_ice_trigger(ice, pair, now);
        return;
    }
    check->steps = 0; /* the peer is there: doubling begins anew */
    check->patient_from = now;
    if (at < now) at = now;
    if (at < check->next_at) check->next_at = at;
}

void hws_ice_pair_give_up(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    hws_ice_untrigger(ice, pair);
    p->check.sends = 0;
    p->former.open = false;
    p->valid = false;
    p->nominate = false;
    hws_ice_pair_move(ice, pair, HWS_ICE_PAIR_FAILED, now);
    if (ice->nominee != pair) return;
    ice->nominee = HWS_ICE_NONE;
    /* The peer may have heard that nomination: it is to hear of the path that we kept. */
    if (ice->phase == HWS_ICE_COMPLETE && ice->lane.active && ice->lane.pair != pair &&
        ice->lane.pair != HWS_ICE_NONE)
        hws_ice_renominate(ice, ice->lane.pair, now);
}

/* No response in all that time. A nomination on a path that consent requests prove to be alive was
 * out of luck only, and begins anew. */
static void give_up(struct hws_ice *ice, uint8_t pair, hws_time now)
{
    bool alive = ice->lane.active && ice->lane.pair == pair &&
                 ice->lane.heard_at > ice->pairs[pair].check.sent_at;

    if (ice->nominee == pair && alive) {
        hws_ice_trigger(ice, pair, now);
    } else {
        hws_ice_pair_give_up(ice, pair, now);
    }
}

void hws_ice_checks_tick(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        struct hws_ice_check *check = &ice->pairs[i].check;

        if (ice->pairs[i].state != HWS_ICE_PAIR_IN_PROGRESS || check->next_at > now) continue;
        if (now < hws_ice_later(check->patient_from, ice->fail_after)) {
            send_check(ice, (uint8_t)i, now);
        } else {
            give_up(ice, (uint8_t)i, now);
        }
    }
}

hws_time hws_ice_checks_deadline(const struct hws_ice *ice)
{
    hws_time earliest = HWS_NEVER;

    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        if (p->state == HWS_ICE_PAIR_IN_PROGRESS && p->check.next_at < earliest)
            earliest = p->check.next_at;
    }
    return earliest;
}

static bool is_transaction(const struct hws_stun_message *msg,
                           const uint8_t transaction[HWS_STUN_TID_LEN])
{
    return memcmp(msg->transaction, transaction, HWS_STUN_TID_LEN) == 0;
}

static uint8_t find_asked(const struct hws_ice *ice, const struct hws_stun_message *msg,
                          bool *out_former)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        const struct hws_ice_pair *p = &ice->pairs[i];

        *out_former = p->former.open && is_transaction(msg, p->former.transaction);
        if (*out_former || (p->check.sends > 0 && is_transaction(msg, p->check.transaction)))
            return (uint8_t)i;
    }
    return HWS_ICE_NONE;
}

/* RFC 8445 section 7.2.5.1: our request claimed a role that the peer has, and the peer keeps it. */
void hws_ice_role_conflict(struct hws_ice *ice, bool claimed, hws_time now)
{
    if (ice->controlling != claimed) return; /* switched already */
    ice->tiebreaker = hws_ice_random_u64(ice);
    hws_ice_switch_role(ice, !claimed, now);
}

static enum hws_err check_failed(struct hws_ice *ice, uint8_t pair, bool claimed, uint16_t code,
                                 hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];

    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "check.recv", "pair=%u error=%u", pair, code);
    if (code != HWS_STUN_ROLE_CONFLICT) {
        hws_ice_pair_give_up(ice, pair, now);
        return HWS_OK;
    }
    p->check.sends = 0;
    p->former.open = false;
    hws_ice_role_conflict(ice, claimed, now);
    hws_ice_trigger(ice, pair, now);
    return HWS_OK;
}

static void check_succeeded(struct hws_ice *ice, uint8_t pair, bool former,
                            const struct hws_address *mapped, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];
    /* Only the last nomination decides; the answer to one before comes too late. */
    bool nominates = !former && p->check.nominates && p->check.nomination == ice->nominations;

    /* Only what was sent once tells the round trip (RFC 6298 section 3). */
    if (former ? p->former.once : p->check.sends == 1) {
        p->rtt = now - (former ? p->former.sent_at : p->check.sent_at);
        hws_ice_count_rtt(&p->counts, p->rtt);
        ice->peer_rtt = p->rtt;
    }
    p->former.open = false;
    if (!former || !p->check.nominates) p->check.sends = 0;
    p->local_type = hws_ice_local_type(ice, p->base, mapped);
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "check.recv", "pair=%u type=%s rtt_us=%lld", pair,
            hws_candidate_type_name(p->local_type), (long long)p->rtt);
    hws_ice_pair_validated(ice, pair, nominates, now);
}

/* A response on a check of ours; anything that is not provably the peer's changes nothing. */
static enum hws_err check_response(struct hws_ice *ice, uint8_t pair, bool former, uint8_t base,
                                   const struct hws_address *remote,
                                   const struct hws_stun_message *msg, hws_time now)
{
    struct hws_ice_pair *p = &ice->pairs[pair];
    bool claimed = former ? p->former.controlling : p->check.controlling;

    if (hws_stun_verify(msg, hws_bytes_of(ice->cur.remote_pwd)) != HWS_STUN_INTEGRITY_OK)
        return HWS_ERR_INTEGRITY;
    if (!msg->has_fingerprint) return HWS_ERR_MALFORMED;
    if (msg->unknown_required_count > 0) return HWS_ERR_UNSUPPORTED; /* RFC 8489 section 6.3.3 */
    if (msg->msg_class == HWS_STUN_SUCCESS && msg->xor_mapped.family == HWS_FAMILY_NONE)
        return HWS_ERR_MALFORMED;
    if (msg->msg_class == HWS_STUN_ERROR && msg->error_code == 0) return HWS_ERR_MALFORMED;
    ice->totals.responses_received++;
    p->counts.responses_received++;
    /* RFC 8445 section 7.2.5.1: roles are a matter of the agents, whatever way the answer took. */
    if (msg->msg_class == HWS_STUN_ERROR && msg->error_code == HWS_STUN_ROLE_CONFLICT)
        return check_failed(ice, pair, claimed, msg->error_code, now);
    if (p->base != base || !hws_ice_same_endpoint(&ice->remotes[p->remote].addr, remote)) {
        hws_ice_pair_give_up(ice, pair, now); /* not symmetric, RFC 8445 section 7.2.5.2.1 */
        return HWS_ERR_MISMATCH;
    }
    if (msg->msg_class == HWS_STUN_ERROR)
        return check_failed(ice, pair, claimed, msg->error_code, now);
    check_succeeded(ice, pair, former, &msg->xor_mapped, now);
    return HWS_OK;
}

enum hws_err hws_ice_response(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                              const struct hws_stun_message *msg, hws_time now)
{
    bool former = false;
    uint8_t pair;
    enum hws_err err;

    if (msg->method != HWS_STUN_BINDING) return HWS_ERR_UNEXPECTED;
    pair = find_asked(ice, msg, &former);
    if (pair != HWS_ICE_NONE) return check_response(ice, pair, former, base, remote, msg, now);
    err = hws_ice_consent_response(ice, base, remote, msg, now);
    if (err != HWS_ERR_UNEXPECTED) return err;
    return hws_ice_gather_response(ice, base, remote, msg, now);
}
