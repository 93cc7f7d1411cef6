/* The life of a channel: open, close, abort, what the other side resets, the end.
 *
 *     NEW --> OPENING --> OPENED         they open: --> OPENED
 *      |         |           |
 *      |         +-----------+-- close, or their reset --> DRAINING --> CLOSING --> ENDED --> FREE
 *      +-- nobody knows of it ----------------------------------------------------> ENDED
 *
 * CLOSING ends when both directions are reset (RFC 8831 section 6.7); then the id is free.
 */
#include "peer/peer_internal.h"

#include <string.h>

/* ---- Ends */

void hws_channel_end(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    if (channel->state == HWS_CHANNEL_ENDED) return;
    hws_channel_clear(peer, channel);
    hws_channel_unbind(peer, channel);
    channel->blocked = channel->owe_open = channel->owe_ack = false;
    if (channel->acked) peer->counts.channels_closed++;
    channel->state = HWS_CHANNEL_ENDED;
    channel->tell &= HWS_TELL_INCOMING | HWS_TELL_OPEN;
    hws_channel_tell(peer, channel, HWS_TELL_CLOSED);
}

static void reset_stream(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    if (hws_sctp_reset(peer->sctp, stream, now) != HWS_OK) {
        HWS_LOG(&peer->config.log, HWS_LOG_DEBUG, now, "peer", "channel.reset_refused", "stream=%u",
                stream);
    }
}

void hws_channels_refuse(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    (void)hws_stream_mark(peer, stream, HWS_ASKED_SLOT);
    reset_stream(peer, stream, now);
}

/* What the other side has not heard of ends without a word. */
static bool is_unknown(const struct hws_peer *peer, const struct hws_peer_channel *channel)
{
    return !peer->sctp || channel->owe_open || channel->stream == HWS_NO_STREAM;
}

void hws_channel_reset(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    if (is_unknown(peer, channel)) {
        hws_channel_end(peer, channel);
        return;
    }
    hws_channel_clear(peer, channel);
    channel->blocked = channel->owe_ack = false;
    channel->tell &= HWS_TELL_INCOMING | HWS_TELL_OPEN;
    channel->state = HWS_CHANNEL_CLOSING;
    reset_stream(peer, channel->stream, now);
}

void hws_channel_drained(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    if (channel->state != HWS_CHANNEL_DRAINING || channel->head || channel->owe_open ||
        channel->owe_ack)
        return;
    hws_channel_reset(peer, channel, now);
}

static void drain(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    channel->state = HWS_CHANNEL_DRAINING;
    channel->blocked = false;
    hws_channel_drained(peer, channel, now);
}

void hws_channels_up(struct hws_peer *peer, hws_time now)
{
    struct hws_channels *all = &peer->channels;

    for (uint16_t i = 0; i < all->slot_count; i++) {
        struct hws_peer_channel *channel = &all->slots[i];

        if (channel->state == HWS_CHANNEL_FREE || channel->stream == HWS_NO_STREAM) continue;
        if (channel->stream >= hws_channel_streams(peer)) {
            hws_channel_end(peer, channel);
        } else if (channel->negotiated && channel->state == HWS_CHANNEL_OPENING) {
            hws_channel_opened(peer, channel, now);
        }
    }
}

/* A stream without a channel: a negotiated one that only the other side has ends with our answer.
 * But we do not answer what may be an answer to us, or two of us would never stop. */
static void answer_reset(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    if (hws_stream_unmark(peer, stream, HWS_ASKED_SLOT)) return;
    if (hws_stream_mark(peer, stream, HWS_ANSWERED_SLOT)) reset_stream(peer, stream, now);
}

/* The other side closes: so do we, once what we still had to say is sent. */
void hws_channels_reset_received(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    struct hws_peer_channel *channel = hws_channel_on(peer, stream);

    if (!channel) answer_reset(peer, stream, now);
    if (!channel || channel->owe_open || channel->state == HWS_CHANNEL_NEW) return;
    channel->reset_received = true;
    if (channel->reset_sent) {
        hws_channel_end(peer, channel);
    } else if (channel->state == HWS_CHANNEL_OPENING || channel->state == HWS_CHANNEL_OPENED) {
        drain(peer, channel, now);
    }
}

void hws_channels_reset_sent(struct hws_peer *peer, uint16_t stream)
{
    struct hws_peer_channel *channel = hws_channel_on(peer, stream);

    if (!channel) (void)hws_stream_unmark(peer, stream, HWS_ANSWERED_SLOT);
    if (!channel || channel->state != HWS_CHANNEL_CLOSING) return;
    channel->reset_sent = true;
    if (channel->reset_received) hws_channel_end(peer, channel);
}

void hws_channels_stop(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;

    for (uint16_t i = 0; i < all->slot_count; i++) {
        hws_channel_clear(peer, &all->slots[i]);
    }
    all->next_death = HWS_NEVER;
}

void hws_channels_end(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;

    for (uint16_t i = 0; i < all->slot_count; i++) {
        if (all->slots[i].state != HWS_CHANNEL_FREE) hws_channel_end(peer, &all->slots[i]);
    }
}

/* ---- Telling */

static const struct {
    uint8_t bit;
    enum hws_event_kind kind;
} facts[] = {
    {HWS_TELL_INCOMING, HWS_EVENT_CHANNEL_INCOMING},
    {HWS_TELL_OPEN,     HWS_EVENT_CHANNEL_OPEN    },
    {HWS_TELL_LOW,      HWS_EVENT_BUFFER_LOW      },
    {HWS_TELL_WRITABLE, HWS_EVENT_WRITABLE        },
    {HWS_TELL_CLOSED,   HWS_EVENT_CHANNEL_CLOSED  },
};

static void tell_one(struct hws_peer *peer, struct hws_peer_channel *channel, struct hws_event *out)
{
    size_t i = 0;

    while (!(channel->tell & facts[i].bit)) {
        i++;
    }
    channel->tell = (uint8_t)(channel->tell & ~facts[i].bit);
    *out = (struct hws_event){.kind = facts[i].kind, .channel = hws_channel_handle(peer, channel)};
    if (facts[i].bit == HWS_TELL_CLOSED) {
        hws_channel_release(peer, channel);
        return;
    }
    out->message = (struct hws_bytes){(const uint8_t *)channel->names, channel->label_len};
    if (channel->tell) hws_slot_push(peer, HWS_LIST_TOLD, channel);
}

bool hws_channels_next_event(struct hws_peer *peer, struct hws_event *out)
{
    struct hws_peer_channel *channel = hws_slot_pop(peer, HWS_LIST_TOLD);

    while (channel && !channel->tell) {
        channel = hws_slot_pop(peer, HWS_LIST_TOLD);
    }
    if (channel) tell_one(peer, channel, out);
    return channel != NULL;
}

/* ---- The public side */

static bool read_name(const char *text, size_t len, struct hws_bytes *out)
{
    if (!text && len > 0) return false;
    *out = (struct hws_bytes){(const uint8_t *)text, text && len == 0 ? strlen(text) : len};
    return out->len <= HWS_LABEL_MAX && hws_is_utf8(*out);
}

static enum hws_err check_id(const struct hws_peer *peer, const struct hws_channel_config *config)
{
    if (!config->negotiated) return config->id == 0 ? HWS_OK : HWS_ERR_ARGUMENT;
    if (config->id >= hws_channel_streams(peer)) return HWS_ERR_ARGUMENT;
    return hws_channel_on(peer, config->id) ? HWS_ERR_STATE : HWS_OK;
}

static enum hws_err place(struct hws_peer *peer, struct hws_peer_channel *channel,
                          const struct hws_channel_config *config)
{
    channel->unordered = config->unordered;
    channel->reliability = (enum hws_reliability)config->reliability;
    if (channel->reliability != HWS_RELIABLE)
        channel->reliability_value = config->reliability_value;
    if (config->priority > 0) channel->priority = config->priority;
    channel->negotiated = channel->acked = config->negotiated;
    channel->owe_open = !config->negotiated;
    if (config->negotiated) return hws_channel_bind(peer, channel, config->id);
    return peer->sctp ? hws_channel_number(peer, channel) : HWS_OK;
}

enum hws_err hws_peer_open_channel(struct hws_peer *peer, const struct hws_channel_config *config,
                                   hws_time now, struct hws_channel *out)
{
    struct hws_bytes label, protocol;
    struct hws_peer_channel *channel;
    enum hws_err err;

    if (peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE;
    if (!read_name(config->label, config->label_len, &label) ||
        !read_name(config->protocol, config->protocol_len, &protocol) ||
        (unsigned)config->reliability > HWS_CHANNEL_MAX_LIFETIME)
        return HWS_ERR_ARGUMENT;
    err = check_id(peer, config);
    if (!err) err = hws_channel_claim(peer, label, protocol, &channel);
    if (err) return err;
    err = place(peer, channel, config);
    if (err) {
        hws_channel_release(peer, channel);
        return err;
    }
    channel->state = HWS_CHANNEL_NEW;
    *out = hws_channel_handle(peer, channel);
    hws_channel_settle(peer, channel, now);
    hws_peer_pump(peer, now);
    return HWS_OK;
}

enum hws_err hws_peer_close_channel(struct hws_peer *peer, struct hws_channel handle, hws_time now)
{
    struct hws_peer_channel *channel = hws_channel_find(peer, handle);

    if (!channel || channel->state == HWS_CHANNEL_DRAINING || channel->state == HWS_CHANNEL_CLOSING)
        return HWS_ERR_STATE;
    /* With messages waiting it must first be opened after all. */
    if (!channel->head && is_unknown(peer, channel)) {
        hws_channel_end(peer, channel);
    } else {
        drain(peer, channel, now);
    }
    hws_peer_pump(peer, now);
    return HWS_OK;
}

enum hws_err hws_peer_abort_channel(struct hws_peer *peer, struct hws_channel handle, hws_time now)
{
    struct hws_peer_channel *channel = hws_channel_find(peer, handle);

    if (!channel) return HWS_ERR_STATE;
    if (channel->state != HWS_CHANNEL_CLOSING) hws_channel_reset(peer, channel, now);
    hws_peer_pump(peer, now);
    return HWS_OK;
}

bool hws_peer_channel_info(const struct hws_peer *peer, struct hws_channel handle,
                           struct hws_channel_info *out)
{
    const struct hws_peer_channel *channel = hws_channel_find(peer, handle);
    const uint8_t *names;

    if (!channel) return false;
    names = (const uint8_t *)channel->names;
    *out = (struct hws_channel_info){
        .label = {names,                      channel->label_len   },
        .protocol = {names + channel->label_len, channel->protocol_len},
        .unordered = channel->unordered,
        .negotiated = channel->negotiated,
        .incoming = channel->incoming,
        .reliability = (enum hws_channel_reliability)channel->reliability,
        .reliability_value = channel->reliability_value,
        .priority = channel->priority,
        .has_id = channel->stream != HWS_NO_STREAM,
        .id = channel->stream != HWS_NO_STREAM ? channel->stream : 0,
    };
    return true;
}
