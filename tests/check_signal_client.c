/*
 * The signalling machine: a client's and a worker's joined by a distributor of a few lines, and
 * each of them alone against messages that a distributor should never send.
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "signal/client.h"
#include "signal/sessions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define LINE         "candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host"
#define OFFER        "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}"
#define ANSWER       "{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"

enum { WORKER = 42, SESSION = 0x1234 };

static struct hws_signal_client *client, *worker; /* Check runs each test in its own process */
static uint8_t packed[HWS_ENVELOPE_MAX];

static struct hws_signal_client *new_side(enum hws_envelope_side side, size_t session_max)
{
    struct hws_signal_client_config config = {
        .side = side, .worker = WORKER, .session_max = session_max};
    struct hws_signal_client *made = NULL;

    ck_assert_int_eq(hws_signal_client_new(&config, &made), HWS_OK);
    return made;
}

static void setup(void)
{
    client = new_side(HWS_SIDE_CLIENT, 0);
    worker = new_side(HWS_SIDE_WORKER, 2);
}

static void teardown(void)
{
    hws_signal_client_free(client);
    hws_signal_client_free(worker);
}

static enum hws_err feed_envelope(struct hws_signal_client *to, enum hws_envelope_side side,
                                  const struct hws_envelope *envelope)
{
    struct hws_writer out = hws_writer_over(packed, sizeof(packed));

    hws_envelope_write(&out, side, envelope);
    ck_assert(!out.failed);
    return hws_signal_client_feed(to, hws_written(&out), 0);
}

static enum hws_err feed_worker(enum hws_rtc_event event, uint64_t session, uint64_t sequence,
                                const char *payload)
{
    const struct hws_envelope envelope = {.worker = WORKER,
                                          .event = event,
                                          .payload = hws_bytes_of(payload),
                                          .session = session,
                                          .sequence = sequence};

    return feed_envelope(worker, HWS_SIDE_WORKER, &envelope);
}

static enum hws_err feed_client(enum hws_rtc_event event, uint64_t sequence, const char *payload)
{
    const struct hws_envelope envelope = {
        .worker = WORKER, .event = event, .payload = hws_bytes_of(payload), .sequence = sequence};

    return feed_envelope(client, HWS_SIDE_CLIENT, &envelope);
}

static struct hws_envelope want_packet(struct hws_signal_client *from, enum hws_envelope_side side,
                                       enum hws_rtc_event event)
{
    struct hws_envelope envelope;
    struct hws_bytes packet;

    ck_assert_msg(hws_signal_client_next_packet(from, &packet), "no %s", hws_rtc_event_name(event));
    ck_assert_int_eq(hws_envelope_read(side, packet, &envelope, NULL), HWS_OK);
    ck_assert_str_eq(hws_rtc_event_name(envelope.event), hws_rtc_event_name(event));
    ck_assert_int_eq(envelope.worker, WORKER);
    return envelope;
}

static void want_payload(const struct hws_envelope *envelope, const char *text)
{
    ck_assert_msg(hws_bytes_equal(envelope->payload, hws_bytes_of(text)), "%.*s instead of %s",
                  (int)envelope->payload.len, (const char *)envelope->payload.data, text);
}

static struct hws_signal_event want_event(struct hws_signal_client *from,
                                          enum hws_signal_event_kind kind, uint64_t session)
{
    struct hws_signal_event event = {0};

    ck_assert_msg(hws_signal_client_next_event(from, &event), "no event");
    ck_assert_int_eq(event.kind, kind);
    ck_assert_uint_eq(event.session, session);
    ck_assert_ptr_nonnull(event.reason);
    return event;
}

static void want_signal(struct hws_signal_client *from, uint64_t session, enum hws_signal_kind kind,
                        const char *text)
{
    struct hws_signal_event event = want_event(from, HWS_SIGNAL_RECEIVED, session);

    ck_assert_int_eq(event.signal.kind, kind);
    ck_assert(hws_bytes_equal(event.signal.text, hws_bytes_of(text)));
}

static void want_silence(struct hws_signal_client *from)
{
    struct hws_signal_event event;
    struct hws_bytes packet;

    ck_assert(!hws_signal_client_next_event(from, &event));
    ck_assert(!hws_signal_client_next_packet(from, &packet));
}

static enum hws_err send_signal(struct hws_signal_client *from, uint64_t session,
                                enum hws_signal_kind kind, const char *text)
{
    const struct hws_signal signal = {
        .kind = kind, .text = hws_bytes_of(text), .mid = "0", .ufrag = "abcd"};

    return hws_signal_client_send(from, session, &signal, 0);
}

/* Past registration and the offer of session SESSION, numbered 1. */
static void open_at_worker(void)
{
    (void)want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION, 1, OFFER), HWS_OK);
    (void)want_event(worker, HWS_SIGNAL_SESSION_OPEN, SESSION);
    want_signal(worker, SESSION, HWS_SIGNAL_OFFER, "v=0\r\n");
}

static void offer_at_client(void)
{
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, "v=0\r\n"), HWS_OK);
    (void)want_packet(client, HWS_SIDE_CLIENT, HWS_RTC_OFFER);
}

/* ---- The two together */

static void relay_to_worker(void)
{
    struct hws_envelope envelope;
    struct hws_bytes packet;

    while (hws_signal_client_next_packet(client, &packet)) {
        ck_assert_int_eq(hws_envelope_read(HWS_SIDE_CLIENT, packet, &envelope, NULL), HWS_OK);
        envelope.session = SESSION;
        ck_assert_int_eq(feed_envelope(worker, HWS_SIDE_WORKER, &envelope), HWS_OK);
    }
}

static void relay_to_client(void)
{
    struct hws_envelope envelope;
    struct hws_bytes packet;

    while (hws_signal_client_next_packet(worker, &packet)) {
        ck_assert_int_eq(hws_envelope_read(HWS_SIDE_WORKER, packet, &envelope, NULL), HWS_OK);
        if (envelope.session == 0) { /* a registration */
            ck_assert_int_eq(feed_envelope(worker, HWS_SIDE_WORKER, &envelope), HWS_OK);
            continue;
        }
        ck_assert_uint_eq(envelope.session, SESSION);
        envelope.session = 0;
        ck_assert_int_eq(feed_envelope(client, HWS_SIDE_CLIENT, &envelope), HWS_OK);
    }
}

START_TEST(a_client_and_a_worker_understand_each_other)
{
    struct hws_signal_event event;

    relay_to_client();
    (void)want_event(worker, HWS_SIGNAL_REGISTERED, 0);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, "v=0\r\n"), HWS_OK);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_CANDIDATE, LINE), HWS_OK);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_CANDIDATE, ""), HWS_OK);
    relay_to_worker();
    (void)want_event(worker, HWS_SIGNAL_SESSION_OPEN, SESSION);
    want_signal(worker, SESSION, HWS_SIGNAL_OFFER, "v=0\r\n");
    event = want_event(worker, HWS_SIGNAL_RECEIVED, SESSION);
    ck_assert_int_eq(event.signal.kind, HWS_SIGNAL_CANDIDATE);
    ck_assert(hws_bytes_equal(event.signal.text, hws_bytes_of(LINE)));
    ck_assert_str_eq(event.signal.mid, "0");
    ck_assert_str_eq(event.signal.ufrag, "abcd");
    want_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, "");

    ck_assert_int_eq(send_signal(worker, SESSION, HWS_SIGNAL_ANSWER, "v=0\r\ns=w\r\n"), HWS_OK);
    ck_assert_int_eq(send_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE), HWS_OK);
    relay_to_client();
    want_signal(client, 0, HWS_SIGNAL_ANSWER, "v=0\r\ns=w\r\n");
    want_signal(client, 0, HWS_SIGNAL_CANDIDATE, LINE);
    ck_assert_int_eq(hws_signal_client_accept_answer(client, 0, 0), HWS_OK);
    relay_to_worker();
    (void)want_event(worker, HWS_SIGNAL_ACCEPTED, SESSION);
    ck_assert_uint_eq(hws_signal_client_counts(worker).sessions, 1);
    want_silence(client);
    want_silence(worker);
}
END_TEST

/* ---- Going out */

START_TEST(numbers_each_session_from_1)
{
    open_at_worker();
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 1, 1, OFFER), HWS_OK);
    for (uint64_t i = 1; i <= 3; i++) {
        for (uint64_t session = SESSION; session <= SESSION + 1; session++) {
            struct hws_envelope envelope;

            ck_assert_int_eq(send_signal(worker, session, HWS_SIGNAL_CANDIDATE, LINE), HWS_OK);
            envelope = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_ICE_CANDIDATE);
            ck_assert_uint_eq(envelope.session, session);
            ck_assert_uint_eq(envelope.sequence, i);
        }
    }
}
END_TEST

START_TEST(registers_without_session_or_number)
{
    struct hws_envelope hello = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);

    ck_assert_uint_eq(hello.session, 0);
    ck_assert_uint_eq(hello.sequence, 0);
    ck_assert_uint_eq(hello.payload.len, 0);
    want_silence(worker);
    want_silence(client);
}
END_TEST

START_TEST(a_client_offers_first)
{
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_CANDIDATE, LINE), HWS_ERR_STATE);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_ANSWER, "v=0"), HWS_ERR_STATE);
    ck_assert_int_eq(hws_signal_client_accept_answer(client, 0, 0), HWS_ERR_STATE);
    ck_assert_int_eq(send_signal(client, 7, HWS_SIGNAL_OFFER, "v=0"), HWS_ERR_NOT_FOUND);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, "\xff"), HWS_ERR_ARGUMENT);
    want_silence(client);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, "v=0"), HWS_OK);
    ck_assert_uint_eq(want_packet(client, HWS_SIDE_CLIENT, HWS_RTC_OFFER).sequence, 1);
}
END_TEST

START_TEST(a_failed_send_uses_up_no_number)
{
    static char text[HWS_DESCRIPTION_MAX + 2];

    offer_at_client();
    memset(text, 'v', sizeof(text) - 1);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, text), HWS_ERR_TOO_BIG);
    memset(text, 1, HWS_DESCRIPTION_MAX); /* six bytes each as JSON */
    text[HWS_DESCRIPTION_MAX] = '\0';
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, text), HWS_ERR_TOO_BIG);
    memset(text, 'x', HWS_CANDIDATE_TEXT_MAX + 1);
    text[HWS_CANDIDATE_TEXT_MAX + 1] = '\0';
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_CANDIDATE, text), HWS_ERR_TOO_BIG);
    ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_CANDIDATE, "\xff"), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_signal_client_accept_answer(client, 0, 0), HWS_OK);
    ck_assert_uint_eq(want_packet(client, HWS_SIDE_CLIENT, HWS_RTC_ACCEPT_ANSWER).sequence, 2);
}
END_TEST

START_TEST(a_full_queue_refuses_and_keeps_room_for_ends)
{
    size_t count = 0;

    open_at_worker();
    while (send_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE) == HWS_OK)
        count++;
    ck_assert_uint_eq(count, HWS_SIGNAL_QUEUE_MAX);
    ck_assert_int_eq(send_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE), HWS_ERR_FULL);
    ck_assert_int_eq(hws_signal_client_close_session(worker, SESSION, NULL, 0), HWS_OK);
    for (size_t i = 1; i <= count; i++) {
        ck_assert_uint_eq(want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_ICE_CANDIDATE).sequence, i);
    }
    ck_assert_uint_eq(want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK).sequence, count + 1);
    want_silence(worker);
}
END_TEST

/* ---- The form of candidates */

#define FIELDS                                                                            \
    "{\"foundation\":\"1\",\"component\":1,\"protocol\":\"udp\",\"priority\":2113937151," \
    "\"address\":\"192.0.2.1\",\"port\":5000,\"typ\":\"host\"}"
#define OBJECT                                                          \
    "{\"candidate\":\"" LINE "\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0," \
    "\"usernameFragment\":\"abcd\"}"

static const struct {
    const char *theirs;
    enum hws_rtc_event event;
    const char *ours;
} forms[] = {
    {OBJECT,           HWS_RTC_ICE_CANDIDATE,       OBJECT},
    {LINE,             HWS_RTC_ICE_CANDIDATE,       LINE  },
    {"a=" LINE "\r\n", HWS_RTC_LOCAL_ICE_CANDIDATE, LINE  },
    {"\"" LINE "\"",   HWS_RTC_ICE_CANDIDATE,       LINE  },
    {FIELDS,           HWS_RTC_LOCAL_ICE_CANDIDATE, LINE  },
};

START_TEST(answers_in_a_form_that_the_other_side_reads)
{
    struct hws_envelope envelope;

    open_at_worker();
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 1, 1, OFFER), HWS_OK);
    (void)want_event(worker, HWS_SIGNAL_SESSION_OPEN, SESSION + 1);
    want_signal(worker, SESSION + 1, HWS_SIGNAL_OFFER, "v=0\r\n");
    ck_assert_int_eq(feed_worker(forms[_i].event, SESSION, 2, forms[_i].theirs), HWS_OK);
    want_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE);
    /* An end says nothing about the form. */
    ck_assert_int_eq(feed_worker(forms[_i].event, SESSION, 3, ""), HWS_OK);
    want_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, "");

    ck_assert_int_eq(send_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE), HWS_OK);
    envelope = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_ICE_CANDIDATE);
    want_payload(&envelope, forms[_i].ours);
    /* Another session is none of its business. */
    ck_assert_int_eq(send_signal(worker, SESSION + 1, HWS_SIGNAL_CANDIDATE, LINE), HWS_OK);
    envelope = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_ICE_CANDIDATE);
    want_payload(&envelope, OBJECT);
}
END_TEST

/* ---- The order of what comes in */

static const struct {
    uint64_t numbers[4];
    enum hws_err verdicts[4];
} orders[] = {
    {{1, 2, 3, 4},          {HWS_OK, HWS_OK, HWS_OK, HWS_OK}                                },
    {{0, 0, 0, 0},          {HWS_OK, HWS_OK, HWS_OK, HWS_OK}                                },
    {{1, 1, 2, 1},          {HWS_OK, HWS_ERR_UNEXPECTED, HWS_OK, HWS_ERR_UNEXPECTED}        },
    {{1, 3, 2, 3},          {HWS_OK, HWS_ERR_MISMATCH, HWS_ERR_NOT_FOUND, HWS_ERR_NOT_FOUND}},
    {{1, 0, 2, 3},          {HWS_OK, HWS_ERR_MISMATCH, HWS_ERR_NOT_FOUND, HWS_ERR_NOT_FOUND}},
    {{0, 2, 1, 2},          {HWS_OK, HWS_ERR_MISMATCH, HWS_ERR_NOT_FOUND, HWS_ERR_NOT_FOUND}},
    {{0, 1, 2, 0},          {HWS_OK, HWS_OK, HWS_OK, HWS_ERR_MISMATCH}                      },
    {{1, 2, UINT64_MAX, 3}, {HWS_OK, HWS_OK, HWS_ERR_MISMATCH, HWS_ERR_NOT_FOUND}           },
};

START_TEST(keeps_the_order_of_a_session)
{
    offer_at_client();
    for (int i = 0; i < 4; i++) {
        enum hws_err err = feed_client(HWS_RTC_ICE_CANDIDATE, orders[_i].numbers[i], LINE);

        ck_assert_msg(err == orders[_i].verdicts[i], "message %d: %s", i, hws_err_name(err));
        if (err == HWS_OK) want_signal(client, 0, HWS_SIGNAL_CANDIDATE, LINE);
        if (err == HWS_ERR_MISMATCH) {
            struct hws_signal_event event = want_event(client, HWS_SIGNAL_SESSION_OVER, 0);

            ck_assert_int_eq(event.err, HWS_ERR_MISMATCH);
            ck_assert_msg(strstr(event.reason, "expected"), "%s", event.reason);
            ck_assert_int_eq(send_signal(client, 0, HWS_SIGNAL_OFFER, "v=0"), HWS_ERR_NOT_FOUND);
        }
        want_silence(client);
    }
}
END_TEST

START_TEST(a_gap_ends_one_session_only)
{
    struct hws_envelope over;

    open_at_worker();
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 1, 1, OFFER), HWS_OK);
    (void)want_event(worker, HWS_SIGNAL_SESSION_OPEN, SESSION + 1);
    want_signal(worker, SESSION + 1, HWS_SIGNAL_OFFER, "v=0\r\n");
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, 7, LINE), HWS_ERR_MISMATCH);
    ck_assert_int_eq(want_event(worker, HWS_SIGNAL_SESSION_OVER, SESSION).err, HWS_ERR_MISMATCH);
    over = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_uint_eq(over.session, SESSION);
    want_payload(&over, "message 7 came where 2 was expected");
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION + 1, 2, LINE), HWS_OK);
    want_signal(worker, SESSION + 1, HWS_SIGNAL_CANDIDATE, LINE);
    ck_assert_uint_eq(hws_signal_client_counts(worker).gaps, 1);
}
END_TEST

START_TEST(a_session_that_starts_late_does_not_open)
{
    (void)want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION, 2, OFFER), HWS_ERR_MISMATCH);
    (void)want_event(worker, HWS_SIGNAL_SESSION_OVER, SESSION);
    ck_assert_uint_eq(hws_signal_client_counts(worker).sessions, 0);
    (void)want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    want_silence(worker);
}
END_TEST

/* ---- What is wrong with a message */

/* clang-format off */
static const struct {
    enum hws_rtc_event event;
    const char *payload;
    enum hws_err err;
    const char *words;
} wrong[] = {
    {HWS_RTC_ANSWER, "", HWS_ERR_MALFORMED, "ANSWER: not JSON"},
    {HWS_RTC_ANSWER, "{\"type\":\"answer\"}", HWS_ERR_MALFORMED, "\"sdp\" is missing"},
    {HWS_RTC_ANSWER, OFFER, HWS_ERR_MISMATCH, "\"type\" is not \"answer\""},
    {HWS_RTC_OFFER, ANSWER, HWS_ERR_MISMATCH, "OFFER: the member \"type\""},
    {HWS_RTC_ICE_CANDIDATE, "{\"candidate\":5}", HWS_ERR_MALFORMED,
     "ICE_CANDIDATE: the member \"candidate\" is not a string"},
    {HWS_RTC_LOCAL_ICE_CANDIDATE, "nonsense", HWS_ERR_MALFORMED, "LOCAL_ICE_CANDIDATE: not JSON"},
};
/* clang-format on */

START_TEST(a_malformed_payload_ends_its_session_with_the_reason)
{
    struct hws_signal_event event;
    struct hws_envelope over;

    open_at_worker();
    ck_assert_int_eq(feed_worker(wrong[_i].event, SESSION, 2, wrong[_i].payload), wrong[_i].err);
    event = want_event(worker, HWS_SIGNAL_SESSION_OVER, SESSION);
    ck_assert_int_eq(event.err, wrong[_i].err);
    ck_assert_msg(strstr(event.reason, wrong[_i].words), "%s", event.reason);
    over = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    want_payload(&over, event.reason);
    ck_assert_uint_eq(over.session, SESSION);
    ck_assert_uint_eq(over.sequence, 1);
    ck_assert_int_eq(send_signal(worker, SESSION, HWS_SIGNAL_ANSWER, "v=0"), HWS_ERR_NOT_FOUND);
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, 3, LINE), HWS_ERR_NOT_FOUND);
    /* The stream and the place in the table are as before. */
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 1, 1, OFFER), HWS_OK);
    ck_assert_uint_eq(hws_signal_client_counts(worker).sessions, 1);

    offer_at_client();
    ck_assert_int_eq(feed_client(wrong[_i].event, 1, wrong[_i].payload), wrong[_i].err);
    event = want_event(client, HWS_SIGNAL_SESSION_OVER, 0);
    ck_assert_msg(strstr(event.reason, wrong[_i].words), "%s", event.reason);
    want_silence(client);
}
END_TEST

START_TEST(a_malformed_offer_opens_nothing)
{
    (void)want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION, 1, "{"), HWS_ERR_MALFORMED);
    (void)want_event(worker, HWS_SIGNAL_SESSION_OVER, SESSION);
    ck_assert_uint_eq(want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK).session, SESSION);
    ck_assert_uint_eq(hws_signal_client_counts(worker).sessions, 0);
    ck_assert_uint_eq(hws_signal_client_counts(worker).malformed, 1);
    want_silence(worker);
}
END_TEST

START_TEST(drops_what_is_no_envelope)
{
    (void)want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_int_eq(hws_signal_client_feed(worker, hws_bytes_of("\xff\xff"), 0),
                     HWS_ERR_MALFORMED);
    ck_assert_int_eq(
        hws_signal_client_feed(worker, (struct hws_bytes){packed, HWS_ENVELOPE_MAX + 1}, 0),
        HWS_ERR_TOO_BIG);
    ck_assert_uint_eq(hws_signal_client_counts(worker).malformed, 2);
    want_silence(worker);
}
END_TEST

static const struct {
    enum hws_rtc_event event;
    uint64_t session;
    const char *payload;
} strange[] = {
    {HWS_RTC_ICE_CANDIDATE,       99, LINE  },
    {HWS_RTC_LOCAL_ICE_CANDIDATE, 99, LINE  },
    {HWS_RTC_ANSWER,              99, ANSWER},
    {HWS_RTC_ACCEPT_ANSWER,       99, ""    },
    {HWS_RTC_BLANK,               99, ""    },
    {HWS_RTC_OFFER,               0,  OFFER },
    {HWS_RTC_ICE_CANDIDATE,       0,  LINE  },
};

START_TEST(drops_and_counts_messages_for_unknown_sessions)
{
    open_at_worker();
    ck_assert_int_eq(feed_worker(strange[_i].event, strange[_i].session, 1, strange[_i].payload),
                     HWS_ERR_NOT_FOUND);
    ck_assert_uint_eq(hws_signal_client_counts(worker).unknown, 1);
    ck_assert_uint_eq(hws_signal_client_counts(worker).sessions, 1);
    want_silence(worker);
}
END_TEST

START_TEST(a_client_has_no_use_for_blank)
{
    offer_at_client();
    ck_assert_int_eq(feed_client(HWS_RTC_BLANK, 0, ""), HWS_ERR_UNEXPECTED);
    want_silence(client);
    ck_assert_int_eq(feed_client(HWS_RTC_ANSWER, 1, ANSWER), HWS_OK);
    want_signal(client, 0, HWS_SIGNAL_ANSWER, "v=0\r\n");
}
END_TEST

/* ---- The table, and ends */

START_TEST(refuses_more_sessions_than_fit)
{
    struct hws_envelope over;

    open_at_worker();
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 1, 1, OFFER), HWS_OK);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 2, 1, OFFER), HWS_ERR_REFUSED);
    over = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_uint_eq(over.session, SESSION + 2);
    want_payload(&over, "no room for another session");
    ck_assert_uint_eq(hws_signal_client_counts(worker).refused, 1);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION, 2, OFFER), HWS_OK); /* a renegotiation */

    ck_assert_int_eq(hws_signal_client_close_session(worker, SESSION, NULL, 0), HWS_OK);
    over = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_uint_eq(over.session, SESSION);
    ck_assert_uint_eq(over.payload.len, 0);
    ck_assert_int_eq(feed_worker(HWS_RTC_OFFER, SESSION + 3, 1, OFFER), HWS_OK);
}
END_TEST

START_TEST(the_distributor_ends_a_session)
{
    struct hws_signal_event event;

    open_at_worker();
    ck_assert_int_eq(feed_worker(HWS_RTC_BLANK, SESSION, 2, ""), HWS_OK);
    event = want_event(worker, HWS_SIGNAL_SESSION_OVER, SESSION);
    ck_assert_int_eq(event.err, HWS_ERR_CLOSED);
    ck_assert_int_eq(hws_signal_client_close_session(worker, SESSION, NULL, 0), HWS_ERR_NOT_FOUND);
    want_silence(worker); /* the distributor is not told what it said itself */
}
END_TEST

START_TEST(closes_with_a_reason)
{
    char longer[HWS_SIGNAL_REASON_MAX + 100];
    struct hws_envelope over;

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    open_at_worker();
    ck_assert_int_eq(hws_signal_client_close_session(worker, SESSION, longer, 0), HWS_OK);
    over = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_BLANK);
    ck_assert_uint_eq(over.payload.len, HWS_SIGNAL_REASON_MAX - 1);

    offer_at_client();
    ck_assert_int_eq(hws_signal_client_close_session(client, 0, "enough", 0), HWS_OK);
    ck_assert_int_eq(feed_client(HWS_RTC_ANSWER, 1, ANSWER), HWS_ERR_NOT_FOUND);
    want_silence(client);
}
END_TEST

/* Nothing changes while events wait, so the same message may be fed again. */
START_TEST(takes_no_more_than_the_event_queue_holds)
{
    struct hws_signal_event event;
    uint64_t number = 2;

    open_at_worker();
    while (feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, number, LINE) == HWS_OK)
        number++;
    ck_assert_uint_gt(number, 8);
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, number, LINE), HWS_ERR_FULL);
    for (uint64_t i = 2; i < number; i++)
        want_signal(worker, SESSION, HWS_SIGNAL_CANDIDATE, LINE);
    ck_assert(!hws_signal_client_next_event(worker, &event));
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, number, LINE), HWS_OK);
}
END_TEST

/* ---- PING */

START_TEST(answers_a_ping_but_not_every_one)
{
    const struct hws_envelope ping = {.worker = WORKER,
                                      .event = HWS_RTC_PING,
                                      .payload = hws_bytes_of("x"),
                                      .session = SESSION,
                                      .sequence = 9};
    struct hws_envelope answer;
    struct hws_writer out = hws_writer_over(packed, sizeof(packed));

    open_at_worker();
    hws_envelope_write(&out, HWS_SIDE_WORKER, &ping);
    for (hws_time now = 0; now < HWS_SEC(3); now += HWS_MS(100)) {
        ck_assert_int_eq(hws_signal_client_feed(worker, hws_written(&out), now), HWS_OK);
    }
    for (int i = 0; i < 3; i++) {
        answer = want_packet(worker, HWS_SIDE_WORKER, HWS_RTC_PING);
        ck_assert_uint_eq(answer.session, SESSION);
        ck_assert_uint_eq(answer.sequence, 0);
        want_payload(&answer, "x");
    }
    want_silence(worker);
    ck_assert_uint_eq(hws_signal_client_counts(worker).pings, 30);
    /* A PING stands outside the count. */
    ck_assert_int_eq(feed_worker(HWS_RTC_ICE_CANDIDATE, SESSION, 2, LINE), HWS_OK);
}
END_TEST

/* ---- Making one */

START_TEST(refuses_a_configuration_out_of_range)
{
    struct hws_signal_client *made = NULL;
    struct hws_signal_client_config config = {.side = HWS_SIDE_WORKER};

    ck_assert_int_eq(hws_signal_client_new(&config, &made), HWS_ERR_ARGUMENT);
    config.worker = -1;
    config.session_max = HWS_SIGNAL_SESSIONS_MAX + 1;
    ck_assert_int_eq(hws_signal_client_new(&config, &made), HWS_ERR_ARGUMENT);
    ck_assert_ptr_null(made);
    config.session_max = HWS_SIGNAL_SESSIONS_MAX;
    ck_assert_int_eq(hws_signal_client_new(&config, &made), HWS_OK);
    hws_signal_client_free(made);
    hws_signal_client_free(NULL);
}
END_TEST

/* ---- The table by itself */

START_TEST(the_table_finds_what_was_added_and_not_removed)
{
    enum { CAP = 100 };
    struct hws_sessions sessions;
    bool there[CAP] = {false};
    uint32_t random = 1;

    ck_assert_int_eq(hws_sessions_init(&sessions, CAP / 2), HWS_OK);
    for (int step = 0; step < 5000; step++) {
        struct hws_sessions_entry *entry;
        size_t key;

        random = random * 1664525u + 1013904223u;
        key = random >> 8 & 0xFFFF;
        key %= CAP;
        entry = hws_sessions_find(&sessions, key);
        ck_assert_msg((entry != NULL) == there[key], "key %zu at step %d", key, step);
        if (entry) {
            ck_assert_uint_eq(entry->session, key);
            hws_sessions_remove(&sessions, entry);
            there[key] = false;
        } else {
            const struct hws_sessions_entry fresh = {.session = key};
            bool fits = sessions.count < CAP / 2;

            ck_assert_int_eq(hws_sessions_add(&sessions, &fresh), fits ? HWS_OK : HWS_ERR_FULL);
            there[key] = fits;
        }
    }
    hws_sessions_fini(&sessions);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signal_client");
    TCase *tc = tcase_create("client");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_client_and_a_worker_understand_each_other);
    tcase_add_test(tc, numbers_each_session_from_1);
    tcase_add_test(tc, registers_without_session_or_number);
    tcase_add_test(tc, a_client_offers_first);
    tcase_add_test(tc, a_failed_send_uses_up_no_number);
    tcase_add_test(tc, a_full_queue_refuses_and_keeps_room_for_ends);
    tcase_add_loop_test(tc, answers_in_a_form_that_the_other_side_reads, 0, COUNT(forms));
    tcase_add_loop_test(tc, keeps_the_order_of_a_session, 0, COUNT(orders));
    tcase_add_test(tc, a_gap_ends_one_session_only);
    tcase_add_test(tc, a_session_that_starts_late_does_not_open);
    tcase_add_loop_test(tc, a_malformed_payload_ends_its_session_with_the_reason, 0, COUNT(wrong));
    tcase_add_test(tc, a_malformed_offer_opens_nothing);
    tcase_add_test(tc, drops_what_is_no_envelope);
    tcase_add_loop_test(tc, drops_and_counts_messages_for_unknown_sessions, 0, COUNT(strange));
    tcase_add_test(tc, a_client_has_no_use_for_blank);
    tcase_add_test(tc, refuses_more_sessions_than_fit);
    tcase_add_test(tc, the_distributor_ends_a_session);
    tcase_add_test(tc, closes_with_a_reason);
    tcase_add_test(tc, takes_no_more_than_the_event_queue_holds);
    tcase_add_test(tc, answers_a_ping_but_not_every_one);
    tcase_add_test(tc, refuses_a_configuration_out_of_range);
    tcase_add_test(tc, the_table_finds_what_was_added_and_not_removed);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
