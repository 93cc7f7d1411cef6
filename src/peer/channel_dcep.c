/* What comes in on channels: DCEP (RFC 8832) and user messages. */
#include "peer/peer_internal.h"

/* How fast the other side may open channels once it has opened as many as may be. */
static const hws_time open_interval = HWS_SEC(1) / HWS_OPENS_A_SECOND;

static enum hws_dcep_stream stream_state(const struct hws_peer *peer, uint16_t stream,
                                         const struct hws_peer_channel *channel)
{
    bool even_is_ours = peer->dtls_role == HWS_DTLS_CLIENT; /* RFC 8832 section 6 */

    if (!channel) {
        return (stream % 2 == 0) == even_is_ours ? HWS_STREAM_WRONG_PARITY : HWS_STREAM_UNUSED;
    }
    /* What has not been told to the other side yet is in use all the same. */
    if (channel->owe_open) return HWS_STREAM_CLOSING;
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

void hws_channel_opened(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now)
{
    channel->state = HWS_CHANNEL_OPENED;
    if (!channel->acked) peer->counts.channels_opened++;
    channel->acked = true;
    hws_channel_tell(peer, channel, HWS_TELL_OPEN);
    if (peer->timeline.channel_open == 0) peer->timeline.channel_open = now;
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "channel.open", "stream=%u",
            channel->stream);
}

/* ---- How many OPENs */

/* A table that is filled in one go is what browsers may do; the rate is for who goes on after
 * that. Held back, not refused: SCTP keeps what came behind, so its sender is slowed down and
 * loses nothing, and nobody but itself waits. */
static bool may_open(struct hws_peer *peer, hws_time now)
{
    struct hws_channels *all = &peer->channels;
    hws_time passed = now - all->opens_since;

    if (peer->state == HWS_PEER_CLOSED) return true; /* these are the last ones */
    if (all->opens_left + passed / open_interval >= peer->config.channel_limit) {
        all->opens_left = peer->config.channel_limit;
        all->opens_since = now;
    } else {
        all->opens_left += (uint32_t)(passed / open_interval);
        all->opens_since += passed / open_interval * open_interval;
    }
    if (all->opens_left == 0) return false;
    all->opens_left--;
    return true;
}

hws_time hws_channels_open_due(const struct hws_peer *peer)
{
    if (!peer->channels.holds_open) return HWS_NEVER;
    return peer->channels.opens_since + open_interval;
}

/* ---- Messages */

static void accept(struct hws_peer *peer, uint16_t stream, const struct hws_dcep_open *open,
                   hws_time now)
{
    struct hws_peer_channel *channel;
    enum hws_err err = HWS_ERR_FULL;

    if (stream < hws_channel_streams(peer))
        err = hws_channel_claim(peer, open->label, open->protocol, &channel);
    if (!err) {
        err = hws_channel_bind(peer, channel, stream);
        if (err) hws_channel_release(peer, channel);
    }
    if (err) { /* no room for it: refuse as RFC 8832 section 6 refuses a bad one */
        peer->counts.channels_refused++;
        hws_channels_refuse(peer, stream, now);
        return;
    }
    channel->acked = true;
    channel->incoming = true;
    channel->unordered = !open->ordered;
    channel->reliability = open->reliability;
    channel->reliability_value = open->reliability_value;
    if (open->priority > 0) channel->priority = open->priority; /* some stacks never set it */
    channel->state = HWS_CHANNEL_OPENED;
    channel->owe_ack = true;
    peer->counts.channels_accepted++;
    hws_channel_tell(peer, channel, HWS_TELL_INCOMING);
    if (peer->timeline.channel_open == 0) peer->timeline.channel_open = now;
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "channel.incoming", "stream=%u", stream);
    hws_channel_settle(peer, channel, now);
}

/* Something that is against the protocol: the channel ends (RFC 8832 section 6). A message for a
 * stream that nobody has opened ends here too. So a negotiated channel is opened before the other
 * side can send on it: before the descriptions are exchanged, or when that is otherwise agreed. */
static void refuse(struct hws_peer *peer, uint16_t stream, struct hws_peer_channel *channel,
                   hws_time now)
{
    HWS_LOG(&peer->config.log, HWS_LOG_WARN, now, "peer", "channel.refused", "stream=%u", stream);
    peer->counts.channels_refused++;
    if (channel) {
        hws_channel_reset(peer, channel, now);
    } else {
        hws_channels_refuse(peer, stream, now);
    }
}

/* SCTP takes an OPEN of any length; what the application said that it takes is its messages. */
static bool is_too_big(struct hws_peer *peer, const struct hws_sctp_event *event, hws_time now)
{
    if (event->ppid == HWS_PPID_DCEP || event->data.len <= peer->config.max_message_size)
        return false;
    hws_sctp_abort(peer->sctp, now);
    hws_peer_fail(
        peer, (struct hws_fault){HWS_ERR_TOO_BIG, "peer", "a message is longer than announced", 0},
        now);
    return true;
}

/* The channel of a message. After its reset the other side uses a stream again only when it has had
 * ours (RFC 8831 section 6.7): then just the answer that would end the channel is late or lost. */
static struct hws_peer_channel *channel_of(struct hws_peer *peer, uint16_t stream)
{
    struct hws_peer_channel *channel = hws_channel_on(peer, stream);

    if (!channel || channel->state != HWS_CHANNEL_CLOSING || !channel->reset_received)
        return channel;
    hws_channel_end(peer, channel);
    return NULL;
}

bool hws_channels_message(struct hws_peer *peer, const struct hws_sctp_event *event, hws_time now)
{
    struct hws_peer_channel *channel;
    struct hws_dcep_verdict verdict;

    if (is_too_big(peer, event, now)) return false;
    channel = channel_of(peer, event->stream);
    verdict = hws_dcep_judge(stream_state(peer, event->stream, channel), event->ppid, event->data);
    if (channel && verdict.opens) hws_channel_opened(peer, channel, now);
    switch (verdict.action) {
    case HWS_DCEP_ACCEPT:
        peer->channels.holds_open = !may_open(peer, now);
        if (peer->channels.holds_open) {
            peer->channels.held = *event;
        } else {
            accept(peer, event->stream, &verdict.open, now);
        }
        return false;
    case HWS_DCEP_OPENED:
        if (channel) hws_channel_opened(peer, channel, now);
        return false;
    case HWS_DCEP_MESSAGE_STRING:
    case HWS_DCEP_MESSAGE_BINARY:
        if (!channel) return false;
        peer->inbound_channel = hws_channel_handle(peer, channel);
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
