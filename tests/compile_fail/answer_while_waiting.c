/* Must not compile: a worker answers an offer, and WAITING has none. */
#include "fsm/answering.h"

enum hws_err wrong(struct hws_answering_waiting *waiting);
enum hws_err wrong(struct hws_answering_waiting *waiting)
{
    return hws_answering_answer(waiting);
}
