/* A worker's session object: registers, answers every client, and hands on what they send. */
#include "base/limits.h"
#include "fsm/answering.h"
#include "session/link.h"

#include <hawser/session.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENT_DEFAULT = 1024,
    REGISTER_DEFAULT_S = 30,
    OPEN_DEFAULT_S = 30,
    /* Between tries to register again: doubled from the first to the last. */
    RETRY_FIRST_MS = 200,
    RETRY_LAST_MS = 5000,
};

/* One client. The peer's user pointer leads here. */
struct guest {
    struct hws_peer *peer; /* the loop's; NULL = the slot is free */
    struct hws_answering *session;
    uint64_t signalling; /* session number at the distributor; 0 = that is over */
    uint32_t generation;
    bool told;                 /* CONNECTED was told, so CLOSED will be */
    char mid[HWS_MID_MAX + 1]; /* of the section that our candidates belong to */
};

struct hws_worker {
    struct hws_link link;
    struct guest *guests; /* owned; guest_max of them */
    size_t guest_max, guest_count;
    hws_time timeout;
    struct hws_peer_config peer_config; /* of every connection */
    bool started, registered;
    bool lost;         /* the distributor is gone, and it has been told */
    bool back;         /* it is there again, which has not been told */
    hws_time retry_at; /* while lost: when to try again */
    hws_time retry_wait;
    struct guest *ended; /* its CLOSED event is out: freed at the next call */
    char closed_reason[HWS_REASON_MAX];
};

/* ---- Life */

static enum hws_err init(struct hws_worker *worker, const struct hws_worker_config *config,
                         const char **out_reason)
{
    struct hws_link_config link = {
        .distributor = config->distributor,
        .side = HWS_SIDE_WORKER,
        .worker = config->id,
        .insecure = config->insecure,
        .session_max = config->client_max ? config->client_max : CLIENT_DEFAULT,
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
                 .interface_count = config->interface_count}
    };

    *out_reason = "an ICE lite agent is reached at its own addresses, without relays and names";
    if (config->ice_lite && (config->relay_only || config->hide_addresses)) return HWS_ERR_ARGUMENT;
    *out_reason = "the timeout is negative";
    if (config->timeout < 0 || config->client_timeout < 0) return HWS_ERR_ARGUMENT;
    *out_reason = "more than 65536 clients at a time";
    if (link.session_max > 65536) return HWS_ERR_ARGUMENT;
    *out_reason = "the biggest message is over 16 MiB";
    if (config->max_message_size > HWS_MESSAGE_LIMIT) return HWS_ERR_ARGUMENT;
    *out_reason = "a time of consent is negative";
    if (config->consent_expiry < 0 || config->consent_period < 0) return HWS_ERR_ARGUMENT;
    worker->peer_config = (struct hws_peer_config){.key_log = config->key_log,
                                                   .ice_lite = config->ice_lite,
                                                   .consent_expiry = config->consent_expiry,
                                                   .consent_period = config->consent_period,
                                                   .tap = config->tap,
                                                   .max_message_size = config->max_message_size,
                                                   .polite = true}; /* the client is not */
    worker->peer_config.open_limit =
        config->client_timeout > 0 ? config->client_timeout : HWS_SEC(OPEN_DEFAULT_S);
    worker->timeout = config->timeout > 0 ? config->timeout : HWS_SEC(REGISTER_DEFAULT_S);
    worker->guest_max = link.session_max;
    worker->retry_wait = HWS_MS(RETRY_FIRST_MS);
    *out_reason = "out of memory";
    worker->guests = calloc(worker->guest_max, sizeof(*worker->guests));
    if (!worker->guests) return HWS_ERR_NO_MEMORY;
    return hws_link_init(&worker->link, &link, out_reason);
}

enum hws_err hws_worker_new(const struct hws_worker_config *config, struct hws_worker **out,
                            const char **out_reason)
{
    const char *reason = "out of memory";
    struct hws_worker *worker = calloc(1, sizeof(*worker));
    enum hws_err err = worker ? init(worker, config, &reason) : HWS_ERR_NO_MEMORY;

    if (out_reason) *out_reason = err ? reason : "";
    if (err) {
        hws_worker_free(worker);
        return err;
    }
    *out = worker;
    return HWS_OK;
}

static void release(struct hws_worker *worker, struct guest *guest)
{
    if (!guest->peer) return;
    hws_loop_remove_peer(worker->link.loop, guest->peer);
    hws_answering_free(guest->session);
    *guest = (struct guest){.generation = guest->generation};
    worker->guest_count--;
}

void hws_worker_free(struct hws_worker *worker)
{
    if (!worker) return;
    for (size_t i = 0; worker->guests && i < worker->guest_max; i++) {
        if (!worker->guests[i].peer) continue;
        hws_peer_close(worker->guests[i].peer, hws_loop_now(worker->link.loop));
        release(worker, &worker->guests[i]);
    }
    hws_link_fini(&worker->link);
    free(worker->guests);
    free(worker);
}

/* ---- Clients */

static struct hws_connection handle_of(const struct hws_worker *worker, const struct guest *guest)
{
    return (struct hws_connection){(uint32_t)(guest - worker->guests), guest->generation};
}

static struct guest *guest_at(const struct hws_worker *worker, struct hws_connection handle)
{
    struct guest *guest;

    if (handle.generation == 0 || handle.slot >= worker->guest_max) return NULL;
    guest = &worker->guests[handle.slot];
    return guest->peer && guest->generation == handle.generation ? guest : NULL;
}

static struct guest *guest_in(struct hws_worker *worker, uint64_t signalling)
{
    for (size_t i = 0; signalling && i < worker->guest_max; i++) {
        if (worker->guests[i].peer && worker->guests[i].signalling == signalling)
            return &worker->guests[i];
    }
    return NULL;
}

static struct guest *free_slot(struct hws_worker *worker)
{
    for (size_t i = 0; i < worker->guest_max; i++) {
        if (!worker->guests[i].peer) return &worker->guests[i];
    }
    return NULL;
}

/* NULL when it cannot be; then worker->link.reason says why, as the client is told. */
static struct guest *welcome(struct hws_worker *worker, uint64_t signalling)
{
    struct guest *guest = free_slot(worker);
    enum hws_err err = HWS_ERR_NO_MEMORY;

    if (!guest) {
        hws_link_because(&worker->link, "the worker has no room for another client");
        return NULL;
    }
    guest->session = hws_answering_new();
    if (guest->session)
        err = hws_loop_add_peer(worker->link.loop, &worker->peer_config, guest, &guest->peer);
    if (err) {
        hws_link_because_no_peer(&worker->link, err);
        hws_answering_free(guest->session);
        guest->session = NULL;
        return NULL;
    }
    guest->signalling = signalling;
    guest->generation = guest->generation == UINT32_MAX ? 1 : guest->generation + 1;
    worker->guest_count++;
    return guest;
}

/* The session at the distributor is over for this client, told or not. */
static void leave(struct hws_worker *worker, struct guest *guest, const char *reason, hws_time now)
{
    if (guest->signalling)
        (void)hws_signal_client_close_session(worker->link.signal, guest->signalling, reason, now);
    guest->signalling = 0;
}

static enum hws_err apply_offer(struct guest *guest, const struct hws_signal *offer, hws_time now)
{
    struct hws_answering_waiting *waiting = hws_answering_as_waiting(guest->session);
    struct hws_answering_answering *answering;
    enum hws_err err = hws_peer_signal(guest->peer, offer, now);

    /* A second offer renegotiates and leaves the session where it is. */
    return err || !waiting ? err : hws_answering_offer(&waiting, &answering);
}

static void take_offer(struct hws_worker *worker, uint64_t signalling,
                       const struct hws_signal *offer, hws_time now)
{
    struct guest *guest = guest_in(worker, signalling);
    bool first = !guest;

    if (first) guest = welcome(worker, signalling);
    if (!guest) {
        (void)hws_signal_client_close_session(worker->link.signal, signalling, worker->link.reason,
                                              now);
        return;
    }
    if (apply_offer(guest, offer, now) == HWS_OK || !first) return;
    leave(worker, guest, hws_peer_fault_text(guest->peer), now);
    release(worker, guest);
}

static void take_remote_signal(struct hws_worker *worker, const struct hws_signal_event *event,
                               hws_time now)
{
    struct guest *guest;

    if (event->signal.kind == HWS_SIGNAL_OFFER) {
        take_offer(worker, event->session, &event->signal, now);
        return;
    }
    guest = guest_in(worker, event->session);
    /* A candidate that is no good is dropped: others may do. */
    if (guest) (void)!hws_peer_signal(guest->peer, &event->signal, now);
}

static bool is_connected(const struct guest *guest)
{
    return hws_answering_state(guest->session) == HWS_ANSWERING_CONNECTED;
}

/* The client left the distributor. One that is connected may go on without it, or be dead. */
static void session_over(struct hws_worker *worker, uint64_t signalling, hws_time now)
{
    struct guest *guest = guest_in(worker, signalling);

    if (!guest) return;
    guest->signalling = 0;
    if (is_connected(guest)) {
        hws_peer_doubt(guest->peer, now);
    } else {
        hws_peer_close(guest->peer, now);
    }
}

static void take_signalling(struct hws_worker *worker)
{
    hws_time now = hws_loop_now(worker->link.loop);
    struct hws_signal_event event;

    while (hws_link_next_signal(&worker->link, &event)) {
        switch (event.kind) {
        case HWS_SIGNAL_REGISTERED:
            worker->registered = true;
            worker->back = worker->back || worker->lost;
            worker->lost = false;
            worker->retry_wait = HWS_MS(RETRY_FIRST_MS);
            break;
        case HWS_SIGNAL_RECEIVED:
            take_remote_signal(worker, &event, now);
            break;
        case HWS_SIGNAL_SESSION_OVER:
            session_over(worker, event.session, now);
            break;
        case HWS_SIGNAL_SESSION_OPEN: /* its offer follows */
        case HWS_SIGNAL_ACCEPTED:
            break;
        }
    }
}

static void send_candidates(struct hws_worker *worker, struct guest *guest, hws_time now)
{
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE, .mid = guest->mid};

    while (hws_answering_next_candidate(guest->session, &signal.text)) {
        if (!guest->signalling) continue;
        if (hws_signal_client_send(worker->link.signal, guest->signalling, &signal, now)) return;
    }
}

/* What a peer wants signalled: its answer at once, candidates behind it. */
static void take_local_signal(struct hws_worker *worker, struct guest *guest,
                              const struct hws_signal *signal)
{
    hws_time now = hws_loop_now(worker->link.loop);
    enum hws_err err = HWS_OK;

    (void)snprintf(guest->mid, sizeof(guest->mid), "%s", signal->mid);
    if (signal->kind == HWS_SIGNAL_CANDIDATE) {
        err = hws_answering_hold(guest->session, signal->text);
    } else if (guest->signalling) {
        struct hws_answering_answering *at = hws_answering_as_answering(guest->session);

        err = hws_signal_client_send(worker->link.signal, guest->signalling, signal, now);
        if (!err && at) err = hws_answering_answer(at);
    }
    if (err && !is_connected(guest)) {
        leave(worker, guest, "the answer cannot be sent", now);
        hws_peer_close(guest->peer, now);
    }
    send_candidates(worker, guest, now);
}

/* ---- Events */

static bool tell(struct hws_worker *worker, struct guest *guest, enum hws_worker_event_kind kind,
                 const struct hws_event *event, struct hws_worker_event *out)
{
    *out = (struct hws_worker_event){.kind = kind,
                                     .connection = handle_of(worker, guest),
                                     .channel = event->channel,
                                     .reason = ""};
    return true;
}

static bool opened(struct hws_worker *worker, struct guest *guest, const struct hws_event *event,
                   struct hws_worker_event *out)
{
    struct hws_answering_answering *at = hws_answering_as_answering(guest->session);
    struct hws_answering_connected *connected;

    if (hws_answering_connect(&at, &connected) != HWS_OK) return false; /* not the first channel */
    guest->told = true;
    return tell(worker, guest, HWS_WORKER_CONNECTED, event, out);
}

static bool closed(struct hws_worker *worker, struct guest *guest, const struct hws_event *event,
                   struct hws_worker_event *out)
{
    (void)snprintf(worker->closed_reason, sizeof(worker->closed_reason), "%s",
                   hws_peer_fault_text(guest->peer));
    leave(worker, guest, guest->told ? NULL : worker->closed_reason,
          hws_loop_now(worker->link.loop));
    worker->ended = guest;
    if (!guest->told) return false; /* the program never knew of it */
    (void)tell(worker, guest, HWS_WORKER_CLOSED, event, out);
    out->reason = worker->closed_reason;
    out->cause = event->cause;
    return true;
}

static bool take_event(struct hws_worker *worker, struct guest *guest,
                       const struct hws_event *event, struct hws_worker_event *out)
{
    switch (event->kind) {
    case HWS_EVENT_CHANNEL_INCOMING:
    case HWS_EVENT_CHANNEL_OPEN:
        return opened(worker, guest, event, out);
    case HWS_EVENT_MESSAGE:
        (void)tell(worker, guest, HWS_WORKER_MESSAGE, event, out);
        out->received = (struct hws_received){event->message_kind, event->message};
        return true;
    case HWS_EVENT_WRITABLE:
        return tell(worker, guest, HWS_WORKER_WRITABLE, event, out);
    case HWS_EVENT_CLOSED:
        return closed(worker, guest, event, out);
    case HWS_EVENT_NONE:
    case HWS_EVENT_PATH:
    case HWS_EVENT_CONNECTED:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_SERVER_FAILED:
    case HWS_EVENT_CHANNEL_CLOSED:
        break;
    }
    return false;
}

/* A guest whose end has been told goes now, when nothing of it is borrowed any more. */
static void sweep(struct hws_worker *worker)
{
    if (worker->ended) release(worker, worker->ended);
    worker->ended = NULL;
}

static bool take_items(struct hws_worker *worker, struct hws_worker_event *out)
{
    struct hws_loop_item item;

    take_signalling(worker);
    while (hws_loop_next(worker->link.loop, &item)) {
        if (item.is_signal) {
            take_local_signal(worker, item.user, &item.signal);
        } else if (take_event(worker, item.user, &item.event, out)) {
            return true;
        }
        sweep(worker);
    }
    hws_link_flush(&worker->link);
    return false;
}

/* The distributor is gone: connections stay, new clients cannot come. Told once; tried again. */
static bool take_loss(struct hws_worker *worker, struct hws_worker_event *out)
{
    hws_time now = hws_loop_now(worker->link.loop);
    bool told = worker->lost;

    if (worker->back) {
        worker->back = false;
        *out = (struct hws_worker_event){.kind = HWS_WORKER_BACK, .reason = ""};
        return true;
    }
    if (!worker->link.stream_ended) return false;
    if (worker->registered || !worker->lost) {
        worker->registered = false;
        worker->lost = true;
        worker->retry_at = now + worker->retry_wait;
        for (size_t i = 0; i < worker->guest_max; i++) {
            worker->guests[i].signalling = 0;
        }
    } else if (now >= worker->retry_at) {
        worker->retry_wait *= 2;
        if (worker->retry_wait > HWS_MS(RETRY_LAST_MS)) worker->retry_wait = HWS_MS(RETRY_LAST_MS);
        worker->retry_at = now + worker->retry_wait;
        if (hws_link_reopen(&worker->link) != HWS_OK) worker->link.stream_ended = true;
    }
    if (told) return false;
    *out = (struct hws_worker_event){
        .kind = HWS_WORKER_LOST, .reason = worker->link.reason, .cause = HWS_CAUSE_SIGNALLING_LOST};
    return true;
}

/* How long a turn may sleep: not past the next try to register. */
static hws_time nap(const struct hws_worker *worker, hws_time deadline)
{
    hws_time left = hws_link_left(&worker->link, deadline);
    hws_time retry = worker->lost && worker->link.stream_ended
                         ? hws_link_left(&worker->link, worker->retry_at)
                         : HWS_NEVER;

    return retry < left ? retry : left;
}

enum hws_err hws_worker_next(struct hws_worker *worker, hws_time timeout,
                             struct hws_worker_event *out)
{
    hws_time deadline = hws_link_deadline(&worker->link, timeout);
    enum hws_err err;

    if (!worker->started) return HWS_ERR_STATE;
    sweep(worker);
    for (;;) {
        if (take_items(worker, out) || take_loss(worker, out)) return HWS_OK;
        if (hws_link_take_wake(&worker->link)) return HWS_ERR_AGAIN;
        if (timeout > 0 && hws_link_left(&worker->link, deadline) == 0) return HWS_ERR_TIMEOUT;
        err = hws_link_turn(&worker->link, nap(worker, deadline));
        if (err) return err;
        if (timeout == 0)
            return take_items(worker, out) || take_loss(worker, out) ? HWS_OK : HWS_ERR_AGAIN;
    }
}

/* ---- Registering */

enum hws_err hws_worker_register(struct hws_worker *worker)
{
    hws_time deadline = hws_link_deadline(&worker->link, worker->timeout);
    enum hws_err err = HWS_OK;

    if (worker->started) return HWS_ERR_STATE;
    while (!err && !worker->registered) {
        take_signalling(worker);
        if (worker->registered) break;
        if (worker->link.stream_ended) return hws_err_of_status(worker->link.stream_status);
        if (hws_link_left(&worker->link, deadline) == 0) {
            hws_link_because(&worker->link, "the distributor %s did not confirm in time",
                             worker->link.stream_config.url);
            return HWS_ERR_TIMEOUT;
        }
        if (hws_link_take_wake(&worker->link)) return HWS_ERR_AGAIN;
        err = hws_link_turn(&worker->link, hws_link_left(&worker->link, deadline));
    }
    worker->started = worker->registered;
    return err;
}

/* ---- Connections */

enum hws_err hws_worker_send(struct hws_worker *worker, struct hws_connection connection,
                             struct hws_channel channel, enum hws_message_kind kind,
                             struct hws_bytes message)
{
    struct guest *guest = guest_at(worker, connection);

    if (!guest) return HWS_ERR_STATE;
    return hws_peer_send(guest->peer, channel, kind, message, hws_loop_now(worker->link.loop));
}

void hws_worker_pause(struct hws_worker *worker, struct hws_connection connection, bool paused)
{
    struct guest *guest = guest_at(worker, connection);

    if (guest) hws_peer_pause(guest->peer, paused);
}

void hws_worker_close(struct hws_worker *worker, struct hws_connection connection)
{
    struct guest *guest = guest_at(worker, connection);

    if (guest) hws_peer_close(guest->peer, hws_loop_now(worker->link.loop));
}

/* ---- Questions */

const struct hws_peer *hws_worker_peer(const struct hws_worker *worker,
                                       struct hws_connection connection)
{
    const struct guest *guest = guest_at(worker, connection);

    return guest ? guest->peer : NULL;
}

size_t hws_worker_connections(const struct hws_worker *worker)
{
    return worker->guest_count;
}

const char *hws_worker_fingerprint(const struct hws_worker *worker)
{
    return hws_loop_fingerprint(worker->link.loop);
}

const char *hws_worker_reason(const struct hws_worker *worker)
{
    return worker->link.reason;
}

void hws_worker_wake(struct hws_worker *worker)
{
    hws_link_wake(&worker->link);
}
