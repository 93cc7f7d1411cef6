/* Must not compile: send_final leaves LOCAL_PRANSWER, not STABLE. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *answer);
enum hws_err wrong(struct hws_neg_stable *at, const struct hws_sdp *answer)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_send_final(&at, answer, &to);
}
