#include "fsm/held.h"

#include <string.h>

enum hws_err hws_held_push(struct hws_held *held, struct hws_bytes candidate)
{
    size_t slot = (held->first + held->count) % HWS_HELD_MAX;

    if (candidate.len > HWS_HELD_TEXT_MAX) return HWS_ERR_TOO_BIG;
    if (held->count == HWS_HELD_MAX) return HWS_ERR_FULL;
    if (candidate.len > 0) memcpy(held->text[slot], candidate.data, candidate.len);
    held->len[slot] = (uint16_t)candidate.len;
    held->count++;
    return HWS_OK;
}

bool hws_held_pop(struct hws_held *held, struct hws_bytes *out)
{
    if (held->count == 0) return false;
    *out = (struct hws_bytes){(const uint8_t *)held->text[held->first], held->len[held->first]};
    held->first = (held->first + 1) % HWS_HELD_MAX;
    held->count--;
    return true;
}
