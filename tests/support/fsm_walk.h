/*
 * A state machine of fsm/ held against a table that its test wrote a second time: what the rows
 * say, and what the typed transitions do, in every cell of state and input.
 */
#ifndef SUPPORT_FSM_WALK_H
#define SUPPORT_FSM_WALK_H

#include "fsm/table.h"

#include <hawser/err.h>

struct fsm_walk {
    const struct hws_fsm_table *table;
    const uint8_t *want; /* [state][input]: the next state; 0 = refused */
    void *(*make)(unsigned state);
    void (*drop)(void *machine);
    unsigned (*state)(const void *machine);
    /* Try the transition on a handle of the state that it leaves, whether or not the machine is
     * there, and check that the handles are consumed and given on success only. */
    enum hws_err (*apply)(void *machine, unsigned input);
};

void fsm_walk_table(const struct fsm_walk *walk);
void fsm_walk_cells(const struct fsm_walk *walk);

/* What apply() has to see of its handles. */
void fsm_walk_handles(enum hws_err err, const void *from, const void *machine, const void *to);

#endif /* SUPPORT_FSM_WALK_H */
