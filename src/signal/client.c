#include "signal/client.h"

#include "base/bytes.h"
#include "base/log.h"
#include "signal/payload.h"
#include "signal/sessions.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVENT_CAP = 32,       /* feed takes no message unless two more fit */
    ENVELOPE_HEAD = 64,   /* more than the other fields of an envelope take when packed */
    PING_ECHO_MAX = 1024, /* bytes of a PING's payload that go back */
};

/* Two programs that answer every PING would play for ever: so not more than one a second. */
#define PING_INTERVAL HWS_SEC(1)

struct stored_event {
    enum hws_signal_event_kind kind;
    uint64_t session;
    enum hws_signal_kind signal;
    struct hws_payload payload; /* owned; with RECEIVED */
    enum hws_err err;
    char reason[HWS_SIGNAL_REASON_MAX];
};

struct packet {
    struct packet *next;
    size_t len;
    uint8_t data[];
};

struct hws_signal_client {
    enum hws_envelope_side side;
    int64_t worker;
    struct hws_log log;
    struct hws_sessions sessions;
    bool offered; /* client: the first offer is out */
    hws_time next_ping;

    struct stored_event events[EVENT_CAP];
    size_t first_event;
    size_t event_count;
    struct stored_event lent_event; /* what the last next_event lent */

    struct packet *first_packet; /* owned, oldest first */
    struct packet *last_packet;
    size_t packet_count;
    size_t packets_len;
    struct packet *lent_packet; /* what the last next_packet lent */

    struct hws_signal_counts counts;
    uint8_t scratch[HWS_ENVELOPE_MAX]; /* one payload being written */
};

#define LOG(client, level, now, name, ...) \
    HWS_LOG(&(client)->log, HWS_LOG_##level, now, "signal", name, __VA_ARGS__)

/* ---- Outgoing messages */

static enum hws_err queue_packet(struct hws_signal_client *client,
                                 const struct hws_envelope *envelope)
{
    size_t len = hws_envelope_len(client->side, envelope);
    /* A full queue still has room for the ends of sessions, or nobody would hear of them. */
    size_t room = envelope->event == HWS_RTC_BLANK ? 2 : 1;
    struct packet *packet;
    struct hws_writer out;

    if (len > HWS_ENVELOPE_MAX) return HWS_ERR_TOO_BIG;
    if (client->packet_count >= room * HWS_SIGNAL_QUEUE_MAX ||
        client->packets_len + len > room * HWS_SIGNAL_QUEUE_LEN_MAX) {
        return HWS_ERR_FULL;
    }
    packet = calloc(1, sizeof(*packet) + len);
    if (!packet) return HWS_ERR_NO_MEMORY;
    out = hws_writer_over(packet->data, len);
    hws_envelope_write(&out, client->side, envelope);
    assert(!out.failed && out.len == len);
    packet->len = len;
    if (client->last_packet) {
        client->last_packet->next = packet;
    } else {
        client->first_packet = packet;
    }
    client->last_packet = packet;
    client->packet_count++;
    client->packets_len += len;
    return HWS_OK;
}

/* Number a message of a session and queue it; the number is used up only when that works. */
static enum hws_err queue_numbered(struct hws_signal_client *client,
                                   struct hws_sessions_entry *entry, enum hws_rtc_event event,
                                   struct hws_bytes payload)
{
    struct hws_envelope envelope = {.worker = client->worker,
                                    .event = event,
                                    .payload = payload,
                                    .session = entry->session,
                                    .sequence = entry->sent + 1};
    enum hws_err err = queue_packet(client, &envelope);

    if (!err) entry->sent++;
    return err;
}

/* Tell the distributor that a session of ours is over. */
static void queue_over(struct hws_signal_client *client, struct hws_sessions_entry *entry,
                       const char *reason, hws_time now)
{
    struct hws_bytes text = reason ? hws_bytes_of(reason) : (struct hws_bytes){0};
    enum hws_err err;

    if (client->side == HWS_SIDE_CLIENT) return;
    if (text.len >= HWS_SIGNAL_REASON_MAX) text.len = HWS_SIGNAL_REASON_MAX - 1;
    err = queue_numbered(client, entry, HWS_RTC_BLANK, text);
    /* The client then learns it from its own timeout; there is nobody else to tell. */
    if (err) {
        LOG(client, WARN, now, "session.over_unsent", "session=%016llx err=%s",
            (unsigned long long)entry->session, hws_err_name(err));
    }
}

bool hws_signal_client_next_packet(struct hws_signal_client *client, struct hws_bytes *out)
{
    struct packet *packet = client->first_packet;

    free(client->lent_packet);
    client->lent_packet = packet;
    if (!packet) return false;
    client->first_packet = packet->next;
    if (!packet->next) client->last_packet = NULL;
    client->packet_count--;
    client->packets_len -= packet->len;
    *out = (struct hws_bytes){packet->data, packet->len};
    return true;
}

/* ---- Events */

/* There is room: feed has looked, and nothing else makes events. */
static struct stored_event *add_event(struct hws_signal_client *client,
                                      enum hws_signal_event_kind kind, uint64_t session)
{
    struct stored_event *event;

    assert(client->event_count < EVENT_CAP);
    event = &client->events[(client->first_event + client->event_count) % EVENT_CAP];
    client->event_count++;
    *event = (struct stored_event){.kind = kind, .session = session};
    return event;
}

static void add_over(struct hws_signal_client *client, uint64_t session, enum hws_err err,
                     const char *reason, hws_time now)
{
    struct stored_event *event = add_event(client, HWS_SIGNAL_SESSION_OVER, session);

    event->err = err;
    (void)snprintf(event->reason, sizeof(event->reason), "%s", reason);
    LOG(client, INFO, now, "session.over", "session=%016llx err=%s", (unsigned long long)session,
        hws_err_name(err));
}

bool hws_signal_client_next_event(struct hws_signal_client *client, struct hws_signal_event *out)
{
    struct stored_event *event = &client->lent_event;

    hws_payload_fini(&event->payload);
    if (client->event_count == 0) return false;
    *event = client->events[client->first_event];
    client->first_event = (client->first_event + 1) % EVENT_CAP;
    client->event_count--;
    *out = (struct hws_signal_event){
        .kind = event->kind, .session = event->session, .err = event->err, .reason = event->reason};
    if (event->kind == HWS_SIGNAL_RECEIVED) {
        out->signal = (struct hws_signal){
            .kind = event->signal,
            .text = {(const uint8_t *)event->payload.text, event->payload.len},
            .mid = event->payload.mid[0] ? event->payload.mid : NULL,
            .ufrag = event->payload.ufrag[0] ? event->payload.ufrag : NULL,
        };
    }
    return true;
}

/* ---- Incoming messages */

/* What is wrong inside a session ends that session and nothing else. */
static enum hws_err fail_session(struct hws_signal_client *client, struct hws_sessions_entry *entry,
                                 enum hws_err err, hws_time now, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

static enum hws_err fail_session(struct hws_signal_client *client, struct hws_sessions_entry *entry,
                                 enum hws_err err, hws_time now, const char *format, ...)
{
    char reason[HWS_SIGNAL_REASON_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    queue_over(client, entry, reason, now);
    add_over(client, entry->session, err, reason, now);
    if (hws_sessions_find(&client->sessions, entry->session) == entry) {
        hws_sessions_remove(&client->sessions, entry);
    }
    return err;
}

static enum hws_err answer_ping(struct hws_signal_client *client, const struct hws_envelope *ping,
                                hws_time now)
{
    struct hws_envelope answer = *ping;
    enum hws_err err;

    client->counts.pings++;
    if (now < client->next_ping) return HWS_OK;
    answer.sequence = 0; /* stands outside the count */
    if (answer.payload.len > PING_ECHO_MAX) answer.payload.len = 0;
    err = queue_packet(client, &answer);
    if (err == HWS_ERR_NO_MEMORY) return err;
    client->next_ping = now + PING_INTERVAL; /* a full queue shows that we live */
    return HWS_OK;
}

/* To a worker: with a session it is over, without one we are registered. To a client: nothing. */
static enum hws_err take_blank(struct hws_signal_client *client,
                               const struct hws_envelope *envelope, hws_time now)
{
    struct hws_sessions_entry *entry;

    if (client->side == HWS_SIDE_CLIENT) return HWS_ERR_UNEXPECTED;
    if (envelope->session == 0) {
        (void)add_event(client, HWS_SIGNAL_REGISTERED, 0);
        LOG(client, INFO, now, "registered", "worker=%lld", (long long)client->worker);
        return HWS_OK;
    }
    entry = hws_sessions_find(&client->sessions, envelope->session);
    if (!entry) {
        client->counts.unknown++;
        return HWS_ERR_NOT_FOUND;
    }
    add_over(client, entry->session, HWS_ERR_CLOSED, "the client left", now);
    hws_sessions_remove(&client->sessions, entry);
    return HWS_OK;
}

/* The session of a message, or a new one for the offer that opens it. */
static enum hws_err find_or_open(struct hws_signal_client *client,
                                 const struct hws_envelope *envelope,
                                 struct hws_sessions_entry *fresh, hws_time now,
                                 struct hws_sessions_entry **out)
{
    *out = hws_sessions_find(&client->sessions, envelope->session);
    if (*out) return HWS_OK;
    if (envelope->event != HWS_RTC_OFFER || envelope->session == 0) {
        client->counts.unknown++;
        LOG(client, DEBUG, now, "unknown", "session=%016llx event=%s",
            (unsigned long long)envelope->session, hws_rtc_event_name(envelope->event));
        return HWS_ERR_NOT_FOUND;
    }
    *fresh = (struct hws_sessions_entry){.session = envelope->session};
    *out = fresh;
    if (client->sessions.count < client->sessions.cap) return HWS_OK;
    client->counts.refused++;
    queue_over(client, fresh, "no room for another session", now);
    LOG(client, WARN, now, "refused", "session=%016llx sessions=%zu",
        (unsigned long long)envelope->session, client->sessions.count);
    return HWS_ERR_REFUSED;
}

static enum hws_err read_payload(const struct hws_envelope *envelope, struct hws_payload *out,
                                 enum hws_signal_kind *out_kind, struct hws_payload_error *error)
{
    switch (envelope->event) {
    case HWS_RTC_OFFER:
        *out_kind = HWS_SIGNAL_OFFER;
        return hws_payload_read_description(envelope->payload, HWS_DESCRIPTION_OFFER, out, error);
    case HWS_RTC_ANSWER:
        *out_kind = HWS_SIGNAL_ANSWER;
        return hws_payload_read_description(envelope->payload, HWS_DESCRIPTION_ANSWER, out, error);
    case HWS_RTC_ICE_CANDIDATE:
    case HWS_RTC_LOCAL_ICE_CANDIDATE:
        *out_kind = HWS_SIGNAL_CANDIDATE;
        return hws_payload_read_candidate(envelope->payload, out, error);
    case HWS_RTC_ACCEPT_ANSWER:
    case HWS_RTC_BLANK:
    case HWS_RTC_PING:
    case HWS_RTC_EVENT_COUNT:
        break;
    }
    assert(false); /* only events that carry a signal come here */
    return HWS_ERR_UNEXPECTED;
}

/* Commit: open the session if it is new, count the message, and hand it on. Takes the payload. */
static void take(struct hws_signal_client *client, struct hws_sessions_entry *entry,
                 const struct hws_envelope *envelope, enum hws_signal_kind kind,
                 struct hws_payload *payload, hws_time now)
{
    struct stored_event *event;

    if (kind == HWS_SIGNAL_CANDIDATE && payload->len > 0) entry->form = payload->form;
    entry->taken = envelope->sequence;
    if (hws_sessions_find(&client->sessions, entry->session) != entry) {
        enum hws_err err = hws_sessions_add(&client->sessions, entry);

        assert(err == HWS_OK); /* find_or_open has seen room */
        (void)err;
        (void)add_event(client, HWS_SIGNAL_SESSION_OPEN, entry->session);
        LOG(client, INFO, now, "session.open", "session=%016llx",
            (unsigned long long)entry->session);
    }
    event = add_event(client, HWS_SIGNAL_RECEIVED, envelope->session);
    event->signal = kind;
    event->payload = *payload;
    client->counts.taken++;
}

static enum hws_err feed_session(struct hws_signal_client *client,
                                 const struct hws_envelope *envelope, hws_time now)
{
    struct hws_sessions_entry fresh, *entry;
    struct hws_payload_error error;
    struct hws_payload payload;
    enum hws_signal_kind kind;
    enum hws_err err = find_or_open(client, envelope, &fresh, now, &entry);

    if (err) return err;
    err = hws_sessions_check_number(entry->taken, envelope->sequence);
    if (err == HWS_ERR_UNEXPECTED) client->counts.repeated++;
    if (err == HWS_ERR_MISMATCH) {
        client->counts.gaps++;
        return fail_session(client, entry, err, now, "message %llu came where %llu was expected",
                            (unsigned long long)envelope->sequence,
                            (unsigned long long)entry->taken + 1);
    }
    if (err) return err;
    if (envelope->event == HWS_RTC_ACCEPT_ANSWER) {
        entry->taken = envelope->sequence;
        client->counts.taken++;
        (void)add_event(client, HWS_SIGNAL_ACCEPTED, envelope->session);
        return HWS_OK;
    }
    err = read_payload(envelope, &payload, &kind, &error);
    if (err == HWS_ERR_NO_MEMORY) return err;
    if (err) {
        client->counts.malformed++;
        return fail_session(client, entry, err, now, "%s: %s", hws_rtc_event_name(envelope->event),
                            error.text);
    }
    take(client, entry, envelope, kind, &payload, now);
    return HWS_OK;
}

enum hws_err hws_signal_client_feed(struct hws_signal_client *client, struct hws_bytes packed,
                                    hws_time now)
{
    struct hws_envelope envelope;
    const char *field = NULL;
    enum hws_err err;

    if (client->event_count + 2 > EVENT_CAP) return HWS_ERR_FULL;
    err = hws_envelope_read(client->side, packed, &envelope, &field);
    if (err) {
        client->counts.malformed++;
        LOG(client, WARN, now, "malformed", "field=%s len=%zu", field ? field : "", packed.len);
        return err;
    }
    if (envelope.event == HWS_RTC_PING) return answer_ping(client, &envelope, now);
    if (envelope.event == HWS_RTC_BLANK) return take_blank(client, &envelope, now);
    return feed_session(client, &envelope, now);
}

/* ---- What the program wants */

/* A session that may be written to. */
static enum hws_err find_open(struct hws_signal_client *client, uint64_t session, bool is_offer,
                              struct hws_sessions_entry **out)
{
    *out = hws_sessions_find(&client->sessions, session);
    if (!*out) return HWS_ERR_NOT_FOUND;
    if (client->side == HWS_SIDE_CLIENT && !client->offered && !is_offer) return HWS_ERR_STATE;
    return HWS_OK;
}

static enum hws_err write_payload(struct hws_writer *out, const struct hws_signal *signal,
                                  enum hws_payload_form form, enum hws_rtc_event *out_event)
{
    switch (signal->kind) {
    case HWS_SIGNAL_OFFER:
        *out_event = HWS_RTC_OFFER;
        if (signal->text.len > HWS_DESCRIPTION_MAX) return HWS_ERR_TOO_BIG;
        return hws_payload_write_description(out, HWS_DESCRIPTION_OFFER, signal->text);
    case HWS_SIGNAL_ANSWER:
        *out_event = HWS_RTC_ANSWER;
        if (signal->text.len > HWS_DESCRIPTION_MAX) return HWS_ERR_TOO_BIG;
        return hws_payload_write_description(out, HWS_DESCRIPTION_ANSWER, signal->text);
    case HWS_SIGNAL_CANDIDATE:
        *out_event = HWS_RTC_ICE_CANDIDATE;
        if (signal->text.len > HWS_CANDIDATE_TEXT_MAX) return HWS_ERR_TOO_BIG;
        return hws_payload_write_candidate(out, form, signal->text, signal->mid, signal->ufrag);
    }
    return HWS_ERR_ARGUMENT;
}

enum hws_err hws_signal_client_send(struct hws_signal_client *client, uint64_t session,
                                    const struct hws_signal *signal, hws_time now)
{
    bool is_offer = signal->kind == HWS_SIGNAL_OFFER;
    struct hws_writer out = hws_writer_over(client->scratch, HWS_ENVELOPE_MAX - ENVELOPE_HEAD);
    struct hws_sessions_entry *entry;
    enum hws_rtc_event event;
    enum hws_err err = find_open(client, session, is_offer, &entry);

    if (err) return err;
    err = write_payload(&out, signal, entry->form, &event);
    if (err == HWS_ERR_FULL) return HWS_ERR_TOO_BIG;
    if (!err) err = queue_numbered(client, entry, event, hws_written(&out));
    if (err) return err;
    if (is_offer) client->offered = true;
    LOG(client, DEBUG, now, "send", "session=%016llx event=%s number=%llu",
        (unsigned long long)session, hws_rtc_event_name(event), (unsigned long long)entry->sent);
    return HWS_OK;
}

enum hws_err hws_signal_client_accept_answer(struct hws_signal_client *client, uint64_t session,
                                             hws_time now)
{
    struct hws_sessions_entry *entry;
    enum hws_err err = find_open(client, session, false, &entry);

    if (!err) {
        err = queue_numbered(client, entry, HWS_RTC_ACCEPT_ANSWER, (struct hws_bytes){0});
    }
    if (err) return err;
    LOG(client, DEBUG, now, "accept", "session=%016llx", (unsigned long long)session);
    return HWS_OK;
}

enum hws_err hws_signal_client_close_session(struct hws_signal_client *client, uint64_t session,
                                             const char *reason, hws_time now)
{
    struct hws_sessions_entry *entry = hws_sessions_find(&client->sessions, session);

    if (!entry) return HWS_ERR_NOT_FOUND;
    queue_over(client, entry, reason, now);
    hws_sessions_remove(&client->sessions, entry);
    LOG(client, INFO, now, "session.close", "session=%016llx", (unsigned long long)session);
    return HWS_OK;
}

struct hws_signal_counts hws_signal_client_counts(const struct hws_signal_client *client)
{
    struct hws_signal_counts counts = client->counts;

    counts.sessions = client->sessions.count;
    return counts;
}

/* ---- Life */

/* A client's one session is there from the start, a worker's first message is its registration. */
static enum hws_err begin(struct hws_signal_client *client)
{
    struct hws_sessions_entry only = {.session = 0};
    struct hws_envelope hello = {.worker = client->worker, .event = HWS_RTC_BLANK};

    if (client->side == HWS_SIDE_CLIENT) return hws_sessions_add(&client->sessions, &only);
    return queue_packet(client, &hello);
}

enum hws_err hws_signal_client_new(const struct hws_signal_client_config *config,
                                   struct hws_signal_client **out)
{
    size_t cap = config->session_max > 0 ? config->session_max : HWS_SIGNAL_SESSIONS_DEFAULT;
    struct hws_signal_client *client;
    enum hws_err err;

    if (config->worker == 0 || cap > HWS_SIGNAL_SESSIONS_MAX) return HWS_ERR_ARGUMENT;
    client = calloc(1, sizeof(*client));
    if (!client) return HWS_ERR_NO_MEMORY;
    client->side = config->side;
    client->worker = config->worker;
    client->log = config->log;
    client->next_ping = INT64_MIN;
    err = hws_sessions_init(&client->sessions, config->side == HWS_SIDE_CLIENT ? 1 : cap);
    if (!err) err = begin(client);
    if (err) {
        hws_signal_client_free(client);
        return err;
    }
    *out = client;
    return HWS_OK;
}

void hws_signal_client_free(struct hws_signal_client *client)
{
    struct hws_signal_event event;
    struct hws_bytes packet;

    if (!client) return;
    while (hws_signal_client_next_event(client, &event)) {
    }
    while (hws_signal_client_next_packet(client, &packet)) {
    }
    hws_sessions_fini(&client->sessions);
    free(client);
}
