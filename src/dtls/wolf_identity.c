/* options.h says how the library was built; it must come before any other header of wolfSSL. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "dtls/dtls_internal.h"

#include "base/bytes.h"

#include <hawser/peer.h>

#include <stdlib.h>

/* ECDHE and AEAD only (RFC 8827 section 6.5). RSA is for peers whose certificate is of RSA. */
static const char suites[] = "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:"
                             "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static WOLFSSL_METHOD *method_of(enum hws_dtls_versions versions, bool server)
{
    switch (versions) {
    case HWS_DTLS_12_ONLY:
        return server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method();
    case HWS_DTLS_13_ONLY:
        return server ? wolfDTLSv1_3_server_method() : wolfDTLSv1_3_client_method();
    case HWS_DTLS_13_OR_12:
        break;
    }
    return server ? wolfDTLS_server_method() : wolfDTLS_client_method();
}

/* The certificate is parsed here for the first time, so here it shows whether it is one. */
static enum hws_err equip(WOLFSSL_CTX *ctx, const struct hws_identity *identity,
                          const struct hws_private_key *key)
{
    int ok = WOLFSSL_SUCCESS;

    if (!ctx) return HWS_ERR_NO_MEMORY;
    if (wolfSSL_CTX_set_cipher_list(ctx, suites) != ok) return HWS_ERR_CRYPTO;
    if (wolfSSL_CTX_use_certificate_buffer(
            ctx, identity->certificate, (long)identity->certificate_len, SSL_FILETYPE_ASN1) != ok) {
        return HWS_ERR_MALFORMED;
    }
    /* It also looks whether the key is the certificate's, as the next call does in full. */
    if (wolfSSL_CTX_use_PrivateKey_buffer(ctx, key->der, (long)key->len, SSL_FILETYPE_ASN1) != ok ||
        wolfSSL_CTX_check_private_key(ctx) != ok) {
        return HWS_ERR_MISMATCH;
    }
    return HWS_OK;
}

static enum hws_err fill(const struct hws_identity_config *config, struct hws_private_key *key,
                         struct hws_identity *identity)
{
    bool fresh = config->certificate.len == 0;
    enum hws_err err;

    if (fresh) {
        err = hws_certificate_draw(identity, key);
    } else {
        err = hws_certificate_read(config, identity, key);
    }
    if (err) return err;
    identity->versions = config->versions;
    identity->post_quantum = config->post_quantum && config->versions != HWS_DTLS_12_ONLY;
    identity->client = wolfSSL_CTX_new(method_of(config->versions, false));
    identity->server = wolfSSL_CTX_new(method_of(config->versions, true));
    err = equip(identity->client, identity, key);
    if (!err) err = equip(identity->server, identity, key);
    return fresh && err && err != HWS_ERR_NO_MEMORY ? HWS_ERR_CRYPTO : err;
}

static bool is_sound(const struct hws_identity_config *config)
{
    if ((config->certificate.len == 0) != (config->private_key.len == 0)) return false;
    return config->versions == HWS_DTLS_13_OR_12 || config->versions == HWS_DTLS_12_ONLY ||
           config->versions == HWS_DTLS_13_ONLY;
}

enum hws_err hws_identity_new_from(const struct hws_identity_config *config,
                                   struct hws_identity **out)
{
    struct hws_identity *identity;
    struct hws_private_key *key;
    enum hws_err err = HWS_ERR_NO_MEMORY;

    if (!is_sound(config)) return HWS_ERR_ARGUMENT;
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) return HWS_ERR_CRYPTO; /* counts its callers */
    identity = calloc(1, sizeof(*identity));
    key = calloc(1, sizeof(*key));
    if (identity && key) err = fill(config, key, identity);
    if (key) hws_wipe(key, sizeof(*key));
    free(key);
    if (err) {
        if (identity) {
            wolfSSL_CTX_free(identity->client);
            wolfSSL_CTX_free(identity->server);
        }
        free(identity);
        wolfSSL_Cleanup();
        return err;
    }
    *out = identity;
    return HWS_OK;
}

enum hws_err hws_identity_new(struct hws_identity **out)
{
    struct hws_identity_config config = {0};

    return hws_identity_new_from(&config, out);
}

void hws_identity_free(struct hws_identity *identity)
{
    if (!identity) return;
    wolfSSL_CTX_free(identity->client); /* wipes the private key */
    wolfSSL_CTX_free(identity->server);
    free(identity);
    wolfSSL_Cleanup();
}

enum hws_err hws_identity_fingerprint(const struct hws_identity *identity, enum hws_hash hash,
                                      struct hws_fingerprint *out)
{
    struct hws_bytes der = {identity->certificate, identity->certificate_len};
    struct hws_fingerprint fingerprint = {.hash = hash};
    enum hws_err err = hws_hash_parts(hash, &der, 1, fingerprint.digest);

    if (err) return err;
    *out = fingerprint;
    return HWS_OK;
}
