/* Must not compile: send_offer leaves STABLE, not REMOTE_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *offer);
enum hws_err wrong(struct hws_neg_remote_pranswer *at, const struct hws_sdp *offer)
{
    struct hws_neg_local_offer *to = NULL;

    return hws_neg_send_offer(&at, offer, &to);
}
