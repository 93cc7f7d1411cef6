/**
 * @file
 * Resets of streams at the right time. Pure.
 *
 * A request to reset streams names the last TSN that belongs before the reset (RFC 6525 section
 * 4.1). When it comes earlier than the data, usrsctp puts it aside, and looks at it again only with
 * the next piece of data that arrives in order; if the gap is closed by the last data there is, the
 * reset and all messages behind it are stuck. So a request of the peer that comes too early is put
 * aside here, and handed in when usrsctp has acknowledged the data before it: at most a delayed
 * acknowledgement later. And since most peers are usrsctp as well, ours leaves only when the peer
 * has acknowledged the data before it, a round trip later.
 */
#ifndef HWS_SCTP_RESET_HOLD_H
#define HWS_SCTP_RESET_HOLD_H

#include "base/bytes.h"

/** One request that waits, as a packet of its own. All zero is none. */
struct hws_sctp_held {
    uint8_t *bytes; /**< owned; kept once it was needed */
    size_t len;     /**< 0 = none waits */
    uint32_t tsn;   /**< it waits until data has come up to here */
};

void hws_sctp_held_fini(struct hws_sctp_held *held);

/** Take a request out of @p packet if data has come up to @p reached only, which is before it. The
 *  sender has one request under way at a time, so a newer one takes the place of an older one.
 *  Returns the length of what is left of the packet. */
size_t hws_sctp_hold_reset(struct hws_sctp_held *held, uint8_t *packet, size_t len,
                           uint32_t reached);

/** The request, if its time has come; borrowed until the next one is held. */
bool hws_sctp_held_take(struct hws_sctp_held *held, uint32_t reached, struct hws_bytes *out);

#endif /* HWS_SCTP_RESET_HOLD_H */
