/* Transactions with the server: what each says, when it is repeated, when it is given up
 * (RFC 8489 section 6.2). */
#include "turn/turn_internal.h"

enum { DRAFT_ADDITIONAL_ADDRESS_FAMILY = 0x8032 };

uint16_t hws_turn_request_method(enum hws_turn_request_kind kind)
{
    switch (kind) {
    case HWS_TURN_ALLOCATE:
        return HWS_STUN_ALLOCATE;
    case HWS_TURN_REFRESH:
    case HWS_TURN_RELEASE:
        return HWS_STUN_REFRESH;
    case HWS_TURN_PERMIT:
        return HWS_STUN_CREATE_PERMISSION;
    case HWS_TURN_BIND:
        return HWS_STUN_CHANNEL_BIND;
    case HWS_TURN_FREE:
        break;
    }
    return 0;
}

uint8_t hws_turn_request_index(const struct hws_turn *turn, const struct hws_turn_request *request)
{
    return (uint8_t)(request - turn->requests);
}

size_t hws_turn_request_count(const struct hws_turn *turn, enum hws_turn_request_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        if (turn->requests[i].kind == kind) count++;
    }
    return count;
}

static unsigned sends_of(const struct hws_turn *turn, const struct hws_turn_request *request)
{
    if (turn->stream) return 1; /* the stream repeats by itself: RFC 8489 section 6.2.2 */
    return request->kind == HWS_TURN_RELEASE ? HWS_TURN_RELEASE_SENDS : HWS_TURN_SENDS;
}

/* When patience with this request ends at the latest. */
static hws_time end_of(const struct hws_turn *turn, const struct hws_turn_request *request)
{
    if (request->kind != HWS_TURN_ALLOCATE || turn->patience == 0) return HWS_NEVER;
    return hws_turn_later(request->sent_at, turn->patience);
}

static void send(struct hws_turn *turn, struct hws_turn_request *request, hws_time now)
{
    hws_time wait = HWS_TURN_RTO, end = end_of(turn, request);

    request->to_send = true;
    request->sends++;
    if (turn->stream) {
        wait = HWS_TURN_STREAM_WAIT;
    } else {
        wait *= request->sends < HWS_TURN_SENDS ? 1 << (request->sends - 1) : HWS_TURN_LAST_WAIT;
    }
    request->next_at = hws_turn_later(now, wait);
    if (request->next_at > end) request->next_at = end;
    HWS_LOG(&turn->log, HWS_LOG_DEBUG, now, "turn", "request.send", "method=%u send=%u signed=%d",
            hws_turn_request_method(request->kind), request->sends, request->is_signed);
}

struct hws_turn_request *hws_turn_request_begin(struct hws_turn *turn,
                                                enum hws_turn_request_kind kind, hws_time now)
{
    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        struct hws_turn_request *request = &turn->requests[i];

        if (request->kind != HWS_TURN_FREE) continue;
        *request = (struct hws_turn_request){.kind = kind, .sent_at = now};
        hws_turn_request_again(turn, request, now);
        return request;
    }
    return NULL;
}

void hws_turn_request_again(struct hws_turn *turn, struct hws_turn_request *request, hws_time now)
{
    turn->random.fill(turn->random.user, request->transaction, HWS_STUN_TID_LEN);
    request->sends = 0;
    request->is_signed = turn->auth.known;
    send(turn, request, now);
}

void hws_turn_requests_tick(struct hws_turn *turn, hws_time now)
{
    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        struct hws_turn_request *request = &turn->requests[i];

        if (request->kind == HWS_TURN_FREE || request->next_at > now) continue;
        if (request->sends < sends_of(turn, request) && now < end_of(turn, request)) {
            send(turn, request, now);
        } else {
            hws_turn_silence(turn, request, now);
        }
    }
}

hws_time hws_turn_requests_deadline(const struct hws_turn *turn)
{
    hws_time earliest = HWS_NEVER;

    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        if (turn->requests[i].kind != HWS_TURN_FREE && turn->requests[i].next_at < earliest)
            earliest = turn->requests[i].next_at;
    }
    return earliest;
}

/* ---- What they say */

static void add_allocate(const struct hws_turn *turn, struct hws_stun_writer *msg)
{
    hws_stun_add_u32(msg, HWS_STUN_REQUESTED_TRANSPORT, 17u << 24); /* UDP */
    switch (turn->families) {
    case HWS_TURN_BOTH:
        hws_stun_add_u32(msg, HWS_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24);
        /* coturn 4.6 knows it by the number of its draft only, which nothing else has. */
        hws_stun_add_u32(msg, DRAFT_ADDITIONAL_ADDRESS_FAMILY, 2u << 24);
        break;
    case HWS_TURN_IP4: /* by default, also of servers that know no other: RFC 8656 section 7.1 */
        break;
    case HWS_TURN_IP6:
        hws_stun_add_u32(msg, HWS_STUN_REQUESTED_ADDRESS_FAMILY, 2u << 24);
        break;
    }
}

static void add_peers(const struct hws_turn *turn, uint8_t index, struct hws_stun_writer *msg)
{
    for (size_t i = 0; i < turn->grant_count; i++) {
        if (turn->grants[i].request == index)
            hws_stun_add_xor_address(msg, HWS_STUN_XOR_PEER_ADDRESS, &turn->grants[i].peer);
    }
}

static void add_binding(const struct hws_turn_channel *channel, struct hws_stun_writer *msg)
{
    hws_stun_add_u32(msg, HWS_STUN_CHANNEL_NUMBER, (uint32_t)channel->number << 16);
    hws_stun_add_xor_address(msg, HWS_STUN_XOR_PEER_ADDRESS, &channel->peer);
}

static enum hws_err write_request(struct hws_turn *turn, struct hws_turn_request *request,
                                  struct hws_bytes *out)
{
    struct hws_stun_writer msg =
        hws_stun_begin(turn->buffer, sizeof(turn->buffer), HWS_STUN_REQUEST,
                       hws_turn_request_method(request->kind), request->transaction);

    switch (request->kind) {
    case HWS_TURN_ALLOCATE:
        add_allocate(turn, &msg);
        break;
    case HWS_TURN_RELEASE:
        hws_stun_add_u32(&msg, HWS_STUN_LIFETIME, 0);
        break;
    case HWS_TURN_PERMIT:
        add_peers(turn, hws_turn_request_index(turn, request), &msg);
        break;
    case HWS_TURN_BIND:
        add_binding(&turn->channels[request->channel], &msg);
        break;
    case HWS_TURN_REFRESH: /* the server's own lifetime will do */
    case HWS_TURN_FREE:
        break;
    }
    if (request->is_signed) hws_turn_auth_add(&turn->auth, &msg);
    return hws_stun_end(&msg, out);
}

bool hws_turn_next_packet(struct hws_turn *turn, struct hws_bytes *out)
{
    for (size_t i = 0; i < HWS_TURN_REQUEST_MAX; i++) {
        struct hws_turn_request *request = &turn->requests[i];

        if (request->kind == HWS_TURN_FREE || !request->to_send) continue;
        request->to_send = false;
        if (write_request(turn, request, out) == HWS_OK) return true; /* else as if it was lost */
    }
    return false;
}
