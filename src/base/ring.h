/**
 * @file
 * A bounded queue of packets in one block of memory, first in, first out.
 *
 * A packet that does not fit pushes the oldest out: the network may lose packets anyway, so every
 * protocol above copes, and a queue that is drained late costs latency only.
 */
#ifndef HWS_BASE_RING_H
#define HWS_BASE_RING_H

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_ring {
    uint8_t *slots; /**< owned: slot_count slots of slot_cap bytes, each after its length */
    size_t slot_count;
    size_t slot_cap;  /**< bytes of the biggest packet */
    size_t first;     /**< index of the oldest packet */
    size_t count;     /**< packets held */
    uint64_t dropped; /**< packets pushed out since hws_ring_init() */
};

/** @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_ring_init(struct hws_ring *ring, size_t slot_count, size_t slot_cap);
void hws_ring_fini(struct hws_ring *ring);

/** Copy @p packet in, dropping the oldest when full; a packet over slot_cap is dropped itself. */
void hws_ring_push(struct hws_ring *ring, struct hws_bytes packet);

/** Take the oldest; it borrows the ring until the next push. False when empty. */
bool hws_ring_pop(struct hws_ring *ring, struct hws_bytes *out);

#endif /* HWS_BASE_RING_H */
