/* Moves bytes between the protocols of one peer, which do not know each other. */
#include "peer/peer_internal.h"

#include "base/address.h"

#include <stdio.h>

/* usrsctp's packet, our record around it, our datagram: 1200 bytes in all. */
static size_t sctp_mtu(const struct hws_peer *peer)
{
    return hws_dtls_plain_max(peer->dtls);
}

/* ---- ICE to DTLS */

static void replay_early(struct hws_peer *peer, hws_time now)
{
    struct hws_bytes datagram;

    while (hws_ring_pop(&peer->early, &datagram)) {
        if (hws_dtls_feed(peer->dtls, datagram, now) != HWS_OK) {
            HWS_LOG(&peer->config.log, HWS_LOG_DEBUG, now, "peer", "early.dropped", "len=%zu",
                    datagram.len);
        }
    }
}

/* A path works, so an authenticated check has come: only now is there DTLS state (C8). */
static void start_dtls(struct hws_peer *peer, hws_time now)
{
    struct hws_ice_path path = {0};
    struct hws_dtls_config config = {
        .identity = peer->config.identity,
        .role = peer->dtls_role,
        .log = peer->config.log,
        .key_log = peer->config.key_log,
    };
    enum hws_err err;

    if (peer->dtls || !peer->remote.known) return;
    /* The round trip that ICE measured is the best guess at when a flight is lost; making the next
     * flight takes a moment as well. */
    if (hws_ice_path(peer->ice, &path)) config.rto = path.rto + HWS_MS(10);
    err = hws_dtls_new(&config, &peer->dtls);
    if (!err) {
        err = hws_dtls_expect(peer->dtls, peer->remote.fingerprints, peer->remote.fingerprint_count,
                              now);
    }
    if (err) {
        hws_peer_fail(peer, (struct hws_fault){err, "dtls", "the association cannot be made", 0},
                      now);
        return;
    }
    peer->counts.dtls_started = now;
    hws_dtls_start(peer->dtls, now);
    replay_early(peer, now);
}

static void on_path(struct hws_peer *peer, hws_time now)
{
    if (peer->timeline.path == 0) peer->timeline.path = now;
    peer->tell_path = true;
    peer->pathless = false;
    peer->unanswered_since = 0;
    start_dtls(peer, now);
}

/* An end of one path in words, as far as it may be shown. */
static const char *end_text(const struct hws_address *addr, bool hidden,
                            char out[HWS_ENDPOINT_TEXT_MAX])
{
    return hidden ? "(hidden)" : hws_endpoint_text(addr, out);
}

/* Say which pair it was: of several interfaces or servers one may be to blame. */
static void name_lost_path(struct hws_peer *peer)
{
    char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX], detail[160];
    struct hws_candidate own = {.type = HWS_CANDIDATE_HOST};
    struct hws_ice_path path;

    if (!hws_ice_lost_path(peer->ice, &path)) return;
    own.addr = path.local;
    hws_names_hide(peer, &own);
    (void)snprintf(detail, sizeof(detail), "%s %s to %s %s",
                   hws_candidate_type_name(path.local_type),
                   end_text(&path.local, own.addr.family == HWS_FAMILY_NONE, local),
                   hws_candidate_type_name(path.remote_type),
                   end_text(&path.remote, path.remote_named, remote));
    hws_peer_note(peer, peer->fault, detail);
}

/* The path of before a restart may die while the restart still looks for another: what it finds is
 * all that is hoped for, and not for ever. */
static void on_silence(struct hws_peer *peer, hws_time now)
{
    if (hws_ice_is_searching(peer->ice)) {
        peer->pathless = true;
        hws_peer_limit_connecting(peer, now);
        return;
    }
    hws_peer_fail(peer, (struct hws_fault){HWS_ERR_TIMEOUT, "ice", "the other side fell silent", 0},
                  now);
    name_lost_path(peer);
}

static void pump_ice(struct hws_peer *peer, hws_time now)
{
    struct hws_ice_event event;
    struct hws_ice_path path;
    enum hws_err err = HWS_OK;

    while (hws_ice_next_event(peer->ice, &event)) {
        switch (event.kind) {
        case HWS_ICE_LOCAL_CANDIDATE:
            if (peer->timeline.first_candidate == 0) peer->timeline.first_candidate = now;
            err = hws_peer_local_candidate(peer, &event.candidate);
            break;
        case HWS_ICE_LOCAL_END:
            err = hws_peer_local_candidate(peer, NULL);
            break;
        case HWS_ICE_SELECTED:
            on_path(peer, now);
            break;
        case HWS_ICE_NOMINATED:
            break;
        case HWS_ICE_FAILED:
            /* A restart that found nothing leaves the path of before, while there is consent. */
            if (hws_ice_path(peer->ice, &path)) break;
            hws_peer_fail(
                peer, (struct hws_fault){HWS_ERR_UNREACHABLE, "ice", "no candidate pair works", 0},
                now);
            break;
        case HWS_ICE_SERVER_FAILED:
            hws_peer_server_failed(peer, &event);
            break;
        case HWS_ICE_EXPIRED:
            on_silence(peer, now);
            break;
        }
        if (err) hws_peer_fail(peer, (struct hws_fault){err, "peer", "out of memory", 0}, now);
    }
}

/* What comes on another pair than ours proves nothing for ours: the other side may have left it. */
static void note_arrival(struct hws_peer *peer, const struct hws_datagram *in, hws_time now)
{
    struct hws_ice_path path;

    if (!hws_ice_path(peer->ice, &path)) return;
    if (hws_address_equal(&path.local, &in->local) && hws_address_equal(&path.remote, &in->remote))
        peer->unanswered_since = 0;
    else
        hws_ice_suspect(peer->ice, now);
}

enum hws_err hws_peer_feed_dtls(struct hws_peer *peer, const struct hws_datagram *in, hws_time now)
{
    /* Only a path that the peer proved with its credentials may speak (CVE-2023-49786). */
    if (!hws_ice_admits(peer->ice, &in->local, &in->remote)) {
        peer->counts.dropped_stranger++;
        return HWS_ERR_UNEXPECTED;
    }
    note_arrival(peer, in, now);
    if (peer->dtls) return hws_dtls_feed(peer->dtls, in->bytes, now);
    hws_ring_push(&peer->early, in->bytes);
    return HWS_OK;
}

/* ---- DTLS to SCTP */

static size_t at_least(size_t value, size_t least)
{
    return value > least ? value : least;
}

/* An OPEN is as long as its names, whatever the application sends and takes. */
static void start_sctp(struct hws_peer *peer, hws_time now)
{
    struct hws_ice_path path = {0};
    struct hws_sctp_config config = {
        .log = peer->config.log,
        .local_port = peer->config.sctp_port,
        .remote_port = peer->remote.sctp_port,
        .mtu = sctp_mtu(peer),
        .streams = peer->config.stream_count,
        .receive_max = at_least(peer->config.max_message_size, HWS_DCEP_OPEN_MAX),
        .send_buffer = at_least(peer->config.send_buffer, HWS_DCEP_OPEN_MAX),
    };
    enum hws_err err;

    if (peer->sctp) return;
    if (hws_ice_path(peer->ice, &path)) config.rtt = path.rtt;
    err = hws_sctp_new(peer->config.stack, &config, &peer->sctp);
    if (!err) err = hws_sctp_connect(peer->sctp, now);
    if (err) {
        hws_peer_fail(peer, (struct hws_fault){err, "sctp", "the association cannot be made", 0},
                      now);
        return;
    }
    /* What waits is handed over before the association is up: it travels with COOKIE-ECHO
     * (RFC 9260 section 5.1) and saves a round trip. */
    hws_channels_writable(peer, now);
}

static void pump_dtls(struct hws_peer *peer, hws_time now)
{
    enum hws_dtls_event event;
    struct hws_bytes plain;

    while (peer->dtls && hws_dtls_next_event(peer->dtls, &event)) {
        switch (event) {
        case HWS_DTLS_CONNECTED:
            peer->timeline.secured = now;
            start_sctp(peer, now);
            break;
        case HWS_DTLS_CLOSED:
            hws_peer_fail(
                peer, (struct hws_fault){HWS_ERR_CLOSED, "dtls", "the other side closed", 0}, now);
            break;
        case HWS_DTLS_FAILED:
            hws_peer_fail(peer, hws_dtls_fault(peer->dtls), now);
            break;
        }
    }
    while (peer->sctp && hws_dtls_next_plain(peer->dtls, &plain)) {
        hws_peer_saw_packet(peer, false, plain, now);
        if (hws_sctp_feed(peer->sctp, plain, now) != HWS_OK) {
            HWS_LOG(&peer->config.log, HWS_LOG_DEBUG, now, "peer", "sctp.dropped", "len=%zu",
                    plain.len);
        }
    }
}

/* ---- SCTP up and down */

static void on_up(struct hws_peer *peer, hws_time now)
{
    peer->timeline.associated = now;
    hws_channels_up(peer, now);
    if (peer->state != HWS_PEER_DESCRIBED) return;
    peer->state = HWS_PEER_CONNECTED;
    peer->tell_connected = true;
    hws_peer_limit_opening(peer, now);
}

/* An OPEN that came too soon is the next one until its time has come. */
static bool next_sctp_event(struct hws_peer *peer, hws_time now, struct hws_sctp_event *out)
{
    if (!peer->channels.holds_open) return hws_sctp_next_event(peer->sctp, out);
    if (peer->state != HWS_PEER_CLOSED && now < hws_channels_open_due(peer)) return false;
    peer->channels.holds_open = false;
    *out = peer->channels.held;
    return true;
}

void hws_peer_pull_sctp(struct hws_peer *peer, hws_time now)
{
    struct hws_sctp_event event;

    while (!peer->has_inbound && peer->sctp && next_sctp_event(peer, now, &event)) {
        switch (event.kind) {
        case HWS_SCTP_UP:
            on_up(peer, now);
            break;
        case HWS_SCTP_MESSAGE:
            peer->has_inbound = hws_channels_message(peer, &event, now);
            break;
        case HWS_SCTP_RESET_RECEIVED:
            hws_channels_reset_received(peer, event.stream, now);
            break;
        case HWS_SCTP_RESET_SENT:
            hws_channels_reset_sent(peer, event.stream);
            break;
        case HWS_SCTP_WRITABLE:
            hws_channels_writable(peer, now);
            break;
        case HWS_SCTP_DOWN:
            hws_peer_fail(peer, hws_sctp_fault(peer->sctp), now);
            break;
        }
    }
}

/* Packets of SCTP become records as long as the record queue has room; the rest waits in SCTP's
 * queue, which the next turn empties further. */
static void pump_records(struct hws_peer *peer, hws_time now)
{
    struct hws_bytes packet;

    while (peer->sctp && hws_dtls_has_room(peer->dtls) &&
           hws_sctp_next_packet(peer->sctp, &packet)) {
        enum hws_err err;

        hws_peer_saw_packet(peer, true, packet, now);
        err = hws_dtls_send(peer->dtls, packet, now);
        if (err) {
            HWS_LOG(&peer->config.log, HWS_LOG_WARN, now, "peer", "record.dropped", "err=%s",
                    hws_err_name(err));
        }
    }
}

void hws_peer_pump(struct hws_peer *peer, hws_time now)
{
    peer->want_pump = false;
    peer->moved_at = now;
    pump_ice(peer, now);
    if (peer->pathless && !hws_ice_is_searching(peer->ice)) on_silence(peer, now);
    if (peer->state == HWS_PEER_CLOSED) return;
    pump_dtls(peer, now);
    hws_peer_pull_sctp(peer, now);
    /* Told apart from the messages, behind which it would wait for a reader that pauses. */
    if (peer->sctp && hws_sctp_take_writable(peer->sctp)) hws_channels_writable(peer, now);
    if (peer->sctp && peer->channels.retry && !peer->channels.full) hws_channels_flush(peer, now);
    hws_channels_bury(peer, now);
    hws_channels_unblock(peer);
    if (peer->dtls) pump_records(peer, now);
}
