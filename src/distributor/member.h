/**
 * @file
 * Who is registered: worker id -> the stream that speaks for it, and since when.
 *
 * Each registration has an epoch, a number that only grows. The newest one wins: a worker that
 * crashed and came back is reachable at once, although its old connection may take seconds to be
 * found dead. As yet nobody proves who it is, so whoever can reach the distributor can supersede
 * a worker; the one superseded is told so.
 */
#ifndef HWS_DISTRIBUTOR_MEMBER_H
#define HWS_DISTRIBUTOR_MEMBER_H

#include "distributor/table.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_member {
    int64_t worker;
    uint64_t epoch;  /**< of this registration; 0 = the entry is free */
    uint32_t stream; /**< index of the stream that speaks for the worker */
};

struct hws_members {
    struct hws_table by_worker; /**< worker id -> index of its stream */
    struct hws_member *entries; /**< owned; by index of stream */
    size_t cap;                 /**< streams */
};

/** @p cap streams. @retval HWS_ERR_ARGUMENT  @p cap is out of range @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_members_init(struct hws_members *members, size_t cap, uint64_t seed);
void hws_members_fini(struct hws_members *members);

/**
 * Register @p claim, unless its epoch is not higher than the one in force.
 *
 * @param[out] out_superseded  the stream that lost its registration, or HWS_TABLE_NONE
 * @retval HWS_ERR_REFUSED   an equal or higher epoch is registered
 * @retval HWS_ERR_STATE     that stream speaks for a worker already
 */
HWS_MUST_USE enum hws_err hws_members_claim(struct hws_members *members,
                                            const struct hws_member *claim,
                                            uint32_t *out_superseded);

/** The stream speaks for nobody any more; no effect when it did not. True when it did. */
bool hws_members_release(struct hws_members *members, uint32_t stream);

/** NULL when nobody is registered by that id. Borrowed until the next change. */
const struct hws_member *hws_members_find(const struct hws_members *members, int64_t worker);

#endif /* HWS_DISTRIBUTOR_MEMBER_H */
