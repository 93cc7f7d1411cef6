/**
 * @file
 * One session as its worker sees it.
 *
 *                   offer                  answer, then connect
 *     WAITING ----------------> ANSWERING ----------------------> CONNECTED
 *        \                       |  ^  \ answer                       |
 *         \                      |  '--'                              |
 *          '---------------------+------------- close ----------------'----> CLOSED
 *
 * WAITING: the session is open, its offer is not applied yet. ANSWERING: it is; local candidates
 * are held back until our answer has gone out, for a candidate that overtakes the answer meets
 * nobody. CONNECTED: the channel is open. CLOSED is final; close is legal anywhere.
 *
 * Handles and failing transitions as in negotiation.h.
 */
#ifndef HWS_FSM_ANSWERING_H
#define HWS_FSM_ANSWERING_H

#include "fsm/table.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum hws_answering_state {
    HWS_ANSWERING_ILLEGAL, /**< no state: what the rule table holds where no rule exists */
    HWS_ANSWERING_WAITING,
    HWS_ANSWERING_ANSWERING,
    HWS_ANSWERING_CONNECTED,
    HWS_ANSWERING_CLOSED,
    HWS_ANSWERING_STATE_COUNT
};

enum hws_answering_input {
    HWS_ANSWERING_OFFER,
    HWS_ANSWERING_ANSWER,
    HWS_ANSWERING_CONNECT,
    HWS_ANSWERING_CLOSE,
    HWS_ANSWERING_INPUT_COUNT
};

struct hws_answering;           /**< the machine */
struct hws_answering_waiting;   /**< the machine seen in WAITING; never defined, never owned */
struct hws_answering_answering; /**< the machine seen in ANSWERING */
struct hws_answering_connected; /**< the machine seen in CONNECTED */

/** New machine in WAITING, or NULL when out of memory. Free with hws_answering_free(). */
struct hws_answering *hws_answering_new(void);
void hws_answering_free(struct hws_answering *answering); /**< accepts NULL */

enum hws_answering_state hws_answering_state(const struct hws_answering *answering);
const char *hws_answering_state_name(enum hws_answering_state state); /**< "waiting"... */

/** Handles: NULL unless the machine is in that very state. */
struct hws_answering_waiting *hws_answering_as_waiting(struct hws_answering *answering);
struct hws_answering_answering *hws_answering_as_answering(struct hws_answering *answering);
struct hws_answering_connected *hws_answering_as_connected(struct hws_answering *answering);

/** The offer is applied. @retval HWS_ERR_STATE a NULL or stale handle; nothing changed */
HWS_MUST_USE enum hws_err hws_answering_offer(struct hws_answering_waiting **from,
                                              struct hws_answering_answering **to);
/** Our answer has gone out: candidates may follow. The state stays, so does the handle.
 *  @retval HWS_ERR_STATE a NULL or stale handle */
HWS_MUST_USE enum hws_err hws_answering_answer(struct hws_answering_answering *at);
/** The channel is open. @retval HWS_ERR_STATE a NULL or stale handle, or no answer went out */
HWS_MUST_USE enum hws_err hws_answering_connect(struct hws_answering_answering **from,
                                                struct hws_answering_connected **to);
void hws_answering_close(struct hws_answering *answering); /**< what is held is dropped */

/** A local candidate is known; empty = the end of them. Copied.
 *  @retval HWS_ERR_STATE closed @retval HWS_ERR_FULL @retval HWS_ERR_TOO_BIG */
HWS_MUST_USE enum hws_err hws_answering_hold(struct hws_answering *answering,
                                             struct hws_bytes candidate);

/** The next candidate that may be sent now, in order; borrowed until the next hold. False before
 *  the answer went out, in CLOSED, and when none is left. */
bool hws_answering_next_candidate(struct hws_answering *answering, struct hws_bytes *out);

extern const struct hws_fsm_table hws_answering_table; /**< its arrows, for drawing */

/** The rule table: next state, or HWS_ANSWERING_ILLEGAL. */
enum hws_answering_state hws_answering_next(enum hws_answering_state from,
                                            enum hws_answering_input input);

#endif /* HWS_FSM_ANSWERING_H */
