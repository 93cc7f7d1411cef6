/**
 * @file
 * The packets that one association wants sent: first in, first out, growing up to a bound.
 *
 * base/ring.h pushes its oldest packet out when full. SCTP would take that for congestion and slow
 * down, so this one refuses the newest instead, and SCTP keeps what it could not place. It holds
 * blocks, so an idle association holds nothing, and a packet taken out stays where it is until the
 * next one is taken, whatever is pushed in between.
 */
#ifndef HWS_SCTP_PACKET_QUEUE_H
#define HWS_SCTP_PACKET_QUEUE_H

#include <hawser/types.h>

struct hws_packet_block;

/** All zero is an empty queue. */
struct hws_packet_queue {
    struct hws_packet_block *first, *last; /**< owned */
    struct hws_packet_block *spare;        /**< owned; saves a calloc for each burst */
    size_t block_count;                    /**< without the spare */
};

/** Room for one more packet of @p len bytes, to be filled at once; NULL: full, too long, or out of
 *  memory. */
uint8_t *hws_packet_queue_push(struct hws_packet_queue *queue, size_t len);

/** Take the oldest; it is valid until the next pop or fini. False when empty. */
bool hws_packet_queue_pop(struct hws_packet_queue *queue, struct hws_bytes *out);

bool hws_packet_queue_is_empty(const struct hws_packet_queue *queue);

/** Give the memory back and be empty. */
void hws_packet_queue_fini(struct hws_packet_queue *queue);

#endif /* HWS_SCTP_PACKET_QUEUE_H */
