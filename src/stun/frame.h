/**
 * @file
 * Datagrams on a stream (RFC 4571 section 2), as ICE-TCP sends them.
 *
 *     0                   1
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 *    +-------------------------------+
 *    | length, without these 2 bytes |  the datagram
 *    +-------------------------------+
 */
#ifndef HWS_STUN_FRAME_H
#define HWS_STUN_FRAME_H

#include "base/limits.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_FRAME_HEAD = 2, HWS_FRAME_MAX = HWS_FRAME_HEAD + HWS_DATAGRAM_IN_MAX };

/** What came of a stream. All zero is its start. */
struct hws_frames {
    uint8_t bytes[HWS_FRAME_MAX];
    size_t len;   /**< held */
    size_t taken; /**< of them, those lent by the last call */
};

/** Take what came, as much as there is room for; ask for frames, then go on with the rest.
 *  @return bytes taken; not 0 for a stream that is not lost, when all frames were asked for */
size_t hws_frames_feed(struct hws_frames *frames, struct hws_bytes bytes);

/** The next whole datagram, never empty; borrowed until the next call.
 *  @retval HWS_ERR_AGAIN   feed more
 *  @retval HWS_ERR_TOO_BIG  longer than anything that we take, or the stream is something else:
 *                           it is lost, close it */
HWS_MUST_USE enum hws_err hws_frames_next(struct hws_frames *frames, struct hws_bytes *out);

/** What goes before a datagram of this length. */
void hws_frame_head(size_t len, uint8_t out[HWS_FRAME_HEAD]);

#endif /* HWS_STUN_FRAME_H */
