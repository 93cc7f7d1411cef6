#include "distributor/member.h"

#include <assert.h>
#include <stdlib.h>

enum hws_err hws_members_init(struct hws_members *members, size_t cap, uint64_t seed)
{
    struct hws_members made = {.cap = cap};
    enum hws_err err = hws_table_init(&made.by_worker, cap, seed);

    if (err) return err;
    made.entries = calloc(cap, sizeof(*made.entries));
    if (!made.entries) {
        hws_table_fini(&made.by_worker);
        return HWS_ERR_NO_MEMORY;
    }
    *members = made;
    return HWS_OK;
}

void hws_members_fini(struct hws_members *members)
{
    hws_table_fini(&members->by_worker);
    free(members->entries);
    *members = (struct hws_members){0};
}

enum hws_err hws_members_claim(struct hws_members *members, const struct hws_member *claim,
                               uint32_t *out_superseded)
{
    uint32_t old = hws_table_find(&members->by_worker, (uint64_t)claim->worker);
    enum hws_err err;

    assert(claim->stream < members->cap && claim->epoch > 0);
    if (members->entries[claim->stream].epoch > 0) return HWS_ERR_STATE;
    if (old != HWS_TABLE_NONE && members->entries[old].epoch >= claim->epoch) {
        return HWS_ERR_REFUSED;
    }
    err = hws_table_add(&members->by_worker, (uint64_t)claim->worker, claim->stream);
    if (err) return err;
    if (old != HWS_TABLE_NONE) members->entries[old] = (struct hws_member){0};
    members->entries[claim->stream] = *claim;
    *out_superseded = old;
    return HWS_OK;
}

bool hws_members_release(struct hws_members *members, uint32_t stream)
{
    struct hws_member *entry = &members->entries[stream];

    if (entry->epoch == 0) return false;
    hws_table_remove(&members->by_worker, (uint64_t)entry->worker);
    *entry = (struct hws_member){0};
    return true;
}

const struct hws_member *hws_members_find(const struct hws_members *members, int64_t worker)
{
    uint32_t stream = hws_table_find(&members->by_worker, (uint64_t)worker);

    return stream == HWS_TABLE_NONE ? NULL : &members->entries[stream];
}
