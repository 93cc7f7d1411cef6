/**
 * @file
 * Puts interleaved messages together (RFC 8260 section 2): many streams, many messages at a time,
 * pieces in any order; messages of a stream come out in their order, unordered ones when complete.
 *
 *     piece --take--> | unordered: by MID |--complete-----------------> next
 *                     | ordered: by MID   |--complete, and its turn---> next
 *
 * What is held is bounded: one message by message_max, all of them by held_max bytes, what they
 * cost to keep included, and by their number. So is the time it takes to find where a piece
 * belongs: near an end for who sends in order and repeats what is lost. Duplicates do not come
 * here: TSNs sort them out.
 */
#ifndef HWS_SCTP_REASSEMBLY_H
#define HWS_SCTP_REASSEMBLY_H

#include "sctp/idata.h"
#include "sctp/stream_set.h"

#include <hawser/err.h>

struct hws_in_stream; /* where one stream of the peer stands */
struct hws_in_message;

struct hws_reassembly {
    size_t streams, message_max, held_max;
    struct hws_in_stream *table;   /**< owned; made with the first piece */
    struct hws_stream_set ready;   /**< streams that may have something to hand out */
    struct hws_stream_set skipped; /**< streams whose skips have to be applied */
    size_t held, held_count;       /**< bytes, and messages and pieces */
    size_t patience;               /**< steps that searches may still take */
    uint64_t abandoned;            /**< messages that had begun when they were given up */

    /* What next hands out. */
    bool direct;                  /**< the piece of the last take is a message, and its turn */
    struct hws_idata_piece piece; /**< ... this one */
    struct hws_in_message *done;  /**< owned: an unordered one that is complete */
    struct hws_in_message *out;   /**< owned: was handed out */
};

/** A message put together. */
struct hws_in_whole {
    uint16_t stream;
    uint32_t ppid;
    struct hws_bytes data; /**< borrowed until the next call */
};

/** Holds nothing yet. @p held_max should be a few times @p message_max. */
void hws_reassembly_init(struct hws_reassembly *in, size_t streams, size_t message_max,
                         size_t held_max);
void hws_reassembly_fini(struct hws_reassembly *in);

/**
 * A piece; its bytes are borrowed until the next call. Call next until it says false after each.
 * @retval HWS_ERR_TOO_BIG    the message is longer than message_max
 * @retval HWS_ERR_FULL       more is unfinished than held_max, or too much of a muddle
 * @retval HWS_ERR_MALFORMED  pieces overlap, come after the end, or the stream does not exist
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_reassembly_take(struct hws_reassembly *in,
                                              const struct hws_idata_piece *piece);

/** The peer has given up messages: takes effect when next is told that all is in.
 *  @retval HWS_ERR_MALFORMED  no such stream  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_reassembly_skip(struct hws_reassembly *in,
                                              const struct hws_idata_skip *skip);

/** The peer starts the stream over: what is complete comes out, the rest is gone. */
void hws_reassembly_restart(struct hws_reassembly *in, uint16_t stream);

/** The next message; @p all_in: every piece that has arrived has been taken. */
bool hws_reassembly_next(struct hws_reassembly *in, bool all_in, struct hws_in_whole *out);

#endif /* HWS_SCTP_REASSEMBLY_H */
