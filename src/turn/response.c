/* What the server answers, and what follows from it: RFC 8489 section 9.2.5, RFC 8656 section 7.4
 * and its like for the other methods. */
#include "turn/turn_internal.h"

#include <string.h>

static struct hws_turn_request *find_request(struct hws_turn *turn,
                                             const struct hws_stun_message *msg)
{
    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        struct hws_turn_request *request = &turn->requests[i];

        if (request->kind != HWS_TURN_FREE && request->sends > 0 &&
            msg->method == hws_turn_request_method(request->kind) &&
            memcmp(request->transaction, msg->transaction, HWS_STUN_TID_LEN) == 0)
            return request;
    }
    return NULL;
}

/* What a server says before, or instead of, knowing who asks: it cannot sign that. */
static bool may_be_unsigned(const struct hws_stun_message *msg)
{
    if (msg->msg_class != HWS_STUN_ERROR) return false;
    switch (msg->error_code) {
    case HWS_STUN_TRY_ALTERNATE:
    case HWS_STUN_BAD_REQUEST:
    case HWS_STUN_UNAUTHENTICATED:
    case HWS_STUN_UNKNOWN_ATTRIBUTE:
    case HWS_STUN_STALE_NONCE:
    case HWS_STUN_WRONG_CREDENTIALS:
        return true;
    }
    return false;
}

static enum hws_err check_signature(const struct hws_turn *turn,
                                    const struct hws_turn_request *request,
                                    const struct hws_stun_message *msg)
{
    if (!request->is_signed) return HWS_OK;
    switch (hws_turn_auth_verify(&turn->auth, msg)) {
    case HWS_STUN_INTEGRITY_OK:
        return HWS_OK;
    case HWS_STUN_INTEGRITY_ABSENT:
        return may_be_unsigned(msg) ? HWS_OK : HWS_ERR_INTEGRITY;
    case HWS_STUN_INTEGRITY_BAD:
        break;
    }
    return HWS_ERR_INTEGRITY;
}

static const char *reason_of(uint16_t code)
{
    switch (code) {
    case HWS_STUN_TRY_ALTERNATE:
        return "the server sends us in a circle, or to nowhere";
    case HWS_STUN_BAD_REQUEST:
        return "the server takes the request for malformed";
    case HWS_STUN_UNAUTHENTICATED:
        return "the credentials are refused";
    case HWS_STUN_FORBIDDEN:
        return "forbidden by the server";
    case HWS_STUN_ALLOCATION_MISMATCH:
        return "the server has another allocation, or none, for this port";
    case HWS_STUN_STALE_NONCE:
        return "every nonce is stale to the server";
    case HWS_STUN_FAMILY_NOT_SUPPORTED:
        return "the server does not relay that address family";
    case HWS_STUN_WRONG_CREDENTIALS:
        return "the allocation on this port has another owner";
    case HWS_STUN_TRANSPORT_NOT_SUPPORTED:
        return "the server does not relay UDP";
    case HWS_STUN_ALLOCATION_QUOTA:
        return "the quota of this user is used up";
    case HWS_STUN_NO_CAPACITY:
        return "the server has no capacity left";
    }
    return "the server refuses";
}

/* An error that ends the question. */
static void refused(struct hws_turn *turn, struct hws_turn_request *request, uint16_t code,
                    enum hws_err err, const char *reason, hws_time now)
{
    struct hws_turn_request old = *request;
    bool ends = code == HWS_STUN_ALLOCATION_MISMATCH || code == HWS_STUN_WRONG_CREDENTIALS ||
                code == HWS_STUN_UNAUTHENTICATED || err == HWS_ERR_MISMATCH;

    switch (old.kind) {
    case HWS_TURN_ALLOCATE:
        hws_turn_fail(turn, err, code, reason, now);
        return;
    case HWS_TURN_REFRESH:
        ends = ends || code == HWS_STUN_FORBIDDEN;
        break;
    case HWS_TURN_PERMIT:
        if (!ends) hws_turn_permit_answered(turn, request, false, code, now);
        break;
    case HWS_TURN_BIND:
        if (!ends) hws_turn_bind_answered(turn, request, false, code, now);
        break;
    case HWS_TURN_RELEASE:
    case HWS_TURN_FREE:
        ends = false;
        break;
    }
    if (ends) {
        hws_turn_fail(turn, err, code, reason, now);
        return;
    }
    if (old.kind == HWS_TURN_REFRESH) turn->refresh_at = hws_turn_later(now, HWS_TURN_AGAIN);
    request->kind = HWS_TURN_FREE;
}

/* 401 and 438: RFC 8489 section 9.2.5. */
static void challenged(struct hws_turn *turn, struct hws_turn_request *request,
                       const struct hws_stun_message *msg, hws_time now)
{
    struct hws_bytes realm = {turn->auth.realm, turn->auth.realm_len};
    bool same = request->is_signed && (!msg->realm.data || hws_bytes_equal(msg->realm, realm));
    enum hws_err err;

    /* The same user at the same realm with the same password: it would be refused again. */
    if (msg->error_code == HWS_STUN_UNAUTHENTICATED && same) {
        refused(turn, request, msg->error_code, HWS_ERR_REFUSED, reason_of(msg->error_code), now);
        return;
    }
    if (++request->challenges > HWS_TURN_CHALLENGE_MAX) {
        refused(turn, request, msg->error_code, HWS_ERR_REFUSED, reason_of(HWS_STUN_STALE_NONCE),
                now);
        return;
    }
    err = hws_turn_auth_take(&turn->auth, msg);
    if (err) {
        refused(turn, request, msg->error_code, err,
                err == HWS_ERR_MISMATCH ? "the server's list of password algorithms was taken out"
                                        : "the server asks for credentials in a way unknown to us",
                now);
        return;
    }
    hws_turn_request_again(turn, request, now);
}

static bool may_go_to(const struct hws_turn *turn, const struct hws_address *alternate)
{
    if (alternate->family != turn->server.family || !hws_address_is_reachable(alternate))
        return false;
    /* A server elsewhere has no business with what runs on this host. */
    if (hws_address_is_loopback(alternate) && !hws_address_is_loopback(&turn->server)) return false;
    if (turn->visited_count == HWS_TURN_REDIRECT_MAX) return false;
    if (hws_address_equal(alternate, &turn->server)) return false;
    for (size_t i = 0; i < turn->visited_count; i++) {
        if (hws_address_equal(alternate, &turn->visited[i])) return false;
    }
    return true;
}

/* RFC 8489 section 10. Over a stream it takes another connection, which is not ours to make. */
static void redirected(struct hws_turn *turn, struct hws_turn_request *request,
                       const struct hws_stun_message *msg, hws_time now)
{
    if (request->kind != HWS_TURN_ALLOCATE || turn->stream ||
        !may_go_to(turn, &msg->alternate_server)) {
        refused(turn, request, msg->error_code, HWS_ERR_REFUSED, reason_of(msg->error_code), now);
        return;
    }
    turn->visited[turn->visited_count++] = turn->server;
    turn->server = msg->alternate_server;
    HWS_LOG(&turn->log, HWS_LOG_INFO, now, "turn", "redirected", "count=%u",
            (unsigned)turn->visited_count);
    hws_turn_auth_forget(&turn->auth);
    request->challenges = 0;
    hws_turn_request_again(turn, request, now);
}

static void succeeded(struct hws_turn *turn, struct hws_turn_request *request,
                      const struct hws_stun_message *msg, hws_time now)
{
    struct hws_turn_request old = *request;

    switch (old.kind) {
    case HWS_TURN_ALLOCATE:
        request->kind = HWS_TURN_FREE;
        hws_turn_allocated(turn, msg, old.sent_at, now);
        return;
    case HWS_TURN_REFRESH:
        hws_turn_refreshed(turn, msg, old.sent_at);
        break;
    case HWS_TURN_PERMIT:
        hws_turn_permit_answered(turn, request, true, 0, now);
        break;
    case HWS_TURN_BIND:
        hws_turn_bind_answered(turn, request, true, 0, now);
        break;
    case HWS_TURN_RELEASE:
    case HWS_TURN_FREE:
        break;
    }
    request->kind = HWS_TURN_FREE;
}

enum hws_err hws_turn_response(struct hws_turn *turn, const struct hws_stun_message *msg,
                               hws_time now)
{
    struct hws_turn_request *request = find_request(turn, msg);
    enum hws_err err;

    if (!request) return HWS_ERR_UNEXPECTED;
    err = check_signature(turn, request, msg);
    if (err) return err;
    if (msg->msg_class == HWS_STUN_ERROR && msg->error_code == 0) return HWS_ERR_MALFORMED;
    HWS_LOG(&turn->log, HWS_LOG_DEBUG, now, "turn", "request.answer", "method=%u error=%u",
            msg->method, msg->error_code);
    if (msg->unknown_required_count > 0) { /* RFC 8489 section 6.3.3 */
        refused(turn, request, 0, HWS_ERR_UNSUPPORTED, "the answer needs what we do not know", now);
    } else if (msg->msg_class == HWS_STUN_SUCCESS) {
        succeeded(turn, request, msg, now);
    } else if (msg->error_code == HWS_STUN_TRY_ALTERNATE) {
        redirected(turn, request, msg, now);
    } else if (msg->error_code == HWS_STUN_UNAUTHENTICATED ||
               msg->error_code == HWS_STUN_STALE_NONCE) {
        challenged(turn, request, msg, now);
    } else {
        refused(turn, request, msg->error_code, HWS_ERR_REFUSED, reason_of(msg->error_code), now);
    }
    return HWS_OK;
}

void hws_turn_silence(struct hws_turn *turn, struct hws_turn_request *request, hws_time now)
{
    refused(turn, request, 0, HWS_ERR_TIMEOUT, "the server does not answer", now);
}
