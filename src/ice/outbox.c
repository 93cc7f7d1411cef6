/* Packets waiting to be sent: a ring of descriptions over a ring of bytes. A packet lies in one
 * piece, so at the end of the bytes it begins anew at their start. What does not fit pushes the
 * oldest out: the network may lose packets anyway. */
#include "ice/ice_internal.h"

#include <string.h>

_Static_assert(HWS_ICE_OUTBOX_BYTES >= 2 * HWS_STUN_MESSAGE_MAX, "any message must fit");
_Static_assert(HWS_ICE_OUTBOX_BYTES <= UINT16_MAX, "places are 16 bits wide");
_Static_assert(HWS_ICE_QUEUE <= UINT8_MAX, "counts are 8 bits wide");

static size_t slot_at(const struct hws_ice_outbox *box, size_t nth)
{
    return (box->first + nth) % HWS_ICE_QUEUE;
}

/* Where @p len bytes can go without touching a waiting packet; false when nowhere. */
static bool find_room(const struct hws_ice_outbox *box, size_t len, size_t *out_at)
{
    size_t first_at, last, end;

    *out_at = 0;
    if (box->count == 0) return true;
    if (box->count == HWS_ICE_QUEUE) return false;
    first_at = box->slots[box->first].at;
    last = slot_at(box, box->count - 1u);
    end = (size_t)box->slots[last].at + box->slots[last].len;
    if (end <= first_at) { /* the newest lie before the oldest */
        *out_at = end;
        return first_at - end >= len;
    }
    if (HWS_ICE_OUTBOX_BYTES - end >= len) {
        *out_at = end;
        return true;
    }
    return first_at >= len;
}

void hws_ice_outbox_push(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         struct hws_bytes bytes)
{
    if (ice->locals[base].relay != HWS_ICE_NONE) {
        hws_ice_relay_push(ice, base, remote, bytes);
    } else {
        hws_ice_outbox_put(ice, &ice->locals[base].addr, remote, bytes);
    }
}

void hws_ice_outbox_put(struct hws_ice *ice, const struct hws_address *local,
                        const struct hws_address *remote, struct hws_bytes bytes)
{
    struct hws_ice_outbox *box = &ice->outbox;
    size_t at, slot;

    if (bytes.len == 0 || bytes.len > HWS_STUN_MESSAGE_MAX) return;
    while (!find_room(box, bytes.len, &at)) {
        box->first = (uint8_t)slot_at(box, 1);
        box->count--;
        ice->totals.packets_dropped++;
        ice->totals.dropped_unsent++;
    }
    slot = slot_at(box, box->count);
    box->slots[slot].remote = *remote;
    box->slots[slot].local = *local;
    box->slots[slot].at = (uint16_t)at;
    box->slots[slot].len = (uint16_t)bytes.len;
    memcpy(box->bytes + at, bytes.data, bytes.len);
    box->count++;
}

/* One that is dropped goes nowhere: its place is passed over. */
void hws_ice_outbox_drop(struct hws_ice *ice, const struct hws_address *local)
{
    struct hws_ice_outbox *box = &ice->outbox;
    struct hws_address gone = *local;

    for (size_t i = 0; i < box->count; i++) {
        size_t slot = slot_at(box, i);

        if (hws_address_equal(&box->slots[slot].local, &gone))
            box->slots[slot].remote = (struct hws_address){0};
    }
}

bool hws_ice_outbox_pop(struct hws_ice *ice, struct hws_datagram *out)
{
    struct hws_ice_outbox *box = &ice->outbox;
    size_t slot;

    while (box->count > 0 && box->slots[box->first].remote.family == HWS_FAMILY_NONE) {
        box->first = (uint8_t)slot_at(box, 1);
        box->count--;
    }
    if (box->count == 0) return false;
    slot = box->first;
    out->local = box->slots[slot].local;
    out->remote = box->slots[slot].remote;
    out->bytes = (struct hws_bytes){box->bytes + box->slots[slot].at, box->slots[slot].len};
    box->first = (uint8_t)slot_at(box, 1);
    box->count--;
    return true;
}
