/**
 * @file
 * I-DATA and I-FORWARD-TSN (RFC 8260 section 2) on their way into usrsctp.
 *
 * usrsctp 0.9.5 cannot be trusted with putting interleaved messages together: its window must hold
 * all of them at once, and handing them up in pieces loses streams for good when the sender gives
 * one up. So usrsctp does what it does well, transport: each piece is made to look like a whole
 * unordered message, which it hands up as it comes, with a label in front that says what the piece
 * really is. reassembly.h puts the pieces together.
 *
 *     I-DATA of the peer   | type flags length | TSN | SID 0 | MID | PPID or FSN | data
 *     as usrsctp sees it   | type  UBE  length | TSN | SID 0 | MID | PPID or FSN | label data
 *     label                | flags 0 0 0 | MID | PPID or FSN |
 *
 * What I-FORWARD-TSN says of streams is taken out, and told to us; the TSN is for usrsctp.
 */
#ifndef HWS_SCTP_IDATA_H
#define HWS_SCTP_IDATA_H

#include "base/bytes.h"

enum {
    HWS_IDATA_LABEL_LEN = 12,
    HWS_IDATA_CHUNK_MIN = 24, /* with a byte of data and its padding */
};

/** A piece of a message. */
struct hws_idata_piece {
    uint16_t stream;
    bool unordered, first, last;
    uint32_t mid;          /**< message identifier: of the stream, per order */
    uint32_t fsn;          /**< fragment sequence number: from 0 */
    uint32_t ppid;         /**< only with the first one */
    struct hws_bytes data; /**< borrowed */
};

/** Messages that the peer has given up: up to @c mid, those that are not complete. */
struct hws_idata_skip {
    uint32_t tsn; /**< the new cumulative one: all before it has come, or never will */
    uint16_t stream;
    bool unordered;
    uint32_t mid;
};

/** Who is told of skips. */
struct hws_idata_skips {
    void (*take)(void *user, const struct hws_idata_skip *skip);
    void *user;
};

/**
 * Copy a packet that hws_sctp_check_packet() let pass, with labels. Returns its new length; 0 when
 * @p cap is too short: each I-DATA chunk grows by a label.
 */
size_t hws_idata_label(struct hws_bytes packet, const struct hws_idata_skips *skips, uint8_t *out,
                       size_t cap);

/** @p labelled is what usrsctp handed up for @p stream; false if it has no label. */
bool hws_idata_read_piece(struct hws_bytes labelled, uint16_t stream, struct hws_idata_piece *out);

#endif /* HWS_SCTP_IDATA_H */
