/**
 * @file
 * One session as its client sees it.
 *
 *                    answer                 connect
 *     OFFERING ----------------> ANSWERED ------------> CONNECTED
 *         \                          |                      |
 *          '-------------------------+----- close ----------'----> CLOSED
 *
 * OFFERING: the offer is on its way; the worker may not know us yet, so local candidates are held
 * back. ANSWERED: the answer is in; candidates go out, the held ones first and in order.
 * CONNECTED: the channel is open. CLOSED is final; close is legal anywhere, twice is no error.
 *
 * Handles and failing transitions as in negotiation.h: a transition exists on one state's handle
 * only, consumes it, and changes nothing when it fails.
 */
#ifndef HWS_FSM_OFFERING_H
#define HWS_FSM_OFFERING_H

#include "fsm/table.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum hws_offering_state {
    HWS_OFFERING_ILLEGAL, /**< no state: what the rule table holds where no rule exists */
    HWS_OFFERING_OFFERING,
    HWS_OFFERING_ANSWERED,
    HWS_OFFERING_CONNECTED,
    HWS_OFFERING_CLOSED,
    HWS_OFFERING_STATE_COUNT
};

enum hws_offering_input {
    HWS_OFFERING_ANSWER,
    HWS_OFFERING_CONNECT,
    HWS_OFFERING_CLOSE,
    HWS_OFFERING_INPUT_COUNT
};

struct hws_offering;           /**< the machine */
struct hws_offering_offered;   /**< the machine seen in OFFERING; never defined, never owned */
struct hws_offering_answered;  /**< the machine seen in ANSWERED */
struct hws_offering_connected; /**< the machine seen in CONNECTED */

/** New machine in OFFERING, or NULL when out of memory. Free with hws_offering_free(). */
struct hws_offering *hws_offering_new(void);
void hws_offering_free(struct hws_offering *offering); /**< accepts NULL */

enum hws_offering_state hws_offering_state(const struct hws_offering *offering);
const char *hws_offering_state_name(enum hws_offering_state state); /**< "offering"... */

/** Handles: NULL unless the machine is in that very state. */
struct hws_offering_offered *hws_offering_as_offered(struct hws_offering *offering);
struct hws_offering_answered *hws_offering_as_answered(struct hws_offering *offering);
struct hws_offering_connected *hws_offering_as_connected(struct hws_offering *offering);

/** The answer is applied. @retval HWS_ERR_STATE a NULL or stale handle; nothing changed */
HWS_MUST_USE enum hws_err hws_offering_answer(struct hws_offering_offered **from,
                                              struct hws_offering_answered **to);
/** The channel is open. @retval HWS_ERR_STATE a NULL or stale handle; nothing changed */
HWS_MUST_USE enum hws_err hws_offering_connect(struct hws_offering_answered **from,
                                               struct hws_offering_connected **to);
void hws_offering_close(struct hws_offering *offering); /**< what is held is dropped */

/** A local candidate is known; empty = the end of them. Copied.
 *  @retval HWS_ERR_STATE closed @retval HWS_ERR_FULL @retval HWS_ERR_TOO_BIG */
HWS_MUST_USE enum hws_err hws_offering_hold(struct hws_offering *offering,
                                            struct hws_bytes candidate);

/** The next candidate that may be sent now, in order; borrowed until the next hold. False in
 *  OFFERING and CLOSED, and when none is left. */
bool hws_offering_next_candidate(struct hws_offering *offering, struct hws_bytes *out);

extern const struct hws_fsm_table hws_offering_table; /**< its arrows, for drawing */

/** The rule table: next state, or HWS_OFFERING_ILLEGAL. */
enum hws_offering_state hws_offering_next(enum hws_offering_state from,
                                          enum hws_offering_input input);

#endif /* HWS_FSM_OFFERING_H */
