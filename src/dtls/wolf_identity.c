/* options.h says how the library was built; it must come before any other header of wolfSSL. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "dtls/dtls_internal.h"

#include "base/bytes.h"

#include <hawser/peer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    P256_BYTES = 32,
    KEY_MAX = 256,   /* DER of a P-256 key is 121 bytes */
    VALID_DAYS = 30, /* wolfSSL dates it one day back by itself, for clocks that are behind */
    NAME_BYTES = 8,
};

/* ECDHE and AEAD only (RFC 8827 section 6.5). RSA is for peers whose certificate is of RSA. */
static const char suites[] = "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:"
                             "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* What making an identity needs for a moment. */
struct workshop {
    WC_RNG rng;
    ecc_key key;
    Cert draft;
    uint8_t key_der[KEY_MAX];
    int key_len;
};

/* The name says nothing: it would be the same for all associations of the process otherwise. */
static enum hws_err name_subject(struct workshop *shop)
{
    uint8_t random[NAME_BYTES];
    char *name = shop->draft.subject.commonName;

    if (wc_RNG_GenerateBlock(&shop->rng, random, sizeof(random)) != 0) return HWS_ERR_CRYPTO;
    for (size_t i = 0; i < sizeof(random); i++) {
        (void)snprintf(name + 2 * i, CTC_NAME_SIZE - 2 * i, "%02x", random[i]);
    }
    return HWS_OK;
}

static enum hws_err draw_certificate(struct workshop *shop, struct hws_identity *identity)
{
    enum hws_err err;
    int len;

    if (wc_ecc_make_key_ex(&shop->rng, P256_BYTES, &shop->key, ECC_SECP256R1) != 0) {
        return HWS_ERR_CRYPTO;
    }
    shop->key_len = wc_EccKeyToDer(&shop->key, shop->key_der, sizeof(shop->key_der));
    if (shop->key_len <= 0 || wc_InitCert(&shop->draft) != 0) return HWS_ERR_CRYPTO;
    shop->draft.isCA = 0;
    shop->draft.selfSigned = 1;
    shop->draft.sigType = CTC_SHA256wECDSA;
    shop->draft.daysValid = VALID_DAYS; /* the serial number is random unless it is set */
    err = name_subject(shop);
    if (err) return err;
    if (wc_MakeCert(&shop->draft, identity->certificate, sizeof(identity->certificate), NULL,
                    &shop->key, &shop->rng) < 0) {
        return HWS_ERR_CRYPTO;
    }
    len = wc_SignCert(shop->draft.bodySz, shop->draft.sigType, identity->certificate,
                      sizeof(identity->certificate), NULL, &shop->key, &shop->rng);
    if (len <= 0) return HWS_ERR_CRYPTO;
    identity->certificate_len = (size_t)len;
    return HWS_OK;
}

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

static enum hws_err equip(WOLFSSL_CTX *ctx, const struct workshop *shop,
                          const struct hws_identity *identity)
{
    int ok = WOLFSSL_SUCCESS;

    if (wolfSSL_CTX_use_certificate_buffer(
            ctx, identity->certificate, (long)identity->certificate_len, SSL_FILETYPE_ASN1) != ok ||
        wolfSSL_CTX_use_PrivateKey_buffer(ctx, shop->key_der, shop->key_len, SSL_FILETYPE_ASN1) !=
            ok ||
        wolfSSL_CTX_set_cipher_list(ctx, suites) != ok) {
        return HWS_ERR_CRYPTO;
    }
    return HWS_OK;
}

static enum hws_err make_contexts(enum hws_dtls_versions versions, const struct workshop *shop,
                                  struct hws_identity *identity)
{
    enum hws_err err;

    identity->client = wolfSSL_CTX_new(method_of(versions, false));
    identity->server = wolfSSL_CTX_new(method_of(versions, true));
    if (!identity->client || !identity->server) return HWS_ERR_NO_MEMORY;
    err = equip(identity->client, shop, identity);
    return err ? err : equip(identity->server, shop, identity);
}

static enum hws_err fill(enum hws_dtls_versions versions, struct workshop *shop,
                         struct hws_identity *identity)
{
    enum hws_err err = HWS_ERR_CRYPTO;

    if (wc_InitRng(&shop->rng) != 0) return HWS_ERR_CRYPTO;
    if (wc_ecc_init(&shop->key) == 0) {
        err = draw_certificate(shop, identity);
        if (!err) err = make_contexts(versions, shop, identity);
        wc_ecc_free(&shop->key);
    }
    wc_FreeRng(&shop->rng);
    return err;
}

enum hws_err hws_identity_new_for(enum hws_dtls_versions versions, struct hws_identity **out)
{
    struct hws_identity *identity;
    struct workshop *shop;
    enum hws_err err = HWS_ERR_NO_MEMORY;

    if (wolfSSL_Init() != WOLFSSL_SUCCESS) return HWS_ERR_CRYPTO; /* counts its callers */
    identity = calloc(1, sizeof(*identity));
    shop = calloc(1, sizeof(*shop)); /* Cert alone has several kilobytes */
    if (identity && shop) err = fill(versions, shop, identity);
    if (shop) hws_wipe(shop, sizeof(*shop));
    free(shop);
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
    return hws_identity_new_for(HWS_DTLS_13_OR_12, out);
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
