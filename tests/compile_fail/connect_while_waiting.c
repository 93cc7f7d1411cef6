/* Must not compile: a worker's session connects from ANSWERING. */
#include "fsm/answering.h"

enum hws_err wrong(struct hws_answering_waiting *waiting);
enum hws_err wrong(struct hws_answering_waiting *waiting)
{
    struct hws_answering_connected *connected;

    return hws_answering_connect(&waiting, &connected);
}
