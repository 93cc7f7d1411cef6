/**
 * @file
 * What a client's and a worker's session share: one loop, one stream to the distributor, and the
 * signalling protocol on it. Moves messages between them; the two sessions decide.
 */
#ifndef HWS_SESSION_LINK_H
#define HWS_SESSION_LINK_H

#include "signal/client.h"
#include "signal/grpc_client.h"

#include <hawser/loop.h>

#include <stdatomic.h>

enum { HWS_REASON_MAX = 512 };

struct hws_link_config {
    const char *distributor;
    enum hws_envelope_side side;
    int64_t worker;
    bool insecure;
    size_t session_max;
    struct hws_loop_config loop;
};

/** Embedded in its session. */
struct hws_link {
    struct hws_loop *loop;
    struct hws_stream *stream;        /**< NULL after it ended */
    struct hws_signal_client *signal; /**< one for each stream */
    struct hws_signal_client_config signal_config;
    struct hws_stream_config stream_config; /**< its url is owned, for opening it again */
    atomic_bool woken;                      /**< somebody wants the waiting function back */
    bool stream_up;                         /**< the distributor answered */
    bool stream_ended;
    int stream_status;           /**< gRPC status, once it ended */
    uint16_t port_min, port_max; /**< where peers take their UDP ports from; 0 = anywhere */
    char reason[HWS_REASON_MAX]; /**< one sentence for the last failure */
};

/** Make the loop and begin to open the stream.
 *  @param[out] out_reason  static text on failure; errors as hws_client_new() */
HWS_MUST_USE enum hws_err hws_link_init(struct hws_link *link, const struct hws_link_config *config,
                                        const char **out_reason);
void hws_link_fini(struct hws_link *link);

/** Open the stream again after it ended; every session of the old one is forgotten. */
HWS_MUST_USE enum hws_err hws_link_reopen(struct hws_link *link);

/** Hand what the signalling has to say to the stream. */
void hws_link_flush(struct hws_link *link);

/** One turn of the loop, up to @p timeout. @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_link_turn(struct hws_link *link, hws_time timeout);

/** The next thing that the other side signalled; what it borrows is valid until the next call.
 *  False when there is none: then stream_up and stream_ended are up to date as well. */
bool hws_link_next_signal(struct hws_link *link, struct hws_signal_event *out);

/** True once after a wake-up. */
bool hws_link_take_wake(struct hws_link *link);
void hws_link_wake(struct hws_link *link); /**< from any thread and signal handlers */

/** Keep a sentence for hws_client_reason() and its kin. */
void hws_link_because(struct hws_link *link, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** Say why a peer could not be made: the UDP ports are the likely cause. */
void hws_link_because_no_peer(struct hws_link *link, enum hws_err err);

/** The moment that is @p timeout from now; HWS_NEVER stays. */
hws_time hws_link_deadline(const struct hws_link *link, hws_time timeout);
/** What is left until @p deadline; never negative. HWS_NEVER stays. */
hws_time hws_link_left(const struct hws_link *link, hws_time deadline);

#endif /* HWS_SESSION_LINK_H */
