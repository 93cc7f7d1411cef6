/**
 * @file
 * "stun:", "stuns:", "turn:" and "turns:" URLs as values (RFC 7064 section 3.1, RFC 7065 section
 * 3.1). Pure: looking their names up is another matter (resolve.h).
 *
 *     stun:host[:port]                    stuns:host[:port]
 *     turn:host[:port][?transport=udp|tcp]  turns:host[:port][?transport=tcp]
 */
#ifndef HWS_IO_ICE_URL_H
#define HWS_IO_ICE_URL_H

#include "io/resolve.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_STUN_PORT = 3478, HWS_STUNS_PORT = 5349 };

struct hws_ice_url {
    bool is_turn;
    enum hws_transport transport;
    struct hws_endpoint endpoint;
};

/** @param[out] out_reason  static text, why not; "" on success
 *  @retval HWS_ERR_ARGUMENT     malformed
 *  @retval HWS_ERR_UNSUPPORTED  TURN over DTLS */
HWS_MUST_USE enum hws_err hws_ice_url_read(const char *text, struct hws_ice_url *out,
                                           const char **out_reason);

#endif /* HWS_IO_ICE_URL_H */
