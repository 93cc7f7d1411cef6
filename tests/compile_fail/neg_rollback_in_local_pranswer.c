/* Must not compile: rollback leaves LOCAL_OFFER, not LOCAL_PRANSWER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_local_pranswer *at);
enum hws_err wrong(struct hws_neg_local_pranswer *at)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_rollback(&at, &to);
}
