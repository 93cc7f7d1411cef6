/* A client's session: from the id of a worker to a channel, and messages on it. */
#include "base/limits.h"
#include "fsm/offering.h"
#include "sctp/dcep.h"
#include "sdp/sdp.h"
#include "session/link.h"

#include <hawser/session.h>
#include <hawser/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_DEFAULT_S = 30, ANSWER_LEAST_S = 300 };

struct hws_client {
    struct hws_link link;
    struct hws_offering *session; /* owned */
    struct hws_peer *peer;        /* the loop's; NULL before connect and after the end */
    struct hws_channel channel;
    hws_time timeout;
    hws_time started; /* of connecting; 0 = not yet */
    struct hws_client_timeline timeline;
    enum hws_err ended;   /* why the connection is over; HWS_OK while it is not */
    enum hws_cause cause; /* likewise, out of the list */
    bool over;
    struct hws_peer_config peer_config;       /* what we were asked for */
    struct hws_channel_config channel_config; /* likewise; its texts are in names */
    char *names;                              /* owned: the label, the protocol behind it */
    char pin[HWS_FINGERPRINT_TEXT_MAX];       /* "" = none */
    char mid[HWS_MID_MAX + 1];                /* of the section that our candidates belong to */
};

/* ---- Life */

/* It is wanted when the peer is made. */
static bool keep_pin(struct hws_client *client, const char *text)
{
    struct hws_fingerprint pin;
    bool usable = false;

    if (!text) return true;
    if (hws_fingerprint_read(hws_bytes_of(text), &pin, &usable) || !usable) return false;
    return (size_t)snprintf(client->pin, sizeof(client->pin), "%s", text) < sizeof(client->pin);
}

/* Hold on to the texts of the channel: the program may be done with them before we connect. */
static enum hws_err keep_channel(struct hws_client *client, const struct hws_channel_config *in)
{
    struct hws_channel_config *channel = &client->channel_config;
    const char *label = in->label ? in->label : "hawser";
    const char *protocol = in->protocol ? in->protocol : "";
    size_t label_len = in->label && in->label_len ? in->label_len : strlen(label);
    size_t protocol_len = in->protocol && in->protocol_len ? in->protocol_len : strlen(protocol);

    if (label_len > HWS_LABEL_MAX || protocol_len > HWS_LABEL_MAX || in->negotiated)
        return HWS_ERR_ARGUMENT;
    if (!hws_is_utf8((struct hws_bytes){(const uint8_t *)label, label_len}) ||
        !hws_is_utf8((struct hws_bytes){(const uint8_t *)protocol, protocol_len}))
        return HWS_ERR_ARGUMENT;
    if ((unsigned)in->reliability > HWS_CHANNEL_MAX_LIFETIME) return HWS_ERR_ARGUMENT;
    client->names = calloc(1, label_len + protocol_len + 2);
    if (!client->names) return HWS_ERR_NO_MEMORY;
    memcpy(client->names, label, label_len);
    memcpy(client->names + label_len + 1, protocol, protocol_len);
    *channel = *in;
    channel->label = client->names;
    channel->label_len = label_len;
    channel->protocol = client->names + label_len + 1;
    channel->protocol_len = protocol_len;
    return HWS_OK;
}

static enum hws_err init(struct hws_client *client, const struct hws_client_config *config,
                         const char **out_reason)
{
    struct hws_link_config link = {
        .distributor = config->distributor,
        .side = HWS_SIDE_CLIENT,
        .worker = config->worker,
        .insecure = config->insecure,
        .loop = {.log = config->log,
                 .ice_servers = config->ice_servers,
                 .ice_server_count = config->ice_server_count,
                 .servers = config->servers,
                 .server_count = config->server_count,
                 .ice_ca_file = config->ice_ca_file,
                 .relay_only = config->relay_only,
                 .identity = config->identity,
                 .loopback = config->loopback,
                 .hide_addresses = config->hide_addresses,
                 .ice_tcp = config->ice_tcp,
                 .port = config->port,
                 .port_min = config->port_min,
                 .port_max = config->port_max,
                 .interfaces = config->interfaces,
                 .interface_count = config->interface_count,
                 .default_route = config->default_route}
    };
    enum hws_err err;

    *out_reason =
        "the channel is negotiated, or its label or protocol is not UTF-8 of up to 65535 bytes";
    err = keep_channel(client, &config->channel);
    if (err == HWS_ERR_NO_MEMORY) *out_reason = "out of memory";
    if (err) return err;
    *out_reason = "the biggest message is over 16 MiB";
    if (config->max_message_size > HWS_MESSAGE_LIMIT) return HWS_ERR_ARGUMENT;
    *out_reason = "the timeout is negative";
    if (config->timeout < 0) return HWS_ERR_ARGUMENT;
    *out_reason = "a time of consent is negative";
    if (config->consent_expiry < 0 || config->consent_period < 0) return HWS_ERR_ARGUMENT;
    *out_reason = "the pin is no fingerprint such as 'sha-256 AB:CD:...'";
    if (!keep_pin(client, config->pin)) return HWS_ERR_ARGUMENT;
    client->timeout = config->timeout > 0 ? config->timeout : HWS_SEC(CONNECT_DEFAULT_S);
    client->peer_config = (struct hws_peer_config){.key_log = config->key_log,
                                                   .consent_expiry = config->consent_expiry,
                                                   .consent_period = config->consent_period,
                                                   .tap = config->tap,
                                                   .pin = config->pin ? client->pin : NULL,
                                                   .max_message_size = config->max_message_size,
                                                   .connect_limit = client->timeout,
                                                   .restart_ice = true};
    /* Whoever waits long for the first answer must not be cut short. */
    if (client->timeout > HWS_SEC(ANSWER_LEAST_S))
        client->peer_config.answer_limit = client->timeout;
    *out_reason = "out of memory";
    client->session = hws_offering_new();
    if (!client->session) return HWS_ERR_NO_MEMORY;
    return hws_link_init(&client->link, &link, out_reason);
}

enum hws_err hws_client_new(const struct hws_client_config *config, struct hws_client **out,
                            const char **out_reason)
{
    const char *reason = "out of memory";
    struct hws_client *client = calloc(1, sizeof(*client));
    enum hws_err err = client ? init(client, config, &reason) : HWS_ERR_NO_MEMORY;

    if (out_reason) *out_reason = err ? reason : "";
    if (err) {
        hws_client_free(client);
        return err;
    }
    *out = client;
    return HWS_OK;
}

void hws_client_free(struct hws_client *client)
{
    if (!client) return;
    if (client->peer) hws_peer_close(client->peer, hws_loop_now(client->link.loop));
    hws_link_fini(&client->link); /* the loop sends what the peer still has to say */
    hws_offering_free(client->session);
    free(client->names);
    free(client);
}

/* ---- What happens */

static void finish(struct hws_client *client, enum hws_err err, enum hws_cause cause)
{
    if (client->over) return;
    client->over = true;
    client->ended = err ? err : HWS_ERR_CLOSED;
    client->cause = cause;
    hws_offering_close(client->session);
}

/* What the end of the signalling, before we are connected, is for a cause. */
static enum hws_cause signalling_cause(enum hws_err err)
{
    if (err == HWS_ERR_NOT_FOUND) return HWS_CAUSE_NO_WORKER;
    if (err == HWS_ERR_REFUSED || err == HWS_ERR_FULL) return HWS_CAUSE_REFUSED;
    if (err == HWS_ERR_CLOSED) return HWS_CAUSE_CLOSED_BY_PEER;
    if (err == HWS_ERR_MALFORMED || err == HWS_ERR_TOO_BIG) return HWS_CAUSE_BAD_DESCRIPTION;
    if (err == HWS_ERR_NO_MEMORY) return HWS_CAUSE_LOCAL;
    return HWS_CAUSE_SIGNALLING_LOST;
}

static bool is_connected(const struct hws_client *client)
{
    return hws_offering_state(client->session) == HWS_OFFERING_CONNECTED;
}

/* The answer is applied: say so, and let the candidates go. */
static enum hws_err answered(struct hws_client *client, hws_time now)
{
    struct hws_offering_offered *offered = hws_offering_as_offered(client->session);
    struct hws_offering_answered *at;
    enum hws_err err;

    if (!offered) return HWS_OK; /* of a later offer, made before the channel is open */
    err = hws_offering_answer(&offered, &at);
    if (err) return err;
    client->timeline.answered = now - client->started;
    return hws_signal_client_accept_answer(client->link.signal, 0, now);
}

static void take_remote_signal(struct hws_client *client, const struct hws_signal *signal,
                               hws_time now)
{
    enum hws_err err;

    if (!client->peer || client->over) return;
    err = hws_peer_signal(client->peer, signal, now);
    /* A later offer or answer that is refused leaves the connection as it is. */
    if (is_connected(client)) return;
    if (!err && signal->kind == HWS_SIGNAL_ANSWER) err = answered(client, now);
    /* One candidate that is no good leaves the others; a bad answer leaves nothing. */
    if (!err || signal->kind == HWS_SIGNAL_CANDIDATE) return;
    hws_link_because(&client->link, "the worker's answer: %s", hws_peer_fault_text(client->peer));
    finish(client, err,
           hws_err_class(err) == HWS_CLASS_HOST ? HWS_CAUSE_LOCAL : HWS_CAUSE_BAD_DESCRIPTION);
}

static void take_signalling(struct hws_client *client)
{
    hws_time now = hws_loop_now(client->link.loop);
    struct hws_signal_event event;

    while (hws_link_next_signal(&client->link, &event)) {
        switch (event.kind) {
        case HWS_SIGNAL_RECEIVED:
            take_remote_signal(client, &event.signal, now);
            break;
        case HWS_SIGNAL_SESSION_OVER:
            if (is_connected(client)) break; /* the peers are on their own already */
            hws_link_because(&client->link, "the session is over: %s", event.reason);
            finish(client, event.err, signalling_cause(event.err));
            break;
        case HWS_SIGNAL_REGISTERED:
        case HWS_SIGNAL_SESSION_OPEN:
        case HWS_SIGNAL_ACCEPTED:
            break;
        }
    }
}

static void take_stream_state(struct hws_client *client)
{
    enum hws_err err;

    if (client->link.stream_up && client->timeline.signalled == 0)
        client->timeline.signalled = hws_loop_now(client->link.loop) - client->started;
    /* Once peers are connected the distributor is not needed any more. */
    if (!client->link.stream_ended || is_connected(client)) return;
    err = hws_err_of_status(client->link.stream_status);
    finish(client, err, signalling_cause(err));
}

/* What our peer wants signalled: its offer at once, candidates when the session says so. */
static void take_local_signal(struct hws_client *client, const struct hws_signal *signal,
                              hws_time now)
{
    enum hws_err err;

    (void)snprintf(client->mid, sizeof(client->mid), "%s", signal->mid);
    if (signal->kind == HWS_SIGNAL_CANDIDATE) {
        err = hws_offering_hold(client->session, signal->text);
    } else {
        err = hws_signal_client_send(client->link.signal, 0, signal, now);
        if (!err && client->timeline.offered == 0) client->timeline.offered = now - client->started;
    }
    if (err && is_connected(client)) {
        /* The distributor is gone: what there is has to do. */
        if (signal->kind == HWS_SIGNAL_OFFER) (void)!hws_peer_rollback(client->peer, now);
    } else if (err && !client->over) {
        hws_link_because(&client->link, "a signal cannot be sent");
        finish(client, err,
               hws_err_class(err) == HWS_CLASS_HOST ? HWS_CAUSE_LOCAL : HWS_CAUSE_SIGNALLING_LOST);
    }
}

static void send_candidates(struct hws_client *client)
{
    hws_time now = hws_loop_now(client->link.loop);
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE, .mid = client->mid};

    while (hws_offering_next_candidate(client->session, &signal.text)) {
        if (hws_signal_client_send(client->link.signal, 0, &signal, now) != HWS_OK) return;
    }
}

static void opened(struct hws_client *client)
{
    struct hws_offering_answered *at = hws_offering_as_answered(client->session);
    struct hws_offering_connected *connected;

    if (hws_offering_connect(&at, &connected) != HWS_OK) return;
    client->timeline.channel_open = hws_loop_now(client->link.loop) - client->started;
}

/* The worker may open channels of its own; this session has one. */
static bool is_ours(const struct hws_client *client, struct hws_channel channel)
{
    return channel.slot == client->channel.slot && channel.generation == client->channel.generation;
}

/* Did the channel end because the connection broke, and not because the worker wanted it? */
static bool is_broken(const struct hws_client *client)
{
    struct hws_peer_stats stats;

    hws_peer_stats(client->peer, &stats);
    return strcmp(stats.state, "closed") == 0 && hws_peer_fault(client->peer).err != HWS_ERR_CLOSED;
}

/* An event of our peer; true when it is a message for the caller. */
static bool take_event(struct hws_client *client, const struct hws_event *event,
                       struct hws_received *out)
{
    switch (event->kind) {
    case HWS_EVENT_MESSAGE:
        if (!is_ours(client, event->channel)) break;
        *out = (struct hws_received){event->message_kind, event->message};
        return true;
    case HWS_EVENT_CHANNEL_OPEN:
        if (is_ours(client, event->channel)) opened(client);
        break;
    case HWS_EVENT_CHANNEL_CLOSED:
        if (!is_ours(client, event->channel) || is_broken(client)) break; /* why comes next */
        hws_link_because(&client->link, "the worker closed the channel");
        finish(client, HWS_ERR_CLOSED, HWS_CAUSE_CLOSED_BY_PEER);
        break;
    case HWS_EVENT_CLOSED:
        if (!client->over) hws_link_because(&client->link, "%s", hws_peer_fault_text(client->peer));
        finish(client, event->fault.err, event->cause);
        break;
    case HWS_EVENT_NONE:
    case HWS_EVENT_PATH:
    case HWS_EVENT_CONNECTED:
    case HWS_EVENT_CHANNEL_INCOMING:
    case HWS_EVENT_WRITABLE:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_SERVER_FAILED:
        break;
    }
    return false;
}

/* Take what is there; true as soon as one is a message for the caller. */
static bool take_items(struct hws_client *client, struct hws_received *out)
{
    struct hws_loop_item item;

    take_signalling(client);
    take_stream_state(client);
    while (hws_loop_next(client->link.loop, &item)) {
        if (item.is_signal) {
            take_local_signal(client, &item.signal, hws_loop_now(client->link.loop));
        } else if (take_event(client, &item.event, out)) {
            return true;
        }
    }
    send_candidates(client);
    hws_link_flush(&client->link);
    return false;
}

/* ---- Connecting */

static enum hws_err begin(struct hws_client *client)
{
    hws_time now = hws_loop_now(client->link.loop);
    enum hws_err err;

    client->started = now;
    err = hws_loop_add_peer(client->link.loop, &client->peer_config, client, &client->peer);
    if (err) {
        hws_link_because_no_peer(&client->link, err);
        return err;
    }
    now = hws_loop_now(client->link.loop);
    client->timeline.gathered = now - client->started;
    err = hws_peer_open_channel(client->peer, &client->channel_config, now, &client->channel);
    if (!err) err = hws_peer_offer(client->peer, now);
    return err;
}

/* The time is up: what was it that did not come? The peer knows it once the offer is out. */
static void give_up(struct hws_client *client)
{
    const char *state = hws_offering_state_name(hws_offering_state(client->session));
    enum hws_cause cause = HWS_CAUSE_SIGNALLING_LOST;

    if (client->link.stream_up) {
        hws_peer_expire(client->peer, hws_loop_now(client->link.loop));
        cause = hws_peer_cause(client->peer);
        if (cause == HWS_CAUSE_NONE) cause = HWS_CAUSE_NO_CHANNEL; /* its ACK is out */
        hws_link_because(&client->link, "not connected in time (state %s): %s: %s", state,
                         hws_cause_text(cause), hws_peer_fault_text(client->peer));
    } else {
        hws_link_because(&client->link,
                         "not connected in time (state %s): the distributor %s did "
                         "not answer",
                         state, client->link.stream_config.url);
    }
    finish(client, HWS_ERR_TIMEOUT, cause);
}

enum hws_err hws_client_connect(struct hws_client *client)
{
    struct hws_received none;
    hws_time deadline = hws_link_deadline(&client->link, client->timeout);
    enum hws_err err;

    if (client->started) return HWS_ERR_STATE;
    err = begin(client);
    while (!err && !is_connected(client)) {
        (void)take_items(client, &none); /* nothing can come before the channel is open */
        if (client->over) return client->ended;
        if (is_connected(client)) break;
        if (hws_link_left(&client->link, deadline) == 0) {
            give_up(client);
            return HWS_ERR_TIMEOUT;
        }
        if (hws_link_take_wake(&client->link)) return HWS_ERR_AGAIN;
        err = hws_link_turn(&client->link, hws_link_left(&client->link, deadline));
    }
    if (err) client->cause = HWS_CAUSE_LOCAL;
    return err;
}

/* ---- Messages */

/* One step of a function that waits: HWS_OK to look again. Messages stay where they are. */
static enum hws_err wait_step(struct hws_client *client, hws_time deadline)
{
    struct hws_received none;
    enum hws_err err;

    if (hws_link_take_wake(&client->link)) return HWS_ERR_AGAIN;
    if (hws_link_left(&client->link, deadline) == 0) return HWS_ERR_TIMEOUT;
    hws_peer_pause(client->peer, true);
    err = hws_link_turn(&client->link, hws_link_left(&client->link, deadline));
    (void)take_items(client, &none);
    hws_peer_pause(client->peer, false);
    return err;
}

static enum hws_err closed_or_state(const struct hws_client *client)
{
    return client->over && client->timeline.channel_open ? HWS_ERR_CLOSED : HWS_ERR_STATE;
}

enum hws_err hws_client_send(struct hws_client *client, enum hws_message_kind kind,
                             struct hws_bytes message, hws_time timeout)
{
    hws_time deadline = hws_link_deadline(&client->link, timeout);
    enum hws_err err;

    for (;;) {
        if (!is_connected(client)) return closed_or_state(client);
        err = hws_peer_send(client->peer, client->channel, kind, message,
                            hws_loop_now(client->link.loop));
        if (err != HWS_ERR_FULL) break;
        if (timeout == 0) {
            err = hws_link_turn(&client->link, 0);
            return err ? err : HWS_ERR_AGAIN;
        }
        err = wait_step(client, deadline);
        if (err) return err;
    }
    if (err == HWS_ERR_STATE) return HWS_ERR_CLOSED;
    if (err) return err;
    return hws_link_turn(&client->link, 0); /* it leaves now, not at the next call */
}

enum hws_err hws_client_recv(struct hws_client *client, hws_time timeout, struct hws_received *out)
{
    hws_time deadline = hws_link_deadline(&client->link, timeout);
    enum hws_err err;

    if (client->timeline.channel_open == 0) return HWS_ERR_STATE;
    for (;;) {
        if (take_items(client, out)) return HWS_OK;
        if (client->over) return HWS_ERR_CLOSED;
        if (hws_link_take_wake(&client->link)) return HWS_ERR_AGAIN;
        if (timeout > 0 && hws_link_left(&client->link, deadline) == 0) return HWS_ERR_TIMEOUT;
        err = hws_link_turn(&client->link, hws_link_left(&client->link, deadline));
        if (err) return err;
        if (timeout == 0) return take_items(client, out) ? HWS_OK : HWS_ERR_AGAIN;
    }
}

enum hws_err hws_client_flush(struct hws_client *client, hws_time timeout)
{
    hws_time deadline = hws_link_deadline(&client->link, timeout);
    enum hws_err err = HWS_OK;

    while (!err) {
        if (!is_connected(client)) return closed_or_state(client);
        if (hws_peer_buffered(client->peer) == 0) return HWS_OK;
        err = wait_step(client, deadline);
    }
    return err;
}

/* ---- Questions */

void hws_client_wake(struct hws_client *client)
{
    hws_link_wake(&client->link);
}

const char *hws_client_reason(const struct hws_client *client)
{
    return client->link.reason;
}

enum hws_cause hws_client_cause(const struct hws_client *client)
{
    return client->cause;
}

static hws_time since(const struct hws_client *client, hws_time moment)
{
    return moment ? moment - client->started : 0;
}

const struct hws_peer *hws_client_peer(const struct hws_client *client)
{
    return client->peer;
}

void hws_client_timeline(const struct hws_client *client, struct hws_client_timeline *out)
{
    struct hws_timeline line = {0};

    if (client->peer) hws_peer_timeline(client->peer, &line);
    *out = client->timeline;
    out->path = since(client, line.path);
    out->secured = since(client, line.secured);
    out->associated = since(client, line.associated);
}

bool hws_client_path(const struct hws_client *client, struct hws_path *out)
{
    return client->peer && hws_peer_path(client->peer, out);
}

size_t hws_client_buffered(const struct hws_client *client)
{
    return client->peer ? hws_peer_buffered(client->peer) : 0;
}
