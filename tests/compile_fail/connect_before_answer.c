/* Must not compile: a client connects from ANSWERED, not from OFFERING. */
#include "fsm/offering.h"

enum hws_err wrong(struct hws_offering_offered *offered);
enum hws_err wrong(struct hws_offering_offered *offered)
{
    struct hws_offering_connected *connected;

    return hws_offering_connect(&offered, &connected);
}
