/* Server-reflexive candidates (RFC 8445 section 5.1.1.2): ask every STUN server from every socket
 * of its family, all at once; one that does not answer delays the end of candidates only. */
#include "ice/ice_internal.h"

#include <string.h>

enum { ASK_SENDS = 4 };            /* at 0, 0.5, 1.5 and 3.5 s */
#define ASK_LAST_WAIT HWS_MS(1500) /* given up after 5 s, not after the 39.5 s of a check */

static void ask_add(struct hws_ice *ice, uint8_t base, uint8_t server, hws_time now)
{
    if (ice->locals[base].addr.family != ice->servers[server].family) return;
    if (ice->ask_count == HWS_ICE_ASK_MAX) {
        HWS_LOG(&ice->log, HWS_LOG_WARN, now, "ice", "gather.full", "base=%u server=%u", base,
                server);
        return;
    }
    ice->asks[ice->ask_count++] =
        (struct hws_ice_ask){.state = HWS_ICE_ASK_WAITING, .base = base, .server = server};
}

void hws_ice_ask_all_from(struct hws_ice *ice, uint8_t base, hws_time now)
{
    for (size_t i = 0; i < ice->server_count; i++) {
        ask_add(ice, base, (uint8_t)i, now);
    }
}

enum hws_err hws_ice_server_add(struct hws_ice *ice, const struct hws_address *addr, hws_time now)
{
    if (!hws_address_is_reachable(addr)) return HWS_ERR_ARGUMENT;
    for (size_t i = 0; i < ice->server_count; i++) {
        if (hws_address_equal(&ice->servers[i], addr)) return HWS_OK;
    }
    if (ice->server_count == HWS_ICE_SERVER_MAX) return HWS_ERR_FULL;
    ice->servers[ice->server_count] = *addr;
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base == i) ask_add(ice, (uint8_t)i, (uint8_t)ice->server_count, now);
    }
    ice->server_count++;
    return HWS_OK;
}

void hws_ice_gather_again(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].base != i) ice->locals[i].stale = true;
    }
    for (size_t i = 0; i < ice->ask_count; i++) {
        ice->asks[i].state = HWS_ICE_ASK_WAITING;
        ice->asks[i].sends = 0;
    }
}

static struct hws_ice_ask *find_waiting(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].state == HWS_ICE_ASK_WAITING) return &ice->asks[i];
    }
    return NULL;
}

bool hws_ice_ask_waits(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].state == HWS_ICE_ASK_WAITING) return true;
    }
    return false;
}

static void send_ask(struct hws_ice *ice, struct hws_ice_ask *ask, hws_time now)
{
    uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST,
                                                HWS_STUN_BINDING, ask->transaction);
    struct hws_bytes bytes;

    ask->sends++;
    ask->next_at = hws_ice_later(
        now, ask->sends < ASK_SENDS ? HWS_ICE_RTO_MIN * (1 << (ask->sends - 1)) : ASK_LAST_WAIT);
    if (hws_stun_end(&msg, &bytes)) return;
    hws_ice_outbox_push(ice, ask->base, &ice->servers[ask->server], bytes);
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "gather.send", "base=%u server=%u send=%u",
            ask->base, ask->server, ask->sends);
}

void hws_ice_ask_begin(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_ask *ask = find_waiting(ice);

    if (!ask) return;
    ask->state = HWS_ICE_ASK_SENT;
    hws_ice_new_transaction(ice, ask->transaction);
    send_ask(ice, ask, now);
}

void hws_ice_gather_tick(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->ask_count; i++) {
        struct hws_ice_ask *ask = &ice->asks[i];

        if (ask->state != HWS_ICE_ASK_SENT || ask->next_at > now) continue;
        if (ask->sends < ASK_SENDS) {
            send_ask(ice, ask, now);
        } else {
            ask->state = HWS_ICE_ASK_DONE;
            HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "gather.silent", "base=%u server=%u",
                    ask->base, ask->server);
        }
    }
}

hws_time hws_ice_gather_deadline(const struct hws_ice *ice)
{
    hws_time earliest = HWS_NEVER;

    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].state == HWS_ICE_ASK_SENT && ice->asks[i].next_at < earliest)
            earliest = ice->asks[i].next_at;
    }
    return earliest;
}

static struct hws_ice_ask *find_asked(struct hws_ice *ice, const struct hws_stun_message *msg)
{
    for (size_t i = 0; i < ice->ask_count; i++) {
        struct hws_ice_ask *ask = &ice->asks[i];

        if (ask->state == HWS_ICE_ASK_SENT &&
            memcmp(ask->transaction, msg->transaction, HWS_STUN_TID_LEN) == 0)
            return ask;
    }
    return NULL;
}

enum hws_err hws_ice_gather_response(struct hws_ice *ice, uint8_t base,
                                     const struct hws_address *remote,
                                     const struct hws_stun_message *msg, hws_time now)
{
    struct hws_ice_ask *ask = find_asked(ice, msg);

    if (!ask) return HWS_ERR_UNEXPECTED;
    if (ask->base != base || !hws_ice_same_endpoint(&ice->servers[ask->server], remote))
        return HWS_ERR_MISMATCH;
    /* A redirection is refused like any error: RFC 8445 section 7.3 has no ALTERNATE-SERVER. */
    ask->state = HWS_ICE_ASK_DONE;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "gather.recv", "base=%u server=%u error=%u", base,
            ask->server, msg->error_code);
    if (msg->msg_class == HWS_STUN_SUCCESS && msg->unknown_required_count == 0 &&
        msg->xor_mapped.family != HWS_FAMILY_NONE)
        hws_ice_local_add_reflexive(ice, base, ask->server, &msg->xor_mapped, now);
    return HWS_OK;
}

void hws_ice_gather_check_end(struct hws_ice *ice, hws_time now)
{
    if (!ice->local_ended || ice->local_end_raised) return;
    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].state != HWS_ICE_ASK_DONE) return;
    }
    ice->local_end_raised = true;
    ice->pending_end = true;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "candidate.end", "locals=%u",
            (unsigned)ice->local_count);
}
