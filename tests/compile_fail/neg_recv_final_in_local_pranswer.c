/* Must not compile: recv_final leaves REMOTE_PRANSWER, not LOCAL_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_local_pranswer *at, const struct hws_sdp *answer);
enum hws_err wrong(struct hws_neg_local_pranswer *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_recv_final(&at, answer, &to);
}
