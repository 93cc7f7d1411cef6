/* Must not compile: send_pranswer_again leaves LOCAL_PRANSWER, not STABLE. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *pranswer);
enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *pranswer)
{
    return hws_neg_send_pranswer_again(at, pranswer);
}
