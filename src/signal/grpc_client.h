/**
 * @file
 * A bidirectional stream to a distributor over the gRPC C core: the edge of signal/, which moves
 * packed messages and decides nothing.
 *
 * One thread per connection object runs gRPC's completion queue. It never calls the program: it
 * puts what happened into a bounded, locked queue and calls @c wake, which must be safe from any
 * thread (hws_loop_wake() is). Everything else here is called from the program's thread.
 */
#ifndef HWS_SIGNAL_GRPC_CLIENT_H
#define HWS_SIGNAL_GRPC_CLIENT_H

#include "signal/envelope.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_stream;

struct hws_stream_config {
    /** "host:port", "http://host:port", "https://host:port" or "unix:/path". Plain text is refused
     *  unless the address is loopback, a unix socket, or @c insecure is set. */
    const char *url;
    enum hws_envelope_side side; /**< ClientService or WorkerService */
    bool insecure;
    const char *root_certificates; /**< PEM text; NULL = the system's. Only with https */
    void (*wake)(void *user);
    void *user;
};

/** @retval HWS_ERR_ARGUMENT  the URL is malformed, or plain text off loopback; see out_reason
 *  @param[out] out_reason  may be NULL; static text on failure */
HWS_MUST_USE enum hws_err hws_stream_open(const struct hws_stream_config *config,
                                          struct hws_stream **out, const char **out_reason);
/** Cancels the call, joins the thread; blocks for milliseconds only. Accepts NULL. */
void hws_stream_free(struct hws_stream *stream);

/** Queue one packed message; copied. @retval HWS_ERR_FULL @retval HWS_ERR_STATE it has ended */
HWS_MUST_USE enum hws_err hws_stream_send(struct hws_stream *stream, struct hws_bytes packed);
/** No more messages from us (half-close) after what is queued. */
void hws_stream_finish(struct hws_stream *stream);

enum hws_stream_event_kind {
    HWS_STREAM_CONNECTED, /**< the server answered with its initial metadata, or a message */
    HWS_STREAM_MESSAGE,   /**< @c packed, borrowed until the next call */
    HWS_STREAM_ENDED,     /**< last: @c status and @c reason say why */
};
struct hws_stream_event {
    enum hws_stream_event_kind kind;
    struct hws_bytes packed;
    int status;         /**< gRPC status code; 14 UNAVAILABLE also for "could not connect" */
    const char *reason; /**< NUL-terminated, borrowed until the next call; never NULL */
};
bool hws_stream_next_event(struct hws_stream *stream, struct hws_stream_event *out);

/** HWS_ERR_NOT_FOUND, HWS_ERR_REFUSED, HWS_ERR_CLOSED...: the meaning of a gRPC status. */
enum hws_err hws_err_of_status(int status);

#endif /* HWS_SIGNAL_GRPC_CLIENT_H */
