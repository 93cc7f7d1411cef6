/* Must not compile: rollback leaves LOCAL_OFFER, not REMOTE_OFFER. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_remote_offer *at);
enum hws_err wrong(struct hws_neg_remote_offer *at)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_rollback(&at, &to);
}
