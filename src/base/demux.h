/**
 * @file
 * Which protocol a datagram belongs to, told by its first byte (RFC 7983 section 7).
 *
 *     0..3  STUN     16..19  ZRTP      64..79  TURN channel (RFC 8656 section 12)
 *                    20..63  DTLS      rest    RTP, RTCP, QUIC (RFC 9443 section 3): not ours
 */
#ifndef HWS_BASE_DEMUX_H
#define HWS_BASE_DEMUX_H

#include <hawser/types.h>

enum hws_demux {
    HWS_DEMUX_DROP, /**< empty, or a protocol that a data channel does not speak */
    HWS_DEMUX_STUN,
    HWS_DEMUX_DTLS,
    HWS_DEMUX_TURN, /**< ChannelData; ours only if it comes from a TURN server of ours */
};

/** Look at the first byte of @p datagram; the rest is for the protocol itself to judge. */
enum hws_demux hws_demux(struct hws_bytes datagram);

#endif /* HWS_BASE_DEMUX_H */
