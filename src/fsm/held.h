/**
 * @file
 * A bounded queue of candidates that may not be sent yet: what the two session machines share.
 */
#ifndef HWS_FSM_HELD_H
#define HWS_FSM_HELD_H

#include "base/limits.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum {
    HWS_HELD_TEXT_MAX = 320,              /* ours are below 300: a ufrag of 256 and an address */
    HWS_HELD_MAX = HWS_ICE_LOCAL_MAX + 1, /* all that one gathering makes, and its end */
};

/** First in, first out; embedded in its machine. All zero is empty. */
struct hws_held {
    char text[HWS_HELD_MAX][HWS_HELD_TEXT_MAX];
    uint16_t len[HWS_HELD_MAX];
    size_t first;
    size_t count;
};

/** Copy @p candidate in. @retval HWS_ERR_FULL @retval HWS_ERR_TOO_BIG */
HWS_MUST_USE enum hws_err hws_held_push(struct hws_held *held, struct hws_bytes candidate);

/** Take the oldest; borrowed until the next push. False when empty. */
bool hws_held_pop(struct hws_held *held, struct hws_bytes *out);

#endif /* HWS_FSM_HELD_H */
