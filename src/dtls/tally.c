#include "dtls/tally.h"

#include <string.h>

/* Records without a whole tag never get here: they are refused before (HWS_RECORD_LENGTH). */
static uint64_t tag_of(struct hws_bytes record)
{
    uint64_t tag = 0;

    if (record.len >= sizeof(tag))
        memcpy(&tag, record.data + record.len - sizeof(tag), sizeof(tag));
    return tag;
}

void hws_tally_good(struct hws_tally *tally, struct hws_bytes record)
{
    tally->tags[tally->tag_count++ % HWS_TALLY_TAGS] = tag_of(record);
}

void hws_tally_wasted(struct hws_tally *tally, struct hws_bytes record)
{
    size_t kept = tally->tag_count < HWS_TALLY_TAGS ? tally->tag_count : HWS_TALLY_TAGS;
    uint64_t tag = tag_of(record);

    for (size_t i = 0; i < kept; i++) {
        if (tally->tags[i] == tag) {
            tally->stats.dropped_replay++;
            return;
        }
    }
    tally->stats.dropped_bad++;
}

void hws_tally_ring_fini(struct hws_tally *tally, struct hws_ring *ring)
{
    tally->stats.dropped_full += ring->dropped;
    hws_ring_fini(ring);
}
