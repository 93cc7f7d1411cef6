/* What goes down to SCTP: DCEP first, then the queues in turns, as far as the association takes it.
 * A message that finds nobody waiting goes down at once, without a copy of ours. */
#include "peer/peer_internal.h"

#include <stdlib.h>

/* ---- One message */

static enum hws_err send_on(struct hws_peer *peer, struct hws_sctp_message *message, hws_time now)
{
    enum hws_err err = hws_sctp_send(peer->sctp, message, now);

    if (err == HWS_ERR_FULL) peer->channels.full = true;
    return err;
}

/* DCEP is always reliable and ordered (RFC 8831 section 6.6). */
static enum hws_err send_dcep(struct hws_peer *peer, const struct hws_peer_channel *channel,
                              struct hws_bytes data, hws_time now)
{
    return send_on(
        peer,
        &(struct hws_sctp_message){.stream = channel->stream, .ppid = HWS_PPID_DCEP, .data = data},
        now);
}

static enum hws_err send_user(struct hws_peer *peer, const struct hws_peer_channel *channel,
                              enum hws_message_kind kind, struct hws_bytes data,
                              uint32_t reliability_value, hws_time now)
{
    static const uint8_t zero = 0; /* what an empty message is on the wire: RFC 8831 section 6.6 */
    bool text = kind == HWS_TEXT;
    struct hws_sctp_message message = {
        .stream = channel->stream,
        .ppid = text ? HWS_PPID_STRING : HWS_PPID_BINARY,
        /* Until the OPEN is acknowledged all is sent in order, so that nothing overtakes it
         * (RFC 8832 section 6). */
        .unordered = channel->unordered && channel->acked,
        .reliability = channel->reliability,
        .reliability_value = reliability_value,
        .data = data,
    };

    if (data.len == 0) {
        message.ppid = text ? HWS_PPID_STRING_EMPTY : HWS_PPID_BINARY_EMPTY;
        message.data = (struct hws_bytes){&zero, 1};
    }
    return send_on(peer, &message, now);
}

static enum hws_err send_open(struct hws_peer *peer, const struct hws_peer_channel *channel,
                              size_t len, hws_time now)
{
    const uint8_t *names = (const uint8_t *)channel->names;
    uint8_t *buffer = calloc(1, len);
    struct hws_writer out = hws_writer_over(buffer, len);
    enum hws_err err;

    if (!buffer) return HWS_ERR_NO_MEMORY;
    hws_dcep_write_open(&out, &(struct hws_dcep_open){
                                  .ordered = !channel->unordered,
                                  .reliability = channel->reliability,
                                  .reliability_value = channel->reliability_value,
                                  .priority = channel->priority,
                                  .label = {names,                      channel->label_len   },
                                  .protocol = {names + channel->label_len, channel->protocol_len},
    });
    err = send_dcep(peer, channel, hws_written(&out), now);
    free(buffer);
    return err;
}

static enum hws_err send_ack(struct hws_peer *peer, const struct hws_peer_channel *channel,
                             hws_time now)
{
    uint8_t buffer[4];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_dcep_write_ack(&out);
    return send_dcep(peer, channel, hws_written(&out), now);
}

static bool is_too_big(const struct hws_peer *peer, size_t len)
{
    return peer->remote.known && peer->remote.max_message_size > 0 &&
           len > peer->remote.max_message_size;
}

static void note_too_big(struct hws_peer *peer, const char *what)
{
    hws_peer_note(peer, (struct hws_fault){HWS_ERR_TOO_BIG, "peer", what, 0}, NULL);
}

/* ---- What is owed: the OPEN of ours, the ACK of theirs */

/* Does something of this kind still have to be sent? When there is room SCTP says so; what failed
 * for another reason is tried again at the next turn. */
static bool is_owed(struct hws_peer *peer, enum hws_err err)
{
    if (err && err != HWS_ERR_FULL) peer->channels.retry = true;
    return err != HWS_OK;
}

/* Give a new channel its stream and send its OPEN. A table that is full on the wire, or names
 * longer than the other side takes, end it. */
static void announce(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    size_t len = HWS_DCEP_OPEN_LEN + (size_t)channel->label_len + channel->protocol_len;
    enum hws_err err = HWS_OK;

    if (channel->stream == HWS_NO_STREAM) err = hws_channel_number(peer, channel);
    if (err == HWS_ERR_FULL) {
        hws_channel_end(peer, channel);
        return;
    }
    if (is_owed(peer, err)) return;
    if (channel->state == HWS_CHANNEL_NEW) channel->state = HWS_CHANNEL_OPENING;
    if (channel->negotiated) {
        if (channel->state == HWS_CHANNEL_OPENING && peer->state == HWS_PEER_CONNECTED)
            hws_channel_opened(peer, channel, now);
        return;
    }
    if (is_too_big(peer, len)) {
        note_too_big(peer, "an OPEN is bigger than the other side takes");
        hws_channel_end(peer, channel);
        return;
    }
    if (!peer->channels.full) channel->owe_open = is_owed(peer, send_open(peer, channel, len, now));
}

static bool is_over(const struct hws_peer_channel *channel)
{
    return channel->state == HWS_CHANNEL_FREE || channel->state == HWS_CHANNEL_ENDED ||
           channel->state == HWS_CHANNEL_CLOSING;
}

void hws_channel_settle(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    if (is_over(channel)) return;
    if (!peer->sctp) {
        hws_slot_push(peer, HWS_LIST_OWED, channel);
        return;
    }
    if (channel->state == HWS_CHANNEL_NEW || channel->owe_open || channel->stream == HWS_NO_STREAM)
        announce(peer, channel, now);
    if (is_over(channel)) return;
    if (channel->owe_ack && !peer->channels.full)
        channel->owe_ack = is_owed(peer, send_ack(peer, channel, now));
    if (channel->owe_open || channel->owe_ack || channel->state == HWS_CHANNEL_NEW) {
        hws_slot_push(peer, HWS_LIST_OWED, channel);
        return;
    }
    hws_channel_ready(peer, channel);
    hws_channel_drained(peer, channel, now);
}

/* Each of the list once; what is still owed is at its end again. */
static void settle_all(struct hws_peer *peer, hws_time now)
{
    uint16_t last = peer->channels.lists[HWS_LIST_OWED].tail;
    struct hws_peer_channel *channel;

    if (last == HWS_NO_SLOT) return;
    do {
        channel = hws_slot_pop(peer, HWS_LIST_OWED);
        hws_channel_settle(peer, channel, now);
    } while (channel != &peer->channels.slots[last] && !peer->channels.full);
}

/* ---- What waits */

static bool may_carry(const struct hws_peer_channel *channel)
{
    return (channel->state == HWS_CHANNEL_OPENING || channel->state == HWS_CHANNEL_OPENED ||
            channel->state == HWS_CHANNEL_DRAINING) &&
           channel->stream != HWS_NO_STREAM && !channel->owe_open && !channel->owe_ack;
}

void hws_channel_ready(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    if (peer->sctp && channel->head && may_carry(channel)) hws_turns_join(peer, channel);
}

/* What is left of a life, in whole milliseconds. */
static uint32_t value_of(const struct hws_peer_channel *channel, const struct hws_waiting *message,
                         hws_time now)
{
    if (message->dead_at == HWS_NEVER) return channel->reliability_value;
    return (uint32_t)((message->dead_at - now + HWS_MS(1) - 1) / HWS_MS(1));
}

/* Send the first message of a channel whose turn it is; false: nothing more goes now. It may have
 * been taken before the other side said how much it takes (RFC 8841 section 6.1); then its channel
 * cannot keep what it promised, and ends. */
static bool send_first(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    const struct hws_waiting *message = channel->head;
    size_t len = message->len;
    enum hws_err err;

    if (is_too_big(peer, len)) {
        note_too_big(peer, "a message is bigger than the other side takes");
        hws_channel_reset(peer, channel, now);
        return true;
    }
    err = send_user(peer, channel, message->kind, (struct hws_bytes){message->data, len},
                    value_of(channel, message, now), now);
    if (err == HWS_ERR_STATE) { /* the stream is still being reset: others need not wait for it */
        peer->channels.retry = true;
        hws_turns_leave(peer, channel);
        hws_slot_push(peer, HWS_LIST_OWED, channel);
        return true;
    }
    if (is_owed(peer, err)) return false;
    hws_turns_charge(peer, channel, len);
    hws_channel_pop(peer, channel);
    hws_channel_drained(peer, channel, now);
    return true;
}

void hws_channels_flush(struct hws_peer *peer, hws_time now)
{
    struct hws_peer_channel *channel;
    bool goes_on = true;

    peer->channels.retry = false;
    hws_channels_bury(peer, now);
    settle_all(peer, now);
    while (goes_on && !peer->channels.full && (channel = hws_turns_first(peer))) {
        goes_on = send_first(peer, channel, now);
    }
    hws_channels_unblock(peer);
}

void hws_channels_writable(struct hws_peer *peer, hws_time now)
{
    peer->channels.full = false;
    hws_channels_flush(peer, now);
}

/* ---- The public side */

/* Nobody waits, so nobody is overtaken. */
static bool may_go_now(const struct hws_peer *peer, const struct hws_peer_channel *channel)
{
    return peer->sctp && !peer->channels.full && peer->channels.turn_count == 0 && !channel->head &&
           may_carry(channel);
}

static enum hws_err send_or_push(struct hws_peer *peer, struct hws_peer_channel *channel,
                                 enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    enum hws_err err = HWS_ERR_FULL;

    if (may_go_now(peer, channel))
        err = send_user(peer, channel, kind, message, channel->reliability_value, now);
    if (!err) {
        hws_turns_charge(peer, channel, message.len);
        hws_peer_pump(peer, now);
        return HWS_OK;
    }
    if (err != HWS_ERR_FULL && err != HWS_ERR_STATE) return err;
    if (err == HWS_ERR_STATE) peer->channels.retry = true;
    err = hws_channel_push(peer, channel, kind, message, now);
    /* A refused message may be one that was lent by an event: leave it where it is. */
    if (!err) hws_channel_ready(peer, channel);
    return err;
}

enum hws_err hws_peer_send(struct hws_peer *peer, struct hws_channel handle,
                           enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    struct hws_peer_channel *channel = hws_channel_find(peer, handle);
    enum hws_err err;

    if (!channel || peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE;
    if (channel->state != HWS_CHANNEL_NEW && channel->state != HWS_CHANNEL_OPENING &&
        channel->state != HWS_CHANNEL_OPENED)
        return HWS_ERR_STATE;
    if (is_too_big(peer, message.len)) return HWS_ERR_TOO_BIG;
    if (message.len > peer->config.send_buffer) return HWS_ERR_TOO_BIG;
    err = send_or_push(peer, channel, kind, message, now);
    if (!err) hws_peer_saw_message(peer, true, handle, message.len);
    return err;
}

size_t hws_peer_channel_buffered(const struct hws_peer *peer, struct hws_channel handle)
{
    const struct hws_peer_channel *channel = hws_channel_find(peer, handle);

    return channel ? channel->waiting_bytes : 0;
}

enum hws_err hws_peer_set_buffer_low(struct hws_peer *peer, struct hws_channel handle, size_t bytes)
{
    struct hws_peer_channel *channel = hws_channel_find(peer, handle);

    if (!channel) return HWS_ERR_STATE;
    channel->low = bytes;
    return HWS_OK;
}
