/* Must not compile: answer leaves ANSWERING, not CONNECTED. */
#include "fsm/answering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_answering_connected *at);
enum hws_err wrong(struct hws_answering_connected *at)
{
    return hws_answering_answer(at);
}
