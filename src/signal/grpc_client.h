/**
 * @file
 * A bidirectional stream to a distributor over the gRPC C core. The edge of signal/: it moves
 * packed messages and decides nothing.
 *
 * One thread per stream runs gRPC's completion queue. It never calls the program: it puts what
 * happened into a bounded, locked queue and calls @c wake, which must be safe from any thread
 * (hws_loop_wake() is). Everything else here is called from the program's thread. A program has one
 * stream, rarely two, so a thread of its own (50 us to start) costs less than sharing one would in
 * locks and reference counts.
 *
 * A program that does not take its messages stops the reading, which in the end holds the
 * distributor back: HWS_STREAM_INBOX_MAX messages or HWS_STREAM_INBOX_LEN_MAX bytes wait here.
 *
 * gRPC starts threads of its own; signals are blocked in all of them. Its log is silent unless the
 * environment names GRPC_VERBOSITY, since what it says comes as the status too.
 */
#ifndef HWS_SIGNAL_GRPC_CLIENT_H
#define HWS_SIGNAL_GRPC_CLIENT_H

#include "signal/envelope.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_stream;

enum {
    HWS_STREAM_INBOX_MAX = 256,
    HWS_STREAM_INBOX_LEN_MAX = 1024 * 1024, /* and one message more */
    HWS_STREAM_OUTBOX_MAX = 1024,           /* messages sent, but not taken by gRPC yet */
    HWS_STREAM_OUTBOX_LEN_MAX = 4 * 1024 * 1024,
    HWS_STREAM_TOKEN_MAX = 4096,
};

/** Zero every field that you do not set. Text is copied. */
struct hws_stream_config {
    /** "host:port", "http://host:port", "https://host:port" or "unix:/path". Plain text is refused
     *  unless the address is loopback, a unix socket, or @c insecure is set. */
    const char *url;
    enum hws_envelope_side side; /**< ClientService or WorkerService */
    bool insecure;
    const char *root_certificates; /**< PEM text; NULL = the system's. Only with https */
    void (*wake)(void *user);      /**< next_event has something, or there is room again */
    void *user;
    const char *certificate; /**< PEM text of our own chain, with its key; NULL = none */
    const char *key;         /**< PEM text */
    const char *token;       /**< sent as "authorization: Bearer ..."; NULL = none */
};

/**
 * Start to connect; what comes of it is an event. Returns at once.
 *
 * @param[out] out_reason  may be NULL; static text on failure
 * @retval HWS_ERR_ARGUMENT  the URL is malformed, plain text off loopback, a certificate without
 *                           its key or without https, or a token that no header can hold
 * @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_LIBRARY
 */
HWS_MUST_USE enum hws_err hws_stream_open(const struct hws_stream_config *config,
                                          struct hws_stream **out, const char **out_reason);
/** Cancels the call, joins the thread; blocks for milliseconds only. Accepts NULL. */
void hws_stream_free(struct hws_stream *stream);

/** Queue one packed message; copied. It may be called before the stream is connected.
 *  @retval HWS_ERR_FULL     @c wake is called when there is room again
 *  @retval HWS_ERR_STATE    the stream has ended or was finished
 *  @retval HWS_ERR_TOO_BIG  over HWS_ENVELOPE_MAX @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_stream_send(struct hws_stream *stream, struct hws_bytes packed);
/** True when hws_stream_send() takes a message of any legal size, or fails for another reason than
 *  HWS_ERR_FULL. */
bool hws_stream_has_room(struct hws_stream *stream);
/** No more messages from us (half-close) after what is queued. */
void hws_stream_finish(struct hws_stream *stream);

enum hws_stream_event_kind {
    HWS_STREAM_CONNECTED, /**< the server answered with its initial metadata, or a message */
    HWS_STREAM_MESSAGE,   /**< @c packed, borrowed until the next call */
    HWS_STREAM_ENDED,     /**< last, after all messages: @c status and @c reason say why */
};
struct hws_stream_event {
    enum hws_stream_event_kind kind;
    struct hws_bytes packed;
    int status;         /**< gRPC status code; 14 UNAVAILABLE also for "could not connect" */
    const char *reason; /**< NUL-terminated, without control characters; borrowed until the next
                             call; never NULL */
};
bool hws_stream_next_event(struct hws_stream *stream, struct hws_stream_event *out);

/**
 * The meaning of the gRPC status that ended a stream; never HWS_OK.
 *
 *     OK, CANCELLED       HWS_ERR_CLOSED       INVALID_ARGUMENT   HWS_ERR_MALFORMED
 *     NOT_FOUND           HWS_ERR_NOT_FOUND    DEADLINE_EXCEEDED  HWS_ERR_TIMEOUT
 *     RESOURCE_EXHAUSTED  HWS_ERR_FULL         OUT_OF_RANGE       HWS_ERR_TOO_BIG
 *     ABORTED             HWS_ERR_REFUSED      UNIMPLEMENTED      HWS_ERR_UNSUPPORTED
 *     UNAVAILABLE         HWS_ERR_UNREACHABLE  INTERNAL           HWS_ERR_LIBRARY
 *     DATA_LOSS           HWS_ERR_INTEGRITY    all others         HWS_ERR_REFUSED
 */
enum hws_err hws_err_of_status(int status);

#endif /* HWS_SIGNAL_GRPC_CLIENT_H */
