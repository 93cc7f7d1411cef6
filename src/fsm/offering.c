#include "fsm/offering.h"

#include "fsm/held.h"

#include <assert.h>
#include <stdlib.h>

struct hws_offering {
    enum hws_offering_state state;
    struct hws_held held;
};

static const char *const states[HWS_OFFERING_STATE_COUNT] = {
    [HWS_OFFERING_ILLEGAL] = "illegal",   [HWS_OFFERING_OFFERING] = "offering",
    [HWS_OFFERING_ANSWERED] = "answered", [HWS_OFFERING_CONNECTED] = "connected",
    [HWS_OFFERING_CLOSED] = "closed",
};

static const char *const inputs[HWS_OFFERING_INPUT_COUNT] = {
    [HWS_OFFERING_ANSWER] = "answer",
    [HWS_OFFERING_CONNECT] = "connect",
    [HWS_OFFERING_CLOSE] = "close",
};

/* One row per arrow of the drawing in the header. */
static const struct hws_fsm_rule rules[] = {
    {HWS_OFFERING_OFFERING,  HWS_OFFERING_ANSWER,  HWS_OFFERING_ANSWERED,  NULL},
    {HWS_OFFERING_OFFERING,  HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED,    NULL},
    {HWS_OFFERING_ANSWERED,  HWS_OFFERING_CONNECT, HWS_OFFERING_CONNECTED, NULL},
    {HWS_OFFERING_ANSWERED,  HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED,    NULL},
    {HWS_OFFERING_CONNECTED, HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED,    NULL},
    {HWS_OFFERING_CLOSED,    HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED,    NULL},
};

const struct hws_fsm_table hws_offering_table = {
    .name = "offering",
    .states = states,
    .inputs = inputs,
    .rules = rules,
    .state_count = HWS_OFFERING_STATE_COUNT,
    .input_count = HWS_OFFERING_INPUT_COUNT,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
};

enum hws_offering_state hws_offering_next(enum hws_offering_state from,
                                          enum hws_offering_input input)
{
    return (enum hws_offering_state)hws_fsm_next(&hws_offering_table, from, input);
}

/* The only writer of `state`. */
static void commit(struct hws_offering *offering, enum hws_offering_input input)
{
    enum hws_offering_state next = hws_offering_next(offering->state, input);

    assert(next != HWS_OFFERING_ILLEGAL); /* a typed transition exists only where a rule does */
    offering->state = next;
}

static bool is_in(const struct hws_offering *offering, enum hws_offering_state state)
{
    return offering && offering->state == state;
}

enum hws_err hws_offering_answer(struct hws_offering_offered **from,
                                 struct hws_offering_answered **to)
{
    struct hws_offering *offering = (struct hws_offering *)*from;

    if (!is_in(offering, HWS_OFFERING_OFFERING)) return HWS_ERR_STATE;
    commit(offering, HWS_OFFERING_ANSWER);
    *from = NULL;
    *to = hws_offering_as_answered(offering);
    return HWS_OK;
}

enum hws_err hws_offering_connect(struct hws_offering_answered **from,
                                  struct hws_offering_connected **to)
{
    struct hws_offering *offering = (struct hws_offering *)*from;

    if (!is_in(offering, HWS_OFFERING_ANSWERED)) return HWS_ERR_STATE;
    commit(offering, HWS_OFFERING_CONNECT);
    *from = NULL;
    *to = hws_offering_as_connected(offering);
    return HWS_OK;
}

void hws_offering_close(struct hws_offering *offering)
{
    offering->held.count = 0;
    commit(offering, HWS_OFFERING_CLOSE);
}

enum hws_err hws_offering_hold(struct hws_offering *offering, struct hws_bytes candidate)
{
    if (offering->state == HWS_OFFERING_CLOSED) return HWS_ERR_STATE;
    return hws_held_push(&offering->held, candidate);
}

bool hws_offering_next_candidate(struct hws_offering *offering, struct hws_bytes *out)
{
    if (offering->state == HWS_OFFERING_OFFERING) return false;
    return hws_held_pop(&offering->held, out);
}

struct hws_offering *hws_offering_new(void)
{
    struct hws_offering *offering = calloc(1, sizeof(*offering));

    if (offering) offering->state = HWS_OFFERING_OFFERING;
    return offering;
}

void hws_offering_free(struct hws_offering *offering)
{
    free(offering);
}

enum hws_offering_state hws_offering_state(const struct hws_offering *offering)
{
    return offering->state;
}

const char *hws_offering_state_name(enum hws_offering_state state)
{
    return hws_fsm_state_name(&hws_offering_table, state);
}

struct hws_offering_offered *hws_offering_as_offered(struct hws_offering *offering)
{
    bool is = is_in(offering, HWS_OFFERING_OFFERING);

    return is ? (struct hws_offering_offered *)offering : NULL;
}

struct hws_offering_answered *hws_offering_as_answered(struct hws_offering *offering)
{
    bool is = is_in(offering, HWS_OFFERING_ANSWERED);

    return is ? (struct hws_offering_answered *)offering : NULL;
}

struct hws_offering_connected *hws_offering_as_connected(struct hws_offering *offering)
{
    bool is = is_in(offering, HWS_OFFERING_CONNECTED);

    return is ? (struct hws_offering_connected *)offering : NULL;
}
