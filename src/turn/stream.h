/**
 * @file
 * A TURN stream, TCP or TLS, cut into its messages (RFC 8656 section 12.5): STUN and ChannelData
 * follow each other without any other frame.
 */
#ifndef HWS_TURN_STREAM_H
#define HWS_TURN_STREAM_H

#include "base/limits.h"
#include "turn/turn.h"

enum { HWS_TURN_STREAM_MAX = HWS_DATAGRAM_IN_MAX + HWS_TURN_OVERHEAD };

/** All zero is the start of a stream. */
struct hws_turn_stream {
    uint8_t bytes[HWS_TURN_STREAM_MAX];
    size_t len;   /**< held */
    size_t taken; /**< of them, those lent by the last call */
    size_t skip;  /**< bytes still to come of a message that is too long */
};

/** Take what came, as much as there is room for; ask for messages, then go on with the rest.
 *  @return bytes taken */
size_t hws_turn_stream_feed(struct hws_turn_stream *stream, struct hws_bytes bytes);

/** The next whole message; borrowed until the next call. One that is longer than we take of any
 *  peer is left out: its sender may be anybody whom the server lets through.
 *  @retval HWS_ERR_AGAIN      feed more
 *  @retval HWS_ERR_MALFORMED  neither STUN nor ChannelData: the stream is lost, close it */
HWS_MUST_USE enum hws_err hws_turn_stream_next(struct hws_turn_stream *stream,
                                               struct hws_bytes *out);

#endif /* HWS_TURN_STREAM_H */
