/**
 * @file
 * What one stream to a distributor is about, as a machine: registration, sessions, the order of
 * their messages, and descriptions and candidates in and out of envelopes. Knows no gRPC; the
 * program moves packed messages between it and hws_stream.
 *
 * One machine is one stream, and ends with it. On the client's side it has one session, number 0,
 * which the first offer opens. On the worker's side it registers (BLANK), and each offer with an
 * unknown number opens a session:
 *
 *     worker:  next_packet: BLANK --> feed: BLANK --> REGISTERED
 *              feed: OFFER --> SESSION_OPEN, SIGNAL --> send(answer) --> ... --> SESSION_OVER
 *     client:  send(offer) --> ... --> SIGNAL (answer) --> accept_answer() --> ...
 */
#ifndef HWS_SIGNAL_CLIENT_H
#define HWS_SIGNAL_CLIENT_H

#include "signal/envelope.h"

#include <hawser/err.h>
#include <hawser/peer.h>
#include <hawser/types.h>

enum {
    HWS_SIGNAL_SESSIONS_DEFAULT = 1024,  /* open at once on one worker stream */
    HWS_SIGNAL_SESSIONS_MAX = 64 * 1024, /* 32 bytes each */
    HWS_SIGNAL_QUEUE_MAX = 1024,         /* messages that wait for next_packet */
    HWS_SIGNAL_QUEUE_LEN_MAX = 4 << 20,  /* their bytes */
    HWS_SIGNAL_REASON_MAX = 192,         /* bytes of a reason with its NUL */
};

struct hws_signal_client;

/** Zero every field that you do not set. */
struct hws_signal_client_config {
    enum hws_envelope_side side;
    int64_t worker;     /**< client: whom to call; worker: who we are. Not 0 */
    size_t session_max; /**< worker: 0 = HWS_SIGNAL_SESSIONS_DEFAULT */
    struct hws_log log;
};

/**
 * @param[in] config  copied
 * @retval HWS_ERR_ARGUMENT  worker is 0, or session_max over HWS_SIGNAL_SESSIONS_MAX
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_signal_client_new(const struct hws_signal_client_config *config,
                                                struct hws_signal_client **out);
void hws_signal_client_free(struct hws_signal_client *client); /**< accepts NULL */

/**
 * One packed message from the distributor. Then drain next_event and next_packet.
 *
 * @retval HWS_ERR_FULL        events wait: drain them and feed it again; nothing changed
 * @retval HWS_ERR_NO_MEMORY   nothing changed
 * @return class PEER: the message was dropped and counted. What was wrong inside a session has
 *         ended that session (SESSION_OVER), the others and the stream are as before:
 *         HWS_ERR_MALFORMED   not an envelope, or a payload that breaks its format
 *         HWS_ERR_MISMATCH    a number was skipped, or a description of the wrong type
 *         HWS_ERR_TOO_BIG     over the limits of base/limits.h
 *         HWS_ERR_UNEXPECTED  a number taken before; or a message that has no place here
 *         HWS_ERR_NOT_FOUND   for a session that is not open
 *         HWS_ERR_REFUSED     an offer, but session_max are open; its client is told
 */
enum hws_err hws_signal_client_feed(struct hws_signal_client *client, struct hws_bytes packed,
                                    hws_time now);

/** The next message for the distributor; borrowed until the next call on the same client. */
bool hws_signal_client_next_packet(struct hws_signal_client *client, struct hws_bytes *out);

enum hws_signal_event_kind {
    HWS_SIGNAL_REGISTERED,   /**< worker: the distributor knows us */
    HWS_SIGNAL_SESSION_OPEN, /**< worker: a client came; its offer follows as SIGNAL */
    HWS_SIGNAL_RECEIVED,     /**< @c signal from the other side, for hws_peer_signal() */
    HWS_SIGNAL_ACCEPTED,     /**< the other side has applied our answer */
    /** The session is gone here: @c err and @c reason say why. It may never have been open, when
     *  its very offer was malformed. */
    HWS_SIGNAL_SESSION_OVER,
};

/** One event. What it borrows is valid until the next call on the same client. */
struct hws_signal_event {
    enum hws_signal_event_kind kind;
    uint64_t session;         /**< 0 on the client's side */
    struct hws_signal signal; /**< with RECEIVED */
    enum hws_err err;         /**< with SESSION_OVER; HWS_ERR_CLOSED: the client left */
    const char *reason;       /**< with SESSION_OVER; one clause for people; never NULL */
};
bool hws_signal_client_next_event(struct hws_signal_client *client, struct hws_signal_event *out);

/**
 * Send to the other side of @p session. Candidates go out in a form that it reads.
 *
 * @param[in] session  0 on the client's side
 * @retval HWS_ERR_NOT_FOUND  the session is not open (any more)
 * @retval HWS_ERR_STATE      client: the first message is the offer
 * @retval HWS_ERR_ARGUMENT   not UTF-8
 * @retval HWS_ERR_TOO_BIG    over the limits of base/limits.h, or HWS_ENVELOPE_MAX when packed
 * @retval HWS_ERR_FULL       the queue is full: drain next_packet
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_signal_client_send(struct hws_signal_client *client, uint64_t session,
                                                 const struct hws_signal *signal, hws_time now);

/** Tell the other side that its answer is applied (ACCEPT_ANSWER). Errors as above. */
HWS_MUST_USE enum hws_err hws_signal_client_accept_answer(struct hws_signal_client *client,
                                                          uint64_t session, hws_time now);

/**
 * End a session from our side; no event follows. A worker tells the distributor, which ends the
 * client's stream: with OK, or with ABORTED and @p reason when that is not NULL. A client ends its
 * session by ending its stream, so here it only stops taking messages.
 *
 * @param[in] reason  may be NULL; one clause for people, cut at HWS_SIGNAL_REASON_MAX
 * @retval HWS_ERR_NOT_FOUND  it is not open (any more); no harm
 */
enum hws_err hws_signal_client_close_session(struct hws_signal_client *client, uint64_t session,
                                             const char *reason, hws_time now);

struct hws_signal_counts {
    size_t sessions;    /**< open now */
    uint64_t taken;     /**< messages taken */
    uint64_t malformed; /**< envelopes or payloads that break their format */
    uint64_t unknown;   /**< for sessions that are not open */
    uint64_t repeated;  /**< with a number taken before */
    uint64_t gaps;      /**< sessions that lost a message */
    uint64_t refused;   /**< offers over session_max */
    uint64_t pings;     /**< PINGs taken; at most one a second is answered */
};
struct hws_signal_counts hws_signal_client_counts(const struct hws_signal_client *client);

#endif /* HWS_SIGNAL_CLIENT_H */
