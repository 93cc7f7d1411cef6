/* Must not compile: recv_answer leaves LOCAL_OFFER, not REMOTE_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *answer);
enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_recv_answer(&at, answer, &to);
}
