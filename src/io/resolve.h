/**
 * @file
 * Looking names of servers up without blocking the loop.
 */
#ifndef HWS_IO_RESOLVE_H
#define HWS_IO_RESOLVE_H

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_HOST_MAX = 256, HWS_RESOLVED_MAX = 4 };

struct hws_endpoint {
    char host[HWS_HOST_MAX]; /**< name or address, without brackets */
    uint16_t port;
};

/** One look-up that runs in a thread of its own, so that a dead name server delays nobody. */
struct hws_lookup;

/** @param[in] wake  called from that thread when the answer is there
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO no thread */
HWS_MUST_USE enum hws_err hws_lookup_start(const struct hws_endpoint *endpoint,
                                           void (*wake)(void *user), void *user,
                                           struct hws_lookup **out);
/** The addresses found, none on failure; false while it still runs. */
bool hws_lookup_done(struct hws_lookup *lookup, struct hws_address out[HWS_RESOLVED_MAX],
                     size_t *out_count);
/** Let it go: a running look-up finishes by itself and tells nobody. Accepts NULL. */
void hws_lookup_free(struct hws_lookup *lookup);

#endif /* HWS_IO_RESOLVE_H */
