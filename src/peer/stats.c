/* What a peer has done so far: its own counters, what the layers below have counted, and the tap
 * through which a packet log sees what passes by. */
#include "peer/peer_internal.h"

/* ---- Counting */

void hws_peer_saw_datagram(struct hws_peer *peer, bool sent, const struct hws_datagram *datagram,
                           hws_time now)
{
    struct hws_peer_counts *counts = &peer->counts;

    if (sent) {
        counts->datagrams_sent++;
        counts->bytes_sent += datagram->bytes.len;
    } else {
        counts->datagrams_received++;
        counts->bytes_received += datagram->bytes.len;
    }
    if (!peer->config.tap.packet) return;
    peer->config.tap.packet(peer->config.tap.user, HWS_TAP_WIRE, sent, datagram, now);
}

void hws_peer_saw_packet(struct hws_peer *peer, bool sent, struct hws_bytes packet, hws_time now)
{
    struct hws_datagram datagram = {.bytes = packet};
    struct hws_ice_path path;

    if (!peer->config.tap.packet) return;
    if (hws_ice_path(peer->ice, &path)) {
        datagram.local = path.local;
        datagram.remote = path.remote;
    }
    peer->config.tap.packet(peer->config.tap.user, HWS_TAP_SCTP, sent, &datagram, now);
}

static void count_message(struct hws_channel_counts *counts, bool sent, size_t len)
{
    if (sent) {
        counts->messages_sent++;
        counts->bytes_sent += len;
    } else {
        counts->messages_received++;
        counts->bytes_received += len;
    }
}

void hws_peer_saw_message(struct hws_peer *peer, bool sent, struct hws_channel channel, size_t len)
{
    struct hws_peer_channel *found = hws_channel_find(peer, channel);

    count_message(&peer->counts.channels, sent, len);
    if (found) count_message(&found->counts, sent, len);
}

/* ---- Telling: the peer */

static const char *state_name(enum hws_peer_state state)
{
    switch (state) {
    case HWS_PEER_REST:
        return "new";
    case HWS_PEER_DESCRIBED:
        return "connecting";
    case HWS_PEER_CONNECTED:
        return "connected";
    case HWS_PEER_CLOSED:
        break;
    }
    return "closed";
}

static void tell_wire(const struct hws_peer_counts *counts, struct hws_peer_stats *out)
{
    out->wire.datagrams_sent = counts->datagrams_sent;
    out->wire.datagrams_received = counts->datagrams_received;
    out->wire.bytes_sent = counts->bytes_sent;
    out->wire.bytes_received = counts->bytes_received;
    out->wire.dropped_format = counts->dropped_format;
    out->wire.dropped_stranger = counts->dropped_stranger;
    out->wire.dropped_closed = counts->dropped_closed;
}

static void tell_ice(const struct hws_ice *ice, struct hws_peer_stats *out)
{
    struct hws_ice_stats stats;

    hws_ice_stats(ice, &stats);
    out->ice.role = hws_ice_is_controlling(ice) ? "controlling" : "controlled";
    out->ice.local_candidates = (uint32_t)stats.local_count;
    out->ice.remote_candidates = (uint32_t)stats.remote_count;
    out->ice.pairs = (uint32_t)stats.pair_count;
    out->ice.pairs_succeeded = (uint32_t)stats.succeeded_count;
    out->ice.pairs_failed = (uint32_t)stats.failed_count;
    out->ice.checks_sent = stats.checks_sent;
    out->ice.checks_retransmitted = stats.checks_retransmitted;
    out->ice.checks_received = stats.checks_received;
    out->ice.responses_sent = stats.responses_sent;
    out->ice.responses_received = stats.responses_received;
    out->ice.refusals_sent = stats.refusals_sent;
    out->ice.consent_sent = stats.consent_sent;
    out->ice.dropped_malformed = stats.dropped_malformed;
    out->ice.dropped_integrity = stats.dropped_integrity;
    out->ice.dropped_unexpected = stats.dropped_unexpected;
    out->ice.dropped_refused = stats.dropped_refused;
    out->ice.dropped_unsent = stats.dropped_unsent;
    out->has_path = hws_ice_path_stats(ice, &out->path);
    if (!out->has_path) out->path.local_type = out->path.remote_type = out->path.state = "none";
}

static void tell_dtls(const struct hws_peer *peer, struct hws_peer_stats *out)
{
    struct hws_dtls_stats stats;

    out->dtls.role = out->dtls.version = out->dtls.suite = out->dtls.group = "none";
    if (!peer->dtls) return;
    stats = hws_dtls_stats(peer->dtls);
    out->dtls.role = peer->dtls_role == HWS_DTLS_CLIENT ? "client" : "server";
    out->dtls.version = hws_dtls_version(peer->dtls);
    out->dtls.suite = hws_dtls_suite(peer->dtls);
    out->dtls.group = hws_dtls_group(peer->dtls);
    if (peer->timeline.secured)
        out->dtls.handshake = peer->timeline.secured - peer->counts.dtls_started;
    out->dtls.flights_resent = stats.flights_resent;
    out->dtls.datagrams_sent = stats.datagrams_sent;
    out->dtls.datagrams_received = stats.datagrams_received;
    out->dtls.bytes_sent = stats.bytes_sent;
    out->dtls.bytes_received = stats.bytes_received;
    out->dtls.dropped_malformed = stats.dropped_malformed;
    out->dtls.dropped_integrity = stats.dropped_bad;
    out->dtls.dropped_replay = stats.dropped_replay;
    out->dtls.dropped_unexpected = stats.dropped_unexpected;
    out->dtls.dropped_full = stats.dropped_full;
}

static void tell_sctp(const struct hws_peer *peer, struct hws_peer_stats *out)
{
    struct hws_sctp_stats stats = peer->counts.sctp;

    if (peer->sctp) hws_sctp_stats(peer->sctp, &stats);
    out->sctp.packets_sent = stats.packets_sent;
    out->sctp.packets_received = stats.packets_received;
    out->sctp.bytes_sent = stats.bytes_sent;
    out->sctp.bytes_received = stats.bytes_received;
    out->sctp.messages_sent = stats.messages_sent;
    out->sctp.messages_received = stats.messages_received;
    out->sctp.message_bytes_sent = stats.message_bytes_sent;
    out->sctp.message_bytes_received = stats.message_bytes_received;
    out->sctp.chunks_sent = stats.chunks_sent;
    out->sctp.chunks_resent = stats.chunks_resent;
    out->sctp.chunks_received = stats.chunks_received;
    out->sctp.dropped_malformed = stats.dropped_malformed;
    out->sctp.dropped_unexpected = stats.dropped_unexpected;
    out->sctp.dropped_unsent = stats.dropped_queue_full;
    out->sctp.messages_abandoned = stats.messages_abandoned;
    out->sctp.congestion_window = stats.congestion_window;
    out->sctp.peer_window = stats.peer_window;
    out->sctp.buffered = stats.unacknowledged;
    out->sctp.mtu = stats.mtu;
    out->sctp.rtt = stats.round_trip;
    out->sctp.rto = stats.retransmission_timeout;
    out->sctp.streams_out = stats.streams_out;
    out->sctp.streams_in = stats.streams_in;
    out->sctp.interleaving = stats.interleaving;
}

static void tell_channels(const struct hws_peer *peer, struct hws_peer_stats *out)
{
    const struct hws_peer_counts *counts = &peer->counts;

    out->channels.opened = counts->channels_opened;
    out->channels.accepted = counts->channels_accepted;
    out->channels.refused = counts->channels_refused;
    out->channels.closed = counts->channels_closed;
    out->channels.messages_sent = counts->channels.messages_sent;
    out->channels.messages_received = counts->channels.messages_received;
    out->channels.bytes_sent = counts->channels.bytes_sent;
    out->channels.bytes_received = counts->channels.bytes_received;
    out->channels.expired = counts->channels.expired;
    out->channels.buffered = hws_peer_buffered(peer);
}

void hws_peer_stats(const struct hws_peer *peer, struct hws_peer_stats *out)
{
    *out = (struct hws_peer_stats){.state = state_name(peer->state)};
    tell_wire(&peer->counts, out);
    tell_ice(peer->ice, out);
    tell_dtls(peer, out);
    tell_sctp(peer, out);
    tell_channels(peer, out);
}

size_t hws_peer_pairs(const struct hws_peer *peer, struct hws_pair_stats *out, size_t cap)
{
    return hws_ice_pairs(peer->ice, out, cap);
}

/* ---- Telling: channels */

static const char *channel_state_name(enum hws_channel_state state)
{
    switch (state) {
    case HWS_CHANNEL_NEW:
    case HWS_CHANNEL_OPENING:
        return "connecting";
    case HWS_CHANNEL_OPENED:
        return "open";
    case HWS_CHANNEL_DRAINING:
    case HWS_CHANNEL_CLOSING:
        return "closing";
    case HWS_CHANNEL_FREE:
    case HWS_CHANNEL_ENDED:
        break;
    }
    return "closed";
}

static struct hws_channel_stats stats_of(const struct hws_peer *peer,
                                         const struct hws_peer_channel *channel)
{
    const struct hws_channel_counts *counts = &channel->counts;
    const uint8_t *names = (const uint8_t *)channel->names;

    return (struct hws_channel_stats){
        .channel = hws_channel_handle(peer, channel),
        .label = {names,                      channel->label_len   },
        .protocol = {names + channel->label_len, channel->protocol_len},
        .state = channel_state_name(channel->state),
        .has_id = channel->stream != HWS_NO_STREAM,
        .id = channel->stream != HWS_NO_STREAM ? channel->stream : 0,
        .messages_sent = counts->messages_sent,
        .messages_received = counts->messages_received,
        .bytes_sent = counts->bytes_sent,
        .bytes_received = counts->bytes_received,
        .expired = counts->expired,
        .buffered = channel->waiting_bytes,
    };
}

size_t hws_peer_channels(const struct hws_peer *peer, struct hws_channel_stats *out, size_t cap)
{
    size_t count = 0;

    for (size_t i = 0; i < peer->channels.slot_count; i++) {
        const struct hws_peer_channel *channel = &peer->channels.slots[i];

        if (channel->state == HWS_CHANNEL_FREE) continue;
        if (count < cap) out[count] = stats_of(peer, channel);
        count++;
    }
    return count;
}

bool hws_peer_channel_stats(const struct hws_peer *peer, struct hws_channel channel,
                            struct hws_channel_stats *out)
{
    const struct hws_peer_channel *found = hws_channel_find(peer, channel);

    if (!found) return false;
    *out = stats_of(peer, found);
    return true;
}
