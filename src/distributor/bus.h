/**
 * @file
 * The bus between the two halves of a session, and the frame that travels on it.
 *
 * Every message from a client to a worker and back goes router -> bus -> router, also when both
 * are connected to the same process, so one process and several of them run the same code.
 * There are two kinds of subject:
 *
 *   - a worker's, listened to by the one process where the worker is registered: the
 *     subscription is the registration. A message published there that nobody listens to comes
 *     back to its sender as HWS_BUS_NOBODY;
 *   - a session's, listened to by the process where the client is connected. Its name holds the
 *     number of that process (the instance), so no process subscribes for each session.
 *
 * The bus keeps the order of what one process publishes. It may lose messages (a broker that is
 * restarted does), never silently for the router: frames are numbered in each direction.
 */
#ifndef HWS_DISTRIBUTOR_BUS_H
#define HWS_DISTRIBUTOR_BUS_H

#include "base/writer.h"
#include "signal/envelope.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum hws_bus_frame_kind {
    HWS_BUS_RELAY = 1, /**< a message of the client or the worker */
    HWS_BUS_OVER = 2,  /**< to the worker's half: the client is gone */
    HWS_BUS_END = 3,   /**< to the client's half: the session is over, with status and text */
};

/** What travels on a subject. */
struct hws_bus_frame {
    enum hws_bus_frame_kind kind;
    uint64_t session;
    uint64_t instance; /**< of the client's half: where answers go */
    int64_t worker;
    uint64_t epoch;           /**< of the worker's registration; 0 = not known yet */
    uint64_t number;          /**< RELAY: from 1 in each direction of the session */
    enum hws_rtc_event event; /**< RELAY */
    uint8_t status;           /**< END: gRPC status code */
    struct hws_bytes bytes;   /**< RELAY: the payload; END: the text. Borrowed */
};

enum { HWS_BUS_FRAME_HEAD = 48, HWS_BUS_FRAME_MAX = HWS_BUS_FRAME_HEAD + HWS_ENVELOPE_MAX };

/** @retval HWS_ERR_MALFORMED  not a frame of this version */
HWS_MUST_USE enum hws_err hws_bus_frame_read(struct hws_bytes bytes, struct hws_bus_frame *out);
void hws_bus_frame_write(struct hws_writer *out, const struct hws_bus_frame *frame);

enum hws_bus_delivery_kind {
    HWS_BUS_TO_WORKER,  /**< @c bytes arrived on the subject of @c worker */
    HWS_BUS_TO_SESSION, /**< @c bytes arrived on the subject of @c session */
    HWS_BUS_NOBODY,     /**< what @c session published to @c worker found no listener */
};

struct hws_bus_delivery {
    enum hws_bus_delivery_kind kind;
    int64_t worker;
    uint64_t session;
    struct hws_bytes bytes; /**< borrowed until the next call on the bus */
};

/** A bus; which one is behind it shows only in its maker. Used from one thread. */
struct hws_bus {
    const struct hws_bus_ops *ops;
};

struct hws_bus_ops {
    /** Listen to a worker's subject. @retval HWS_ERR_FULL @retval HWS_ERR_STATE  does already */
    enum hws_err (*subscribe)(struct hws_bus *bus, int64_t worker);
    void (*unsubscribe)(struct hws_bus *bus, int64_t worker);
    /** Publish on a worker's subject; "nobody" comes back to @p session. Copies.
     *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CLOSED  the bus is not there now */
    enum hws_err (*publish_worker)(struct hws_bus *bus, int64_t worker, uint64_t session,
                                   struct hws_bytes bytes);
    /** Publish on a session's subject. Copies; errors as above. */
    enum hws_err (*publish_session)(struct hws_bus *bus, uint64_t instance, uint64_t session,
                                    struct hws_bytes bytes);
    /** Take the oldest delivery; false = drained. */
    bool (*next)(struct hws_bus *bus, struct hws_bus_delivery *out);
    void (*free)(struct hws_bus *bus);
};

/**
 * A bus inside one process, for up to @p worker_cap workers.
 * @retval HWS_ERR_ARGUMENT @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_bus_local_new(size_t worker_cap, uint64_t seed, struct hws_bus **out);

#endif /* HWS_DISTRIBUTOR_BUS_H */
