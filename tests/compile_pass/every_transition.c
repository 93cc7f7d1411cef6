/* Must compile: every transition, each from the state that it leaves. */
#include "fsm/answering.h"
#include "fsm/negotiation.h"
#include "fsm/offering.h"

#include <stddef.h>

enum hws_err neg_send_offer(struct hws_neg_stable *at, const struct hws_sdp *offer);
enum hws_err neg_send_offer(struct hws_neg_stable *at, const struct hws_sdp *offer)
{
    struct hws_neg_local_offer *to = NULL;

    return hws_neg_send_offer(&at, offer, &to);
}

enum hws_err neg_recv_offer(struct hws_neg_stable *at, const struct hws_sdp *offer);
enum hws_err neg_recv_offer(struct hws_neg_stable *at, const struct hws_sdp *offer)
{
    struct hws_neg_remote_offer *to = NULL;

    return hws_neg_recv_offer(&at, offer, &to);
}

enum hws_err neg_send_answer(struct hws_neg_remote_offer *at, const struct hws_sdp *answer);
enum hws_err neg_send_answer(struct hws_neg_remote_offer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_send_answer(&at, answer, &to);
}

enum hws_err neg_recv_answer(struct hws_neg_local_offer *at, const struct hws_sdp *answer);
enum hws_err neg_recv_answer(struct hws_neg_local_offer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_recv_answer(&at, answer, &to);
}

enum hws_err neg_send_pranswer(struct hws_neg_remote_offer *at, const struct hws_sdp *pranswer);
enum hws_err neg_send_pranswer(struct hws_neg_remote_offer *at, const struct hws_sdp *pranswer)
{
    struct hws_neg_local_pranswer *to = NULL;

    return hws_neg_send_pranswer(&at, pranswer, &to);
}

enum hws_err neg_send_pranswer_again(struct hws_neg_local_pranswer *at,
                                     const struct hws_sdp *pranswer);
enum hws_err neg_send_pranswer_again(struct hws_neg_local_pranswer *at,
                                     const struct hws_sdp *pranswer)
{
    return hws_neg_send_pranswer_again(at, pranswer);
}

enum hws_err neg_send_final(struct hws_neg_local_pranswer *at, const struct hws_sdp *answer);
enum hws_err neg_send_final(struct hws_neg_local_pranswer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_send_final(&at, answer, &to);
}

enum hws_err neg_recv_pranswer(struct hws_neg_local_offer *at, const struct hws_sdp *pranswer);
enum hws_err neg_recv_pranswer(struct hws_neg_local_offer *at, const struct hws_sdp *pranswer)
{
    struct hws_neg_remote_pranswer *to = NULL;

    return hws_neg_recv_pranswer(&at, pranswer, &to);
}

enum hws_err neg_recv_pranswer_again(struct hws_neg_remote_pranswer *at,
                                     const struct hws_sdp *pranswer);
enum hws_err neg_recv_pranswer_again(struct hws_neg_remote_pranswer *at,
                                     const struct hws_sdp *pranswer)
{
    return hws_neg_recv_pranswer_again(at, pranswer);
}

enum hws_err neg_recv_final(struct hws_neg_remote_pranswer *at, const struct hws_sdp *answer);
enum hws_err neg_recv_final(struct hws_neg_remote_pranswer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_recv_final(&at, answer, &to);
}

enum hws_err neg_rollback(struct hws_neg_local_offer *at);
enum hws_err neg_rollback(struct hws_neg_local_offer *at)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_rollback(&at, &to);
}

enum hws_err offering_answer(struct hws_offering_offered *at);
enum hws_err offering_answer(struct hws_offering_offered *at)
{
    struct hws_offering_answered *to = NULL;

    return hws_offering_answer(&at, &to);
}

enum hws_err offering_connect(struct hws_offering_answered *at);
enum hws_err offering_connect(struct hws_offering_answered *at)
{
    struct hws_offering_connected *to = NULL;

    return hws_offering_connect(&at, &to);
}

enum hws_err answering_offer(struct hws_answering_waiting *at);
enum hws_err answering_offer(struct hws_answering_waiting *at)
{
    struct hws_answering_answering *to = NULL;

    return hws_answering_offer(&at, &to);
}

enum hws_err answering_answer(struct hws_answering_answering *at);
enum hws_err answering_answer(struct hws_answering_answering *at)
{
    return hws_answering_answer(at);
}

enum hws_err answering_connect(struct hws_answering_answering *at);
enum hws_err answering_connect(struct hws_answering_answering *at)
{
    struct hws_answering_connected *to = NULL;

    return hws_answering_connect(&at, &to);
}
