#include "fsm/negotiation.h"

#include <assert.h>
#include <stdlib.h>

struct hws_neg {
    enum hws_neg_state state;
    struct hws_sdp *offer; /* owned; of an open exchange: not in STABLE and CLOSED */
};

static const char *const states[HWS_NEG_STATE_COUNT] = {
    [HWS_NEG_ILLEGAL] = "illegal",
    [HWS_NEG_STABLE] = "stable",
    [HWS_NEG_LOCAL_OFFER] = "have-local-offer",
    [HWS_NEG_REMOTE_OFFER] = "have-remote-offer",
    [HWS_NEG_LOCAL_PRANSWER] = "have-local-pranswer",
    [HWS_NEG_REMOTE_PRANSWER] = "have-remote-pranswer",
    [HWS_NEG_CLOSED] = "closed",
};

static const char *const inputs[HWS_NEG_INPUT_COUNT] = {
    [HWS_NEG_SEND_OFFER] = "send-offer",       [HWS_NEG_RECV_OFFER] = "recv-offer",
    [HWS_NEG_SEND_ANSWER] = "send-answer",     [HWS_NEG_RECV_ANSWER] = "recv-answer",
    [HWS_NEG_SEND_PRANSWER] = "send-pranswer", [HWS_NEG_RECV_PRANSWER] = "recv-pranswer",
    [HWS_NEG_ROLLBACK] = "rollback",           [HWS_NEG_CLOSE] = "close",
};

static const char fits[] = "the answer fits the offer";

/* One row per arrow (RFC 9429 section 3.2); a move without a row is illegal. */
static const struct hws_fsm_rule rules[] = {
    {HWS_NEG_STABLE,          HWS_NEG_SEND_OFFER,    HWS_NEG_LOCAL_OFFER,     NULL},
    {HWS_NEG_STABLE,          HWS_NEG_RECV_OFFER,    HWS_NEG_REMOTE_OFFER,    NULL},
    {HWS_NEG_STABLE,          HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
    {HWS_NEG_LOCAL_OFFER,     HWS_NEG_RECV_ANSWER,   HWS_NEG_STABLE,          fits},
    {HWS_NEG_LOCAL_OFFER,     HWS_NEG_RECV_PRANSWER, HWS_NEG_REMOTE_PRANSWER, fits},
    {HWS_NEG_LOCAL_OFFER,     HWS_NEG_ROLLBACK,      HWS_NEG_STABLE,          NULL},
    {HWS_NEG_LOCAL_OFFER,     HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
    {HWS_NEG_REMOTE_OFFER,    HWS_NEG_SEND_ANSWER,   HWS_NEG_STABLE,          fits},
    {HWS_NEG_REMOTE_OFFER,    HWS_NEG_SEND_PRANSWER, HWS_NEG_LOCAL_PRANSWER,  fits},
    {HWS_NEG_REMOTE_OFFER,    HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
    {HWS_NEG_LOCAL_PRANSWER,  HWS_NEG_SEND_PRANSWER, HWS_NEG_LOCAL_PRANSWER,  fits},
    {HWS_NEG_LOCAL_PRANSWER,  HWS_NEG_SEND_ANSWER,   HWS_NEG_STABLE,          fits},
    {HWS_NEG_LOCAL_PRANSWER,  HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
    {HWS_NEG_REMOTE_PRANSWER, HWS_NEG_RECV_PRANSWER, HWS_NEG_REMOTE_PRANSWER, fits},
    {HWS_NEG_REMOTE_PRANSWER, HWS_NEG_RECV_ANSWER,   HWS_NEG_STABLE,          fits},
    {HWS_NEG_REMOTE_PRANSWER, HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
    {HWS_NEG_CLOSED,          HWS_NEG_CLOSE,         HWS_NEG_CLOSED,          NULL},
};

const struct hws_fsm_table hws_neg_table = {
    .name = "negotiation",
    .states = states,
    .inputs = inputs,
    .rules = rules,
    .state_count = HWS_NEG_STATE_COUNT,
    .input_count = HWS_NEG_INPUT_COUNT,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
};

enum hws_neg_state hws_neg_next(enum hws_neg_state from, enum hws_neg_input input)
{
    return (enum hws_neg_state)hws_fsm_next(&hws_neg_table, from, input);
}

/* The only writer of `state`: takes the arrow and keeps @p offer, which may be that of before; NULL
 * drops it. */
static void commit(struct hws_neg *neg, enum hws_neg_input input, struct hws_sdp *offer)
{
    enum hws_neg_state next = hws_neg_next(neg->state, input);

    assert(next != HWS_NEG_ILLEGAL); /* a typed transition exists only where a rule does */
    if (offer != neg->offer) free(neg->offer);
    neg->offer = offer;
    neg->state = next;
}

static bool is_in(const struct hws_neg *neg, enum hws_neg_state state)
{
    return neg && neg->state == state;
}

/* Both offers: STABLE to a state that keeps the offer. */
static enum hws_err take_offer(struct hws_neg *neg, enum hws_neg_input input,
                               const struct hws_sdp *offer)
{
    struct hws_sdp *copy;

    if (!is_in(neg, HWS_NEG_STABLE)) return HWS_ERR_STATE;
    copy = calloc(1, sizeof(*copy));
    if (!copy) return HWS_ERR_NO_MEMORY;
    *copy = *offer;
    commit(neg, input, copy);
    return HWS_OK;
}

/* All answers: the answer must fit the offer before anything moves. A provisional one leaves the
 * offer there for the next. */
static enum hws_err take_answer(struct hws_neg *neg, enum hws_neg_state from,
                                enum hws_neg_input input, const struct hws_sdp *answer)
{
    bool final = input == HWS_NEG_SEND_ANSWER || input == HWS_NEG_RECV_ANSWER;

    if (!is_in(neg, from)) return HWS_ERR_STATE;
    if (!hws_sdp_answers(answer, neg->offer)) return HWS_ERR_MISMATCH;
    commit(neg, input, final ? NULL : neg->offer);
    return HWS_OK;
}

enum hws_err hws_neg_send_offer(struct hws_neg_stable **from, const struct hws_sdp *offer,
                                struct hws_neg_local_offer **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_offer(neg, HWS_NEG_SEND_OFFER, offer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_local_offer(neg);
    return HWS_OK;
}

enum hws_err hws_neg_recv_offer(struct hws_neg_stable **from, const struct hws_sdp *offer,
                                struct hws_neg_remote_offer **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_offer(neg, HWS_NEG_RECV_OFFER, offer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_remote_offer(neg);
    return HWS_OK;
}

enum hws_err hws_neg_send_answer(struct hws_neg_remote_offer **from, const struct hws_sdp *answer,
                                 struct hws_neg_stable **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_REMOTE_OFFER, HWS_NEG_SEND_ANSWER, answer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_stable(neg);
    return HWS_OK;
}

enum hws_err hws_neg_recv_answer(struct hws_neg_local_offer **from, const struct hws_sdp *answer,
                                 struct hws_neg_stable **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_LOCAL_OFFER, HWS_NEG_RECV_ANSWER, answer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_stable(neg);
    return HWS_OK;
}

enum hws_err hws_neg_send_pranswer(struct hws_neg_remote_offer **from,
                                   const struct hws_sdp *pranswer,
                                   struct hws_neg_local_pranswer **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_REMOTE_OFFER, HWS_NEG_SEND_PRANSWER, pranswer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_local_pranswer(neg);
    return HWS_OK;
}

enum hws_err hws_neg_send_pranswer_again(struct hws_neg_local_pranswer *at,
                                         const struct hws_sdp *pranswer)
{
    return take_answer((struct hws_neg *)at, HWS_NEG_LOCAL_PRANSWER, HWS_NEG_SEND_PRANSWER,
                       pranswer);
}

enum hws_err hws_neg_send_final(struct hws_neg_local_pranswer **from, const struct hws_sdp *answer,
                                struct hws_neg_stable **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_LOCAL_PRANSWER, HWS_NEG_SEND_ANSWER, answer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_stable(neg);
    return HWS_OK;
}

enum hws_err hws_neg_recv_pranswer(struct hws_neg_local_offer **from,
                                   const struct hws_sdp *pranswer,
                                   struct hws_neg_remote_pranswer **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_LOCAL_OFFER, HWS_NEG_RECV_PRANSWER, pranswer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_remote_pranswer(neg);
    return HWS_OK;
}

enum hws_err hws_neg_recv_pranswer_again(struct hws_neg_remote_pranswer *at,
                                         const struct hws_sdp *pranswer)
{
    return take_answer((struct hws_neg *)at, HWS_NEG_REMOTE_PRANSWER, HWS_NEG_RECV_PRANSWER,
                       pranswer);
}

enum hws_err hws_neg_recv_final(struct hws_neg_remote_pranswer **from, const struct hws_sdp *answer,
                                struct hws_neg_stable **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;
    enum hws_err err = take_answer(neg, HWS_NEG_REMOTE_PRANSWER, HWS_NEG_RECV_ANSWER, answer);

    if (err) return err;
    *from = NULL;
    *to = hws_neg_as_stable(neg);
    return HWS_OK;
}

enum hws_err hws_neg_rollback(struct hws_neg_local_offer **from, struct hws_neg_stable **to)
{
    struct hws_neg *neg = (struct hws_neg *)*from;

    if (!is_in(neg, HWS_NEG_LOCAL_OFFER)) return HWS_ERR_STATE;
    commit(neg, HWS_NEG_ROLLBACK, NULL);
    *from = NULL;
    *to = hws_neg_as_stable(neg);
    return HWS_OK;
}

void hws_neg_close(struct hws_neg *neg)
{
    commit(neg, HWS_NEG_CLOSE, NULL);
}

struct hws_neg *hws_neg_new(void)
{
    struct hws_neg *neg = calloc(1, sizeof(*neg));

    if (neg) neg->state = HWS_NEG_STABLE;
    return neg;
}

void hws_neg_free(struct hws_neg *neg)
{
    if (!neg) return;
    free(neg->offer);
    free(neg);
}

enum hws_neg_state hws_neg_state(const struct hws_neg *neg)
{
    return neg->state;
}

const char *hws_neg_state_name(enum hws_neg_state state)
{
    return hws_fsm_state_name(&hws_neg_table, state);
}

const struct hws_sdp *hws_neg_offer(const struct hws_neg *neg)
{
    return neg->offer;
}

struct hws_neg_stable *hws_neg_as_stable(struct hws_neg *neg)
{
    return is_in(neg, HWS_NEG_STABLE) ? (struct hws_neg_stable *)neg : NULL;
}

struct hws_neg_local_offer *hws_neg_as_local_offer(struct hws_neg *neg)
{
    return is_in(neg, HWS_NEG_LOCAL_OFFER) ? (struct hws_neg_local_offer *)neg : NULL;
}

struct hws_neg_remote_offer *hws_neg_as_remote_offer(struct hws_neg *neg)
{
    return is_in(neg, HWS_NEG_REMOTE_OFFER) ? (struct hws_neg_remote_offer *)neg : NULL;
}

struct hws_neg_local_pranswer *hws_neg_as_local_pranswer(struct hws_neg *neg)
{
    return is_in(neg, HWS_NEG_LOCAL_PRANSWER) ? (struct hws_neg_local_pranswer *)neg : NULL;
}

struct hws_neg_remote_pranswer *hws_neg_as_remote_pranswer(struct hws_neg *neg)
{
    return is_in(neg, HWS_NEG_REMOTE_PRANSWER) ? (struct hws_neg_remote_pranswer *)neg : NULL;
}
