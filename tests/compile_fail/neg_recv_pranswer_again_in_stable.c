/* Must not compile: recv_pranswer_again leaves REMOTE_PRANSWER, not STABLE. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *pranswer);
enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *pranswer)
{
    return hws_neg_recv_pranswer_again(at, pranswer);
}
