#include "support/raw_dtls.h"

#include "support/pem.h"

#include <check.h>
#include <string.h>

WOLFSSL_CTX *raw_context(WOLFSSL_METHOD *method)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method);
    struct hws_bytes certificate = pem_load("p256.crt"), key = pem_load("p256.key");

    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(wolfSSL_CTX_use_certificate_buffer(ctx, certificate.data,
                                                        (long)certificate.len, SSL_FILETYPE_PEM),
                     WOLFSSL_SUCCESS);
    ck_assert_int_eq(
        wolfSSL_CTX_use_PrivateKey_buffer(ctx, key.data, (long)key.len, SSL_FILETYPE_PEM),
        WOLFSSL_SUCCESS);
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    return ctx;
}

static int take(WOLFSSL *ssl, char *data, int cap, void *user)
{
    struct raw *raw = user;
    struct raw_packet packet;

    (void)ssl;
    if (raw->inbox_count == 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    packet = raw->inbox[0];
    raw->inbox_count--;
    memmove(raw->inbox, raw->inbox + 1, raw->inbox_count * sizeof(packet));
    ck_assert_uint_le(packet.len, (size_t)cap);
    memcpy(data, packet.bytes, packet.len);
    return (int)packet.len;
}

static int give(WOLFSSL *ssl, char *data, int len, void *user)
{
    struct raw *raw = user;
    struct raw_packet *last = raw->outbox_count ? &raw->outbox[raw->outbox_count - 1] : NULL;

    (void)ssl;
    if (raw->first_len == 0) memcpy(raw->first, data, raw->first_len = (size_t)len);
    if (!raw->glue || !last || last->len + (size_t)len > sizeof(last->bytes)) {
        ck_assert_uint_lt(raw->outbox_count, RAW_QUEUE);
        last = &raw->outbox[raw->outbox_count++];
        last->len = 0;
    }
    memcpy(last->bytes + last->len, data, (size_t)len);
    last->len += (size_t)len;
    return len;
}

static int believe(int verified, WOLFSSL_X509_STORE_CTX *store)
{
    (void)verified;
    (void)store;
    return 1;
}

static void expect_fixture(struct raw *raw)
{
    struct hws_identity *fixture;
    struct hws_fingerprint fingerprint;

    ck_assert_int_eq(pem_identity("p256.crt", "p256.key", HWS_DTLS_13_OR_12, &fixture), HWS_OK);
    ck_assert_int_eq(hws_identity_fingerprint(fixture, HWS_HASH_SHA256, &fingerprint), HWS_OK);
    ck_assert_int_eq(hws_dtls_expect(raw->dtls, &fingerprint, 1, raw->now), HWS_OK);
    hws_identity_free(fixture);
}

void raw_init(struct raw *raw, WOLFSSL_CTX *ctx, bool server, const struct hws_identity *ours)
{
    struct hws_dtls_config config = {.identity = ours,
                                     .role = server ? HWS_DTLS_CLIENT : HWS_DTLS_SERVER};

    memset(raw, 0, sizeof(*raw));
    raw->server = server;
    raw->now = HWS_SEC(1000);
    raw->ssl = wolfSSL_new(ctx);
    ck_assert_ptr_nonnull(raw->ssl);
    wolfSSL_set_verify(raw->ssl, WOLFSSL_VERIFY_PEER, believe);
    wolfSSL_SSLSetIORecv(raw->ssl, take);
    wolfSSL_SSLSetIOSend(raw->ssl, give);
    wolfSSL_SetIOReadCtx(raw->ssl, raw);
    wolfSSL_SetIOWriteCtx(raw->ssl, raw);
    wolfSSL_dtls_set_using_nonblock(raw->ssl, 1);
#ifdef HAVE_SERVER_RENEGOTIATION_INFO
    if (!server) ck_assert_int_eq(wolfSSL_UseSecureRenegotiation(raw->ssl), WOLFSSL_SUCCESS);
#endif
    ck_assert_int_eq(hws_dtls_new(&config, &raw->dtls), HWS_OK);
    expect_fixture(raw);
    hws_dtls_start(raw->dtls, raw->now);
}

void raw_fini(struct raw *raw)
{
    hws_dtls_free(raw->dtls);
    hws_hello_fini(&raw->hello);
    wolfSSL_free(raw->ssl);
}

static void step_raw(struct raw *raw)
{
    uint8_t plain[RAW_TAKEN];
    int result;

    if (raw->failed) return;
    if (!raw->connected) {
        result = raw->server ? wolfSSL_accept(raw->ssl) : wolfSSL_connect(raw->ssl);
        raw->connected = result == WOLFSSL_SUCCESS;
    } else {
        result = wolfSSL_read(raw->ssl, plain, sizeof(plain));
        if (result > 0) raw->taken += (size_t)result;
    }
    if (result > 0) return;
    raw->error = wolfSSL_get_error(raw->ssl, result);
    raw->failed = raw->error != WOLFSSL_ERROR_WANT_READ && raw->error != WOLFSSL_ERROR_WANT_WRITE;
}

/* wolfSSL takes no first hello in fragments, so this joins ours for it. */
static void keep_packet(struct raw *raw, struct hws_bytes bytes)
{
    struct raw_packet *packet = &raw->inbox[raw->inbox_count];
    struct hws_bytes rest = bytes, whole;
    struct hws_record record;

    if (raw->server && hws_record_next(&rest, &record) == HWS_RECORD_SOUND &&
        hws_hello_is_piece(&record)) {
        if (hws_hello_add(&raw->hello, &record, &whole) != HWS_OK) return;
        bytes = whole;
    }
    ck_assert_uint_le(bytes.len, sizeof(packet->bytes));
    packet->len = bytes.len;
    memcpy(packet->bytes, bytes.data, bytes.len);
    raw->inbox_count++;
}

static void drain_ours(struct raw *raw)
{
    enum hws_dtls_event event;
    struct hws_bytes bytes;

    while (hws_dtls_next_event(raw->dtls, &event)) {
        if (event == HWS_DTLS_CONNECTED) raw->ours_connected = true;
        if (event == HWS_DTLS_CLOSED) raw->ours_closed = true;
        if (event == HWS_DTLS_FAILED) raw->ours_failed = true;
    }
    while (hws_dtls_next_plain(raw->dtls, &bytes)) {
        raw->ours_taken += bytes.len;
    }
    while (raw->inbox_count < RAW_QUEUE && hws_dtls_next_packet(raw->dtls, &bytes)) {
        keep_packet(raw, bytes);
    }
}

static void pass(struct raw *raw)
{
    struct raw_packet packets[RAW_QUEUE];
    size_t count = raw->outbox_count;

    memcpy(packets, raw->outbox, count * sizeof(packets[0]));
    raw->outbox_count = 0;
    for (size_t i = 0; i < count; i++) {
        (void)!hws_dtls_feed(raw->dtls, (struct hws_bytes){packets[i].bytes, packets[i].len},
                             raw->now);
    }
    drain_ours(raw);
}

void raw_run(struct raw *raw, hws_time span)
{
    hws_time until = raw->now + span;

    for (;;) {
        drain_ours(raw);
        do {
            step_raw(raw);
            pass(raw);
        } while (raw->inbox_count > 0 && !raw->failed);
        raw->inbox_count = 0; /* nobody is left to read it */
        if (hws_dtls_deadline(raw->dtls) > until) break;
        raw->now = hws_dtls_deadline(raw->dtls);
        hws_dtls_tick(raw->dtls, raw->now);
    }
    raw->now = until;
}
