/**
 * @file
 * Puts a fragmented ClientHello together into one record, and cuts our own into fragments.
 *
 * Browsers offer a post-quantum key share, so their first ClientHello spans two datagrams; wolfSSL
 * ignores such a hello. This takes the pieces in any order, twice, overlapping, and hands out one
 * record as if the client had sent it whole. Bounded: one hello at a time, HWS_HELLO_MAX bytes and
 * HWS_HELLO_FRAGMENTS pieces. Where pieces overlap, the bytes that came first stay.
 */
#ifndef HWS_DTLS_HELLO_H
#define HWS_DTLS_HELLO_H

#include "dtls/record.h"

#include <hawser/err.h>

/** Zero it before use. */
struct hws_hello {
    uint8_t *block;        /**< owned: the record being built, then one bit for each body byte */
    size_t body_len;       /**< of the message without its header; 0 = no hello begun */
    size_t missing;        /**< body bytes that have not come */
    size_t fragment_count; /**< pieces taken so far */
    uint16_t message_seq;
};

void hws_hello_fini(struct hws_hello *hello);

/** True for a plain, sound handshake record that begins with a piece of a ClientHello. */
bool hws_hello_is_piece(const struct hws_record *record);

/**
 * Add a record for which hws_hello_is_piece() is true.
 *
 * A piece of another hello (number or length differ) drops what was collected. Whatever fails
 * also does, so that the next retransmission starts afresh.
 *
 * @param[out] out  the whole record, with the header of the last one to come; it borrows @p hello
 *                  until its next use
 * @retval HWS_ERR_AGAIN      pieces are missing
 * @retval HWS_ERR_MALFORMED  something else lies in the record
 * @retval HWS_ERR_TOO_BIG    over HWS_HELLO_MAX bytes
 * @retval HWS_ERR_FULL       HWS_HELLO_FRAGMENTS pieces and still not whole
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_hello_add(struct hws_hello *hello, const struct hws_record *record,
                                        struct hws_bytes *out);

/** Does a record that holds one whole ClientHello offer a key share of @p group (DTLS 1.3)? False
 *  for what is malformed. */
bool hws_hello_has_share(struct hws_bytes record, uint16_t group);

/**
 * The next fragment of our own ClientHello, as a record for a datagram of its own.
 *
 * @param[in] whole      one plain record that holds the hello unfragmented
 * @param[in,out] done   bytes of its body that went out before; 0 at first
 * @param[out] out       the record; its number is still that of @p whole
 * @param[in] cap        bytes at @p out, more than the two headers
 * @return bytes written; 0 = nothing was left
 */
size_t hws_hello_cut(struct hws_bytes whole, size_t *done, uint8_t *out, size_t cap);

#endif /* HWS_DTLS_HELLO_H */
