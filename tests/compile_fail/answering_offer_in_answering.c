/* Must not compile: offer leaves WAITING, not ANSWERING. */
#include "fsm/answering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_answering_answering *at);
enum hws_err wrong(struct hws_answering_answering *at)
{
    struct hws_answering_answering *to = NULL;

    return hws_answering_offer(&at, &to);
}
