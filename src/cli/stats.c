/* hawser --stats json: what include/hawser/stats.h has, under the same names, as one line. Times
 * are microseconds, which their names say. */
#include "cli/commands.h"
#include "cli/json.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "io/clock.h"

#include <stdio.h>
#include <stdlib.h>

static void text(struct hws_json *json, const char *key, const char *value)
{
    hws_json_text(json, key, hws_bytes_of(value));
}

static void time_us(struct hws_json *json, const char *key, hws_time value)
{
    hws_json_number(json, key, value > 0 ? (uint64_t)value : 0);
}

static void wire(struct hws_json *json, const struct hws_peer_stats *stats)
{
    hws_json_open(json, "wire", '{');
    hws_json_number(json, "datagrams_sent", stats->wire.datagrams_sent);
    hws_json_number(json, "datagrams_received", stats->wire.datagrams_received);
    hws_json_number(json, "bytes_sent", stats->wire.bytes_sent);
    hws_json_number(json, "bytes_received", stats->wire.bytes_received);
    hws_json_number(json, "dropped_format", stats->wire.dropped_format);
    hws_json_number(json, "dropped_stranger", stats->wire.dropped_stranger);
    hws_json_number(json, "dropped_closed", stats->wire.dropped_closed);
    hws_json_close(json, '}');
}

static void pair(struct hws_json *json, const char *key, const struct hws_pair_stats *pair)
{
    char endpoint[HWS_ENDPOINT_TEXT_MAX];

    hws_json_open(json, key, '{');
    text(json, "local", hws_endpoint_text(&pair->local, endpoint));
    text(json, "local_type", pair->local_type);
    text(json, "remote", hws_endpoint_text(&pair->remote, endpoint));
    text(json, "remote_type", pair->remote_type);
    text(json, "protocol", pair->local.tcp ? "tcp" : "udp");
    text(json, "state", pair->state);
    hws_json_bool(json, "selected", pair->selected);
    hws_json_bool(json, "nominated", pair->nominated);
    hws_json_number(json, "priority", pair->priority);
    time_us(json, "rtt_us", pair->rtt);
    time_us(json, "rtt_total_us", pair->rtt_total);
    hws_json_number(json, "rtt_count", pair->rtt_count);
    hws_json_number(json, "checks_sent", pair->checks_sent);
    hws_json_number(json, "checks_retransmitted", pair->checks_retransmitted);
    hws_json_number(json, "checks_received", pair->checks_received);
    hws_json_number(json, "responses_sent", pair->responses_sent);
    hws_json_number(json, "responses_received", pair->responses_received);
    hws_json_number(json, "consent_sent", pair->consent_sent);
    if (pair->consented_at) /* the clock of the process says nothing to others */
        time_us(json, "consent_age_us", hws_clock_now() - pair->consented_at);
    hws_json_close(json, '}');
}

static void pairs(struct hws_json *json, const struct hws_peer *peer)
{
    struct hws_pair_stats list[HWS_ICE_PAIR_MAX];
    size_t count = hws_peer_pairs(peer, list, HWS_ICE_PAIR_MAX);

    hws_json_open(json, "list", '[');
    for (size_t i = 0; i < count && i < HWS_ICE_PAIR_MAX; i++) {
        pair(json, NULL, &list[i]);
    }
    hws_json_close(json, ']');
}

static void ice(struct hws_json *json, const struct hws_peer *peer,
                const struct hws_peer_stats *stats)
{
    hws_json_open(json, "ice", '{');
    text(json, "role", stats->ice.role);
    hws_json_number(json, "local_candidates", stats->ice.local_candidates);
    hws_json_number(json, "remote_candidates", stats->ice.remote_candidates);
    hws_json_number(json, "pairs", stats->ice.pairs);
    hws_json_number(json, "pairs_succeeded", stats->ice.pairs_succeeded);
    hws_json_number(json, "pairs_failed", stats->ice.pairs_failed);
    hws_json_number(json, "checks_sent", stats->ice.checks_sent);
    hws_json_number(json, "checks_retransmitted", stats->ice.checks_retransmitted);
    hws_json_number(json, "checks_received", stats->ice.checks_received);
    hws_json_number(json, "responses_sent", stats->ice.responses_sent);
    hws_json_number(json, "responses_received", stats->ice.responses_received);
    hws_json_number(json, "refusals_sent", stats->ice.refusals_sent);
    hws_json_number(json, "consent_sent", stats->ice.consent_sent);
    hws_json_number(json, "dropped_malformed", stats->ice.dropped_malformed);
    hws_json_number(json, "dropped_integrity", stats->ice.dropped_integrity);
    hws_json_number(json, "dropped_unexpected", stats->ice.dropped_unexpected);
    hws_json_number(json, "dropped_refused", stats->ice.dropped_refused);
    hws_json_number(json, "dropped_unsent", stats->ice.dropped_unsent);
    if (stats->has_path) pair(json, "path", &stats->path);
    pairs(json, peer);
    hws_json_close(json, '}');
}

static void dtls(struct hws_json *json, const struct hws_peer_stats *stats)
{
    hws_json_open(json, "dtls", '{');
    text(json, "role", stats->dtls.role);
    text(json, "version", stats->dtls.version);
    text(json, "suite", stats->dtls.suite);
    text(json, "group", stats->dtls.group);
    time_us(json, "handshake_us", stats->dtls.handshake);
    hws_json_number(json, "flights_resent", stats->dtls.flights_resent);
    hws_json_number(json, "datagrams_sent", stats->dtls.datagrams_sent);
    hws_json_number(json, "datagrams_received", stats->dtls.datagrams_received);
    hws_json_number(json, "bytes_sent", stats->dtls.bytes_sent);
    hws_json_number(json, "bytes_received", stats->dtls.bytes_received);
    hws_json_number(json, "dropped_malformed", stats->dtls.dropped_malformed);
    hws_json_number(json, "dropped_integrity", stats->dtls.dropped_integrity);
    hws_json_number(json, "dropped_replay", stats->dtls.dropped_replay);
    hws_json_number(json, "dropped_unexpected", stats->dtls.dropped_unexpected);
    hws_json_number(json, "dropped_full", stats->dtls.dropped_full);
    hws_json_close(json, '}');
}

static void sctp(struct hws_json *json, const struct hws_peer_stats *stats)
{
    hws_json_open(json, "sctp", '{');
    hws_json_number(json, "packets_sent", stats->sctp.packets_sent);
    hws_json_number(json, "packets_received", stats->sctp.packets_received);
    hws_json_number(json, "bytes_sent", stats->sctp.bytes_sent);
    hws_json_number(json, "bytes_received", stats->sctp.bytes_received);
    hws_json_number(json, "messages_sent", stats->sctp.messages_sent);
    hws_json_number(json, "messages_received", stats->sctp.messages_received);
    hws_json_number(json, "message_bytes_sent", stats->sctp.message_bytes_sent);
    hws_json_number(json, "message_bytes_received", stats->sctp.message_bytes_received);
    hws_json_number(json, "chunks_sent", stats->sctp.chunks_sent);
    hws_json_number(json, "chunks_resent", stats->sctp.chunks_resent);
    hws_json_number(json, "chunks_received", stats->sctp.chunks_received);
    hws_json_number(json, "dropped_malformed", stats->sctp.dropped_malformed);
    hws_json_number(json, "dropped_unexpected", stats->sctp.dropped_unexpected);
    hws_json_number(json, "dropped_unsent", stats->sctp.dropped_unsent);
    hws_json_number(json, "messages_abandoned", stats->sctp.messages_abandoned);
    hws_json_number(json, "congestion_window", stats->sctp.congestion_window);
    hws_json_number(json, "peer_window", stats->sctp.peer_window);
    hws_json_number(json, "buffered", stats->sctp.buffered);
    hws_json_number(json, "mtu", stats->sctp.mtu);
    time_us(json, "rtt_us", stats->sctp.rtt);
    time_us(json, "rto_us", stats->sctp.rto);
    hws_json_number(json, "streams_out", stats->sctp.streams_out);
    hws_json_number(json, "streams_in", stats->sctp.streams_in);
    hws_json_bool(json, "interleaving", stats->sctp.interleaving);
    hws_json_close(json, '}');
}

static void channel(struct hws_json *json, const struct hws_channel_stats *channel)
{
    hws_json_open(json, NULL, '{');
    if (channel->has_id) hws_json_number(json, "id", channel->id);
    hws_json_text(json, "label", channel->label);
    hws_json_text(json, "protocol", channel->protocol);
    text(json, "state", channel->state);
    hws_json_number(json, "messages_sent", channel->messages_sent);
    hws_json_number(json, "messages_received", channel->messages_received);
    hws_json_number(json, "bytes_sent", channel->bytes_sent);
    hws_json_number(json, "bytes_received", channel->bytes_received);
    hws_json_number(json, "expired", channel->expired);
    hws_json_number(json, "buffered", channel->buffered);
    hws_json_close(json, '}');
}

static void channels(struct hws_json *json, const struct hws_peer *peer,
                     const struct hws_peer_stats *stats)
{
    size_t cap = hws_peer_channels(peer, NULL, 0);
    struct hws_channel_stats *list = calloc(cap + 1, sizeof(*list));
    size_t count = list ? hws_peer_channels(peer, list, cap) : 0;

    hws_json_open(json, "channels", '{');
    hws_json_number(json, "opened", stats->channels.opened);
    hws_json_number(json, "accepted", stats->channels.accepted);
    hws_json_number(json, "refused", stats->channels.refused);
    hws_json_number(json, "closed", stats->channels.closed);
    hws_json_number(json, "messages_sent", stats->channels.messages_sent);
    hws_json_number(json, "messages_received", stats->channels.messages_received);
    hws_json_number(json, "bytes_sent", stats->channels.bytes_sent);
    hws_json_number(json, "bytes_received", stats->channels.bytes_received);
    hws_json_number(json, "expired", stats->channels.expired);
    hws_json_number(json, "buffered", stats->channels.buffered);
    hws_json_open(json, "list", '[');
    for (size_t i = 0; i < count; i++) {
        channel(json, &list[i]);
    }
    hws_json_close(json, ']');
    hws_json_close(json, '}');
    free(list);
}

void hws_report_stats(const struct hws_peer *peer, const uint32_t *connection)
{
    struct hws_peer_stats stats;
    struct hws_json json = {0};
    char *line = NULL;
    size_t len = 0;

    if (!peer) return;
    /* Put together first: standard error writes every piece at once, and others write there too. */
    json.out = open_memstream(&line, &len);
    if (!json.out) return;
    hws_peer_stats(peer, &stats);
    hws_json_open(&json, NULL, '{');
    if (connection) hws_json_number(&json, "connection", *connection);
    text(&json, "state", stats.state);
    wire(&json, &stats);
    ice(&json, peer, &stats);
    dtls(&json, &stats);
    sctp(&json, &stats);
    channels(&json, peer, &stats);
    hws_json_close(&json, '}');
    fputc('\n', json.out);
    if (fclose(json.out) == 0) (void)fwrite(line, 1, len, stderr);
    free(line);
}
