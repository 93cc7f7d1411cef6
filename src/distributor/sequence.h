/**
 * @file
 * Exactly once and in order, seen from the receiver: the numbers of one direction of a session.
 *
 * Numbers count from 1; 0 means that the sender does not number. A sender that has begun to
 * number has to go on: after that a message without a number has no place in the order.
 */
#ifndef HWS_DISTRIBUTOR_SEQUENCE_H
#define HWS_DISTRIBUTOR_SEQUENCE_H

#include <hawser/types.h>

/** All zero is the start. */
struct hws_sequence {
    uint64_t last; /**< number of the last message taken, 0 before the first numbered one */
};

enum hws_sequence_verdict {
    HWS_SEQUENCE_NEXT,  /**< the one expected, or the sender does not number; counted */
    HWS_SEQUENCE_AGAIN, /**< had been taken before: drop it */
    HWS_SEQUENCE_GAP,   /**< something between is missing; nothing counted */
};

enum hws_sequence_verdict hws_sequence_take(struct hws_sequence *sequence, uint64_t number);

#endif /* HWS_DISTRIBUTOR_SEQUENCE_H */
