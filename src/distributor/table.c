#include "distributor/table.h"

#include <stdlib.h>

enum { CAP_MAX = 1 << 24 };

/* The finalizer of SplitMix64 over the seeded key. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 30;
    value *= UINT64_C(0xBF58476D1CE4E5B9);
    value ^= value >> 27;
    value *= UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

static size_t home_of(const struct hws_table *table, uint64_t key)
{
    return (size_t)mix(mix(key ^ table->seed) + table->seed) & table->mask;
}

/* The slot of the key, or the free slot where it would go; half of the slots are always free. */
static size_t place_of(const struct hws_table *table, uint64_t key)
{
    size_t at = home_of(table, key);

    while (table->slots[at].used && table->slots[at].key != key)
        at = (at + 1) & table->mask;
    return at;
}

enum hws_err hws_table_init(struct hws_table *table, size_t cap, uint64_t seed)
{
    size_t slot_count = 2;
    struct hws_table_slot *slots;

    if (cap == 0 || cap > CAP_MAX) return HWS_ERR_ARGUMENT;
    while (slot_count < 2 * cap)
        slot_count *= 2;
    slots = calloc(slot_count, sizeof(*slots));
    if (!slots) return HWS_ERR_NO_MEMORY;
    *table = (struct hws_table){.slots = slots, .mask = slot_count - 1, .cap = cap, .seed = seed};
    return HWS_OK;
}

void hws_table_fini(struct hws_table *table)
{
    free(table->slots);
    *table = (struct hws_table){0};
}

uint32_t hws_table_find(const struct hws_table *table, uint64_t key)
{
    const struct hws_table_slot *slot = &table->slots[place_of(table, key)];

    return slot->used ? slot->value : HWS_TABLE_NONE;
}

enum hws_err hws_table_add(struct hws_table *table, uint64_t key, uint32_t value)
{
    struct hws_table_slot *slot = &table->slots[place_of(table, key)];

    if (!slot->used) {
        if (table->count == table->cap) return HWS_ERR_FULL;
        table->count++;
    }
    *slot = (struct hws_table_slot){.key = key, .value = value, .used = true};
    return HWS_OK;
}

/* Linear probing without tombstones: whoever was pushed past the freed slot moves back into it. */
void hws_table_remove(struct hws_table *table, uint64_t key)
{
    size_t hole = place_of(table, key);
    size_t at = hole;

    if (!table->slots[hole].used) return;
    table->count--;
    for (;;) {
        at = (at + 1) & table->mask;
        if (!table->slots[at].used) break;
        /* It may move when its home is not between the hole and itself. */
        if (((at - home_of(table, table->slots[at].key)) & table->mask) >=
            ((at - hole) & table->mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct hws_table_slot){0};
}
