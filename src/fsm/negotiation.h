/**
 * @file
 * Offer/answer negotiation as a state machine (RFC 9429 section 3.2; names are the RFC's).
 *
 *               send_offer                   recv_answer
 *     STABLE ---------------> LOCAL_OFFER ----------------> STABLE
 *       |  \                      |   \                       ^
 *       |   '<---- rollback ------'    '- recv_pranswer ---.  | recv_final
 *       |                                                  v  |
 *       |                                   .-->     REMOTE_PRANSWER
 *       |                                   '-- recv_pranswer_again
 *       |       recv_offer                    send_answer
 *       '-------------------> REMOTE_OFFER ---------------> STABLE
 *                                      \                      ^
 *                                       '- send_pranswer --.  | send_final
 *                                                          v  |
 *                                           .-->     LOCAL_PRANSWER
 *                                           '-- send_pranswer_again
 *
 * The polite side of a glare yields by rollback. A provisional answer may be followed by others and
 * at last by the final one; it is not rolled back, for the other side has begun to use it. doc/fsm/
 * has a drawing that is made from the table.
 *
 * close is legal in every state; CLOSED is final.
 *
 * A state is also a type. Each open state has its own handle type, a transition exists only on
 * the handle of the state it leaves, and it consumes that handle: using the wrong one does not
 * compile. Whether the machine is still in that state is only known at run time (the peer may
 * have closed it), so every transition can fail, and one that fails changes nothing at all.
 */
#ifndef HWS_FSM_NEGOTIATION_H
#define HWS_FSM_NEGOTIATION_H

#include "fsm/table.h"
#include "sdp/sdp.h"

#include <hawser/err.h>

enum hws_neg_state {
    HWS_NEG_ILLEGAL, /**< no state: what the rule table holds where no rule exists */
    HWS_NEG_STABLE,
    HWS_NEG_LOCAL_OFFER,
    HWS_NEG_REMOTE_OFFER,
    HWS_NEG_LOCAL_PRANSWER,
    HWS_NEG_REMOTE_PRANSWER,
    HWS_NEG_CLOSED,
    HWS_NEG_STATE_COUNT
};

enum hws_neg_input {
    HWS_NEG_SEND_OFFER,
    HWS_NEG_RECV_OFFER,
    HWS_NEG_SEND_ANSWER,
    HWS_NEG_RECV_ANSWER,
    HWS_NEG_SEND_PRANSWER,
    HWS_NEG_RECV_PRANSWER,
    HWS_NEG_ROLLBACK,
    HWS_NEG_CLOSE,
    HWS_NEG_INPUT_COUNT
};

struct hws_neg;              /**< the machine; owns a copy of the offer that waits for its answer */
struct hws_neg_stable;       /**< the machine seen in STABLE; never defined, never owned */
struct hws_neg_local_offer;  /**< the machine seen in LOCAL_OFFER */
struct hws_neg_remote_offer; /**< the machine seen in REMOTE_OFFER */
struct hws_neg_local_pranswer;  /**< the machine seen in LOCAL_PRANSWER: it was ours */
struct hws_neg_remote_pranswer; /**< the machine seen in REMOTE_PRANSWER: it was theirs */

/** New machine in STABLE, or NULL when out of memory. Free with hws_neg_free(). */
struct hws_neg *hws_neg_new(void);
void hws_neg_free(struct hws_neg *neg); /**< accepts NULL; every handle dies with the machine */

enum hws_neg_state hws_neg_state(const struct hws_neg *neg);
const char *hws_neg_state_name(enum hws_neg_state state); /**< "stable", "have-local-offer"... */

/** The offer that waits for its answer; NULL in STABLE and CLOSED. Borrowed until a transition. */
const struct hws_sdp *hws_neg_offer(const struct hws_neg *neg);

/** Handles: NULL unless the machine is in that very state. */
struct hws_neg_stable *hws_neg_as_stable(struct hws_neg *neg);
struct hws_neg_local_offer *hws_neg_as_local_offer(struct hws_neg *neg);
struct hws_neg_remote_offer *hws_neg_as_remote_offer(struct hws_neg *neg);
struct hws_neg_local_pranswer *hws_neg_as_local_pranswer(struct hws_neg *neg);
struct hws_neg_remote_pranswer *hws_neg_as_remote_pranswer(struct hws_neg *neg);

/* Transitions. On HWS_OK *from becomes NULL and *to is the new handle; descriptions are copied.
 * Errors of all: HWS_ERR_STATE (also for a NULL or stale handle). Of the two offers also:
 * HWS_ERR_NO_MEMORY. Of all answers also: HWS_ERR_MISMATCH. */
HWS_MUST_USE enum hws_err hws_neg_send_offer(struct hws_neg_stable **from,
                                             const struct hws_sdp *offer,
                                             struct hws_neg_local_offer **to);
HWS_MUST_USE enum hws_err hws_neg_recv_offer(struct hws_neg_stable **from,
                                             const struct hws_sdp *offer,
                                             struct hws_neg_remote_offer **to);
HWS_MUST_USE enum hws_err hws_neg_send_answer(struct hws_neg_remote_offer **from,
                                              const struct hws_sdp *answer,
                                              struct hws_neg_stable **to);
HWS_MUST_USE enum hws_err hws_neg_recv_answer(struct hws_neg_local_offer **from,
                                              const struct hws_sdp *answer,
                                              struct hws_neg_stable **to);
/* A provisional answer keeps the exchange open: others may follow, and the final one must. */
HWS_MUST_USE enum hws_err hws_neg_send_pranswer(struct hws_neg_remote_offer **from,
                                                const struct hws_sdp *pranswer,
                                                struct hws_neg_local_pranswer **to);
HWS_MUST_USE enum hws_err hws_neg_send_pranswer_again(struct hws_neg_local_pranswer *at,
                                                      const struct hws_sdp *pranswer);
HWS_MUST_USE enum hws_err hws_neg_send_final(struct hws_neg_local_pranswer **from,
                                             const struct hws_sdp *answer,
                                             struct hws_neg_stable **to);
HWS_MUST_USE enum hws_err hws_neg_recv_pranswer(struct hws_neg_local_offer **from,
                                                const struct hws_sdp *pranswer,
                                                struct hws_neg_remote_pranswer **to);
HWS_MUST_USE enum hws_err hws_neg_recv_pranswer_again(struct hws_neg_remote_pranswer *at,
                                                      const struct hws_sdp *pranswer);
HWS_MUST_USE enum hws_err hws_neg_recv_final(struct hws_neg_remote_pranswer **from,
                                             const struct hws_sdp *answer,
                                             struct hws_neg_stable **to);
HWS_MUST_USE enum hws_err hws_neg_rollback(struct hws_neg_local_offer **from,
                                           struct hws_neg_stable **to);
void hws_neg_close(struct hws_neg *neg); /**< legal in every state, so it cannot fail */

extern const struct hws_fsm_table hws_neg_table; /**< its arrows, for drawing and for the model */

/** The rule table: next state, or HWS_NEG_ILLEGAL. */
enum hws_neg_state hws_neg_next(enum hws_neg_state from, enum hws_neg_input input);

#endif /* HWS_FSM_NEGOTIATION_H */
