/* To whom the server relays: permissions (RFC 8656 section 9) and channels (RFC 8656 section 12),
 * each asked for as soon as a request is free, and again before it runs out. */
#include "turn/turn_internal.h"

#include "stun/channel_data.h"

const struct hws_address *hws_turn_relayed(const struct hws_turn *turn, enum hws_family family)
{
    for (size_t i = 0; i < 2; i++) {
        if (family != HWS_FAMILY_NONE && turn->relayed[i].family == family)
            return &turn->relayed[i];
    }
    return NULL;
}

/* ---- Permissions */

const struct hws_turn_grant *hws_turn_find_grant(const struct hws_turn *turn,
                                                 const struct hws_address *peer)
{
    for (size_t i = 0; i < turn->grant_count; i++) {
        if (hws_address_same_ip(&turn->grants[i].peer, peer)) return &turn->grants[i];
    }
    return NULL;
}

enum hws_turn_permission hws_turn_permission(const struct hws_turn *turn,
                                             const struct hws_address *peer)
{
    const struct hws_turn_grant *grant = hws_turn_find_grant(turn, peer);

    if (!grant) return HWS_TURN_NOT_ASKED;
    if (grant->open) return HWS_TURN_OPEN;
    return grant->shut ? HWS_TURN_SHUT : HWS_TURN_ASKED;
}

enum hws_err hws_turn_permit(struct hws_turn *turn, const struct hws_address *peer, hws_time now)
{
    if (turn->state != HWS_TURN_ALIVE) return HWS_ERR_STATE;
    if (hws_turn_find_grant(turn, peer)) return HWS_OK;
    if (!hws_turn_relayed(turn, peer->family)) return HWS_ERR_UNSUPPORTED;
    if (turn->grant_count == HWS_TURN_PERMISSION_MAX) return HWS_ERR_FULL;
    turn->grants[turn->grant_count++] = (struct hws_turn_grant){
        .peer = *peer, .wanted = true, .request = HWS_TURN_NONE, .told = true};
    hws_turn_grants_tick(turn, now);
    return HWS_OK;
}

static bool is_due(const struct hws_turn_grant *grant, hws_time now)
{
    if (grant->request != HWS_TURN_NONE || grant->shut) return false;
    return grant->wanted || (grant->open && grant->refresh_at <= now);
}

static struct hws_turn_grant *first_due(struct hws_turn *turn, hws_time now)
{
    for (size_t i = 0; i < turn->grant_count; i++) {
        if (is_due(&turn->grants[i], now)) return &turn->grants[i];
    }
    return NULL;
}

static void ask_for(struct hws_turn_grant *grant, uint8_t request)
{
    grant->request = request;
    grant->wanted = false;
}

static void send_permits(struct hws_turn *turn, hws_time now)
{
    struct hws_turn_grant *first = first_due(turn, now);
    struct hws_turn_request *request;
    uint8_t index;
    size_t count = 1;

    while (first && hws_turn_request_count(turn, HWS_TURN_PERMIT) < HWS_TURN_PERMITS_AT_ONCE) {
        request = hws_turn_request_begin(turn, HWS_TURN_PERMIT, now);
        if (!request) return;
        index = hws_turn_request_index(turn, request);
        ask_for(first, index);
        count = 1;
        /* What is due soon goes along. */
        for (size_t i = 0; !first->alone && i < turn->grant_count; i++) {
            struct hws_turn_grant *grant = &turn->grants[i];

            if (count == HWS_TURN_PEERS_IN_REQUEST) break;
            if (grant->alone || !is_due(grant, hws_turn_later(now, HWS_SEC(30)))) continue;
            ask_for(grant, index);
            count++;
        }
        first = first_due(turn, now);
    }
}

static void granted(struct hws_turn_grant *grant, const struct hws_turn_request *request)
{
    if (!grant->open) grant->told = false;
    grant->open = true;
    grant->alone = grant->shut = false; /* perhaps it had run out meanwhile */
    grant->refresh_at = hws_turn_later(request->sent_at, HWS_TURN_PERMISSION_NEW);
    grant->expires_at = hws_turn_later(request->sent_at, HWS_TURN_PERMISSION_TIME);
}

static void not_granted(struct hws_turn_grant *grant, bool shared, uint16_t code, hws_time now)
{
    if (shared && code != 0) {
        grant->alone = grant->wanted = true; /* one of them is to blame: which? */
    } else if (grant->open && code != HWS_STUN_FORBIDDEN) {
        grant->refresh_at = hws_turn_later(now, HWS_TURN_AGAIN);
    } else {
        grant->shut = true;
        grant->open = grant->told = false;
    }
}

void hws_turn_permit_answered(struct hws_turn *turn, const struct hws_turn_request *request,
                              bool success, uint16_t code, hws_time now)
{
    uint8_t index = hws_turn_request_index(turn, request);
    size_t count = 0;

    for (size_t i = 0; i < turn->grant_count; i++) {
        if (turn->grants[i].request == index) count++;
    }
    for (size_t i = 0; i < turn->grant_count; i++) {
        struct hws_turn_grant *grant = &turn->grants[i];

        if (grant->request != index) continue;
        grant->request = HWS_TURN_NONE;
        if (success) {
            granted(grant, request);
        } else {
            not_granted(grant, count > 1, code, now);
        }
    }
}

bool hws_turn_next_grant_event(struct hws_turn *turn, struct hws_turn_event *out)
{
    for (size_t i = 0; i < turn->grant_count; i++) {
        struct hws_turn_grant *grant = &turn->grants[i];

        if (grant->told) continue;
        grant->told = true;
        *out = (struct hws_turn_event){
            .kind = grant->open ? HWS_TURN_PERMITTED : HWS_TURN_REFUSED,
            .peer = grant->peer,
        };
        return true;
    }
    return false;
}

/* ---- Channels */

const struct hws_turn_channel *hws_turn_find_channel(const struct hws_turn *turn,
                                                     const struct hws_address *peer)
{
    for (size_t i = 0; i < turn->channel_count; i++) {
        if (hws_address_equal(&turn->channels[i].peer, peer)) return &turn->channels[i];
    }
    return NULL;
}

void hws_turn_bind(struct hws_turn *turn, const struct hws_address *peer, hws_time now)
{
    if (turn->state != HWS_TURN_ALIVE || hws_turn_find_channel(turn, peer)) return;
    if (!hws_turn_relayed(turn, peer->family)) return;
    if (turn->channel_count == HWS_TURN_CHANNEL_MAX) return;
    turn->channels[turn->channel_count++] = (struct hws_turn_channel){
        .peer = *peer, .number = turn->next_number++, .wanted = true, .request = HWS_TURN_NONE};
    hws_turn_grants_tick(turn, now);
}

static void send_binds(struct hws_turn *turn, hws_time now)
{
    for (size_t i = 0; i < turn->channel_count; i++) {
        struct hws_turn_channel *channel = &turn->channels[i];
        bool due = channel->wanted || (channel->open && channel->refresh_at <= now);
        struct hws_turn_request *request;

        if (!due || channel->refused || channel->request != HWS_TURN_NONE) continue;
        if (hws_turn_request_count(turn, HWS_TURN_BIND) == HWS_TURN_BINDS_AT_ONCE) return;
        request = hws_turn_request_begin(turn, HWS_TURN_BIND, now);
        if (!request) return;
        request->channel = (uint8_t)i;
        channel->request = hws_turn_request_index(turn, request);
        channel->wanted = false;
    }
}

void hws_turn_bind_answered(struct hws_turn *turn, const struct hws_turn_request *request,
                            bool success, uint16_t code, hws_time now)
{
    struct hws_turn_channel *channel = &turn->channels[request->channel];

    channel->request = HWS_TURN_NONE;
    HWS_LOG(&turn->log, HWS_LOG_DEBUG, now, "turn", "channel", "number=%u open=%d error=%u",
            channel->number, success, code);
    if (success) {
        channel->open = true;
        channel->refused = false;
        channel->refresh_at = hws_turn_later(request->sent_at, HWS_TURN_CHANNEL_NEW);
        channel->expires_at = hws_turn_later(request->sent_at, HWS_TURN_CHANNEL_TIME);
    } else if (channel->open) {
        channel->refresh_at = hws_turn_later(now, HWS_TURN_AGAIN);
    } else {
        channel->refused = true; /* it stays with indications */
    }
}

/* ---- Time */

static void expire(struct hws_turn *turn, hws_time now)
{
    for (size_t i = 0; i < turn->grant_count; i++) {
        struct hws_turn_grant *grant = &turn->grants[i];

        if (!grant->open || grant->expires_at > now) continue;
        grant->open = grant->told = false;
        grant->shut = true;
    }
    for (size_t i = 0; i < turn->channel_count; i++) {
        struct hws_turn_channel *channel = &turn->channels[i];

        if (!channel->open || channel->expires_at > now) continue;
        channel->open = false;
        channel->refused = true;
    }
}

void hws_turn_grants_tick(struct hws_turn *turn, hws_time now)
{
    if (turn->state != HWS_TURN_ALIVE) return;
    expire(turn, now);
    send_permits(turn, now);
    send_binds(turn, now);
}

/* What waits for a free request is looked at again when one is answered; until then only its end
 * is a deadline. */
hws_time hws_turn_grants_deadline(const struct hws_turn *turn)
{
    bool permits = hws_turn_request_count(turn, HWS_TURN_PERMIT) < HWS_TURN_PERMITS_AT_ONCE;
    bool binds = hws_turn_request_count(turn, HWS_TURN_BIND) < HWS_TURN_BINDS_AT_ONCE;
    hws_time earliest = HWS_NEVER;

    if (turn->state != HWS_TURN_ALIVE) return HWS_NEVER;
    for (size_t i = 0; i < turn->grant_count; i++) {
        const struct hws_turn_grant *grant = &turn->grants[i];
        bool may_ask = permits && grant->request == HWS_TURN_NONE;
        hws_time at = may_ask ? grant->refresh_at : grant->expires_at;

        if (grant->open && at < earliest) earliest = at;
    }
    for (size_t i = 0; i < turn->channel_count; i++) {
        const struct hws_turn_channel *channel = &turn->channels[i];
        bool may_ask = binds && channel->request == HWS_TURN_NONE;
        hws_time at = may_ask ? channel->refresh_at : channel->expires_at;

        if (channel->open && at < earliest) earliest = at;
    }
    return earliest;
}
