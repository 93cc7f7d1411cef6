/* A plain offer for tests of descriptions, and edited copies of it. */
#ifndef HWS_TESTS_SDP_TEXT_H
#define HWS_TESTS_SDP_TEXT_H

#include "base/bytes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_1 "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF"
#define DIGEST   DIGEST_1 ":" DIGEST_1

#define SESSION_TEXT               \
    "v=0\r\n"                      \
    "o=- 1 2 IN IP4 127.0.0.1\r\n" \
    "s=-\r\n"                      \
    "t=0 0\r\n"                    \
    "a=group:BUNDLE 0\r\n"

#define DATA_TEXT                                          \
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
    "c=IN IP4 0.0.0.0\r\n"                                 \
    "a=ice-ufrag:abcd\r\n"                                 \
    "a=ice-pwd:0123456789abcdefABCD+/\r\n"                 \
    "a=ice-options:trickle\r\n"                            \
    "a=fingerprint:sha-256 " DIGEST "\r\n"                 \
    "a=setup:actpass\r\n"                                  \
    "a=mid:0\r\n"                                          \
    "a=sctp-port:5000\r\n"                                 \
    "a=max-message-size:262144\r\n"

#define OFFER_TEXT SESSION_TEXT DATA_TEXT

enum { EDIT_MAX = 64 * 1024 };

/* @p text with the first @p from replaced by @p to; without @p from, @p to is appended. The caller
 * frees. */
static inline char *edited(const char *text, const char *from, const char *to)
{
    const char *at = from[0] ? strstr(text, from) : text + strlen(text);
    char *copy = calloc(1, EDIT_MAX);

    ck_assert_msg(at != NULL, "'%s' is not in the text", from);
    ck_assert_ptr_nonnull(copy);
    (void)snprintf(copy, EDIT_MAX, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return copy;
}

/* A file of tests/vectors/sdp. The caller frees. */
static inline char *read_vector(const char *name)
{
    char path[1024], *text = calloc(1, EDIT_MAX);
    FILE *file;

    (void)snprintf(path, sizeof(path), VECTORS "/sdp/%s", name);
    file = fopen(path, "rb");
    ck_assert_msg(file && text, "%s cannot be read", path);
    ck_assert_uint_gt(fread(text, 1, EDIT_MAX - 1, file), 0);
    (void)fclose(file);
    return text;
}

/* The bytes in a heap block of exactly their size, so that a sanitizer sees every read past them.
 * The caller frees. */
static inline uint8_t *exact(const void *bytes, size_t len)
{
    uint8_t *copy = calloc(1, len > 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    if (len > 0) memcpy(copy, bytes, len);
    return copy;
}

#endif /* HWS_TESTS_SDP_TEXT_H */
