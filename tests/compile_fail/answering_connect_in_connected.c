/* Must not compile: connect leaves ANSWERING, not CONNECTED. */
#include "fsm/answering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_answering_connected *at);
enum hws_err wrong(struct hws_answering_connected *at)
{
    struct hws_answering_connected *to = NULL;

    return hws_answering_connect(&at, &to);
}
