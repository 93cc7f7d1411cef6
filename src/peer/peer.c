/* The peer: its life, its inputs and outputs, and what may be asked of it. */
#include "peer/peer_internal.h"

#include "base/demux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEND_BUFFER_MIN = 16 * 1024, /* what hws_sctp_new() takes */
    SEND_BUFFER_MAX = 64 * 1024 * 1024,
    SEND_TOTAL_MAX = 1024 * 1024 * 1024,
};

/* ---- Life */

/* Who takes long messages sends some, most likely: the longest fits. */
static size_t send_buffer_of(const struct hws_peer_config *config)
{
    if (config->send_buffer != 0) return config->send_buffer;
    return config->max_message_size > HWS_SEND_BUFFER ? config->max_message_size : HWS_SEND_BUFFER;
}

static enum hws_err check_config(const struct hws_peer_config *config)
{
    if (!config->stack || !config->identity || !config->random.fill) return HWS_ERR_ARGUMENT;
    if (config->max_message_size > HWS_MESSAGE_LIMIT) return HWS_ERR_ARGUMENT;
    if (config->send_buffer != 0 &&
        (config->send_buffer < SEND_BUFFER_MIN || config->send_buffer > SEND_BUFFER_MAX))
        return HWS_ERR_ARGUMENT;
    if (config->send_total != 0 &&
        (config->send_total > SEND_TOTAL_MAX || config->send_total < send_buffer_of(config)))
        return HWS_ERR_ARGUMENT;
    if (config->consent_expiry < 0 || config->consent_period < 0 || config->connect_limit < 0)
        return HWS_ERR_ARGUMENT;
    if (config->answer_limit < 0 || config->open_limit < 0) return HWS_ERR_ARGUMENT;
    return HWS_OK;
}

static void set_defaults(struct hws_peer_config *config)
{
    if (config->max_message_size == 0) config->max_message_size = HWS_MESSAGE_MAX_DEFAULT;
    config->send_buffer = send_buffer_of(config);
    if (config->send_total == 0) {
        /* One full channel leaves room for the others. */
        config->send_total = 2 * config->send_buffer;
        if (config->send_total < HWS_SEND_TOTAL) config->send_total = HWS_SEND_TOTAL;
    }
    if (config->stream_count == 0) config->stream_count = HWS_STREAMS_DEFAULT;
    if (config->channel_limit == 0) config->channel_limit = HWS_CHANNELS_DEFAULT;
    if (config->channel_limit > config->stream_count) config->channel_limit = config->stream_count;
    if (config->channel_limit > HWS_SLOT_MAX) config->channel_limit = HWS_SLOT_MAX;
    if (config->sctp_port == 0) config->sctp_port = HWS_SCTP_PORT;
    if (config->connect_limit == 0) config->connect_limit = HWS_MS(39500); /* RFC 8863 section 4 */
    if (config->answer_limit == 0) config->answer_limit = HWS_SEC(300);
}

static enum hws_err init(struct hws_peer *peer, const struct hws_peer_config *config)
{
    struct hws_ice_config ice = {
        .random = config->random,
        .log = config->log,
        .consent_expiry = config->consent_expiry,
        .consent_period = config->consent_period,
        .lite = config->ice_lite,
        .relay_only = config->relay_only,
        .tcp = config->ice_tcp,
    };
    uint8_t id[8];
    enum hws_err err;

    peer->config = *config;
    set_defaults(&peer->config);
    hws_channels_init(peer);
    peer->connect_deadline = peer->answer_deadline = peer->open_deadline = HWS_NEVER;
    peer->neg = hws_neg_new();
    if (!peer->neg) return HWS_ERR_NO_MEMORY;
    err = hws_ice_new(&ice, &peer->ice);
    if (err) return err;
    err = hws_ring_init(&peer->early, HWS_EARLY_QUEUE, HWS_DATAGRAM_IN_MAX);
    if (err) return err;
    config->random.fill(config->random.user, id, sizeof(id));
    memcpy(&peer->session_id, id, sizeof(id));
    peer->session_id &= INT64_MAX; /* RFC 9429 section 5.2.1: the highest bit is zero */
    return HWS_OK;
}

enum hws_err hws_peer_new(const struct hws_peer_config *config, hws_time now, struct hws_peer **out)
{
    enum hws_err err = check_config(config);
    struct hws_peer *peer;

    (void)now;
    if (err) return err;
    peer = calloc(1, sizeof(*peer));
    if (!peer) return HWS_ERR_NO_MEMORY;
    err = init(peer, config);
    if (err) {
        hws_peer_free(peer);
        return err;
    }
    *out = peer;
    return HWS_OK;
}

static void free_signals(struct hws_peer *peer)
{
    while (peer->signals) {
        struct hws_signal_item *next = peer->signals->next;

        free(peer->signals);
        peer->signals = next;
    }
    free(peer->signal_out);
}

void hws_peer_free(struct hws_peer *peer)
{
    if (!peer) return;
    hws_sctp_free(peer->sctp);
    hws_dtls_free(peer->dtls);
    hws_ice_free(peer->ice);
    hws_neg_free(peer->neg);
    hws_channels_fini(peer);
    hws_ring_fini(&peer->early);
    free_signals(peer);
    hws_peer_relay_fini(peer);
    free(peer->layout.media);
    free(peer->names);
    hws_wipe(&peer->remote, sizeof(peer->remote));
    free(peer);
}

void hws_peer_note(struct hws_peer *peer, struct hws_fault fault, const char *detail)
{
    int len;

    peer->fault = fault;
    len = snprintf(peer->fault_text, sizeof(peer->fault_text), "%s: %s", fault.layer, fault.what);
    if (len < 0 || (size_t)len >= sizeof(peer->fault_text)) return;
    if (detail) {
        (void)snprintf(peer->fault_text + len, sizeof(peer->fault_text) - (size_t)len, ": %s",
                       detail);
    } else if (fault.foreign != 0) {
        (void)snprintf(peer->fault_text + len, sizeof(peer->fault_text) - (size_t)len, " (%d)",
                       (int)fault.foreign);
    }
}

void hws_peer_shut(struct hws_peer *peer, struct hws_fault fault, const char *detail, hws_time now)
{
    hws_peer_note(peer, fault, detail);
    peer->state = HWS_PEER_CLOSED;
    peer->closed_at = now;
    peer->connect_deadline = peer->answer_deadline = peer->open_deadline = HWS_NEVER;
    hws_neg_close(peer->neg);
    hws_channels_stop(peer);
    HWS_LOG(&peer->config.log, HWS_LOG_INFO, now, "peer", "closed",
            "cause=%s err=%s layer=%s what=\"%s\"", hws_cause_name(peer->cause),
            hws_err_name(fault.err), fault.layer, fault.what);
}

void hws_peer_say_goodbye(struct hws_peer *peer, hws_time now)
{
    peer->channels.holds_open = false; /* what it lends ends here */
    /* ABORT so that the other side need not wait, then close_notify behind it. */
    if (peer->sctp) hws_sctp_abort(peer->sctp, now);
    hws_peer_pump(peer, now);
    if (peer->dtls) hws_dtls_close(peer->dtls, now);
}

void hws_peer_close(struct hws_peer *peer, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    hws_peer_say_goodbye(peer, now);
    hws_peer_fail(peer, (struct hws_fault){HWS_OK, "peer", "closed by this side", 0}, now);
    peer->has_inbound = false;
    if (peer->sctp) hws_sctp_stats(peer->sctp, &peer->counts.sctp);
    hws_sctp_free(peer->sctp);
    peer->sctp = NULL;
}

void hws_peer_doubt(struct hws_peer *peer, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    hws_ice_doubt(peer->ice, now);
    hws_peer_pump(peer, now);
}

/* ---- Where we are */

enum hws_err hws_peer_add_local(struct hws_peer *peer, const struct hws_address *addr, hws_time now)
{
    enum hws_err err = hws_ice_add_local(peer->ice, addr, now);

    if (!err) hws_peer_pump(peer, now);
    return err;
}

void hws_peer_remove_local(struct hws_peer *peer, const struct hws_address *addr, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    hws_ice_remove_local(peer->ice, addr, now);
    hws_peer_pump(peer, now);
}

enum hws_err hws_peer_add_stun(struct hws_peer *peer, const struct hws_address *addr, hws_time now)
{
    enum hws_err err = hws_ice_add_server(peer->ice, addr, now);

    if (!err) hws_peer_pump(peer, now);
    return err;
}

void hws_peer_end_local(struct hws_peer *peer, hws_time now)
{
    hws_ice_end_local(peer->ice, now);
    hws_peer_pump(peer, now);
}

/* ---- Signalling */

enum hws_err hws_peer_offer(struct hws_peer *peer, hws_time now)
{
    enum hws_err err = hws_peer_write_offer(peer, now);

    if (!err) hws_peer_pump(peer, now);
    return err;
}

enum hws_err hws_peer_restart_ice(struct hws_peer *peer, hws_time now)
{
    enum hws_err err = hws_peer_write_restart(peer, now);

    if (!err) hws_peer_pump(peer, now);
    return err;
}

enum hws_err hws_peer_rollback(struct hws_peer *peer, hws_time now)
{
    enum hws_err err = hws_peer_withdraw_offer(peer, now);

    if (!err) hws_peer_pump(peer, now);
    return err;
}

static enum hws_err take_signal(struct hws_peer *peer, const struct hws_signal *in, hws_time now)
{
    switch (in->kind) {
    case HWS_SIGNAL_OFFER:
        return hws_peer_take_description(peer, HWS_SDP_OFFER, in->text, now);
    case HWS_SIGNAL_ANSWER:
        return hws_peer_take_description(peer, HWS_SDP_ANSWER, in->text, now);
    case HWS_SIGNAL_CANDIDATE:
        return hws_peer_take_candidate(peer, in, now);
    }
    return HWS_ERR_ARGUMENT;
}

enum hws_err hws_peer_signal(struct hws_peer *peer, const struct hws_signal *in, hws_time now)
{
    enum hws_err err;

    if (peer->state == HWS_PEER_CLOSED) return HWS_ERR_STATE;
    err = take_signal(peer, in, now);
    hws_peer_pump(peer, now);
    return err;
}

bool hws_peer_next_signal(struct hws_peer *peer, struct hws_signal *out)
{
    struct hws_signal_item *item = peer->signals;

    free(peer->signal_out);
    peer->signal_out = NULL;
    if (!item) return false;
    peer->signals = item->next;
    if (!peer->signals) peer->signals_tail = NULL;
    peer->signal_out = item;
    *out = (struct hws_signal){
        .kind = item->kind,
        .text = {(const uint8_t *)item->text, item->len},
        .mid = peer->remote.mid[0] ? peer->remote.mid : "0",
        .ufrag = item->ufrag,
    };
    return true;
}

/* ---- Packets and time */

enum hws_err hws_peer_feed(struct hws_peer *peer, const struct hws_datagram *in, hws_time now)
{
    enum hws_err err = HWS_ERR_UNSUPPORTED;
    struct hws_datagram inner;

    hws_peer_saw_datagram(peer, false, in, now);
    if (peer->state == HWS_PEER_CLOSED) {
        peer->counts.dropped_closed++;
        return HWS_ERR_STATE;
    }
    if (in->bytes.len == 0 || in->bytes.len > HWS_DATAGRAM_IN_MAX) {
        peer->counts.dropped_format++;
        return HWS_ERR_MALFORMED;
    }
    if (!hws_peer_unwrap(peer, &in, &inner, now)) {
        hws_peer_pump(peer, now);
        return HWS_OK;
    }
    switch (hws_demux(in->bytes)) {
    case HWS_DEMUX_STUN:
        err = hws_ice_feed(peer->ice, in, now);
        break;
    case HWS_DEMUX_DTLS:
        err = hws_peer_feed_dtls(peer, in, now);
        break;
    case HWS_DEMUX_TURN: /* from no server of ours: nobody may send it */
    case HWS_DEMUX_DROP:
        peer->counts.dropped_format++;
        break;
    }
    hws_peer_pump(peer, now);
    return err;
}

bool hws_ufrag_of_check(struct hws_bytes datagram, struct hws_bytes *out)
{
    return hws_demux(datagram) == HWS_DEMUX_STUN && hws_ice_ufrag_of_check(datagram, out);
}

bool hws_peer_has_ufrag(const struct hws_peer *peer, struct hws_bytes ufrag)
{
    return peer->state != HWS_PEER_CLOSED && hws_ice_has_ufrag(peer->ice, ufrag);
}

bool hws_peer_needs_stream(const struct hws_peer *peer, const struct hws_address *local,
                           const struct hws_address *remote)
{
    return hws_ice_needs_stream(peer->ice, local, remote);
}

void hws_peer_stream_gone(struct hws_peer *peer, const struct hws_address *local,
                          const struct hws_address *remote, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    hws_ice_stream_gone(peer->ice, local, remote, now);
    hws_peer_pump(peer, now);
}

/* When what we sent has waited for an answer too long: SCTP acknowledges within 200 ms. */
static hws_time silence_due(const struct hws_peer *peer)
{
    struct hws_ice_path path;

    if (peer->state != HWS_PEER_CONNECTED || peer->unanswered_since == 0) return HWS_NEVER;
    if (!hws_ice_path(peer->ice, &path)) return HWS_NEVER;
    return peer->unanswered_since + HWS_SEC(1) + 3 * path.rtt;
}

static hws_time restart_due(const struct hws_peer *peer)
{
    if (!peer->config.restart_ice || peer->state != HWS_PEER_CONNECTED ||
        hws_neg_state(peer->neg) != HWS_NEG_STABLE)
        return HWS_NEVER;
    return hws_ice_restart_due(peer->ice);
}

static void heal_path(struct hws_peer *peer, hws_time now)
{
    if (silence_due(peer) <= now) {
        peer->unanswered_since = 0; /* from the next packet on it is watched again */
        hws_ice_suspect(peer->ice, now);
    }
    if (restart_due(peer) <= now && hws_peer_write_restart(peer, now) != HWS_OK) {
        hws_peer_fail(peer, (struct hws_fault){HWS_ERR_NO_MEMORY, "peer", "out of memory", 0}, now);
    }
}

void hws_peer_tick(struct hws_peer *peer, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    heal_path(peer, now);
    hws_ice_tick(peer->ice, now);
    if (peer->dtls) hws_dtls_tick(peer->dtls, now);
    if (peer->sctp) hws_sctp_tick(peer->sctp, now);
    hws_peer_pump(peer, now);
    hws_peer_check_limits(peer, now);
}

hws_time hws_peer_deadline(const struct hws_peer *peer)
{
    hws_time due = HWS_NEVER;
    hws_time layers[8];
    size_t count = 0;

    if (peer->state == HWS_PEER_CLOSED) return HWS_NEVER;
    if (peer->want_pump) return HWS_PAST;
    layers[count++] = peer->channels.next_death;
    layers[count++] = hws_channels_open_due(peer);
    layers[count++] = silence_due(peer);
    layers[count++] = restart_due(peer);
    layers[count++] = hws_peer_limit_due(peer);
    layers[count++] = hws_ice_deadline(peer->ice);
    if (peer->dtls) layers[count++] = hws_dtls_deadline(peer->dtls);
    if (peer->sctp) layers[count++] = hws_sctp_deadline(peer->sctp);
    for (size_t i = 0; i < count; i++) {
        if (layers[i] < due) due = layers[i];
    }
    return due;
}

/* ---- Outputs */

static bool next_record(struct hws_peer *peer, size_t nth, struct hws_datagram *out)
{
    struct hws_ice_path path;
    struct hws_bytes record;

    if (!peer->dtls || !hws_ice_path(peer->ice, &path)) return false; /* RFC 7675 section 5.1 */
    do {
        if (!hws_dtls_next_packet(peer->dtls, &record)) return false;
    } while (!hws_peer_wrap(peer, record, nth, out)); /* a relay that is gone loses it */
    if (peer->unanswered_since == 0) peer->unanswered_since = peer->moved_at;
    /* The queue has room again: what SCTP still holds may follow. */
    if (peer->sctp) peer->want_pump = true;
    return true;
}

size_t hws_peer_next_datagrams(struct hws_peer *peer, struct hws_datagram *out, size_t cap)
{
    size_t count = 0;

    /* One borrowed range at a time is what the layers below promise for ICE; DTLS records stay
     * where they are until the next record is made, so a batch of them can be lent at once. */
    if (cap > 0 && hws_ice_next_packet(peer->ice, &out[0])) {
        count = 1;
    } else {
        cap = hws_peer_batch(peer, cap);
        while (count < cap && next_record(peer, count, &out[count])) {
            count++;
        }
    }
    if (count == 0 && cap > 0) {
        hws_peer_release_relays(peer);
        if (hws_ice_next_packet(peer->ice, &out[0])) count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        hws_peer_saw_datagram(peer, true, &out[i], peer->moved_at);
    }
    return count;
}

static bool next_message(struct hws_peer *peer, struct hws_event *out)
{
    if (!peer->has_inbound || peer->paused) return false;
    *out = (struct hws_event){
        .kind = HWS_EVENT_MESSAGE,
        .channel = peer->inbound_channel,
        .message_kind = peer->inbound_kind,
        .message = peer->inbound_data,
    };
    hws_peer_saw_message(peer, false, out->channel, out->message.len);
    peer->has_inbound = false;
    peer->want_pump = true; /* what is behind it in SCTP may need an answer */
    return true;
}

static bool take_flag(bool *flag, enum hws_event_kind kind, struct hws_event *out)
{
    if (!*flag) return false;
    *flag = false;
    *out = (struct hws_event){.kind = kind};
    return true;
}

/* The peer is over: what had arrived before comes first, then the channels, then the end. */
static bool next_last_event(struct hws_peer *peer, struct hws_event *out)
{
    if (!peer->ended) {
        hws_peer_pull_sctp(peer, 0);
        if (next_message(peer, out)) return true;
        if (peer->has_inbound) return false; /* paused: the end waits too */
        peer->ended = true;
        hws_channels_end(peer);
        peer->tell_closed = true;
    }
    if (hws_channels_next_event(peer, out)) return true;
    if (!take_flag(&peer->tell_closed, HWS_EVENT_CLOSED, out)) return false;
    out->fault = peer->fault;
    out->cause = peer->cause;
    return true;
}

bool hws_peer_next_event(struct hws_peer *peer, struct hws_event *out)
{
    if (take_flag(&peer->tell_path, HWS_EVENT_PATH, out)) return true;
    if (take_flag(&peer->tell_connected, HWS_EVENT_CONNECTED, out)) return true;
    if (hws_peer_next_report(peer, out)) return true;
    if (hws_channels_next_event(peer, out)) return true;
    if (next_message(peer, out)) return true;
    return peer->state == HWS_PEER_CLOSED && next_last_event(peer, out);
}

bool hws_peer_has_output(const struct hws_peer *peer)
{
    return peer->signals || peer->reports || peer->tell_path || peer->tell_connected ||
           peer->channels.lists[HWS_LIST_TOLD].head != HWS_NO_SLOT ||
           (peer->has_inbound && !peer->paused) || peer->tell_closed ||
           /* Only a message that a pause holds back holds the end back too. */
           (peer->state == HWS_PEER_CLOSED && !peer->ended && !(peer->paused && peer->has_inbound));
}

void hws_peer_pause(struct hws_peer *peer, bool paused)
{
    peer->paused = paused;
}

/* ---- Questions */

size_t hws_peer_buffered(const struct hws_peer *peer)
{
    return peer->channels.waiting_bytes + (peer->sctp ? hws_sctp_buffered(peer->sctp) : 0);
}

bool hws_peer_path(const struct hws_peer *peer, struct hws_path *out)
{
    struct hws_ice_path path;

    if (!hws_ice_path(peer->ice, &path)) return false;
    *out = (struct hws_path){
        .local = path.local,
        .remote = path.remote,
        .local_type = hws_candidate_type_name(path.local_type),
        .remote_type = hws_candidate_type_name(path.remote_type),
        .rtt = path.rtt,
    };
    if (path.remote_named) out->remote = (struct hws_address){0};
    return true;
}

void hws_peer_timeline(const struct hws_peer *peer, struct hws_timeline *out)
{
    *out = peer->timeline;
}

struct hws_fault hws_peer_fault(const struct hws_peer *peer)
{
    struct hws_fault fault = peer->fault;

    if (!fault.layer) fault.layer = "";
    if (!fault.what) fault.what = "";
    return fault;
}

const char *hws_peer_fault_text(const struct hws_peer *peer)
{
    return peer->fault_text;
}

enum hws_err hws_peer_export_key(const struct hws_peer *peer, const char *label,
                                 struct hws_bytes context, uint8_t *out, size_t len)
{
    return peer->dtls ? hws_dtls_export(peer->dtls, label, context, out, len) : HWS_ERR_STATE;
}

const char *hws_peer_dtls_version(const struct hws_peer *peer)
{
    return peer->dtls ? hws_dtls_version(peer->dtls) : "none";
}
