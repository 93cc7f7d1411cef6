#include "support/fsm_walk.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned wanted(const struct fsm_walk *walk, unsigned from, unsigned input)
{
    return walk->want[from * walk->table->input_count + input];
}

static const char *cell(const struct fsm_walk *walk, unsigned from, unsigned input)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s, %s of %s", hws_fsm_state_name(walk->table, from),
                   walk->table->inputs[input], walk->table->name);
    return text;
}

void fsm_walk_table(const struct fsm_walk *walk)
{
    const struct hws_fsm_table *table = walk->table;
    size_t rows = 0;

    for (unsigned from = 0; from < table->state_count; from++) {
        for (unsigned input = 0; input < table->input_count; input++) {
            ck_assert_msg(hws_fsm_next(table, from, input) == wanted(walk, from, input),
                          "%s: not the next state that is wanted", cell(walk, from, input));
            rows += wanted(walk, from, input) != HWS_FSM_NONE;
        }
    }
    ck_assert_uint_eq(rows, table->rule_count); /* none twice */
    for (unsigned state = 0; state < table->state_count; state++) {
        ck_assert_ptr_nonnull(table->states[state]);
    }
    ck_assert_str_eq(hws_fsm_state_name(table, (unsigned)table->state_count), "illegal");
}

void fsm_walk_handles(enum hws_err err, const void *from, const void *machine, const void *to)
{
    ck_assert_ptr_eq(from, err ? machine : NULL);
    ck_assert_ptr_eq(to, err ? NULL : machine);
}

static void expect_reason(const struct fsm_walk *walk, unsigned from, unsigned input)
{
    const struct hws_fsm_table *table = walk->table;
    char why[HWS_FSM_WHY_MAX], small[16], want[HWS_FSM_WHY_MAX];

    hws_fsm_why(table, from, input, "peer 7", why, sizeof(why));
    (void)snprintf(want, sizeof(want), "peer 7: %s is refused in state %s of %s, ",
                   table->inputs[input], table->states[from], table->name);
    ck_assert_msg(strncmp(why, want, strlen(want)) == 0, "'%s' does not begin with '%s'", why,
                  want);
    for (unsigned i = 0; i < table->input_count; i++) { /* what would be taken is named */
        if (wanted(walk, from, i))
            ck_assert_ptr_nonnull(strstr(why + strlen(want), table->inputs[i]));
    }
    hws_fsm_why(table, from, input, "peer 7", small, sizeof(small));
    ck_assert_uint_eq(strlen(small), sizeof(small) - 1);
}

void fsm_walk_cells(const struct fsm_walk *walk)
{
    for (unsigned from = 1; from < walk->table->state_count; from++) {
        for (unsigned input = 0; input < walk->table->input_count; input++) {
            unsigned next = wanted(walk, from, input);
            void *machine = walk->make(from);
            enum hws_err err;

            ck_assert_uint_eq(walk->state(machine), from);
            err = walk->apply(machine, input);
            ck_assert_msg(err == (next ? HWS_OK : HWS_ERR_STATE), "%s: %s", cell(walk, from, input),
                          hws_err_name(err));
            ck_assert_msg(walk->state(machine) == (next ? next : from), "%s: now in %s",
                          cell(walk, from, input),
                          hws_fsm_state_name(walk->table, walk->state(machine)));
            if (!next) expect_reason(walk, from, input);
            walk->drop(machine);
        }
    }
}
