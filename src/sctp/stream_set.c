#include "sctp/stream_set.h"

#include <stdlib.h>

bool hws_stream_set_init(struct hws_stream_set *set, size_t streams)
{
    set->count = 0;
    set->bits = calloc(1, streams / 8 + 1);
    return set->bits != NULL;
}

void hws_stream_set_fini(struct hws_stream_set *set)
{
    free(set->bits);
    *set = (struct hws_stream_set){0};
}

bool hws_stream_set_has(const struct hws_stream_set *set, uint16_t stream)
{
    return (set->bits[stream / 8] >> stream % 8 & 1) != 0;
}

void hws_stream_set_add(struct hws_stream_set *set, uint16_t stream)
{
    if (hws_stream_set_has(set, stream)) return;
    set->bits[stream / 8] |= (uint8_t)(1 << stream % 8);
    set->count++;
}

void hws_stream_set_remove(struct hws_stream_set *set, uint16_t stream)
{
    if (!hws_stream_set_has(set, stream)) return;
    set->bits[stream / 8] &= (uint8_t) ~(1 << stream % 8);
    set->count--;
}

bool hws_stream_set_take(struct hws_stream_set *set, size_t streams, uint16_t *out)
{
    if (set->count == 0) return false;
    for (size_t i = 0; i < streams; i++) {
        if (set->bits[i / 8] == 0) {
            i |= 7; /* eight at once */
        } else if (hws_stream_set_has(set, (uint16_t)i)) {
            hws_stream_set_remove(set, (uint16_t)i);
            *out = (uint16_t)i;
            return true;
        }
    }
    return false;
}
