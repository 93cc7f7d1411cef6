/* What leaves DTLS beside its records: keying material for the application, and the key log. */

/* options.h says how the library was built; it must come before any other header of wolfSSL. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "dtls/dtls_internal.h"

#include "base/bytes.h"
#include "base/writer.h"

#include <string.h>

enum {
    RANDOM_LEN = 32,
    SECRET_MAX = 64, /* 48 with DTLS 1.2, else the length of the suite's hash */
    LINE_MAX_LEN = 256,
    /* What wolfSSL's PRF of DTLS 1.2 holds beside the randoms; its HKDF label holds a bit more. We
     * say the same of both versions, for the application cannot know which one it gets. */
    LABEL_AND_CONTEXT_MAX = 62,
    MATERIAL_MAX = 255 * 32, /* HKDF-Expand gives no more of SHA-256 (RFC 5869 section 2.3) */
};

/* ---- Key log: lines as NSS writes them and packet analysers read them */

static void write_hex(struct hws_writer *out, struct hws_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hws_write_text(out, "%02x", bytes.data[i]);
    }
}

static void log_secret(const struct hws_engine *engine, const char *label, struct hws_bytes secret)
{
    uint8_t random[RANDOM_LEN], line[LINE_MAX_LEN];
    struct hws_writer out = hws_writer_over(line, sizeof(line));

    if (secret.len > SECRET_MAX) return;
    if (wolfSSL_get_client_random(engine->ssl, random, sizeof(random)) != sizeof(random)) return;
    hws_write_text(&out, "%s ", label);
    write_hex(&out, (struct hws_bytes){random, sizeof(random)});
    hws_write_text(&out, " ");
    write_hex(&out, secret);
    hws_write_u8(&out, 0);
    if (!out.failed) engine->key_log.write(engine->key_log.user, (const char *)line);
    hws_wipe(line, sizeof(line));
}

static int on_master_secret(WOLFSSL *ssl, void *secret, int len, void *user)
{
    (void)ssl;
    log_secret(user, "CLIENT_RANDOM", (struct hws_bytes){secret, (size_t)len});
    return 0;
}

static int on_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int len, void *user)
{
    static const char *const labels[] = {
        [CLIENT_HANDSHAKE_TRAFFIC_SECRET] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        [SERVER_HANDSHAKE_TRAFFIC_SECRET] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        [CLIENT_TRAFFIC_SECRET] = "CLIENT_TRAFFIC_SECRET_0",
        [SERVER_TRAFFIC_SECRET] = "SERVER_TRAFFIC_SECRET_0",
        [EXPORTER_SECRET] = "EXPORTER_SECRET",
    };

    (void)ssl;
    if (id >= 0 && (size_t)id < sizeof(labels) / sizeof(labels[0]) && labels[id]) {
        log_secret(user, labels[id], (struct hws_bytes){secret, (size_t)len});
    }
    return 0;
}

enum hws_err hws_engine_watch_secrets(struct hws_engine *engine)
{
    /* Randoms and the exporter's secret stay, 0.4 KB; wolfSSL wipes them when it is freed. */
    wolfSSL_KeepArrays(engine->ssl);
    if (!engine->key_log.write) return HWS_OK;
    if (wolfSSL_set_secret_cb(engine->ssl, on_master_secret, engine) != WOLFSSL_SUCCESS ||
        wolfSSL_set_tls13_secret_cb(engine->ssl, on_secret, engine) != WOLFSSL_SUCCESS) {
        return HWS_ERR_CRYPTO;
    }
    return HWS_OK;
}

/* ---- Keying material */

/* RFC 5705 section 4: the labels of the handshake itself would give its secrets away. */
static bool is_free(const char *label)
{
    static const char *const taken[] = {"client finished", "server finished", "master secret",
                                        "extended master secret", "key expansion"};

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strncmp(label, taken[i], strlen(taken[i])) == 0) return false;
    }
    return true;
}

enum hws_err hws_engine_export(const struct hws_engine *engine, const char *label,
                               struct hws_bytes context, uint8_t *out, size_t len)
{
    size_t label_len = strlen(label);

    if (label_len == 0 || !is_free(label)) return HWS_ERR_ARGUMENT;
    if (label_len > LABEL_AND_CONTEXT_MAX || context.len > LABEL_AND_CONTEXT_MAX - label_len) {
        return HWS_ERR_ARGUMENT;
    }
    if (len == 0 || len > MATERIAL_MAX) return HWS_ERR_ARGUMENT;
    if (wolfSSL_export_keying_material(engine->ssl, out, len, label, label_len, context.data,
                                       context.len, context.len > 0) != WOLFSSL_SUCCESS) {
        return HWS_ERR_CRYPTO;
    }
    return HWS_OK;
}
