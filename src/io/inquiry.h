/**
 * @file
 * Asks STUN and TURN servers, all at the same time, what becomes of our packets on the way to them,
 * and whether multicast DNS works here. Blocks until all is answered or given up.
 */
#ifndef HWS_IO_INQUIRY_H
#define HWS_IO_INQUIRY_H

#include "doctor/behaviour.h"
#include "io/ice_url.h"

#include <hawser/loop.h>

enum { HWS_INQUIRY_SERVERS = 8, HWS_INQUIRY_ADDRESSES = 2 /* one of each family */ };

struct hws_inquiry_config {
    const struct hws_ice_server *servers; /**< borrowed for the call */
    size_t server_count;
    const char *ca_file; /**< PEM; NULL = whom the system trusts */
    hws_time patience;   /**< with each server; 0 = HWS_BEHAVIOUR_PATIENCE */
};

/** What one address of one server said. */
struct hws_inquiry_answer {
    struct hws_address server;
    struct hws_address local; /**< our address towards it; family NONE = there is no route */
    bool works;               /**< STUN: it answered; TURN: there was an allocation */
    enum hws_err err;         /**< why not */
    uint16_t code;            /**< of the server's error response, or 0 */
    const char *reason;       /**< static text; "" when it works */
    hws_time rtt;             /**< STUN: the round trip. TURN: until the allocation was there */
    struct hws_behaviour_result stun; /**< STUN only */
    struct hws_address mapped;        /**< how the server sees us; may be family NONE */
    struct hws_address relayed[2];    /**< TURN; one may be family NONE */
};

struct hws_inquiry_server {
    const char *text; /**< borrowed from the configuration */
    struct hws_ice_url url;
    struct hws_inquiry_answer answers[HWS_INQUIRY_ADDRESSES];
    size_t answer_count; /**< 0: its name is not known */
};

struct hws_inquiry_report {
    struct hws_inquiry_server servers[HWS_INQUIRY_SERVERS];
    size_t server_count;
    bool mdns[2]; /**< our own multicast comes back: IPv4, IPv6 */
};

/** @param[out] out_reason  static text on failure
 *  @retval HWS_ERR_ARGUMENT   a URL is malformed, or too many
 *  @retval HWS_ERR_NO_MEMORY  @retval HWS_ERR_IO  no socket can be had */
HWS_MUST_USE enum hws_err hws_inquiry(const struct hws_inquiry_config *config,
                                      struct hws_inquiry_report *out, const char **out_reason);

#endif /* HWS_IO_INQUIRY_H */
