/**
 * @file
 * What a peer tells its program: the events of hws_peer_next_event(), and channel handles.
 */
#ifndef HAWSER_EVENT_H
#define HAWSER_EVENT_H

#include <hawser/cause.h>
#include <hawser/err.h>
#include <hawser/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A data channel of one peer. A value: it stays harmless after the channel is gone. */
struct hws_channel {
    uint16_t slot;
    uint16_t generation; /**< 0 is no channel */
};

enum hws_message_kind { HWS_BINARY, HWS_TEXT };

enum hws_event_kind {
    HWS_EVENT_NONE,
    HWS_EVENT_PATH,             /**< data has a path, or moved to another: see hws_peer_path() */
    HWS_EVENT_CONNECTED,        /**< DTLS and SCTP are up: the peer is who the signalling said */
    HWS_EVENT_CHANNEL_INCOMING, /**< the other side opened @c channel; it may be used at once */
    HWS_EVENT_CHANNEL_OPEN,     /**< our @c channel was acknowledged */
    HWS_EVENT_MESSAGE,          /**< @c message of kind @c message_kind on @c channel */
    HWS_EVENT_WRITABLE,         /**< @c channel takes messages again after HWS_ERR_FULL */
    HWS_EVENT_BUFFER_LOW,       /**< few bytes of @c channel wait: hws_peer_set_buffer_low() */
    HWS_EVENT_CHANNEL_CLOSED,   /**< @c channel is gone on both sides */
    HWS_EVENT_SERVER_FAILED,    /**< a STUN or TURN server is of no use; all goes on without it */
    HWS_EVENT_CLOSED,           /**< the last event: the peer is over; @c fault says why */
};

/** One event. What it borrows is valid until the next call on the same peer. */
struct hws_event {
    enum hws_event_kind kind;
    struct hws_channel channel;
    enum hws_message_kind message_kind;
    struct hws_bytes message; /**< borrowed; of an incoming or open channel: its label */
    /** With HWS_EVENT_CLOSED; err is HWS_OK after hws_peer_close(). With HWS_EVENT_SERVER_FAILED,
     *  where @c foreign is the code of the server's error response, 0 if it gave none. */
    struct hws_fault fault;
    const char *server;   /**< with HWS_EVENT_SERVER_FAILED: its URL; borrowed, NUL-terminated */
    enum hws_cause cause; /**< with HWS_EVENT_CLOSED */
};

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_EVENT_H */
