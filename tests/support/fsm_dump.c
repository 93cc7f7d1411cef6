/*
 * Prints the tables of the state machines as they are compiled in, for scripts/fsm-dot and
 * tests/model/compare. One line each: 'machine NAME FIRST-STATE', 'arrow FROM INPUT TO [GUARD]'.
 *
 * What the distributor does with registrations is no table but a rule, so it is asked: 'claim HELD
 * NEW OUTCOME' for the epoch in force (0 = none) and that of the claim.
 */
#include "fsm/answering.h"
#include "fsm/negotiation.h"
#include "fsm/offering.h"

#ifdef HAVE_DISTRIBUTOR
#include "distributor/member.h"
#endif

#include <stdio.h>

static void dump(const struct hws_fsm_table *table)
{
    printf("machine %s %s\n", table->name, table->states[1]);
    for (size_t i = 0; i < table->rule_count; i++) {
        const struct hws_fsm_rule *rule = &table->rules[i];

        printf("arrow %s %s %s%s%s\n", table->states[rule->from], table->inputs[rule->input],
               table->states[rule->to], rule->guard ? " " : "", rule->guard ? rule->guard : "");
    }
}

#ifdef HAVE_DISTRIBUTOR
enum { EPOCHS = 4 }; /* what the model has */

static const char *outcome_of(uint64_t held, uint64_t epoch)
{
    struct hws_members members;
    uint32_t superseded = HWS_TABLE_NONE;
    const char *outcome = "failed";
    enum hws_err err = HWS_OK;

    if (hws_members_init(&members, 4, 1) != HWS_OK) return outcome;
    if (held > 0) err = hws_members_claim(&members, &(struct hws_member){7, held, 0}, &superseded);
    if (!err) {
        err = hws_members_claim(&members, &(struct hws_member){7, epoch, 1}, &superseded);
        if (err == HWS_ERR_REFUSED && hws_members_find(&members, 7)->stream == 0)
            outcome = "refused";
        else if (!err && hws_members_find(&members, 7)->stream == 1)
            outcome = superseded == 0 ? "superseded" : "registered";
    }
    hws_members_fini(&members);
    return outcome;
}

static void dump_claims(void)
{
    for (uint64_t held = 0; held <= EPOCHS; held++) {
        for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
            printf("claim %u %u %s\n", (unsigned)held, (unsigned)epoch, outcome_of(held, epoch));
        }
    }
}
#endif

int main(void)
{
    dump(&hws_neg_table);
    dump(&hws_offering_table);
    dump(&hws_answering_table);
#ifdef HAVE_DISTRIBUTOR
    dump_claims();
#endif
    return 0;
}
