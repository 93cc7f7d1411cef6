/**
 * @file
 * Where a distributor is, as people write it, and what that means. Pure.
 */
#ifndef HWS_SIGNAL_URL_H
#define HWS_SIGNAL_URL_H

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_URL_TARGET_MAX = 300 };

struct hws_url {
    char target[HWS_URL_TARGET_MAX]; /**< as gRPC names it: "ipv4:127.0.0.1:7000", "unix:/path" */
    bool secure;                     /**< https: TLS */
    bool local; /**< stays on this host: a loopback address, "localhost" or a unix socket */
};

/**
 * Read "host:port", "http://host:port", "https://host:port" or "unix:/path"; IPv6 in brackets, and
 * one slash may follow. No default port, user, path or query.
 *
 * @param[out] out_reason  on failure one English sentence, static text; may be NULL
 * @retval HWS_ERR_ARGUMENT
 */
HWS_MUST_USE enum hws_err hws_url_read(const char *text, struct hws_url *out,
                                       const char **out_reason);

#endif /* HWS_SIGNAL_URL_H */
