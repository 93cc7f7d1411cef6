#include "fsm/answering.h"

#include "fsm/held.h"

#include <assert.h>
#include <stdlib.h>

struct hws_answering {
    enum hws_answering_state state;
    bool answered; /* our answer has gone out; meaningful from ANSWERING on */
    struct hws_held held;
};

static const char *const states[HWS_ANSWERING_STATE_COUNT] = {
    [HWS_ANSWERING_ILLEGAL] = "illegal",     [HWS_ANSWERING_WAITING] = "waiting",
    [HWS_ANSWERING_ANSWERING] = "answering", [HWS_ANSWERING_CONNECTED] = "connected",
    [HWS_ANSWERING_CLOSED] = "closed",
};

static const char *const inputs[HWS_ANSWERING_INPUT_COUNT] = {
    [HWS_ANSWERING_OFFER] = "offer",
    [HWS_ANSWERING_ANSWER] = "answer",
    [HWS_ANSWERING_CONNECT] = "connect",
    [HWS_ANSWERING_CLOSE] = "close",
};

/* One row per arrow of the drawing in the header. */
static const struct hws_fsm_rule rules[] = {
    {HWS_ANSWERING_WAITING,   HWS_ANSWERING_OFFER,   HWS_ANSWERING_ANSWERING, NULL},
    {HWS_ANSWERING_WAITING,   HWS_ANSWERING_CLOSE,   HWS_ANSWERING_CLOSED,    NULL},
    {HWS_ANSWERING_ANSWERING, HWS_ANSWERING_ANSWER,  HWS_ANSWERING_ANSWERING, NULL},
    {HWS_ANSWERING_ANSWERING, HWS_ANSWERING_CONNECT, HWS_ANSWERING_CONNECTED,
     "our answer has gone out"                                                    },
    {HWS_ANSWERING_ANSWERING, HWS_ANSWERING_CLOSE,   HWS_ANSWERING_CLOSED,    NULL},
    {HWS_ANSWERING_CONNECTED, HWS_ANSWERING_CLOSE,   HWS_ANSWERING_CLOSED,    NULL},
    {HWS_ANSWERING_CLOSED,    HWS_ANSWERING_CLOSE,   HWS_ANSWERING_CLOSED,    NULL},
};

const struct hws_fsm_table hws_answering_table = {
    .name = "answering",
    .states = states,
    .inputs = inputs,
    .rules = rules,
    .state_count = HWS_ANSWERING_STATE_COUNT,
    .input_count = HWS_ANSWERING_INPUT_COUNT,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
};

enum hws_answering_state hws_answering_next(enum hws_answering_state from,
                                            enum hws_answering_input input)
{
    return (enum hws_answering_state)hws_fsm_next(&hws_answering_table, from, input);
}

/* The only writer of `state`. */
static void commit(struct hws_answering *answering, enum hws_answering_input input)
{
    enum hws_answering_state next = hws_answering_next(answering->state, input);

    assert(next != HWS_ANSWERING_ILLEGAL); /* a typed transition exists only where a rule does */
    answering->state = next;
}

static bool is_in(const struct hws_answering *answering, enum hws_answering_state state)
{
    return answering && answering->state == state;
}

enum hws_err hws_answering_offer(struct hws_answering_waiting **from,
                                 struct hws_answering_answering **to)
{
    struct hws_answering *answering = (struct hws_answering *)*from;

    if (!is_in(answering, HWS_ANSWERING_WAITING)) return HWS_ERR_STATE;
    commit(answering, HWS_ANSWERING_OFFER);
    *from = NULL;
    *to = hws_answering_as_answering(answering);
    return HWS_OK;
}

enum hws_err hws_answering_answer(struct hws_answering_answering *at)
{
    struct hws_answering *answering = (struct hws_answering *)at;

    if (!is_in(answering, HWS_ANSWERING_ANSWERING)) return HWS_ERR_STATE;
    commit(answering, HWS_ANSWERING_ANSWER);
    answering->answered = true;
    return HWS_OK;
}

enum hws_err hws_answering_connect(struct hws_answering_answering **from,
                                   struct hws_answering_connected **to)
{
    struct hws_answering *answering = (struct hws_answering *)*from;

    if (!is_in(answering, HWS_ANSWERING_ANSWERING) || !answering->answered) return HWS_ERR_STATE;
    commit(answering, HWS_ANSWERING_CONNECT);
    *from = NULL;
    *to = hws_answering_as_connected(answering);
    return HWS_OK;
}

void hws_answering_close(struct hws_answering *answering)
{
    answering->held.count = 0;
    commit(answering, HWS_ANSWERING_CLOSE);
}

enum hws_err hws_answering_hold(struct hws_answering *answering, struct hws_bytes candidate)
{
    if (answering->state == HWS_ANSWERING_CLOSED) return HWS_ERR_STATE;
    return hws_held_push(&answering->held, candidate);
}

bool hws_answering_next_candidate(struct hws_answering *answering, struct hws_bytes *out)
{
    if (!answering->answered) return false;
    return hws_held_pop(&answering->held, out);
}

struct hws_answering *hws_answering_new(void)
{
    struct hws_answering *answering = calloc(1, sizeof(*answering));

    if (answering) answering->state = HWS_ANSWERING_WAITING;
    return answering;
}

void hws_answering_free(struct hws_answering *answering)
{
    free(answering);
}

enum hws_answering_state hws_answering_state(const struct hws_answering *answering)
{
    return answering->state;
}

const char *hws_answering_state_name(enum hws_answering_state state)
{
    return hws_fsm_state_name(&hws_answering_table, state);
}

struct hws_answering_waiting *hws_answering_as_waiting(struct hws_answering *answering)
{
    bool is = is_in(answering, HWS_ANSWERING_WAITING);

    return is ? (struct hws_answering_waiting *)answering : NULL;
}

struct hws_answering_answering *hws_answering_as_answering(struct hws_answering *answering)
{
    bool is = is_in(answering, HWS_ANSWERING_ANSWERING);

    return is ? (struct hws_answering_answering *)answering : NULL;
}

struct hws_answering_connected *hws_answering_as_connected(struct hws_answering *answering)
{
    bool is = is_in(answering, HWS_ANSWERING_CONNECTED);

    return is ? (struct hws_answering_connected *)answering : NULL;
}
