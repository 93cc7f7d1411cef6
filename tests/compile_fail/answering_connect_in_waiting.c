/* Must not compile: connect leaves ANSWERING, not WAITING. */
#include "fsm/answering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_answering_waiting *at);
enum hws_err wrong(struct hws_answering_waiting *at)
{
    struct hws_answering_connected *to = NULL;

    return hws_answering_connect(&at, &to);
}
