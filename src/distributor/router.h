/**
 * @file
 * The rules of the signalling service: who is registered, which session a message belongs to,
 * where it goes, and when a stream ends. Knows nothing of gRPC, sockets, clocks or brokers.
 *
 * A *stream* is one call of NegotiatePeerConnection, of a client or of a worker. A *session* joins
 * one client stream to one worker. It has two halves that meet only over the bus (bus.h): the
 * client's half lives in the client's stream, the worker's half is a *seat* at the worker's stream.
 *
 *     client stream --feed--> client's half --publish--> bus --feed_bus--> seat --send--> worker
 *     client <--send-- client's half <--feed_bus-- bus <--publish-- seat <--feed-- worker stream
 *
 *     NEW ---OFFER---> IN_SESSION ---+                          (client)
 *      |                             +--> ENDING --> ENDED
 *      +---any message---> SERVING --+                          (worker)
 *
 * Rules (doc/protocol.md tells them to users):
 *
 *  1. A client stream carries one session, opened by its first OFFER. A later OFFER on the same
 *     stream is a renegotiation and relayed. Before the first OFFER only PING is taken, anything
 *     else is FAILED_PRECONDITION.
 *  2. A worker's first message registers it, whatever its event; it is answered with BLANK. The
 *     newest registration of an id wins, the older stream ends with ALREADY_EXISTS.
 *  3. Worker id 0 is "missing" in proto3 and refused. In later messages 0 means "as before" and
 *     another id is INVALID_ARGUMENT.
 *  4. BLANK that names a session means "this session is over", in both directions between
 *     distributor and worker. Other BLANKs, and a client's, go no further.
 *  5. A client that leaves, or breaks a rule, ends its session: the worker gets BLANK. What a
 *     worker does wrong inside a session (a gap, a limit) ends that session only: the client gets
 *     the status and the worker BLANK. A message that cannot be read, a wrong worker id, or one
 *     without session when several are open ends the worker's stream, and so all of its sessions
 *     with UNAVAILABLE.
 *  6. Numbers: see sequence.h. What was taken before is dropped, a gap is ABORTED. Messages leave
 *     numbered from 1 in each direction of a session, whether or not the sender numbered them.
 *     PING with number 0, its answer and the answer to a registration stand outside the count.
 *  7. A worker that names no session means its only open one; with none or several open it gets
 *     FAILED_PRECONDITION. Within a grace time after its last session closed, such messages are
 *     dropped instead: an earlier program may trickle on for a moment after its client left.
 *  8. A message for a session that is not the worker's (any more) is dropped.
 *  9. A client that half-closes may still wait for answers: the stream ends with OK once nothing
 *     was relayed to it for a while. A worker that half-closes leaves.
 * 10. Every queue has a limit. A reader too slow for its limit is cut with RESOURCE_EXHAUSTED and
 *     the limit's name; a full worker queue ends the session whose message did not fit.
 *
 * Call order: after each input drain hws_router_next_output() and the bus.
 */
#ifndef HWS_DISTRIBUTOR_ROUTER_H
#define HWS_DISTRIBUTOR_ROUTER_H

#include "distributor/bus.h"
#include "signal/envelope.h"

#include <hawser/err.h>
#include <hawser/types.h>

/** The gRPC status codes that streams end with. */
enum hws_status {
    HWS_STATUS_OK = 0,
    HWS_STATUS_INVALID_ARGUMENT = 3,
    HWS_STATUS_DEADLINE_EXCEEDED = 4,
    HWS_STATUS_NOT_FOUND = 5,
    HWS_STATUS_ALREADY_EXISTS = 6,
    HWS_STATUS_RESOURCE_EXHAUSTED = 8,
    HWS_STATUS_FAILED_PRECONDITION = 9,
    HWS_STATUS_ABORTED = 10,
    HWS_STATUS_UNAVAILABLE = 14,
};

/** Every bound; config.c has the defaults and the names that errors use. */
struct hws_limits {
    uint32_t streams;  /**< open at once, of clients and workers */
    uint32_t sessions; /**< seats at workers of this process */
    uint32_t clients_per_worker;
    uint32_t message;       /**< bytes of one packed message */
    uint32_t description;   /**< payload bytes of OFFER, ANSWER and ACCEPT_ANSWER */
    uint32_t candidate;     /**< payload bytes of the other events */
    uint32_t candidates;    /**< one direction, since the last OFFER; plus one end mark */
    uint32_t session_queue; /**< bytes waiting for one client, or for a worker in one session */
    uint32_t worker_queue;  /**< bytes waiting for one worker */
    hws_time idle;          /**< a stream that neither registered nor offered */
    hws_time linger;        /**< rule 9 */
    hws_time stall;         /**< a message that the reader does not take */
    hws_time grace;         /**< rule 7 */
};

struct hws_router;

/** A stream of the router: an index with a generation, so an outdated one is noticed. */
struct hws_stream_id {
    uint32_t index;
    uint32_t generation; /**< 0 = no stream */
};

struct hws_router_config {
    struct hws_limits limits;
    uint64_t instance;        /**< this process on the bus */
    uint64_t first_epoch;     /**< not 0; higher than any that an earlier process used */
    struct hws_random random; /**< session numbers and hash seeds */
    struct hws_log log;
};

/** @retval HWS_ERR_ARGUMENT  a limit is 0 or too big to index @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_router_new(const struct hws_router_config *config,
                                         struct hws_router **out);
void hws_router_free(struct hws_router *router); /**< accepts NULL */

/* ---- Inputs from the edge */

/**
 * A call came in. @p user is borrowed and comes back in outputs until hws_router_close().
 *
 * @retval HWS_ERR_FULL   limit "streams": end the call with RESOURCE_EXHAUSTED
 * @retval HWS_ERR_STATE  shutting down: end the call with UNAVAILABLE
 */
HWS_MUST_USE enum hws_err hws_router_open(struct hws_router *router, enum hws_envelope_side side,
                                          void *user, hws_time now, struct hws_stream_id *out);

/**
 * One packed message arrived. Whatever is wrong with it has been dealt with when the call returns
 * (the stream's end is among the outputs); the error is for counting.
 *
 * @retval HWS_ERR_CLOSED      the stream has ended; dropped
 * @retval HWS_ERR_MALFORMED   not a message, or a field out of range
 * @retval HWS_ERR_UNEXPECTED  not in this state, a gap, a number taken before
 * @retval HWS_ERR_MISMATCH    another worker's id
 * @retval HWS_ERR_NOT_FOUND   the session is not one of this worker's; dropped
 * @retval HWS_ERR_TOO_BIG     over a size limit
 * @retval HWS_ERR_FULL        over a count or queue limit
 */
enum hws_err hws_router_feed(struct hws_router *router, struct hws_stream_id stream,
                             struct hws_bytes packed, hws_time now);

/** The other side sends no more. */
void hws_router_half_close(struct hws_router *router, struct hws_stream_id stream, hws_time now);

/** The message handed out last for this stream is on its way; the next one may go. */
void hws_router_sent(struct hws_router *router, struct hws_stream_id stream, hws_time now);

/** The call is gone, for whatever reason; its id is void. */
void hws_router_close(struct hws_router *router, struct hws_stream_id stream, hws_time now);

/** Something arrived on the bus. @retval HWS_ERR_MALFORMED  not a frame; dropped */
enum hws_err hws_router_feed_bus(struct hws_router *router, const struct hws_bus_delivery *delivery,
                                 hws_time now);

/** The bus refused what this session published: its half here ends with UNAVAILABLE. */
void hws_router_bus_lost(struct hws_router *router, uint64_t session, hws_time now);

void hws_router_tick(struct hws_router *router, hws_time now);
hws_time hws_router_deadline(const struct hws_router *router);

/** Going away: every stream ends with UNAVAILABLE, and no new one is taken. */
void hws_router_stop(struct hws_router *router, hws_time now);

/* ---- Outputs */

enum hws_router_output_kind {
    HWS_ROUTER_SEND,      /**< @c bytes to the stream; then hws_router_sent() */
    HWS_ROUTER_END,       /**< end the stream with @c status and @c text */
    HWS_ROUTER_CUT,       /**< the same, without waiting for a message under way */
    HWS_ROUTER_SUBSCRIBE, /**< listen to the subject of @c worker */
    HWS_ROUTER_UNSUBSCRIBE,
    HWS_ROUTER_PUBLISH_WORKER, /**< @c bytes to the subject of @c worker, for @c session */
    HWS_ROUTER_PUBLISH_SESSION /**< @c bytes to the subject of @c session at @c instance */
};

struct hws_router_output {
    enum hws_router_output_kind kind;
    struct hws_stream_id stream;
    void *user;             /**< of that stream */
    struct hws_bytes bytes; /**< borrowed until the next call on the router */
    enum hws_status status;
    const char *text; /**< NUL-terminated, borrowed likewise */
    int64_t worker;
    uint64_t session;
    uint64_t instance;
};

/** Take the next output, those for the bus first; false = drained. */
bool hws_router_next_output(struct hws_router *router, struct hws_router_output *out);

/* ---- Looking in */

struct hws_router_counts {
    size_t streams;
    size_t workers;    /**< registered here */
    size_t clients;    /**< clients' halves here */
    size_t seats;      /**< workers' halves here, those still saying goodbye included */
    size_t queued_len; /**< bytes in all queues */
};
struct hws_router_counts hws_router_counts(const struct hws_router *router);

/** Walk every invariant; asserts. For tests. */
void hws_router_check(const struct hws_router *router);

#endif /* HWS_DISTRIBUTOR_ROUTER_H */
