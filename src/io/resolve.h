/**
 * @file
 * "stun:" URLs (RFC 7064) and the look-up of their names without blocking the loop.
 */
#ifndef HWS_IO_RESOLVE_H
#define HWS_IO_RESOLVE_H

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_STUN_PORT = 3478, HWS_HOST_MAX = 256, HWS_RESOLVED_MAX = 4 };

struct hws_stun_url {
    char host[HWS_HOST_MAX]; /**< name or address, without brackets */
    uint16_t port;
};

/** Read "stun:host", "stun:host:port" or "stun:[v6]:port".
 *  @param[out] out_reason  static text on failure @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_stun_url_read(const char *text, struct hws_stun_url *out,
                                            const char **out_reason);

/** One look-up that runs in a thread of its own, so that a dead name server delays nobody. */
struct hws_lookup;

/** @param[in] wake  called from that thread when the answer is there
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO no thread */
HWS_MUST_USE enum hws_err hws_lookup_start(const struct hws_stun_url *url, void (*wake)(void *user),
                                           void *user, struct hws_lookup **out);
/** The addresses found, none on failure; false while it still runs. */
bool hws_lookup_done(struct hws_lookup *lookup, struct hws_address out[HWS_RESOLVED_MAX],
                     size_t *out_count);
/** Let it go: a running look-up finishes by itself and tells nobody. Accepts NULL. */
void hws_lookup_free(struct hws_lookup *lookup);

#endif /* HWS_IO_RESOLVE_H */
