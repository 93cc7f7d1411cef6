/* Must not compile: only an offer of our own is rolled back. */
#include "fsm/negotiation.h"

enum hws_err wrong(struct hws_neg_remote_offer *offered);
enum hws_err wrong(struct hws_neg_remote_offer *offered)
{
    struct hws_neg_stable *stable;

    return hws_neg_rollback(&offered, &stable);
}
