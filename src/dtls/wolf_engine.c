/* options.h says how the library was built; it must come before any other header of wolfSSL. */
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "dtls/dtls_internal.h"
#include "dtls/hello.h"

#include <string.h>

/* We use no SRTP, but some peers refuse an association in which nobody speaks of it. With it set
 * a DTLS 1.2 server also leaves out the HelloVerifyRequest, which ICE has made needless. */
static const char srtp_profile[] = "SRTP_AES128_CM_SHA1_80";

enum {
    QUEUE_AT_FIRST = 4, /* datagrams: a flight of ours has two */
    LONG_HELLO = 4096,  /* a ClientHello with two key shares has 1.5 KB */
    DEFAULT_ROOM = 500, /* wolfSSL reads at most its MTU and this much more */
    WHOLE_SECONDS = 1,  /* wolfSSL's own timeout; ours is in session.c */
};

/* ---- What wolfSSL calls. The user pointer is the engine. */

static int on_receive(WOLFSSL *ssl, char *data, int cap, void *user)
{
    struct hws_engine *engine = user;
    struct hws_bytes record = engine->input;

    engine->input = (struct hws_bytes){0};
    /* Undo what hws_engine_feed() did: the reply to a long record keeps to the MTU. */
    (void)wolfSSL_dtls_set_mtu(ssl, engine->mtu);
    if (record.len == 0 || record.len > (size_t)cap) return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(data, record.data, record.len);
    return (int)record.len;
}

static int on_send(WOLFSSL *ssl, char *data, int len, void *user)
{
    struct hws_engine *engine = user;

    (void)ssl;
    hws_engine_push(engine, (struct hws_bytes){(const uint8_t *)data, (size_t)len});
    return len;
}

/* Chain, names and dates are not looked at (RFC 8827 section 6.5): the fingerprint decides alone,
 * and only the leaf counts, for its key is the one that signs the handshake. */
static int on_certificate(int verified, WOLFSSL_X509_STORE_CTX *store)
{
    struct hws_engine *engine = store->userCtx;
    struct hws_bytes leaf;

    (void)verified;
    if (store->totalCerts < 1) return 0;
    leaf = (struct hws_bytes){store->certs[0].buffer, store->certs[0].length};
    if (hws_proof_show(engine->proof, leaf) != HWS_OK) return 0;
    return hws_proof_verdict(engine->proof) != HWS_PROOF_MISMATCH;
}

/* ---- Life */

/* What we share, best first. Chromium answers illegal_parameter to wolfSSL's own, longer list. */
static bool set_groups(const struct hws_engine *engine, bool hybrid)
{
    int groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};

    return wolfSSL_set_groups(engine->ssl, groups + !hybrid, 2 + hybrid) == WOLFSSL_SUCCESS;
}

/* Two shares: a server without the first group need not ask again. Such a hello is longer than a
 * datagram; wolfSSL would empty it instead of cutting it, so hws_engine_push() does. */
static bool set_shares(const struct hws_engine *engine)
{
    return wolfSSL_UseKeyShare(engine->ssl, WOLFSSL_X25519MLKEM768) == WOLFSSL_SUCCESS &&
           wolfSSL_UseKeyShare(engine->ssl, WOLFSSL_ECC_X25519) == WOLFSSL_SUCCESS;
}

/* The post-quantum group is taken from a client that has sent a share of it, and asked of nobody:
 * that would cost a round trip, and clients that cannot fragment their hello could not answer. */
static void choose_groups(const struct hws_engine *engine, struct hws_bytes record)
{
    if (!engine->server || !engine->may_hybrid) return;
    if (hws_engine_protocol(engine) != HWS_PROTOCOL_OPEN) return;
    (void)set_groups(engine, hws_hello_has_share(record, WOLFSSL_X25519MLKEM768));
}

static enum hws_err set_up(struct hws_engine *engine)
{
    WOLFSSL *ssl = engine->ssl;
    bool long_hello = engine->cuts_hello;

    wolfSSL_set_verify(ssl, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       on_certificate);
    wolfSSL_SetCertCbCtx(ssl, engine);
    wolfSSL_SSLSetIORecv(ssl, on_receive);
    wolfSSL_SSLSetIOSend(ssl, on_send);
    wolfSSL_SetIOReadCtx(ssl, engine);
    wolfSSL_SetIOWriteCtx(ssl, engine);
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    if (wolfSSL_dtls_set_mtu(ssl, long_hello ? LONG_HELLO : engine->mtu) != WOLFSSL_SUCCESS) {
        return HWS_ERR_CRYPTO;
    }
    if (!set_groups(engine, long_hello)) return HWS_ERR_CRYPTO;
    if (long_hello && !set_shares(engine)) return HWS_ERR_CRYPTO;
#ifdef HAVE_SERVER_RENEGOTIATION_INFO
    /* Only the extension, empty (RFC 5746 section 3.4); renegotiation itself is not built in. */
    if (!engine->server && wolfSSL_UseSecureRenegotiation(ssl) != WOLFSSL_SUCCESS) {
        return HWS_ERR_CRYPTO;
    }
#endif
    if (wolfSSL_set_tlsext_use_srtp(ssl, srtp_profile) != 0) return HWS_ERR_CRYPTO;
    /* One datagram for a flight where it fits: fewer to lose. */
    if (wolfSSL_set_group_messages(ssl) != WOLFSSL_SUCCESS) return HWS_ERR_CRYPTO;
    /* No HelloRetryRequest for the sake of a cookie. Fails, rightly, without DTLS 1.3. */
    if (engine->server) (void)wolfSSL_disable_hrr_cookie(ssl);
    return hws_engine_watch_secrets(engine);
}

enum hws_err hws_engine_init(struct hws_engine *engine, const struct hws_identity *identity,
                             bool server, uint16_t mtu, struct hws_proof *proof)
{
    enum hws_err err;

    engine->server = server;
    engine->may_hybrid = identity->versions != HWS_DTLS_12_ONLY;
    engine->cuts_hello = !server && identity->post_quantum;
    engine->mtu = mtu;
    engine->proof = proof;
    engine->alert = -1;
    err = hws_ring_init(&engine->packets, QUEUE_AT_FIRST, mtu);
    if (err) return err;
    engine->ssl = wolfSSL_new(server ? identity->server : identity->client);
    err = engine->ssl ? set_up(engine) : HWS_ERR_NO_MEMORY;
    if (err) hws_engine_fini(engine);
    return err;
}

void hws_engine_drop(struct hws_engine *engine)
{
    wolfSSL_free(engine->ssl); /* wipes the keys */
    engine->ssl = NULL;
}

void hws_engine_fini(struct hws_engine *engine)
{
    hws_engine_drop(engine);
    hws_ring_fini(&engine->packets);
}

enum hws_record_protocol hws_engine_protocol(const struct hws_engine *engine)
{
    if (!engine->ssl || wolfSSL_get_current_cipher_suite(engine->ssl) == 0) {
        return HWS_PROTOCOL_OPEN;
    }
    return wolfSSL_version(engine->ssl) == DTLS1_2_VERSION ? HWS_PROTOCOL_12 : HWS_PROTOCOL_13;
}

/* ---- Records in */

static enum hws_engine_step failed(struct hws_engine *engine, int result)
{
    WOLFSSL_ALERT_HISTORY history;

    engine->error = wolfSSL_get_error(engine->ssl, result);
    if (wolfSSL_get_alert_history(engine->ssl, &history) == WOLFSSL_SUCCESS &&
        history.last_rx.level == alert_fatal) {
        engine->alert = history.last_rx.code;
    }
    return HWS_ENGINE_FAILED;
}

static enum hws_engine_step finish(struct hws_engine *engine)
{
    int room = wolfSSL_GetMaxOutputSize(engine->ssl);

    if (room <= 0) return failed(engine, room);
    engine->finished = true;
    engine->plain_max = (size_t)room;
    engine->suite = wolfSSL_get_cipher_name(engine->ssl);
    engine->group = wolfSSL_get_curve_name(engine->ssl);
    return HWS_ENGINE_FINISHED;
}

/* A DTLS 1.3 client that has checked and sent Finished may send data (RFC 8446 section 4.4.4).
 * wolfSSL_connect() returns only when the server has acknowledged it, one round trip later; that
 * a record size is known by then is wolfSSL's public sign of the moment before. */
static bool has_sent_finished(const struct hws_engine *engine)
{
    return !engine->server && wolfSSL_GetMaxOutputSize(engine->ssl) > 0;
}

static enum hws_engine_step shake(struct hws_engine *engine)
{
    int result = engine->server ? wolfSSL_accept(engine->ssl) : wolfSSL_connect(engine->ssl);

    if (result == WOLFSSL_SUCCESS) {
        engine->settled = true;
        return finish(engine);
    }
    if (wolfSSL_get_error(engine->ssl, result) != WOLFSSL_ERROR_WANT_READ) {
        return failed(engine, result);
    }
    return has_sent_finished(engine) ? finish(engine) : HWS_ENGINE_WAITS;
}

/* The acknowledgement came: let wolfSSL free what only a handshake needs. */
static enum hws_engine_step settle(struct hws_engine *engine)
{
    int result;

    if (engine->settled || !wolfSSL_is_init_finished(engine->ssl)) return HWS_ENGINE_WAITS;
    result = wolfSSL_connect(engine->ssl);
    if (result != WOLFSSL_SUCCESS) return failed(engine, result);
    engine->settled = true;
    return HWS_ENGINE_WAITS;
}

static enum hws_engine_step read_plain(struct hws_engine *engine)
{
    int result = wolfSSL_read(engine->ssl, engine->plain, sizeof(engine->plain));
    int error = 0;

    if (result <= 0) error = wolfSSL_get_error(engine->ssl, result);
    if (error == APP_DATA_READY) { /* it stopped to tell us; the data is still there */
        result = wolfSSL_read(engine->ssl, engine->plain, sizeof(engine->plain));
        if (result <= 0) error = wolfSSL_get_error(engine->ssl, result);
    }
    if (result > 0) {
        engine->plain_len = (size_t)result;
        return HWS_ENGINE_PLAIN;
    }
    if (error == WOLFSSL_ERROR_WANT_READ) return settle(engine);
    if (error == WOLFSSL_ERROR_ZERO_RETURN) return HWS_ENGINE_CLOSED;
    return failed(engine, result);
}

enum hws_engine_step hws_engine_feed(struct hws_engine *engine, struct hws_bytes record)
{
    enum hws_engine_step step;

    if (record.len > (size_t)engine->mtu + DEFAULT_ROOM) {
        /* A hello put together. Its 16 KiB are the most that may be set, without the room. */
        (void)wolfSSL_dtls_set_mtu(engine->ssl, (word16)(record.len - DEFAULT_ROOM));
    }
    engine->input = record;
    choose_groups(engine, record);
    if (!engine->finished) engine->flight_len = 0;
    step = engine->finished ? read_plain(engine) : shake(engine);
    engine->input = (struct hws_bytes){0};
    return step;
}

/* ---- Time */

bool hws_engine_retransmit(struct hws_engine *engine)
{
    if (hws_engine_protocol(engine) == HWS_PROTOCOL_12) {
        return wolfSSL_dtls_retransmit(engine->ssl) == WOLFSSL_SUCCESS;
    }
    /* Its own timeout doubles with every call and ends the association at 64 s; ours rules. */
    (void)wolfSSL_dtls_set_timeout_init(engine->ssl, WHOLE_SECONDS);
    return wolfSSL_dtls_got_timeout(engine->ssl) == WOLFSSL_SUCCESS;
}

bool hws_engine_wants_ack(const struct hws_engine *engine)
{
    return hws_engine_protocol(engine) == HWS_PROTOCOL_13 &&
           wolfSSL_dtls13_use_quick_timeout(engine->ssl);
}

bool hws_engine_has_unacknowledged(const struct hws_engine *engine)
{
    return hws_engine_protocol(engine) == HWS_PROTOCOL_13 &&
           wolfSSL_dtls13_has_pending_msg(engine->ssl);
}

/* ---- Records out */

enum hws_err hws_engine_write(struct hws_engine *engine, struct hws_bytes plain)
{
    int result;

    if (!hws_engine_make_room(engine)) return HWS_ERR_FULL;
    result = wolfSSL_write(engine->ssl, plain.data, (int)plain.len);
    if (result == (int)plain.len) return HWS_OK;
    (void)failed(engine, result);
    return HWS_ERR_CRYPTO;
}

void hws_engine_say_goodbye(struct hws_engine *engine)
{
    (void)wolfSSL_shutdown(engine->ssl);
}
