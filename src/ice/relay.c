/* Relayed candidates (RFC 8445 section 5.1.1.2, RFC 8656): an allocation from every socket at every
 * TURN server, all at once beside everything else. A relayed candidate is a base of its own: what
 * leaves from it is wrapped for its server, what the server relays comes in on it. */
#include "ice/ice_internal.h"

#include <stdlib.h>
#include <string.h>

/* As long as a STUN server is asked, the end of candidates waits. An answer that comes later, of a
 * whole transaction of 39.5 s, is still good for checks. */
#define RELAY_PATIENCE HWS_SEC(5)

enum {
    STREAM_PREFERENCE = 16384, /* below every socket of the host; UDP goes before TCP before TLS */
    OUTER_MAX = HWS_STUN_MESSAGE_MAX,
};

_Static_assert(HWS_DATAGRAM_MAX + HWS_TURN_OVERHEAD <= HWS_ICE_WRAPPED_MAX, "records fit");

/* ---- Servers */

static enum hws_err copy_text(const char *text, char *out, size_t cap, size_t *out_len)
{
    size_t len = text ? strnlen(text, cap) : 0;

    if (len == cap) return HWS_ERR_TOO_BIG;
    if (len > 0) memcpy(out, text, len);
    out[len] = '\0';
    *out_len = len;
    return HWS_OK;
}

static enum hws_err copy_server(struct hws_ice_turn *out, const struct hws_turn_server *server)
{
    size_t url_len;
    enum hws_err err;

    out->address = server->address;
    out->local = server->local;
    out->transport = server->transport;
    err = copy_text(server->username, out->username, sizeof(out->username), &out->username_len);
    if (!err)
        err = copy_text(server->password, out->password, sizeof(out->password), &out->password_len);
    if (!err) err = copy_text(server->url, out->url, sizeof(out->url), &url_len);
    return err;
}

static void start_relay(struct hws_ice *ice, uint8_t base, uint8_t server, hws_time now)
{
    const struct hws_ice_turn *turn = ice->turns[server];
    struct hws_turn_config config = {
        .random = ice->random,
        .log = ice->log,
        .server = turn->address,
        .username = {(const uint8_t *)turn->username, turn->username_len},
        .password = {(const uint8_t *)turn->password, turn->password_len},
        .stream = turn->transport != HWS_TRANSPORT_UDP,
    };
    struct hws_ice_relay *relay = &ice->relays[ice->relay_count];

    if (ice->lite) return; /* RFC 8445 section 5.2: host candidates only */
    if (ice->relay_count == HWS_ICE_RELAY_MAX) {
        HWS_LOG(&ice->log, HWS_LOG_WARN, now, "ice", "relay.full", "base=%u server=%u", base,
                server);
        return;
    }
    *relay = (struct hws_ice_relay){
        .local = base == HWS_ICE_NONE ? turn->local : ice->locals[base].addr,
        .base = base,
        .server = server,
        .locals = {HWS_ICE_NONE, HWS_ICE_NONE},
    };
    if (hws_turn_new(&config, &relay->turn)) return; /* no memory: as if there were no server */
    ice->relay_count++;
}

/* From this socket to all servers that it can reach. A loopback address reaches only its like. */
static bool reaches(const struct hws_address *local, const struct hws_address *server)
{
    return local->family == server->family && !local->tcp &&
           hws_address_is_loopback(local) == hws_address_is_loopback(server);
}

void hws_ice_relays_of_base(struct hws_ice *ice, uint8_t base, hws_time now)
{
    for (size_t i = 0; i < ice->turn_count; i++) {
        const struct hws_ice_turn *turn = ice->turns[i];

        if (turn->local.family == HWS_FAMILY_NONE &&
            reaches(&ice->locals[base].addr, &turn->address))
            start_relay(ice, base, (uint8_t)i, now);
    }
}

static enum hws_err check_server(const struct hws_turn_server *server)
{
    if (!hws_address_is_reachable(&server->address)) return HWS_ERR_ARGUMENT;
    if (server->local.family != HWS_FAMILY_NONE && server->local.family != server->address.family)
        return HWS_ERR_ARGUMENT;
    if (server->transport != HWS_TRANSPORT_UDP && server->local.family == HWS_FAMILY_NONE)
        return HWS_ERR_ARGUMENT;
    return HWS_OK;
}

static bool is_known(const struct hws_ice *ice, const struct hws_turn_server *server)
{
    for (size_t i = 0; i < ice->turn_count; i++) {
        const struct hws_ice_turn *turn = ice->turns[i];

        if (turn->transport == server->transport &&
            hws_address_equal(&turn->address, &server->address) &&
            hws_address_equal(&turn->local, &server->local))
            return true;
    }
    return false;
}

enum hws_err hws_ice_add_turn(struct hws_ice *ice, const struct hws_turn_server *server,
                              hws_time now)
{
    enum hws_err err = check_server(server);
    struct hws_ice_turn *turn;

    if (err) return err;
    if (is_known(ice, server)) return HWS_OK;
    if (ice->turn_count == HWS_ICE_SERVER_MAX) return HWS_ERR_FULL;
    turn = calloc(1, sizeof(*turn));
    if (!turn) return HWS_ERR_NO_MEMORY;
    err = copy_server(turn, server);
    if (err) {
        hws_wipe(turn, sizeof(*turn));
        free(turn);
        return err;
    }
    ice->turns[ice->turn_count++] = turn;
    if (turn->local.family != HWS_FAMILY_NONE) {
        start_relay(ice, HWS_ICE_NONE, (uint8_t)(ice->turn_count - 1), now);
    } else {
        for (size_t i = 0; i < ice->local_count; i++) {
            if (ice->locals[i].type == HWS_CANDIDATE_HOST && ice->locals[i].base == i &&
                reaches(&ice->locals[i].addr, &turn->address))
                start_relay(ice, (uint8_t)i, (uint8_t)(ice->turn_count - 1), now);
        }
    }
    hws_ice_tick(ice, now);
    return HWS_OK;
}

void hws_ice_relays_free(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        hws_turn_free(ice->relays[i].turn);
    }
    for (size_t i = 0; i < ice->turn_count; i++) {
        hws_wipe(ice->turns[i], sizeof(*ice->turns[i]));
        free(ice->turns[i]);
    }
}

void hws_ice_turn_gone(struct hws_ice *ice, const struct hws_address *server,
                       const struct hws_address *local, hws_time now)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_ice_relay *relay = &ice->relays[i];
        struct hws_ice_turn *turn = ice->turns[relay->server];

        if (turn->transport == HWS_TRANSPORT_UDP || !hws_address_equal(&turn->address, server) ||
            !hws_address_equal(&relay->local, local))
            continue;
        turn->told = true; /* by the program, which knows more of it */
        hws_turn_gone(relay->turn, now);
    }
    hws_ice_tick(ice, now);
}

void hws_ice_relays_drop_base(struct hws_ice *ice, uint8_t base, hws_time now)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_ice_relay *relay = &ice->relays[i];

        if (relay->base != base) continue;
        relay->base = HWS_ICE_NONE; /* the slot may become another's */
        if (relay->state == HWS_ICE_RELAY_WAITING) relay->state = HWS_ICE_RELAY_ENDED;
        hws_turn_gone(relay->turn, now);
    }
    hws_ice_relays_drain(ice);
}

void hws_ice_close(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        hws_turn_close(ice->relays[i].turn, now);
    }
    hws_ice_relays_drain(ice);
}

/* ---- Gathering */

bool hws_ice_relay_waits(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        if (ice->relays[i].state == HWS_ICE_RELAY_WAITING) return true;
    }
    return false;
}

void hws_ice_relay_begin(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_ice_relay *relay = &ice->relays[i];

        if (relay->state != HWS_ICE_RELAY_WAITING) continue;
        relay->state = HWS_ICE_RELAY_ASKING;
        relay->quiet_at = hws_ice_later(now, RELAY_PATIENCE);
        hws_turn_start(relay->turn, now);
        return;
    }
}

/* Its server is asked whether it has the allocation, and may yet say so. */
static bool is_doubted(const struct hws_ice_relay *relay)
{
    return relay->state == HWS_ICE_RELAY_ALIVE && relay->quiet_at != HWS_NEVER &&
           hws_turn_is_probing(relay->turn);
}

void hws_ice_relays_doubt(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_ice_relay *relay = &ice->relays[i];

        if (relay->state != HWS_ICE_RELAY_ALIVE || is_doubted(relay)) continue;
        hws_turn_probe(relay->turn, now);
        relay->quiet_at = hws_ice_later(now, RELAY_PATIENCE);
    }
}

bool hws_ice_relays_settled(const struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        const struct hws_ice_relay *relay = &ice->relays[i];

        if (relay->state < HWS_ICE_RELAY_ALIVE && !relay->quiet) return false;
        if (is_doubted(relay)) return false;
    }
    return true;
}

bool hws_ice_relay_lives(const struct hws_ice *ice, uint8_t base, uint8_t server)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        const struct hws_ice_relay *relay = &ice->relays[i];

        if (relay->base == base && HWS_ICE_SERVER_MAX + relay->server == server)
            return relay->state == HWS_ICE_RELAY_ALIVE;
    }
    return false;
}

static uint16_t relay_preference(const struct hws_ice *ice, const struct hws_ice_relay *relay,
                                 size_t nth)
{
    size_t rank = 2u * relay->server + nth;

    if (relay->base != HWS_ICE_NONE) return (uint16_t)(ice->locals[relay->base].preference - rank);
    return (uint16_t)(STREAM_PREFERENCE * (3 - (int)ice->turns[relay->server]->transport) -
                      (int)rank);
}

/* A new allocation in the place of a lost one has the place of its candidate too. */
static void add_candidate(struct hws_ice *ice, uint8_t index, size_t nth,
                          const struct hws_address *addr, hws_time now)
{
    struct hws_ice_relay *relay = &ice->relays[index];
    uint8_t at = relay->locals[nth];
    struct hws_ice_local local = {
        .addr = *addr,
        .type = HWS_CANDIDATE_RELAY,
        .preference = relay_preference(ice, relay, nth),
        .server = (uint8_t)(HWS_ICE_SERVER_MAX + relay->server),
        .relay = index,
    };

    for (size_t i = ice->pair_count; at != HWS_ICE_NONE && i > 0; i--) {
        if (ice->pairs[i - 1].base == at) hws_ice_pair_remove(ice, (uint8_t)(i - 1));
    }
    relay->locals[nth] = hws_ice_local_add_relayed(ice, at, &local, now);
    if (ice->lane.active && ice->lane.base == at) ice->lane.path.local = *addr;
}

static void on_allocated(struct hws_ice *ice, uint8_t index, const struct hws_turn_event *event,
                         hws_time now)
{
    struct hws_ice_relay *relay = &ice->relays[index];

    relay->state = HWS_ICE_RELAY_ALIVE;
    relay->quiet = false;
    relay->quiet_at = HWS_NEVER;
    relay->mapped = event->mapped;
    ice->turns[relay->server]->told = false;
    for (size_t i = 0; i < 2; i++) {
        if (event->relayed[i].family != HWS_FAMILY_NONE)
            add_candidate(ice, index, i, &event->relayed[i], now);
    }
    /* The answer says what a STUN server would; a hidden host has no use for it. */
    if (relay->base != HWS_ICE_NONE && !ice->relay_only && event->mapped.family != HWS_FAMILY_NONE)
        hws_ice_local_add_reflexive(ice, relay->base, (uint8_t)(HWS_ICE_SERVER_MAX + relay->server),
                                    &event->mapped, now);
}

static void on_failed(struct hws_ice *ice, uint8_t index, const struct hws_turn_event *event,
                      hws_time now)
{
    struct hws_ice_relay *relay = &ice->relays[index];

    /* One that was lost and is asked for anew is waited for like a first one. */
    if (relay->state == HWS_ICE_RELAY_ALIVE && event->retries) {
        relay->state = HWS_ICE_RELAY_ASKING;
        relay->quiet_at = hws_ice_later(now, RELAY_PATIENCE);
    } else {
        relay->state = HWS_ICE_RELAY_ENDED;
    }
    ice->turns[relay->server]->failure = *event;
    if (ice->lane.active && ice->locals[ice->lane.base].relay == index &&
        ice->restart_at == HWS_NEVER)
        ice->restart_at = hws_ice_later(now, HWS_ICE_RESTART_LOST);
    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->locals[ice->pairs[i].base].relay == index)
            hws_ice_pair_give_up(ice, (uint8_t)i, now);
    }
    for (size_t i = 0; i < 2; i++) {
        if (relay->locals[i] == HWS_ICE_NONE) continue;
        ice->locals[relay->locals[i]].dead = true; /* and if nobody was told, nobody will be */
    }
}

/* What became of the permission for a peer: its pairs may be checked, or never work. */
static void on_permission(struct hws_ice *ice, uint8_t index, const struct hws_address *peer,
                          bool open, hws_time now)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        struct hws_ice_pair *p = &ice->pairs[i];

        if (ice->locals[p->base].relay != index) continue;
        if (!hws_address_same_ip(&ice->remotes[p->remote].addr, peer)) continue;
        p->gated = false;
        if (!open) hws_ice_pair_give_up(ice, (uint8_t)i, now);
    }
}

static void take_events(struct hws_ice *ice, uint8_t index, hws_time now)
{
    struct hws_turn_event event;

    while (hws_turn_next_event(ice->relays[index].turn, &event)) {
        switch (event.kind) {
        case HWS_TURN_ALLOCATED:
            on_allocated(ice, index, &event, now);
            break;
        case HWS_TURN_FAILED:
            on_failed(ice, index, &event, now);
            break;
        case HWS_TURN_PERMITTED:
        case HWS_TURN_REFUSED:
            on_permission(ice, index, &event.peer, event.kind == HWS_TURN_PERMITTED, now);
            break;
        }
    }
}

void hws_ice_relays_tick(struct hws_ice *ice, hws_time now)
{
    static const struct hws_turn_event silence = {.err = HWS_ERR_TIMEOUT,
                                                  .reason = "the server does not answer"};

    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_ice_relay *relay = &ice->relays[i];

        if (hws_turn_deadline(relay->turn) <= now) hws_turn_tick(relay->turn, now);
        take_events(ice, (uint8_t)i, now);
        if (relay->quiet_at <= now && relay->state == HWS_ICE_RELAY_ALIVE)
            relay->quiet_at = HWS_NEVER;
        if (relay->state != HWS_ICE_RELAY_ASKING || relay->quiet || relay->quiet_at > now) continue;
        relay->quiet = true;
        ice->turns[relay->server]->failure = silence;
    }
}

hws_time hws_ice_relays_deadline(const struct hws_ice *ice)
{
    hws_time earliest = HWS_NEVER;

    for (size_t i = 0; i < ice->relay_count; i++) {
        const struct hws_ice_relay *relay = &ice->relays[i];
        hws_time at = hws_turn_deadline(relay->turn);

        if (at < earliest) earliest = at;
        if ((is_doubted(relay) || (relay->state == HWS_ICE_RELAY_ASKING && !relay->quiet)) &&
            relay->quiet_at < earliest)
            earliest = relay->quiet_at;
    }
    return earliest;
}

/* A server is told of when none of our sockets got anything from it, once. */
bool hws_ice_next_turn_failure(struct hws_ice *ice, struct hws_ice_event *out)
{
    for (size_t i = 0; i < ice->turn_count; i++) {
        struct hws_ice_turn *turn = ice->turns[i];
        bool ended = false, other = false;

        for (size_t k = 0; k < ice->relay_count; k++) {
            if (ice->relays[k].server != i) continue;
            if (ice->relays[k].state == HWS_ICE_RELAY_ENDED || ice->relays[k].quiet)
                ended = true;
            else
                other = true;
        }
        if (turn->told || other || !ended) continue;
        turn->told = true;
        *out = (struct hws_ice_event){
            .kind = HWS_ICE_SERVER_FAILED,
            .server = turn->address,
            .url = turn->url,
            .fault = {turn->failure.err, "turn", turn->failure.reason, turn->failure.code},
        };
        return true;
    }
    return false;
}

/* ---- Pairs */

bool hws_ice_relay_permit(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                          bool *out_gated, hws_time now)
{
    struct hws_turn *turn = ice->relays[ice->locals[base].relay].turn;

    if (ice->locals[base].dead || hws_turn_permit(turn, remote, now)) return false;
    switch (hws_turn_permission(turn, remote)) {
    case HWS_TURN_OPEN:
        *out_gated = false;
        return true;
    case HWS_TURN_ASKED:
        *out_gated = true;
        return true;
    case HWS_TURN_SHUT:
    case HWS_TURN_NOT_ASKED:
        break;
    }
    return false;
}

void hws_ice_relay_bind(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                        hws_time now)
{
    hws_turn_bind(ice->relays[ice->locals[base].relay].turn, remote, now);
}

void hws_ice_relays_resume(struct hws_ice *ice, hws_time now)
{
    for (size_t i = 0; i < ice->pair_count; i++) {
        struct hws_ice_pair *p = &ice->pairs[i];

        if (ice->locals[p->base].relay == HWS_ICE_NONE) continue;
        if (!hws_ice_relay_permit(ice, p->base, &ice->remotes[p->remote].addr, &p->gated, now))
            hws_ice_pair_give_up(ice, (uint8_t)i, now);
    }
}

/* ---- Packets */

void hws_ice_relay_push(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                        struct hws_bytes bytes)
{
    const struct hws_ice_relay *relay = &ice->relays[ice->locals[base].relay];
    struct hws_address server = hws_turn_server(relay->turn);
    uint8_t buffer[OUTER_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    if (hws_turn_wrap(relay->turn, remote, bytes, &out)) {
        ice->totals.packets_dropped++;
        return;
    }
    hws_ice_outbox_put(ice, &relay->local, &server, hws_written(&out));
}

void hws_ice_relays_drain(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        const struct hws_ice_relay *relay = &ice->relays[i];
        struct hws_address server = hws_turn_server(relay->turn);
        struct hws_bytes bytes;

        while (hws_turn_next_packet(relay->turn, &bytes)) {
            hws_ice_outbox_put(ice, &relay->local, &server, bytes);
        }
    }
}

static uint8_t find_relay(const struct hws_ice *ice, const struct hws_datagram *in)
{
    for (size_t i = 0; i < ice->relay_count; i++) {
        struct hws_address server = hws_turn_server(ice->relays[i].turn);

        if (hws_ice_same_endpoint(&server, &in->remote) &&
            hws_address_equal(&ice->relays[i].local, &in->local))
            return (uint8_t)i;
    }
    return HWS_ICE_NONE;
}

enum hws_ice_origin hws_ice_unwrap(struct hws_ice *ice, const struct hws_datagram *in,
                                   struct hws_datagram *out, hws_time now)
{
    uint8_t index = find_relay(ice, in);
    struct hws_turn_data data;
    enum hws_err err;

    if (index == HWS_ICE_NONE) return HWS_ICE_DIRECT;
    err = hws_turn_feed(ice->relays[index].turn, in->bytes, now, &data);
    if (!err && data.peer.family != HWS_FAMILY_NONE) {
        *out = (struct hws_datagram){.local = data.relayed, .remote = data.peer, data.bytes};
        return HWS_ICE_RELAYED;
    }
    /* An answer to a question of ours to the same server as a STUN server. */
    if (err == HWS_ERR_UNEXPECTED && in->bytes.len > 0 && hws_stun_is_first_byte(in->bytes.data[0]))
        return HWS_ICE_DIRECT;
    if (err) hws_ice_count_drop(ice, err);
    hws_ice_tick(ice, now);
    return HWS_ICE_CONSUMED;
}

bool hws_ice_wrap(const struct hws_ice *ice, struct hws_bytes bytes, uint8_t *buffer,
                  struct hws_datagram *out)
{
    const struct hws_ice_relay *relay;
    struct hws_writer writer = hws_writer_over(buffer, HWS_ICE_WRAPPED_MAX);

    if (!ice->lane.active) return false;
    if (ice->locals[ice->lane.base].relay == HWS_ICE_NONE) {
        *out = (struct hws_datagram){ice->lane.path.local, ice->lane.path.remote, bytes};
        return true;
    }
    relay = &ice->relays[ice->locals[ice->lane.base].relay];
    if (hws_turn_wrap(relay->turn, &ice->lane.path.remote, bytes, &writer)) return false;
    *out = (struct hws_datagram){relay->local, hws_turn_server(relay->turn), hws_written(&writer)};
    return true;
}

bool hws_ice_is_relayed(const struct hws_ice *ice)
{
    return ice->lane.active && ice->locals[ice->lane.base].relay != HWS_ICE_NONE;
}
