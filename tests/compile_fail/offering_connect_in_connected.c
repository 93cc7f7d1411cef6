/* Must not compile: connect leaves ANSWERED, not CONNECTED. */
#include "fsm/offering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_offering_connected *at);
enum hws_err wrong(struct hws_offering_connected *at)
{
    struct hws_offering_connected *to = NULL;

    return hws_offering_connect(&at, &to);
}
