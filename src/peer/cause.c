/* Why a peer is over: the cause out of the list of hawser/cause.h, and the details in words. */
#include "peer/peer_internal.h"

#include "base/address.h"

#include <hawser/stats.h>

#include <stdio.h>
#include <string.h>

/* ---- The cause of a fault */

static bool is_of(const struct hws_fault *fault, const char *layer)
{
    return strcmp(fault->layer, layer) == 0;
}

static enum hws_cause sctp_cause(const struct hws_peer *peer, const struct hws_fault *fault)
{
    if (peer->timeline.associated == 0) return HWS_CAUSE_SCTP_REFUSED;
    return fault->err == HWS_ERR_TIMEOUT ? HWS_CAUSE_CONSENT_EXPIRED : HWS_CAUSE_PROTOCOL;
}

/* Of a fault that a layer found; deadlines of the peer itself name theirs. */
static enum hws_cause cause_of(const struct hws_peer *peer, const struct hws_fault *fault)
{
    if (fault->err == HWS_OK) return HWS_CAUSE_CLOSED_HERE;
    if (fault->err == HWS_ERR_CLOSED) return HWS_CAUSE_CLOSED_BY_PEER;
    if (fault->err == HWS_ERR_FINGERPRINT) return HWS_CAUSE_FINGERPRINT;
    /* What wolfSSL refuses in a handshake is the other side's, or nobody's to tell. */
    if (is_of(fault, "dtls") && peer->dtls && fault->err != HWS_ERR_NO_MEMORY)
        return peer->timeline.secured == 0 ? HWS_CAUSE_DTLS_FAILED : HWS_CAUSE_PROTOCOL;
    if (hws_err_class(fault->err) == HWS_CLASS_HOST) return HWS_CAUSE_LOCAL;
    if (is_of(fault, "ice"))
        return fault->err == HWS_ERR_TIMEOUT ? HWS_CAUSE_CONSENT_EXPIRED : HWS_CAUSE_CHECKS_FAILED;
    if (is_of(fault, "sctp")) return sctp_cause(peer, fault);
    return peer->timeline.associated ? HWS_CAUSE_PROTOCOL : HWS_CAUSE_BAD_DESCRIPTION;
}

/* ---- The details */

static size_t append(char *out, size_t len, size_t cap, const char *text)
{
    int more = snprintf(out + len, cap - len, "%s", text);

    return more < 0 || (size_t)more >= cap - len ? cap - 1 : len + (size_t)more;
}

/* Some of the pairs that were tried, and how many there were. */
static void name_pairs(const struct hws_peer *peer, char *out, size_t cap)
{
    enum { SHOWN = 3 };
    struct hws_pair_stats pairs[SHOWN];
    size_t count = hws_ice_pairs(peer->ice, pairs, SHOWN), len;

    (void)snprintf(out, cap, count == 1 ? "1 pair tried" : "%zu pairs tried", count);
    len = strlen(out);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX], text[160];

        (void)snprintf(text, sizeof(text), "%s%s -> %s %s", i ? ", " : ": ",
                       hws_endpoint_text(&pairs[i].local, local),
                       hws_endpoint_text(&pairs[i].remote, remote), pairs[i].state);
        len = append(out, len, cap, text);
    }
    if (count > SHOWN) (void)append(out, len, cap, ", ...");
}

/* An alert by its name, as far as it is one that a handshake meets (RFC 8446 section 6). */
static void name_alert(int32_t code, char *out, size_t cap)
{
    static const struct {
        uint8_t code;
        const char *name;
    } alerts[] = {
        {10,  "unexpected_message"     },
        {20,  "bad_record_mac"         },
        {40,  "handshake_failure"      },
        {42,  "bad_certificate"        },
        {43,  "unsupported_certificate"},
        {46,  "certificate_unknown"    },
        {47,  "illegal_parameter"      },
        {48,  "unknown_ca"             },
        {50,  "decode_error"           },
        {51,  "decrypt_error"          },
        {70,  "protocol_version"       },
        {71,  "insufficient_security"  },
        {80,  "internal_error"         },
        {109, "missing_extension"      },
        {110, "unsupported_extension"  },
        {116, "certificate_required"   },
    };
    const char *name = "";

    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        if (alerts[i].code == code) name = alerts[i].name;
    }
    (void)snprintf(out, cap, "alert %d%s%s", (int)code, name[0] ? " " : "", name);
}

void hws_peer_end(struct hws_peer *peer, enum hws_cause cause, struct hws_fault fault, hws_time now)
{
    char detail[HWS_PEER_FAULT_MAX] = "";

    if (peer->state == HWS_PEER_CLOSED) return;
    peer->cause = cause;
    if (cause == HWS_CAUSE_CHECKS_FAILED) name_pairs(peer, detail, sizeof(detail));
    if (cause == HWS_CAUSE_DTLS_FAILED && fault.foreign > 0)
        name_alert(fault.foreign, detail, sizeof(detail));
    hws_peer_shut(peer, fault, detail[0] ? detail : NULL, now);
}

void hws_peer_fail(struct hws_peer *peer, struct hws_fault fault, hws_time now)
{
    hws_peer_end(peer, cause_of(peer, &fault), fault, now);
}

/* ---- Deadlines */

static hws_time after(hws_time now, hws_time limit)
{
    return limit > HWS_NEVER - now ? HWS_NEVER : now + limit;
}

void hws_peer_limit_connecting(struct hws_peer *peer, hws_time now)
{
    peer->connect_deadline = after(now, peer->config.connect_limit);
}

void hws_peer_limit_answer(struct hws_peer *peer, hws_time now)
{
    peer->answer_deadline = after(now, peer->config.answer_limit);
}

void hws_peer_limit_opening(struct hws_peer *peer, hws_time now)
{
    if (peer->config.open_limit > 0) peer->open_deadline = after(now, peer->config.open_limit);
}

static bool is_offering(const struct hws_peer *peer)
{
    enum hws_neg_state state = hws_neg_state(peer->neg);

    return state == HWS_NEG_LOCAL_OFFER || state == HWS_NEG_REMOTE_PRANSWER;
}

static bool is_connecting(const struct hws_peer *peer)
{
    return peer->state == HWS_PEER_DESCRIBED || peer->pathless;
}

static bool is_unopened(const struct hws_peer *peer)
{
    return peer->state == HWS_PEER_CONNECTED && peer->timeline.channel_open == 0;
}

hws_time hws_peer_limit_due(const struct hws_peer *peer)
{
    hws_time due = HWS_NEVER;

    if (is_offering(peer)) due = peer->answer_deadline;
    if (is_connecting(peer) && peer->connect_deadline < due) due = peer->connect_deadline;
    if (is_unopened(peer) && peer->open_deadline < due) due = peer->open_deadline;
    return due;
}

static void no_answer(struct hws_peer *peer, hws_time now)
{
    hws_peer_say_goodbye(peer, now);
    hws_peer_end(
        peer, HWS_CAUSE_NO_ANSWER,
        (struct hws_fault){HWS_ERR_TIMEOUT, "peer", "the offer was not answered in time", 0}, now);
}

/* Both descriptions are in: which layer was it that did not come up? */
static void not_up(struct hws_peer *peer, hws_time now)
{
    struct hws_fault fault = {HWS_ERR_TIMEOUT, "peer", "the connection was not up in time", 0};
    enum hws_cause cause = HWS_CAUSE_CHECKS_FAILED;

    hws_peer_say_goodbye(peer, now);
    if (peer->pathless) {
        cause = HWS_CAUSE_CONSENT_EXPIRED;
        fault.what = "the path died, and no other was found in time";
    } else if (peer->timeline.secured) {
        cause = HWS_CAUSE_SCTP_REFUSED;
        fault.what = "the connection was not up in time: SCTP was not answered";
    } else if (peer->timeline.path) {
        cause = HWS_CAUSE_DTLS_FAILED;
        fault.what = "the connection was not up in time: the DTLS handshake was not over";
    }
    hws_peer_end(peer, cause, fault, now);
}

static void no_channel(struct hws_peer *peer, hws_time now)
{
    hws_peer_say_goodbye(peer, now);
    hws_peer_end(
        peer, HWS_CAUSE_NO_CHANNEL,
        (struct hws_fault){HWS_ERR_TIMEOUT, "peer", "no data channel was opened in time", 0}, now);
}

void hws_peer_check_limits(struct hws_peer *peer, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    if (is_offering(peer) && now >= peer->answer_deadline)
        no_answer(peer, now);
    else if (is_connecting(peer) && now >= peer->connect_deadline)
        not_up(peer, now);
    else if (is_unopened(peer) && now >= peer->open_deadline)
        no_channel(peer, now);
}

void hws_peer_expire(struct hws_peer *peer, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    if (is_connecting(peer) && peer->remote.known)
        not_up(peer, now);
    else if (is_offering(peer))
        no_answer(peer, now);
    else if (is_unopened(peer))
        no_channel(peer, now);
}

enum hws_cause hws_peer_cause(const struct hws_peer *peer)
{
    return peer->state == HWS_PEER_CLOSED ? peer->cause : HWS_CAUSE_NONE;
}
