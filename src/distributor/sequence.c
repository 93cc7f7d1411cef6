#include "distributor/sequence.h"

enum hws_sequence_verdict hws_sequence_take(struct hws_sequence *sequence, uint64_t number)
{
    if (number == 0) return sequence->last == 0 ? HWS_SEQUENCE_NEXT : HWS_SEQUENCE_GAP;
    if (number <= sequence->last) return HWS_SEQUENCE_AGAIN;
    if (number - sequence->last > 1) return HWS_SEQUENCE_GAP;
    sequence->last = number;
    return HWS_SEQUENCE_NEXT;
}
