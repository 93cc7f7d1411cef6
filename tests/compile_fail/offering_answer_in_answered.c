/* Must not compile: answer leaves OFFERED, not ANSWERED. */
#include "fsm/offering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_offering_answered *at);
enum hws_err wrong(struct hws_offering_answered *at)
{
    struct hws_offering_answered *to = NULL;

    return hws_offering_answer(&at, &to);
}
