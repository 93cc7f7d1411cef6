#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *slot_at(const struct hws_ring *ring, size_t index)
{
    return ring->slots + index % ring->slot_count * (sizeof(size_t) + ring->slot_cap);
}

enum hws_err hws_ring_init(struct hws_ring *ring, size_t slot_count, size_t slot_cap)
{
    *ring = (struct hws_ring){.slot_count = slot_count, .slot_cap = slot_cap};
    ring->slots = calloc(slot_count, sizeof(size_t) + slot_cap);
    return ring->slots ? HWS_OK : HWS_ERR_NO_MEMORY;
}

void hws_ring_fini(struct hws_ring *ring)
{
    free(ring->slots);
    *ring = (struct hws_ring){0};
}

void hws_ring_push(struct hws_ring *ring, struct hws_bytes packet)
{
    uint8_t *slot;

    if (packet.len > ring->slot_cap) {
        ring->dropped++;
        return;
    }
    if (ring->count == ring->slot_count) {
        ring->first = (ring->first + 1) % ring->slot_count;
        ring->count--;
        ring->dropped++;
    }
    slot = slot_at(ring, ring->first + ring->count);
    memcpy(slot, &packet.len, sizeof(packet.len));
    if (packet.len > 0) memcpy(slot + sizeof(packet.len), packet.data, packet.len);
    ring->count++;
}

bool hws_ring_pop(struct hws_ring *ring, struct hws_bytes *out)
{
    uint8_t *slot;
    size_t len;

    if (ring->count == 0) return false;
    slot = slot_at(ring, ring->first);
    memcpy(&len, slot, sizeof(len));
    *out = (struct hws_bytes){slot + sizeof(len), len};
    ring->first = (ring->first + 1) % ring->slot_count;
    ring->count--;
    return true;
}
