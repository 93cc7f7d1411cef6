/**
 * @file
 * The little that we read out of packets which usrsctp makes or is about to take: where a chunk is,
 * and what it says about sequence numbers. Pure; what does not parse is not there.
 */
#ifndef HWS_SCTP_PACKET_VIEW_H
#define HWS_SCTP_PACKET_VIEW_H

#include "base/bytes.h"

enum { HWS_SCTP_HEADER_LEN = 12 }; /* common header, RFC 9260 section 3.1 */

enum hws_sctp_chunk_type {
    HWS_CHUNK_DATA = 0,
    HWS_CHUNK_INIT = 1,
    HWS_CHUNK_INIT_ACK = 2,
    HWS_CHUNK_SACK = 3,
    HWS_CHUNK_ABORT = 6,
    HWS_CHUNK_IDATA = 64, /* RFC 8260 section 2.1 */
    HWS_CHUNK_RECONFIG = 130,
    HWS_CHUNK_IFORWARD_TSN = 194, /* RFC 8260 section 2.3.1 */
};

struct hws_sctp_chunk {
    uint8_t type;
    size_t at, len;         /**< in the packet, with its header and its padding */
    struct hws_bytes value; /**< without both; borrows the packet */
};

/** The next chunk of @p packet; @p cur is behind the one before, or behind the common header. False
 *  at the end, and where the packet makes no sense. */
bool hws_sctp_next_chunk(struct hws_cursor *cur, struct hws_bytes packet,
                         struct hws_sctp_chunk *out);

/** The first chunk of @p type. */
bool hws_sctp_find_chunk(struct hws_bytes packet, enum hws_sctp_chunk_type type,
                         struct hws_sctp_chunk *out);

/** The TSN that comes before the first one of the sender of INIT or INIT ACK @p value. */
bool hws_sctp_read_first_tsn(struct hws_bytes value, uint32_t *out);

/** Cumulative TSN of SACK @p value. */
bool hws_sctp_read_sacked_tsn(struct hws_bytes value, uint32_t *out);

/** Of RE-CONFIG @p value: the last TSN before the reset of outgoing streams that it asks for;
 *  false if it asks for none. */
bool hws_sctp_read_reset_tsn(struct hws_bytes value, uint32_t *out);

/** Does TSN @p a come after @p b (RFC 9260 section 1.6)? */
bool hws_sctp_tsn_is_after(uint32_t a, uint32_t b);

#endif /* HWS_SCTP_PACKET_VIEW_H */
