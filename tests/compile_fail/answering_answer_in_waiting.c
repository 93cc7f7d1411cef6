/* Must not compile: answer leaves ANSWERING, not WAITING. */
#include "fsm/answering.h"

#include <stddef.h>

enum hws_err wrong(struct hws_answering_waiting *at);
enum hws_err wrong(struct hws_answering_waiting *at)
{
    return hws_answering_answer(at);
}
