/* Server-reflexive candidates (RFC 8445 section 5.1.1.2): ask every STUN server from every socket
 * of its family, all at once; one that does not answer delays the end of candidates only. */
#include "ice/ice_internal.h"

#include <string.h>

/* The servers are the program's choice and the questions small: one that is there is to be heard
 * through any loss, so the wait soon grows no more. Given up long before a check is. */
#define ASK_WAIT_MAX HWS_MS(500)
#define ASK_GIVE_UP  HWS_MS(5500)

static void ask_add(struct hws_ice *ice, uint8_t base, uint8_t server, hws_time now)
{
    if (ice->locals[base].addr.family != ice->servers[server].family) return;
    if (ice->lite) return; /* RFC 8445 section 5.2: it is to be reached at its own addresses */
    if (ice->locals[base].addr.tcp) return; /* it would say nothing of the next connection */
    if (ice->relay_only) return;            /* nobody is to learn what it would say */
    if (ice->ask_count == HWS_ICE_ASK_MAX) {
        HWS_LOG(&ice->log, HWS_LOG_WARN, now, "ice", "gather.full", "base=%u server=%u", base,
                server);
        return;
    }
    ice->asks[ice->ask_count++] = (struct hws_ice_ask){
        .state = HWS_ICE_ASK_WAITING, .base = base, .server = server, .to = ice->servers[server]};
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
        if (ice->locals[i].type == HWS_CANDIDATE_HOST)
            ask_add(ice, (uint8_t)i, (uint8_t)ice->server_count, now);
    }
    ice->server_count++;
    return HWS_OK;
}

void hws_ice_gather_again(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        struct hws_ice_local *local = &ice->locals[i];

        /* What a TURN server said holds as long as its allocation, which goes on. */
        if (local->base != i && !hws_ice_relay_lives(ice, local->base, local->server))
            local->stale = true;
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
    if (hws_ice_relay_waits(ice)) return true;
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
    ask->next_at = hws_ice_later(now, hws_ice_backoff(ask->rto_us, ask->sends, ASK_WAIT_MAX));
    if (hws_stun_end(&msg, &bytes)) return;
    hws_ice_outbox_push(ice, ask->base, &ask->to, bytes);
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "gather.send", "base=%u server=%u send=%u",
            ask->base, ask->server, ask->sends);
}

static void begin_ask(struct hws_ice *ice, struct hws_ice_ask *ask, hws_time now)
{
    ask->state = HWS_ICE_ASK_SENT;
    ask->sends = 0;
    ask->rto_us = (uint32_t)hws_ice_rto(ice->server_rtt);
    ask->sent_at = now;
    hws_ice_new_transaction(ice, ask->transaction);
    send_ask(ice, ask, now);
}

void hws_ice_ask_begin(struct hws_ice *ice, hws_time now)
{
    struct hws_ice_ask *ask = find_waiting(ice);

    /* Both kinds start together. */
    if (hws_ice_relay_waits(ice) && (!ask || ice->relay_turn)) {
        ice->relay_turn = false;
        hws_ice_relay_begin(ice, now);
        return;
    }
    ice->relay_turn = true;
    if (!ask) return;
    begin_ask(ice, ask, now);
}

void hws_ice_gather_tick(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->ask_count; i++) {
        struct hws_ice_ask *ask = &ice->asks[i];

        if (ask->state != HWS_ICE_ASK_SENT || ask->next_at > now) continue;
        if (now - ask->sent_at < ASK_GIVE_UP) {
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

/* RFC 8489 section 10, for servers only; a check is never sent elsewhere (RFC 8445 section 7.3). */
static bool may_follow(const struct hws_ice_ask *ask, const struct hws_stun_message *msg)
{
    const struct hws_address *to = &msg->alternate_server;

    if (msg->error_code != HWS_STUN_TRY_ALTERNATE || ask->redirects == HWS_ICE_REDIRECT_MAX)
        return false;
    if (to->family != ask->to.family || !hws_address_is_reachable(to)) return false;
    /* A server elsewhere has no business with what runs on this host. */
    if (hws_address_is_loopback(to) && !hws_address_is_loopback(&ask->to)) return false;
    return !hws_address_equal(to, &ask->to);
}

enum hws_err hws_ice_gather_response(struct hws_ice *ice, uint8_t base,
                                     const struct hws_address *remote,
                                     const struct hws_stun_message *msg, hws_time now)
{
    struct hws_ice_ask *ask = find_asked(ice, msg);

    if (!ask) return HWS_ERR_UNEXPECTED;
    if (ask->base != base || !hws_ice_same_endpoint(&ask->to, remote)) return HWS_ERR_MISMATCH;
    if (ask->sends == 1) ice->server_rtt = now - ask->sent_at; /* RFC 6298 section 3 */
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "gather.recv", "base=%u server=%u error=%u", base,
            ask->server, msg->error_code);
    if (may_follow(ask, msg)) {
        ask->to = msg->alternate_server;
        ask->redirects++;
        begin_ask(ice, ask, now);
        return HWS_OK;
    }
    ask->state = HWS_ICE_ASK_DONE;
    ask->code = msg->error_code;
    if (msg->msg_class == HWS_STUN_SUCCESS && msg->unknown_required_count == 0 &&
        msg->xor_mapped.family != HWS_FAMILY_NONE) {
        ice->servers_heard[ask->server] = true;
        hws_ice_local_add_reflexive(ice, base, ask->server, &msg->xor_mapped, now);
    }
    return HWS_OK;
}

static bool all_done(const struct hws_ice *ice, uint8_t server, uint16_t *out_code)
{
    bool asked = false;

    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].server != server) continue;
        if (ice->asks[i].state != HWS_ICE_ASK_DONE) return false;
        asked = true;
        if (ice->asks[i].code != 0) *out_code = ice->asks[i].code;
    }
    return asked;
}

/* A server is told of when none of our sockets learned anything from it, once. */
bool hws_ice_next_stun_failure(struct hws_ice *ice, struct hws_ice_event *out)
{
    for (size_t i = 0; i < ice->server_count; i++) {
        uint16_t code = 0;

        if (ice->servers_heard[i] || ice->servers_told[i]) continue;
        if (!all_done(ice, (uint8_t)i, &code)) continue;
        ice->servers_told[i] = true;
        *out = (struct hws_ice_event){
            .kind = HWS_ICE_SERVER_FAILED,
            .server = ice->servers[i],
            .fault = {HWS_ERR_TIMEOUT, "stun", "the server does not answer", 0},
        };
        if (code != 0)
            out->fault = (struct hws_fault){HWS_ERR_REFUSED, "stun", "the server refuses", code};
        return true;
    }
    return false;
}

void hws_ice_gather_check_end(struct hws_ice *ice, hws_time now)
{
    if (!ice->local_ended || ice->local_end_raised || !hws_ice_relays_settled(ice)) return;
    for (size_t i = 0; i < ice->ask_count; i++) {
        if (ice->asks[i].state != HWS_ICE_ASK_DONE) return;
    }
    ice->local_end_raised = true;
    ice->pending_end = true;
    HWS_LOG(&ice->log, HWS_LOG_DEBUG, now, "ice", "candidate.end", "locals=%u",
            (unsigned)ice->local_count);
}
