#include "fsm/table.h"

#include <stdio.h>
#include <string.h>

const struct hws_fsm_rule *hws_fsm_find(const struct hws_fsm_table *table, unsigned from,
                                        unsigned input)
{
    for (size_t i = 0; i < table->rule_count; i++) {
        if (table->rules[i].from == from && table->rules[i].input == input) return &table->rules[i];
    }
    return NULL;
}

unsigned hws_fsm_next(const struct hws_fsm_table *table, unsigned from, unsigned input)
{
    const struct hws_fsm_rule *rule = hws_fsm_find(table, from, input);

    return rule ? rule->to : HWS_FSM_NONE;
}

const char *hws_fsm_state_name(const struct hws_fsm_table *table, unsigned state)
{
    return table->states[state < table->state_count ? state : HWS_FSM_NONE];
}

static void append(char *out, size_t cap, const char *text)
{
    size_t len = strlen(out);

    (void)snprintf(out + len, cap - len, "%s", text);
}

static void append_inputs(const struct hws_fsm_table *table, unsigned state, char *out, size_t cap)
{
    const char *before = "which takes ";

    for (size_t i = 0; i < table->input_count; i++) {
        if (!hws_fsm_find(table, state, (unsigned)i)) continue;
        append(out, cap, before);
        append(out, cap, table->inputs[i]);
        before = ", ";
    }
}

void hws_fsm_why(const struct hws_fsm_table *table, unsigned state, unsigned input, const char *who,
                 char *out, size_t cap)
{
    const struct hws_fsm_rule *rule = hws_fsm_find(table, state, input);

    (void)snprintf(out, cap, "%s: %s is refused in state %s of %s, ", who,
                   input < table->input_count ? table->inputs[input] : "that",
                   hws_fsm_state_name(table, state), table->name);
    if (!rule) {
        append_inputs(table, state, out, cap);
    } else if (rule->guard) {
        append(out, cap, "unless ");
        append(out, cap, rule->guard);
    } else {
        append(out, cap, "for the handle is of another");
    }
}
