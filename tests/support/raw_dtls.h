/*
 * A peer that is wolfSSL itself, without our rules around it, facing one association of ours over a
 * network that loses nothing. It may have what we never offer: other groups, a cookie, a chain,
 * renegotiation.
 */
#ifndef HWS_TESTS_RAW_DTLS_H
#define HWS_TESTS_RAW_DTLS_H

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "base/limits.h"
#include "dtls/dtls.h"
#include "dtls/hello.h"

enum { RAW_QUEUE = 32, RAW_TAKEN = 4096 };

struct raw_packet {
    size_t len;
    uint8_t bytes[HWS_DATAGRAM_IN_MAX];
};

struct raw {
    WOLFSSL *ssl;
    bool server;
    bool connected, failed;
    int error;    /* wolfSSL's, of the failure */
    size_t taken; /* bytes of plain text */

    struct hws_dtls *dtls; /* the other end */
    struct hws_hello hello;
    bool ours_connected, ours_failed, ours_closed;
    size_t ours_taken;
    hws_time now;

    struct raw_packet inbox[RAW_QUEUE]; /* to wolfSSL */
    size_t inbox_count;
    struct raw_packet outbox[RAW_QUEUE]; /* from wolfSSL */
    size_t outbox_count;
    uint8_t first[HWS_DATAGRAM_IN_MAX]; /* what wolfSSL said first */
    size_t first_len;
    bool glue; /* all that wolfSSL says at a time goes in one datagram, where it fits */
};

/** A context of wolfSSL alone with the certificate and key of the fixtures. */
WOLFSSL_CTX *raw_context(WOLFSSL_METHOD *method);

/** Expects nothing of our certificate; ours expects that of raw_context(). Both are started. */
void raw_init(struct raw *raw, WOLFSSL_CTX *ctx, bool server, const struct hws_identity *ours);
void raw_fini(struct raw *raw);

/** Until nobody has more to say, or, with @p span, time has passed for ours. */
void raw_run(struct raw *raw, hws_time span);

#endif /* HWS_TESTS_RAW_DTLS_H */
