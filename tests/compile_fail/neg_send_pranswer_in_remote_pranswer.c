/* Must not compile: send_pranswer leaves REMOTE_OFFER, not REMOTE_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *pranswer);
enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *pranswer)
{
    struct hws_neg_local_pranswer *to = NULL;

    return hws_neg_send_pranswer(&at, pranswer, &to);
}
