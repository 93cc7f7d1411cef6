#include "fsm/offering.h"

#include "fsm/held.h"

#include <assert.h>
#include <stdlib.h>

struct hws_offering {
    enum hws_offering_state state;
    struct hws_held held;
};

/* One row per arrow of the drawing in the header. */
static const struct rule {
    enum hws_offering_state from;
    enum hws_offering_input input;
    enum hws_offering_state to;
} rules[] = {
    {HWS_OFFERING_OFFERING,  HWS_OFFERING_ANSWER,  HWS_OFFERING_ANSWERED },
    {HWS_OFFERING_OFFERING,  HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED   },
    {HWS_OFFERING_ANSWERED,  HWS_OFFERING_CONNECT, HWS_OFFERING_CONNECTED},
    {HWS_OFFERING_ANSWERED,  HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED   },
    {HWS_OFFERING_CONNECTED, HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED   },
    {HWS_OFFERING_CLOSED,    HWS_OFFERING_CLOSE,   HWS_OFFERING_CLOSED   },
};

enum hws_offering_state hws_offering_next(enum hws_offering_state from,
                                          enum hws_offering_input input)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].from == from && rules[i].input == input) return rules[i].to;
    }
    return HWS_OFFERING_ILLEGAL;
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
    switch (state) {
    case HWS_OFFERING_OFFERING:
        return "offering";
    case HWS_OFFERING_ANSWERED:
        return "answered";
    case HWS_OFFERING_CONNECTED:
        return "connected";
    case HWS_OFFERING_CLOSED:
        return "closed";
    case HWS_OFFERING_ILLEGAL:
    case HWS_OFFERING_STATE_COUNT:
        break;
    }
    return "illegal";
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
