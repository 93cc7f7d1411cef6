/* Must not compile: recv_pranswer leaves LOCAL_OFFER, not LOCAL_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_local_pranswer *at, const struct hws_sdp *pranswer);
enum hws_err wrong(struct hws_neg_local_pranswer *at, const struct hws_sdp *pranswer)
{
    struct hws_neg_remote_pranswer *to = NULL;

    return hws_neg_recv_pranswer(&at, pranswer, &to);
}
