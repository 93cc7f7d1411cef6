/* Must not compile: rollback leaves LOCAL_OFFER, not STABLE. */
#include "fsm/negotiation.h"

#include <stddef.h>

enum hws_err wrong(struct hws_neg_stable *at);
enum hws_err wrong(struct hws_neg_stable *at)
{
    struct hws_neg_stable *to = NULL;

    return hws_neg_rollback(&at, &to);
}
