/**
 * @file
 * A map from 64-bit keys to small indices, of a fixed capacity.
 *
 * Worker ids are chosen by remotes, so the hash is seeded: nobody outside can aim at one bucket.
 */
#ifndef HWS_DISTRIBUTOR_TABLE_H
#define HWS_DISTRIBUTOR_TABLE_H

#include <hawser/err.h>
#include <hawser/types.h>

#define HWS_TABLE_NONE UINT32_MAX /* never a value */

struct hws_table_slot {
    uint64_t key;
    uint32_t value;
    bool used;
};

struct hws_table {
    struct hws_table_slot *slots; /**< owned; a power of two, at least twice the capacity */
    size_t mask;                  /**< number of slots - 1 */
    size_t cap;                   /**< keys at most */
    size_t count;                 /**< keys held */
    uint64_t seed;
};

/** @retval HWS_ERR_ARGUMENT  @p cap is 0 or over 2^24 @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_table_init(struct hws_table *table, size_t cap, uint64_t seed);
void hws_table_fini(struct hws_table *table);

/** HWS_TABLE_NONE when the key is not there. */
uint32_t hws_table_find(const struct hws_table *table, uint64_t key);

/** Add or replace. @retval HWS_ERR_FULL */
HWS_MUST_USE enum hws_err hws_table_add(struct hws_table *table, uint64_t key, uint32_t value);

/** No effect when the key is not there. */
void hws_table_remove(struct hws_table *table, uint64_t key);

#endif /* HWS_DISTRIBUTOR_TABLE_H */
