/*
 * The association: what to do with each record, when to repeat, when to believe the peer.
 *
 *            start()              finished            fingerprint matches
 *     IDLE ----------> HANDSHAKE ----------> UNPROVEN ------------------> CONNECTED
 *       |                  |                    |                             |
 *       |  close(), close_notify: CLOSED        |  time, alert, mismatch: FAILED
 *       +------------------+--------------------+-----------------------------+
 *
 * wolfSSL lives in wolf_engine.c. A dead association (CLOSED, FAILED) holds no WOLFSSL object any
 * more, only what it still has to say.
 */
#include "dtls/dtls.h"

#include "base/limits.h"
#include "base/ring.h"
#include "dtls/dtls_internal.h"
#include "dtls/fingerprint.h"
#include "dtls/hello.h"
#include "dtls/record.h"
#include "dtls/tally.h"

#include <stdlib.h>

#define RTO_DEFAULT     HWS_MS(100)
#define RTO_CAP         HWS_SEC(1)
#define GIVE_UP_DEFAULT HWS_SEC(30)
/* A plain alert can be forged, so it does not end the handshake; but if nothing comes after it, it
 * was true, and waiting longer would only keep the user waiting. */
#define ALERT_GRACE HWS_SEC(2)
enum { MTU_MIN = 256, EVENT_MAX = 2, ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0 };

enum state { IDLE, HANDSHAKE, UNPROVEN, CONNECTED, CLOSED, FAILED, STATE_COUNT };

static const char *const state_names[STATE_COUNT] = {"idle",      "handshake", "unproven",
                                                     "connected", "closed",    "failed"};

struct hws_dtls {
    struct hws_log log;
    enum state state;
    struct hws_engine engine;
    struct hws_proof proof;
    struct hws_hello hello; /* as server: the ClientHello that is being put together */
    struct hws_tally tally;

    struct hws_ring held;  /* what came before its time; made when the first does */
    struct hws_ring plain; /* decrypted records that nobody has taken yet; likewise */
    bool plain_ready;      /* the newest one still lies in the engine */

    hws_time rto_first, rto, give_up_after;
    hws_time flight_at;   /* repeat our flight */
    hws_time ack_at;      /* acknowledge the part of a flight that came (DTLS 1.3) */
    hws_time give_up_at;  /* the handshake takes too long */
    hws_time alert_at;    /* nothing came after a plain fatal alert */
    hws_time answer_from; /* what anybody could forge may make us speak again */
    int plain_alert;

    enum hws_dtls_event events[EVENT_MAX]; /* CONNECTED and one end */
    size_t event_count;
    struct hws_fault fault;
    const char *version, *suite, *group;
};

/* ---- Life */

enum hws_err hws_dtls_new(const struct hws_dtls_config *config, struct hws_dtls **out)
{
    size_t mtu = config->mtu ? config->mtu : HWS_DATAGRAM_MAX;
    struct hws_dtls *dtls;
    enum hws_err err;

    if (!config->identity || mtu < MTU_MIN || mtu > HWS_DATAGRAM_IN_MAX) return HWS_ERR_ARGUMENT;
    if (config->rto < 0 || config->give_up_after < 0) return HWS_ERR_ARGUMENT;
    dtls = calloc(1, sizeof(*dtls));
    if (!dtls) return HWS_ERR_NO_MEMORY;
    dtls->log = config->log;
    dtls->rto_first = config->rto ? config->rto : RTO_DEFAULT;
    dtls->give_up_after = config->give_up_after ? config->give_up_after : GIVE_UP_DEFAULT;
    dtls->flight_at = dtls->ack_at = dtls->give_up_at = dtls->alert_at = HWS_NEVER;
    dtls->answer_from = -HWS_NEVER;
    dtls->version = dtls->suite = dtls->group = "none";
    dtls->fault = (struct hws_fault){.layer = "dtls", .what = "nothing failed"};
    dtls->engine.key_log = config->key_log;
    err = hws_engine_init(&dtls->engine, config->identity, config->role == HWS_DTLS_SERVER,
                          (uint16_t)mtu, &dtls->proof);
    if (err) {
        free(dtls);
        return err;
    }
    *out = dtls;
    return HWS_OK;
}

void hws_dtls_free(struct hws_dtls *dtls)
{
    if (!dtls) return;
    hws_engine_fini(&dtls->engine);
    hws_hello_fini(&dtls->hello);
    hws_ring_fini(&dtls->held);
    hws_ring_fini(&dtls->plain);
    free(dtls);
}

/* ---- States */

static void enter(struct hws_dtls *dtls, enum state state, hws_time now)
{
    HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "state", "from=%s to=%s",
            state_names[dtls->state], state_names[state]);
    dtls->state = state;
}

static void tell(struct hws_dtls *dtls, enum hws_dtls_event event)
{
    if (dtls->event_count < EVENT_MAX) dtls->events[dtls->event_count++] = event;
}

static bool is_over(const struct hws_dtls *dtls)
{
    return dtls->state == CLOSED || dtls->state == FAILED;
}

/* Nothing is read after the end, so wolfSSL's part goes at once; the alert is in the ring. */
static void end(struct hws_dtls *dtls, enum state state, hws_time now)
{
    if (dtls->state != CONNECTED || state == FAILED) { /* nobody vouches for it */
        hws_tally_ring_fini(&dtls->tally, &dtls->plain);
        dtls->plain_ready = false;
    }
    enter(dtls, state, now);
    hws_engine_drop(&dtls->engine);
    hws_hello_fini(&dtls->hello);
    hws_tally_ring_fini(&dtls->tally, &dtls->held);
    dtls->flight_at = dtls->ack_at = dtls->give_up_at = dtls->alert_at = HWS_NEVER;
}

static void fail(struct hws_dtls *dtls, enum hws_err err, const char *what, int foreign,
                 hws_time now)
{
    dtls->fault = (struct hws_fault){err, "dtls", what, foreign};
    HWS_LOG(&dtls->log, HWS_LOG_WARN, now, "dtls", "failed", "err=%s foreign=%d what=\"%s\"",
            hws_err_name(err), foreign, what);
    end(dtls, FAILED, now);
    tell(dtls, HWS_DTLS_FAILED);
}

static void fail_engine(struct hws_dtls *dtls, hws_time now)
{
    const struct hws_engine *engine = &dtls->engine;

    if (hws_proof_verdict(&dtls->proof) == HWS_PROOF_MISMATCH) {
        fail(dtls, HWS_ERR_FINGERPRINT, "no signalled fingerprint is that of the certificate",
             engine->error, now);
    } else if (engine->alert >= 0) {
        fail(dtls, engine->finished ? HWS_ERR_CLOSED : HWS_ERR_HANDSHAKE,
             "the peer sent a fatal alert", engine->alert, now);
    } else if (engine->finished) {
        fail(dtls, HWS_ERR_CRYPTO, "wolfSSL gave the connection up", engine->error, now);
    } else {
        fail(dtls, HWS_ERR_HANDSHAKE, "the handshake broke here", engine->error, now);
    }
}

/* The handshake is over: believe the peer, wait for what to believe, or end it. */
static void judge(struct hws_dtls *dtls, hws_time now)
{
    switch (hws_proof_verdict(&dtls->proof)) {
    case HWS_PROOF_OPEN:
        break;
    case HWS_PROOF_MATCH:
        enter(dtls, CONNECTED, now);
        HWS_LOG(&dtls->log, HWS_LOG_INFO, now, "dtls", "connected", "version=%s suite=%s group=%s",
                dtls->version, dtls->suite, dtls->group);
        tell(dtls, HWS_DTLS_CONNECTED);
        break;
    case HWS_PROOF_MISMATCH:
        hws_engine_say_goodbye(&dtls->engine);
        fail_engine(dtls, now);
        break;
    }
}

static void finish(struct hws_dtls *dtls, hws_time now)
{
    dtls->version = hws_engine_protocol(&dtls->engine) == HWS_PROTOCOL_12 ? "DTLSv1.2" : "DTLSv1.3";
    dtls->suite = dtls->engine.suite;
    if (dtls->engine.group) dtls->group = dtls->engine.group;
    dtls->alert_at = HWS_NEVER;
    hws_hello_fini(&dtls->hello);
    enter(dtls, UNPROVEN, now);
    /* wolfSSL was told to insist on a certificate; we do not lean on that. */
    if (dtls->proof.leaf_count == 0) {
        fail(dtls, HWS_ERR_HANDSHAKE, "the peer showed no certificate", 0, now);
        return;
    }
    judge(dtls, now);
}

/* ---- Plain text */

/* The engine has room for one record; make it free for the next, in order. */
static void save_plain(struct hws_dtls *dtls)
{
    if (!dtls->plain_ready) return;
    dtls->plain_ready = false;
    if (!dtls->plain.slots &&
        hws_ring_init(&dtls->plain, HWS_DTLS_PLAIN_HOLD, sizeof(dtls->engine.plain)) != HWS_OK) {
        return; /* as if the network had lost it */
    }
    hws_ring_push(&dtls->plain, (struct hws_bytes){dtls->engine.plain, dtls->engine.plain_len});
}

bool hws_dtls_next_plain(struct hws_dtls *dtls, struct hws_bytes *out)
{
    if (dtls->state != CONNECTED && dtls->state != CLOSED) return false;
    if (hws_ring_pop(&dtls->plain, out)) return true;
    if (!dtls->plain_ready) return false;
    dtls->plain_ready = false;
    *out = (struct hws_bytes){dtls->engine.plain, dtls->engine.plain_len};
    return true;
}

/* ---- Records in */

static void close_by_peer(struct hws_dtls *dtls, hws_time now)
{
    hws_engine_say_goodbye(&dtls->engine); /* answered in kind; wolfSSL does not read any more */
    /* Before the fingerprint matched it was nobody's goodbye. */
    if (dtls->state != CONNECTED) {
        fail(dtls, HWS_ERR_CLOSED, "the peer closed before it was connected", 0, now);
        return;
    }
    end(dtls, CLOSED, now);
    tell(dtls, HWS_DTLS_CLOSED);
}

static void step(struct hws_dtls *dtls, struct hws_bytes record, hws_time now)
{
    save_plain(dtls);
    switch (hws_engine_feed(&dtls->engine, record)) {
    case HWS_ENGINE_WAITS:
        break;
    case HWS_ENGINE_FINISHED:
        finish(dtls, now);
        break;
    case HWS_ENGINE_PLAIN:
        dtls->plain_ready = true;
        break;
    case HWS_ENGINE_CLOSED:
        close_by_peer(dtls, now);
        break;
    case HWS_ENGINE_FAILED:
        fail_engine(dtls, now);
        break;
    }
}

/* Set the timers after something went in: a new flight starts its own clock. */
static void set_timers(struct hws_dtls *dtls, uint64_t sent_before, hws_time now)
{
    uint64_t sent = dtls->engine.sent - sent_before;

    if (is_over(dtls)) return;
    if (dtls->engine.finished) {
        dtls->ack_at = HWS_NEVER;
        if (!hws_engine_has_unacknowledged(&dtls->engine)) {
            dtls->flight_at = HWS_NEVER;
            dtls->give_up_at = HWS_NEVER;
        } else if (dtls->give_up_at == HWS_NEVER) { /* a key update, long after the handshake */
            dtls->give_up_at = now + dtls->give_up_after;
            dtls->rto = dtls->rto_first;
            dtls->flight_at = now + dtls->rto;
        }
    }
    if (sent > 0 && (!dtls->engine.finished || dtls->give_up_at != HWS_NEVER)) {
        dtls->rto = dtls->rto_first;
        dtls->flight_at = now + dtls->rto;
        dtls->ack_at = HWS_NEVER;
        HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "flight.send", "datagrams=%u",
                (unsigned)sent);
    } else if (!dtls->engine.finished && dtls->ack_at == HWS_NEVER &&
               hws_engine_wants_ack(&dtls->engine)) {
        dtls->ack_at = now + dtls->rto_first / 4;
    }
}

static void hold(struct hws_dtls *dtls, struct hws_bytes bytes)
{
    if (!dtls->held.slots &&
        hws_ring_init(&dtls->held, HWS_DTLS_HOLD, HWS_DATAGRAM_IN_MAX) != HWS_OK) {
        return; /* as if the network had lost it */
    }
    hws_ring_push(&dtls->held, bytes);
}

static void note_plain_alert(struct hws_dtls *dtls, const struct hws_record *record, hws_time now)
{
    struct hws_bytes body = record->body;

    if (dtls->state != HANDSHAKE || body.len != 2) return;
    if (body.data[0] != ALERT_FATAL && body.data[1] != ALERT_CLOSE_NOTIFY) return;
    dtls->plain_alert = body.data[1];
    if (dtls->alert_at == HWS_NEVER) dtls->alert_at = now + ALERT_GRACE;
    HWS_LOG(&dtls->log, HWS_LOG_INFO, now, "dtls", "alert.plain", "code=%d", dtls->plain_alert);
}

/* Some records make us repeat what we said, and anybody could forge them. So they are listened to
 * once in half a timeout: honest ones come no faster, and forged ones bring little back. */
static bool may_answer(struct hws_dtls *dtls, hws_time now)
{
    if (now < dtls->answer_from) return false;
    dtls->answer_from = now + dtls->rto_first / 2;
    return true;
}

/* A hello after the version is settled, or, to a client that waits for it, what must follow one. */
static bool asks_for_repetition(const struct hws_record *record,
                                const struct hws_record_stage *stage)
{
    bool settled = stage->protocol != HWS_PROTOCOL_OPEN;
    uint8_t type = record->body.data[0];

    if (stage->finished) return false;
    if (record->unified) return !settled;
    return settled && record->epoch == 0 && record->type == HWS_RECORD_HANDSHAKE &&
           (type == HWS_CLIENT_HELLO || type == HWS_SERVER_HELLO);
}

/* The client lacks our last flight (RFC 6347 section 4.2.4). */
static void repeat_flight(struct hws_dtls *dtls, hws_time now)
{
    if (!may_answer(dtls, now)) return;
    HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "retransmit", "why=peer_repeats");
    dtls->tally.stats.flights_resent++;
    hws_engine_repeat_flight(&dtls->engine);
}

static bool lacks_last_flight(const struct hws_dtls *dtls, const struct hws_record *record)
{
    return dtls->engine.server && !record->unified && record->epoch == 0 &&
           record->type == HWS_RECORD_HANDSHAKE &&
           hws_engine_protocol(&dtls->engine) == HWS_PROTOCOL_12;
}

static bool refuse(struct hws_dtls *dtls, const struct hws_record *record,
                   enum hws_record_flaw flaw, hws_time now)
{
    if (flaw == HWS_RECORD_EARLY) {
        hold(dtls, record->whole);
        return true;
    }
    if (flaw == HWS_RECORD_LATE && lacks_last_flight(dtls, record)) {
        repeat_flight(dtls, now);
        return true;
    }
    HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "record.drop", "reason=%s len=%u",
            hws_record_flaw_name(flaw), (unsigned)record->whole.len);
    dtls->tally.stats.dropped_unexpected++;
    if (flaw == HWS_RECORD_PLAIN_ALERT) note_plain_alert(dtls, record, now);
    return false;
}

/* False when the hello is not whole yet. */
static bool join_hello(struct hws_dtls *dtls, const struct hws_record *record,
                       struct hws_bytes *whole, hws_time now)
{
    enum hws_err err = hws_hello_add(&dtls->hello, record, whole);

    if (!err) {
        HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "hello.joined", "len=%u pieces=%u",
                (unsigned)whole->len, (unsigned)dtls->hello.fragment_count);
    } else if (err != HWS_ERR_AGAIN) {
        HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "record.drop", "reason=hello err=%s",
                hws_err_name(err));
        dtls->tally.stats.dropped_unexpected++;
    }
    return err == HWS_OK;
}

/* After the handshake, whatever changes nothing was dropped inside wolfSSL. */
static void step_data(struct hws_dtls *dtls, struct hws_bytes record, hws_time now)
{
    const struct hws_engine *engine = &dtls->engine;
    uint64_t sent = engine->sent;
    bool settled = engine->settled;
    bool waited = hws_engine_has_unacknowledged(engine);

    step(dtls, record, now);
    if (dtls->plain_ready) {
        hws_tally_good(&dtls->tally, record);
    } else if (!is_over(dtls) && engine->sent == sent && engine->settled == settled &&
               hws_engine_has_unacknowledged(engine) == waited) {
        hws_tally_wasted(&dtls->tally, record);
    }
}

/* True when the record was of use. */
static bool take_record(struct hws_dtls *dtls, const struct hws_record *record, hws_time now)
{
    struct hws_record_stage stage = {.protocol = hws_engine_protocol(&dtls->engine),
                                     .server = dtls->engine.server,
                                     .finished = dtls->engine.finished};
    enum hws_record_flaw flaw = hws_record_admit(record, &stage);
    struct hws_bytes whole = record->whole;

    if (flaw) return refuse(dtls, record, flaw, now);
    dtls->alert_at = HWS_NEVER; /* the handshake goes on: it was forged or did not matter */
    if (stage.server && !stage.finished && hws_hello_is_piece(record) &&
        !join_hello(dtls, record, &whole, now)) {
        return true;
    }
    if (stage.finished) {
        step_data(dtls, whole, now);
    } else if (!asks_for_repetition(record, &stage) || may_answer(dtls, now)) {
        step(dtls, whole, now);
    }
    return true;
}

/* wolfSSL drops all of a datagram when it dislikes one record of it; so it gets them singly. */
static bool take_datagram(struct hws_dtls *dtls, struct hws_bytes datagram, hws_time now)
{
    uint64_t sent_before = dtls->engine.sent;
    struct hws_record record;
    bool used = false;

    while (datagram.len > 0 && !is_over(dtls) &&
           hws_record_next(&datagram, &record) == HWS_RECORD_SOUND) {
        if (take_record(dtls, &record, now)) used = true;
    }
    set_timers(dtls, sent_before, now);
    return used;
}

/* What was kept for later has its time now. What is still too early goes back to the end. */
static void take_held(struct hws_dtls *dtls, hws_time now)
{
    struct hws_ring held = dtls->held;
    struct hws_bytes datagram;

    dtls->held = (struct hws_ring){0};
    while (!is_over(dtls) && hws_ring_pop(&held, &datagram)) {
        (void)take_datagram(dtls, datagram, now);
    }
    hws_tally_ring_fini(&dtls->tally, &held);
}

enum hws_err hws_dtls_feed(struct hws_dtls *dtls, struct hws_bytes datagram, hws_time now)
{
    enum hws_record_flaw flaw;
    bool was_finished = dtls->engine.finished;
    bool used;

    dtls->tally.stats.datagrams_received++;
    dtls->tally.stats.bytes_received += datagram.len;
    if (datagram.len > HWS_DATAGRAM_IN_MAX) {
        dtls->tally.stats.dropped_malformed++;
        return HWS_ERR_TOO_BIG;
    }
    flaw = hws_record_check(datagram);
    if (flaw) {
        HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "record.drop", "reason=%s len=%u",
                hws_record_flaw_name(flaw), (unsigned)datagram.len);
        dtls->tally.stats.dropped_malformed++;
        return HWS_ERR_MALFORMED;
    }
    if (is_over(dtls)) {
        dtls->tally.stats.dropped_unexpected++;
        return HWS_ERR_UNEXPECTED;
    }
    if (dtls->state == IDLE) {
        hold(dtls, datagram);
        return HWS_OK;
    }
    used = take_datagram(dtls, datagram, now);
    if (dtls->engine.finished && !was_finished && dtls->held.count > 0) take_held(dtls, now);
    return used ? HWS_OK : HWS_ERR_UNEXPECTED;
}

/* ---- Wishes */

enum hws_err hws_dtls_expect(struct hws_dtls *dtls, const struct hws_fingerprint *fingerprints,
                             size_t count, hws_time now)
{
    enum hws_err err;

    if (is_over(dtls)) return HWS_ERR_STATE;
    err = hws_proof_expect(&dtls->proof, fingerprints, count);
    if (err) return err;
    if (dtls->state == UNPROVEN) {
        judge(dtls, now);
    } else if (hws_proof_verdict(&dtls->proof) == HWS_PROOF_MISMATCH) {
        hws_engine_say_goodbye(&dtls->engine); /* the certificate came already */
        fail_engine(dtls, now);
    }
    return HWS_OK;
}

void hws_dtls_start(struct hws_dtls *dtls, hws_time now)
{
    uint64_t sent_before = dtls->engine.sent;

    if (dtls->state != IDLE) return;
    enter(dtls, HANDSHAKE, now);
    dtls->give_up_at = now + dtls->give_up_after;
    if (!dtls->engine.server) {
        step(dtls, (struct hws_bytes){0}, now);
        set_timers(dtls, sent_before, now);
    }
    if (dtls->held.count > 0) take_held(dtls, now);
}

enum hws_err hws_dtls_send(struct hws_dtls *dtls, struct hws_bytes plain, hws_time now)
{
    enum hws_err err;

    if (dtls->state != CONNECTED) return HWS_ERR_STATE;
    if (plain.len == 0) return HWS_ERR_ARGUMENT;
    if (plain.len > dtls->engine.plain_max) return HWS_ERR_TOO_BIG;
    err = hws_engine_write(&dtls->engine, plain);
    if (err == HWS_ERR_CRYPTO) fail_engine(dtls, now);
    return err;
}

void hws_dtls_close(struct hws_dtls *dtls, hws_time now)
{
    if (is_over(dtls)) return;
    if (dtls->state != IDLE) hws_engine_say_goodbye(&dtls->engine);
    end(dtls, CLOSED, now);
}

/* ---- Time */

static void retransmit(struct hws_dtls *dtls, const char *why, hws_time now)
{
    uint64_t sent_before = dtls->engine.sent;

    if (!hws_engine_retransmit(&dtls->engine)) {
        fail(dtls, HWS_ERR_CRYPTO, "wolfSSL could not repeat its flight", 0, now);
        return;
    }
    HWS_LOG(&dtls->log, HWS_LOG_DEBUG, now, "dtls", "retransmit", "why=%s datagrams=%u", why,
            (unsigned)(dtls->engine.sent - sent_before));
}

void hws_dtls_tick(struct hws_dtls *dtls, hws_time now)
{
    if (now >= dtls->alert_at) {
        fail(dtls, HWS_ERR_HANDSHAKE, "the peer sent a fatal alert and nothing more",
             dtls->plain_alert, now);
    } else if (now >= dtls->give_up_at) {
        /* Connected without an acknowledgement is connected; it is only not asked for any more. */
        if (dtls->engine.finished)
            dtls->flight_at = dtls->give_up_at = HWS_NEVER;
        else
            fail(dtls, HWS_ERR_TIMEOUT, "the handshake took too long", 0, now);
    } else if (now >= dtls->flight_at) {
        dtls->rto = 2 * dtls->rto < RTO_CAP ? 2 * dtls->rto : RTO_CAP;
        dtls->flight_at = now + dtls->rto;
        dtls->tally.stats.flights_resent++;
        retransmit(dtls, "timeout", now);
    } else if (now >= dtls->ack_at) {
        dtls->ack_at = HWS_NEVER;
        retransmit(dtls, "ack", now);
    }
}

hws_time hws_dtls_deadline(const struct hws_dtls *dtls)
{
    hws_time earliest = dtls->flight_at;

    if (dtls->ack_at < earliest) earliest = dtls->ack_at;
    if (dtls->alert_at < earliest) earliest = dtls->alert_at;
    if (dtls->give_up_at < earliest) earliest = dtls->give_up_at;
    return earliest;
}

/* ---- Outputs and questions */

bool hws_dtls_next_packet(struct hws_dtls *dtls, struct hws_bytes *out)
{
    if (!hws_ring_pop(&dtls->engine.packets, out)) return false;
    dtls->tally.stats.datagrams_sent++;
    dtls->tally.stats.bytes_sent += out->len;
    return true;
}

bool hws_dtls_next_event(struct hws_dtls *dtls, enum hws_dtls_event *out)
{
    if (dtls->event_count == 0) return false;
    *out = dtls->events[0];
    dtls->events[0] = dtls->events[1];
    dtls->event_count--;
    return true;
}

struct hws_fault hws_dtls_fault(const struct hws_dtls *dtls)
{
    return dtls->fault;
}

const char *hws_dtls_version(const struct hws_dtls *dtls)
{
    return dtls->version;
}

const char *hws_dtls_suite(const struct hws_dtls *dtls)
{
    return dtls->suite;
}

const char *hws_dtls_group(const struct hws_dtls *dtls)
{
    return dtls->group;
}

enum hws_err hws_dtls_export(const struct hws_dtls *dtls, const char *label,
                             struct hws_bytes context, uint8_t *out, size_t len)
{
    if (dtls->state != CONNECTED) return HWS_ERR_STATE;
    return hws_engine_export(&dtls->engine, label, context, out, len);
}

struct hws_dtls_stats hws_dtls_stats(const struct hws_dtls *dtls)
{
    struct hws_dtls_stats stats = dtls->tally.stats;

    stats.dropped_full += dtls->engine.packets.dropped + dtls->held.dropped + dtls->plain.dropped;
    return stats;
}

size_t hws_dtls_plain_max(const struct hws_dtls *dtls)
{
    return dtls->engine.plain_max;
}

bool hws_dtls_has_room(const struct hws_dtls *dtls)
{
    return dtls->engine.packets.count < HWS_DTLS_QUEUE; /* it grows up to that */
}
