/* What to do with one Binding request: RFC 8445 section 7.3, on top of RFC 8489 section 9.1.3. The
 * order matters: nothing that an attacker can write is acted on before the integrity check. */
#include "ice/ice_internal.h"

#include <string.h>

bool hws_ice_split_username(struct hws_bytes username, struct hws_bytes *first,
                            struct hws_bytes *second)
{
    const uint8_t *colon = username.len > 0 ? memchr(username.data, ':', username.len) : NULL;
    size_t head;

    if (!colon) return false;
    head = (size_t)(colon - username.data);
    if (head == 0 || head + 1 == username.len) return false;
    *first = (struct hws_bytes){username.data, head};
    *second = (struct hws_bytes){colon + 1, username.len - head - 1};
    return true;
}

bool hws_ice_ufrag_of_check(struct hws_bytes datagram, struct hws_bytes *out)
{
    struct hws_stun_message msg;
    struct hws_bytes second;

    return hws_stun_read(datagram, &msg, NULL) == HWS_OK && msg.msg_class == HWS_STUN_REQUEST &&
           msg.method == HWS_STUN_BINDING && hws_ice_split_username(msg.username, out, &second);
}

/* RFC 8445 section 7.3.1.1: the larger tiebreaker keeps the controlling role. */
static enum hws_ice_ruling rule_roles(const struct hws_ice_ruler *ruler,
                                      const struct hws_stun_message *msg)
{
    if (ruler->lite) /* RFC 8445 section 6.1.1: a full agent controls a lite one */
        return msg->has_ice_controlled ? HWS_ICE_ERROR_487 : HWS_ICE_SUCCEED;
    if (ruler->controlling && msg->has_ice_controlling)
        return ruler->tiebreaker >= msg->ice_controlling ? HWS_ICE_ERROR_487
                                                         : HWS_ICE_SUCCEED_SWITCH;
    if (!ruler->controlling && msg->has_ice_controlled)
        return ruler->tiebreaker >= msg->ice_controlled ? HWS_ICE_SUCCEED_SWITCH
                                                        : HWS_ICE_ERROR_487;
    return HWS_ICE_SUCCEED;
}

enum hws_ice_ruling hws_ice_rule_message(const struct hws_ice_ruler *ruler,
                                         const struct hws_stun_message *msg)
{
    struct hws_bytes first, second;

    if (msg->msg_class != HWS_STUN_REQUEST || msg->method != HWS_STUN_BINDING)
        return HWS_ICE_DISCARD;
    if (!msg->has_fingerprint) return HWS_ICE_DISCARD; /* RFC 8489 section 6.3 */
    if (!msg->username.data || (!msg->integrity.data && !msg->integrity_sha256.data))
        return HWS_ICE_ERROR_400;
    if (!hws_ice_split_username(msg->username, &first, &second) ||
        !hws_bytes_equal(first, hws_bytes_of(ruler->local_ufrag)))
        return HWS_ICE_ERROR_401;
    if (hws_stun_verify(msg, hws_bytes_of(ruler->local_pwd)) != HWS_STUN_INTEGRITY_OK)
        return HWS_ICE_ERROR_401;
    if (msg->unknown_required_count > 0) return HWS_ICE_ERROR_420;
    return rule_roles(ruler, msg);
}

enum hws_ice_ruling hws_ice_rule(const struct hws_ice_ruler *ruler, struct hws_bytes datagram)
{
    struct hws_stun_message msg;

    if (hws_stun_read(datagram, &msg, NULL)) return HWS_ICE_DISCARD;
    return hws_ice_rule_message(ruler, &msg);
}
