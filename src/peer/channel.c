/* Channels of one peer: their table, their life, and DCEP on the wire (RFC 8831, 8832). */
#include "peer/peer_internal.h"

#include <stdlib.h>
#include <string.h>

static uint16_t slot_of(const struct hws_peer *peer, const struct hws_peer_channel *channel)
{
    return (uint16_t)(channel - peer->channels);
}

static struct hws_channel handle_of(const struct hws_peer *peer,
                                    const struct hws_peer_channel *channel)
{
    return (struct hws_channel){slot_of(peer, channel), channel->generation};
}

static void tell(struct hws_peer *peer, struct hws_peer_channel *channel, uint8_t what)
{
    channel->tell |= what;
    peer->untold_channels = true;
}

enum hws_err hws_channels_init(struct hws_peer *peer)
{
    uint16_t count = peer->config.stream_count;

    peer->channels = calloc(count, sizeof(*peer->channels));
    peer->slot_of_stream = calloc(count, sizeof(*peer->slot_of_stream));
    if (!peer->channels || !peer->slot_of_stream) return HWS_ERR_NO_MEMORY;
    peer->channel_cap = count;
    for (uint16_t i = 0; i < count; i++) {
        peer->slot_of_stream[i] = HWS_NO_STREAM;
        peer->channels[i].generation = 1;
    }
    return HWS_OK;
}

void hws_channels_fini(struct hws_peer *peer)
{
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        free(peer->channels[i].label);
    }
    free(peer->channels);
    free(peer->slot_of_stream);
    peer->channel_cap = 0;
}

static struct hws_peer_channel *channel_at(struct hws_peer *peer, struct hws_channel handle)
{
    struct hws_peer_channel *channel;

    if (handle.generation == 0 || handle.slot >= peer->channel_cap) return NULL;
    channel = &peer->channels[handle.slot];
    if (channel->generation != handle.generation || channel->state == HWS_CHANNEL_FREE) return NULL;
    return channel;
}

static struct hws_peer_channel *channel_on(struct hws_peer *peer, uint16_t stream)
{
    if (stream >= peer->channel_cap || peer->slot_of_stream[stream] == HWS_NO_STREAM) return NULL;
    return &peer->channels[peer->slot_of_stream[stream]];
}

/* A free slot with its label; NULL when the table or the room for labels is full. */
static struct hws_peer_channel *claim(struct hws_peer *peer, struct hws_bytes label)
{
    if (label.len > HWS_LABEL_MAX || label.len > HWS_LABEL_TOTAL_MAX - peer->label_bytes)
        return NULL;
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        struct hws_peer_channel *channel = &peer->channels[i];
        uint16_t generation = channel->generation;
        char *copy;

        if (channel->state != HWS_CHANNEL_FREE) continue;
        copy = calloc(1, label.len + 1);
        if (!copy) return NULL;
        if (label.len > 0) memcpy(copy, label.data, label.len);
        *channel = (struct hws_peer_channel){
            .generation = generation,
            .stream = HWS_NO_STREAM,
            .label = copy,
            .label_len = (uint16_t)label.len,
        };
        peer->label_bytes += label.len;
        return channel;
    }
    return NULL;
}

static void release(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    peer->label_bytes -= channel->label_len;
    free(channel->label);
    channel->label = NULL;
    channel->label_len = 0;
    channel->generation = (uint16_t)(channel->generation == 0xFFFF ? 1 : channel->generation + 1);
    channel->state = HWS_CHANNEL_FREE;
}

/* The stream is free again on both sides (RFC 8831 section 6.7). */
static void end(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    if (channel->state == HWS_CHANNEL_ENDED) return;
    if (channel->stream != HWS_NO_STREAM) peer->slot_of_stream[channel->stream] = HWS_NO_STREAM;
    channel->stream = HWS_NO_STREAM;
    channel->blocked = false;
    channel->state = HWS_CHANNEL_ENDED;
    tell(peer, channel, HWS_TELL_CLOSED);
}

/* Ids: the DTLS client takes even ones, the server odd ones (RFC 8832 section 6). */
static bool is_ours(const struct hws_peer *peer, uint16_t stream)
{
    return (stream % 2 == 0) == (peer->dtls_role == HWS_DTLS_CLIENT);
}

static bool number(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    uint16_t stream = peer->dtls_role == HWS_DTLS_CLIENT ? 0 : 1;
    uint16_t limit = hws_sctp_streams(peer->sctp);

    if (limit > peer->channel_cap) limit = peer->channel_cap;
    for (; stream < limit; stream = (uint16_t)(stream + 2)) {
        if (peer->slot_of_stream[stream] != HWS_NO_STREAM) continue;
        channel->stream = stream;
        peer->slot_of_stream[stream] = slot_of(peer, channel);
        return true;
    }
    return false;
}

/* ---- Out */

static enum hws_err send_on(struct hws_peer *peer, const struct hws_peer_channel *channel,
                            uint32_t ppid, struct hws_bytes data, hws_time now)
{
    /* Until the OPEN is acknowledged all is sent in order, so that nothing overtakes it; DCEP is
     * always reliable and ordered (RFC 8832 section 6, RFC 8831 section 6.6). */
    bool dcep = ppid == HWS_PPID_DCEP;
    struct hws_sctp_message message = {
        .stream = channel->stream,
        .ppid = ppid,
        .unordered = channel->unordered && channel->acked && !dcep,
        .reliability = dcep ? HWS_RELIABLE : channel->reliability,
        .reliability_value = dcep ? 0 : channel->reliability_value,
        .data = data,
    };
    enum hws_err err = hws_sctp_send(peer->sctp, &message, now);

    if (err == HWS_ERR_FULL) peer->association_full = true;
    return err;
}

static enum hws_err send_user(struct hws_peer *peer, const struct hws_peer_channel *channel,
                              enum hws_message_kind kind, struct hws_bytes data, hws_time now)
{
    static const uint8_t zero = 0; /* what an empty message is on the wire: RFC 8831 section 6.6 */
    bool text = kind == HWS_TEXT;

    if (data.len > 0)
        return send_on(peer, channel, text ? HWS_PPID_STRING : HWS_PPID_BINARY, data, now);
    return send_on(peer, channel, text ? HWS_PPID_STRING_EMPTY : HWS_PPID_BINARY_EMPTY,
                   (struct hws_bytes){&zero, 1}, now);
}

static enum hws_err send_open(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    size_t cap = 12 + (size_t)channel->label_len;
    uint8_t *buffer = calloc(1, cap);
    struct hws_writer out = hws_writer_over(buffer, cap);
    enum hws_err err;

    if (!buffer) return HWS_ERR_NO_MEMORY;
    hws_dcep_write_open(&out, &(struct hws_dcep_open){
                                  .ordered = !channel->unordered,
                                  .reliability = channel->reliability,
                                  .reliability_value = channel->reliability_value,
                                  .priority = 256, /* "normal": RFC 8831 section 6.4 */
                                  .label = {(const uint8_t *)channel->label, channel->label_len},
    });
    err = send_on(peer, channel, HWS_PPID_DCEP, hws_written(&out), now);
    free(buffer);
    return err;
}

static enum hws_err send_ack(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    uint8_t buffer[4];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_dcep_write_ack(&out);
    return send_on(peer, channel, HWS_PPID_DCEP, hws_written(&out), now);
}

/* Does something of this kind still have to be sent? When there is room SCTP says so; what failed
 * for another reason is tried again at the next turn. */
static bool is_owed(struct hws_peer *peer, enum hws_err err)
{
    if (err && err != HWS_ERR_FULL) peer->owes = true;
    return err != HWS_OK;
}

/* Give a new channel its id and send its OPEN. A table that is full on the wire, or a label that
 * is longer than the send buffer, ends it. */
static void announce(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    enum hws_err err;

    if (channel->stream == HWS_NO_STREAM && !number(peer, channel)) {
        end(peer, channel);
        return;
    }
    if (channel->state == HWS_CHANNEL_NEW) channel->state = HWS_CHANNEL_OPENING;
    err = send_open(peer, channel, now);
    if (err == HWS_ERR_TOO_BIG) {
        end(peer, channel);
        return;
    }
    channel->owe_open = is_owed(peer, err);
}

static void reset(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    if (hws_sctp_reset(peer->sctp, stream, now) != HWS_OK) {
        HWS_LOG(&peer->config.log, HWS_LOG_DEBUG, now, "peer", "channel.reset_refused", "stream=%u",
                stream);
    }
}

/* Closing begins on the wire once nothing of the channel waits any more. */
static void begin_reset(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    channel->state = HWS_CHANNEL_CLOSING;
    reset(peer, channel->stream, now);
}

static void drain_closing(struct hws_peer *peer, hws_time now)
{
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        struct hws_peer_channel *channel = &peer->channels[i];

        if (channel->state != HWS_CHANNEL_DRAINING || channel->owe_open) continue;
        if (!hws_outbox_has(&peer->outbox, handle_of(peer, channel)))
            begin_reset(peer, channel, now);
    }
}

/* Send one message that waited. It may have been taken before the other side said how much it
 * takes (RFC 8841 section 6.1); then its channel cannot keep what it promised, and ends. */
static enum hws_err send_waiting(struct hws_peer *peer, struct hws_peer_channel *channel,
                                 const struct hws_outbox_item *item, hws_time now)
{
    if (channel->owe_open || channel->owe_ack) return HWS_ERR_AGAIN;
    if (peer->remote.max_message_size > 0 && item->len > peer->remote.max_message_size) {
        hws_peer_note(peer,
                      (struct hws_fault){HWS_ERR_TOO_BIG, "peer",
                                         "a message is bigger than the other side takes", 0},
                      NULL);
        begin_reset(peer, channel, now);
        return HWS_OK;
    }
    return send_user(peer, channel, item->kind, (struct hws_bytes){item->data, item->len}, now);
}

/* Send what waits in the outbox; stops at the first message that cannot be sent yet. */
static void flush_outbox(struct hws_peer *peer, hws_time now)
{
    while (peer->outbox.head && !peer->association_full) {
        struct hws_outbox_item *item = peer->outbox.head;
        struct hws_peer_channel *channel = channel_at(peer, item->channel);
        bool alive = channel && channel->stream != HWS_NO_STREAM &&
                     channel->state != HWS_CHANNEL_CLOSING; /* else it ended with what it had */
        enum hws_err err = alive ? send_waiting(peer, channel, item, now) : HWS_OK;

        if (err == HWS_ERR_NO_MEMORY) peer->owes = true;
        if (err == HWS_ERR_FULL || err == HWS_ERR_AGAIN || err == HWS_ERR_NO_MEMORY) return;
        hws_outbox_drop_first(&peer->outbox);
    }
}

void hws_channels_flush(struct hws_peer *peer, hws_time now)
{
    peer->owes = false;
    for (uint16_t i = 0; i < peer->channel_cap && !peer->association_full; i++) {
        struct hws_peer_channel *channel = &peer->channels[i];

        if (channel->state == HWS_CHANNEL_FREE || channel->state == HWS_CHANNEL_ENDED) continue;
        if (channel->state == HWS_CHANNEL_NEW || channel->owe_open) announce(peer, channel, now);
        if (channel->owe_ack) channel->owe_ack = is_owed(peer, send_ack(peer, channel, now));
    }
    flush_outbox(peer, now);
    drain_closing(peer, now);
}

void hws_channels_writable(struct hws_peer *peer, hws_time now)
{
    peer->association_full = false;
    hws_channels_flush(peer, now);
    if (peer->association_full) return;
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        struct hws_peer_channel *channel = &peer->channels[i];

        if (!channel->blocked || channel->owe_open || channel->owe_ack) continue;
        channel->blocked = false;
        tell(peer, channel, HWS_TELL_WRITABLE);
    }
}

void hws_channels_up(struct hws_peer *peer)
{
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        struct hws_peer_channel *channel = &peer->channels[i];

        if (channel->state == HWS_CHANNEL_FREE || channel->stream == HWS_NO_STREAM) continue;
        if (channel->stream >= hws_sctp_streams(peer->sctp)) end(peer, channel);
    }
}

/* ---- In */

static enum hws_dcep_stream stream_state(struct hws_peer *peer, uint16_t stream,
                                         const struct hws_peer_channel *channel)
{
    if (!channel) return is_ours(peer, stream) ? HWS_STREAM_WRONG_PARITY : HWS_STREAM_UNUSED;
    switch (channel->state) {
    case HWS_CHANNEL_OPENING:
        return HWS_STREAM_OPENING;
    case HWS_CHANNEL_OPENED:
        return HWS_STREAM_OPEN;
    case HWS_CHANNEL_NEW:
    case HWS_CHANNEL_FREE:
    case HWS_CHANNEL_DRAINING:
    case HWS_CHANNEL_CLOSING:
    case HWS_CHANNEL_ENDED:
        break;
    }
    return HWS_STREAM_CLOSING;
}

static void opened(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    channel->state = HWS_CHANNEL_OPENED;
    channel->acked = true;
    tell(peer, channel, HWS_TELL_OPEN);
    if (peer->timeline.channel_open == 0) peer->timeline.channel_open = now;
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "channel.open", "stream=%u",
            channel->stream);
}

static void accept(struct hws_peer *peer, uint16_t stream, const struct hws_dcep_open *open,
                   hws_time now)
{
    struct hws_peer_channel *channel = stream < peer->channel_cap ? claim(peer, open->label) : NULL;

    if (!channel) { /* no room for it: refuse as RFC 8832 section 6 refuses a bad one */
        reset(peer, stream, now);
        return;
    }
    channel->stream = stream;
    channel->acked = true;
    channel->unordered = !open->ordered;
    channel->reliability = open->reliability;
    channel->reliability_value = open->reliability_value;
    peer->slot_of_stream[stream] = slot_of(peer, channel);
    channel->state = HWS_CHANNEL_OPENED;
    channel->owe_ack = is_owed(peer, send_ack(peer, channel, now));
    tell(peer, channel, HWS_TELL_INCOMING);
    if (peer->timeline.channel_open == 0) peer->timeline.channel_open = now;
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "channel.incoming", "stream=%u", stream);
}

static void refuse(struct hws_peer *peer, uint16_t stream, struct hws_peer_channel *channel,
                   hws_time now)
{
    HWS_LOG(&peer->config.log, HWS_LOG_WARN, now, "peer", "channel.refused", "stream=%u", stream);
    if (channel) {
        begin_reset(peer, channel, now);
    } else {
        reset(peer, stream, now);
    }
}

bool hws_channels_message(struct hws_peer *peer, const struct hws_sctp_event *event, hws_time now)
{
    struct hws_peer_channel *channel = channel_on(peer, event->stream);
    struct hws_dcep_verdict verdict =
        hws_dcep_judge(stream_state(peer, event->stream, channel), event->ppid, event->data);

    if (channel && verdict.opens) opened(peer, channel, now);
    switch (verdict.action) {
    case HWS_DCEP_ACCEPT:
        accept(peer, event->stream, &verdict.open, now);
        return false;
    case HWS_DCEP_OPENED:
        if (channel && channel->state == HWS_CHANNEL_OPENING) opened(peer, channel, now);
        return false;
    case HWS_DCEP_MESSAGE_STRING:
    case HWS_DCEP_MESSAGE_BINARY:
        if (!channel) return false;
        peer->inbound_channel = handle_of(peer, channel);
        peer->inbound_kind = verdict.action == HWS_DCEP_MESSAGE_STRING ? HWS_TEXT : HWS_BINARY;
        peer->inbound_data = verdict.data;
        return true;
    case HWS_DCEP_RESET:
        refuse(peer, event->stream, channel, now);
        return false;
    case HWS_DCEP_DROP:
        break;
    }
    return false;
}

/* The other side closes: so do we (RFC 8831 section 6.7), whatever we still had to say. */
void hws_channels_reset_received(struct hws_peer *peer, uint16_t stream, hws_time now)
{
    struct hws_peer_channel *channel = channel_on(peer, stream);

    if (!channel) return;
    channel->reset_received = true;
    if (channel->reset_sent) {
        end(peer, channel);
    } else if (channel->state != HWS_CHANNEL_CLOSING) {
        begin_reset(peer, channel, now);
    }
}

void hws_channels_reset_sent(struct hws_peer *peer, uint16_t stream)
{
    struct hws_peer_channel *channel = channel_on(peer, stream);

    if (!channel || channel->state != HWS_CHANNEL_CLOSING) return;
    channel->reset_sent = true;
    if (channel->reset_received) end(peer, channel);
}

void hws_channels_end(struct hws_peer *peer)
{
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        if (peer->channels[i].state != HWS_CHANNEL_FREE) end(peer, &peer->channels[i]);
    }
}

/* ---- Telling */

static bool tell_one(struct hws_peer *peer, struct hws_peer_channel *channel, struct hws_event *out)
{
    static const struct {
        uint8_t bit;
        enum hws_event_kind kind;
    } order[] = {
        {HWS_TELL_INCOMING, HWS_EVENT_CHANNEL_INCOMING},
        {HWS_TELL_OPEN,     HWS_EVENT_CHANNEL_OPEN    },
        {HWS_TELL_WRITABLE, HWS_EVENT_WRITABLE        },
        {HWS_TELL_CLOSED,   HWS_EVENT_CHANNEL_CLOSED  },
    };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!(channel->tell & order[i].bit)) continue;
        channel->tell = (uint8_t)(channel->tell & ~order[i].bit);
        *out = (struct hws_event){.kind = order[i].kind, .channel = handle_of(peer, channel)};
        if (order[i].bit == HWS_TELL_CLOSED) {
            release(peer, channel);
        } else {
            out->message = (struct hws_bytes){(const uint8_t *)channel->label, channel->label_len};
        }
        return true;
    }
    return false;
}

bool hws_channels_next_event(struct hws_peer *peer, struct hws_event *out)
{
    if (!peer->untold_channels) return false;
    for (uint16_t i = 0; i < peer->channel_cap; i++) {
        if (peer->channels[i].tell && tell_one(peer, &peer->channels[i], out)) return true;
    }
    peer->untold_channels = false;
    return false;
}

/* ---- The public side */

enum hws_err hws_peer_open_channel(struct hws_peer *peer, const struct hws_channel_config *config,
                                   hws_time now, struct hws_channel *out)
{
    struct hws_bytes label = hws_bytes_of(config->label ? config->label : "");
    struct hws_peer_channel *channel;

    if (peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE;
    if (label.len > HWS_LABEL_MAX || !hws_is_utf8(label)) return HWS_ERR_ARGUMENT;
    if ((unsigned)config->reliability > HWS_CHANNEL_MAX_LIFETIME) return HWS_ERR_ARGUMENT;
    channel = claim(peer, label);
    if (!channel) return HWS_ERR_FULL;
    channel->unordered = config->unordered;
    channel->reliability = (enum hws_reliability)config->reliability;
    channel->reliability_value = config->reliability_value;
    if (peer->sctp && !number(peer, channel)) {
        release(peer, channel);
        return HWS_ERR_FULL;
    }
    channel->state = HWS_CHANNEL_NEW;
    *out = handle_of(peer, channel);
    if (peer->sctp) hws_channels_flush(peer, now);
    hws_peer_pump(peer, now);
    return HWS_OK;
}

static enum hws_err send_now(struct hws_peer *peer, struct hws_peer_channel *channel,
                             enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    enum hws_err err;

    /* What waits goes first, or order would be lost. */
    if (!peer->sctp) return hws_outbox_push(&peer->outbox, handle_of(peer, channel), kind, message);
    if (peer->association_full || peer->outbox.head || channel->owe_open || channel->owe_ack)
        return HWS_ERR_FULL;
    err = send_user(peer, channel, kind, message, now);
    /* A refused message may be one that was lent by an event: leave it where it is. */
    if (!err) hws_peer_pump(peer, now);
    return err;
}

enum hws_err hws_peer_send(struct hws_peer *peer, struct hws_channel handle,
                           enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    struct hws_peer_channel *channel = channel_at(peer, handle);
    enum hws_err err;

    if (!channel || peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE;
    if (channel->state != HWS_CHANNEL_NEW && channel->state != HWS_CHANNEL_OPENING &&
        channel->state != HWS_CHANNEL_OPENED)
        return HWS_ERR_STATE;
    if (peer->remote.known && peer->remote.max_message_size > 0 &&
        message.len > peer->remote.max_message_size)
        return HWS_ERR_TOO_BIG;
    if (message.len > peer->config.send_buffer) return HWS_ERR_TOO_BIG;
    err = send_now(peer, channel, kind, message, now);
    if (err == HWS_ERR_FULL) channel->blocked = true;
    return err;
}

enum hws_err hws_peer_close_channel(struct hws_peer *peer, struct hws_channel handle, hws_time now)
{
    struct hws_peer_channel *channel = channel_at(peer, handle);

    if (!channel) return HWS_ERR_STATE;
    switch (channel->state) {
    case HWS_CHANNEL_NEW:
        /* Nobody knows of it; with messages waiting it must first be opened after all. */
        if (hws_outbox_has(&peer->outbox, handle)) {
            channel->owe_open = true;
            channel->state = HWS_CHANNEL_DRAINING;
        } else {
            end(peer, channel);
        }
        break;
    case HWS_CHANNEL_OPENING:
    case HWS_CHANNEL_OPENED:
        channel->state = HWS_CHANNEL_DRAINING;
        drain_closing(peer, now);
        break;
    case HWS_CHANNEL_FREE:
    case HWS_CHANNEL_DRAINING:
    case HWS_CHANNEL_CLOSING:
    case HWS_CHANNEL_ENDED:
        return HWS_ERR_STATE;
    }
    hws_peer_pump(peer, now);
    return HWS_OK;
}
