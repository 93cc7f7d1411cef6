/**
 * @file
 * A state machine as data: one row per arrow. What the machines of fsm/ share, and all that is
 * drawn, modelled and compared with them is made from.
 *
 * State 0 of every machine is none, state 1 is where it begins. A pair of state and input without
 * a row is refused.
 */
#ifndef HWS_FSM_TABLE_H
#define HWS_FSM_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    HWS_FSM_NONE = 0,     /**< no state: what is next where no row exists */
    HWS_FSM_WHY_MAX = 256 /**< bytes that hold every sentence of hws_fsm_why() */
};

/** An arrow. */
struct hws_fsm_rule {
    uint8_t from, input, to;
    const char *guard; /**< what must hold besides, in words; NULL = nothing */
};

struct hws_fsm_table {
    const char *name; /**< of the machine */
    const char *const *states;
    const char *const *inputs;
    const struct hws_fsm_rule *rules;
    size_t state_count; /**< with none */
    size_t input_count;
    size_t rule_count;
};

/** The row of that arrow, or NULL where it is refused. */
const struct hws_fsm_rule *hws_fsm_find(const struct hws_fsm_table *table, unsigned from,
                                        unsigned input);
/** The next state, or HWS_FSM_NONE. */
unsigned hws_fsm_next(const struct hws_fsm_table *table, unsigned from, unsigned input);
/** "illegal" for none, and for what is no state. */
const char *hws_fsm_state_name(const struct hws_fsm_table *table, unsigned state);

/**
 * Say in a sentence why @p input is refused in @p state: no such arrow, or its guard.
 *
 * @param[in] who  whose machine it is, such as "peer 7"
 * @param[out] out cut off where it does not fit in @p cap bytes, which must not be 0
 */
void hws_fsm_why(const struct hws_fsm_table *table, unsigned state, unsigned input, const char *who,
                 char *out, size_t cap);

#endif /* HWS_FSM_TABLE_H */
