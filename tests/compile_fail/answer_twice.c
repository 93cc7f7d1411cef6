/* Must not compile: an answered client session takes no second answer. */
#include "fsm/offering.h"

enum hws_err wrong(struct hws_offering_answered *answered);
enum hws_err wrong(struct hws_offering_answered *answered)
{
    return hws_offering_answer(&answered, &answered);
}
