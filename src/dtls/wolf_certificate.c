/* Where our certificate and its key come from: drawn afresh, or read from the user's PEM. */

/* options.h says how the library was built; it must come before any other header of wolfSSL. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "dtls/dtls_internal.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    P256_BYTES = 32,
    RSA_MIN_BYTES = 256, /* browsers refuse less than 2048 bits */
    RSA_MAX_BYTES = 512, /* what wolfSSL takes */
    VALID_DAYS = 30,     /* wolfSSL dates it one day back by itself, for clocks that are behind */
    NAME_BYTES = 8,
};

/* ---- Drawn afresh */

/* What making a certificate needs for a moment. */
struct workshop {
    WC_RNG rng;
    ecc_key key;
    Cert draft;
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

static enum hws_err draw(struct workshop *shop, struct hws_identity *identity,
                         struct hws_private_key *key)
{
    enum hws_err err;
    int len;

    if (wc_ecc_make_key_ex(&shop->rng, P256_BYTES, &shop->key, ECC_SECP256R1) != 0) {
        return HWS_ERR_CRYPTO;
    }
    len = wc_EccKeyToDer(&shop->key, key->der, sizeof(key->der));
    if (len <= 0 || wc_InitCert(&shop->draft) != 0) return HWS_ERR_CRYPTO;
    key->len = (size_t)len;
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

enum hws_err hws_certificate_draw(struct hws_identity *identity, struct hws_private_key *key)
{
    struct workshop *shop = calloc(1, sizeof(*shop)); /* Cert alone has several kilobytes */
    enum hws_err err = HWS_ERR_CRYPTO;

    if (!shop) return HWS_ERR_NO_MEMORY;
    if (wc_InitRng(&shop->rng) == 0) {
        if (wc_ecc_init(&shop->key) == 0) {
            err = draw(shop, identity, key);
            wc_ecc_free(&shop->key);
        }
        wc_FreeRng(&shop->rng);
    }
    hws_wipe(shop, sizeof(*shop));
    free(shop);
    return err;
}

/* ---- Read from PEM */

static bool holds(struct hws_bytes text, const char *word)
{
    size_t len = strlen(word);

    for (size_t at = 0; at + len <= text.len; at++) {
        if (memcmp(text.data + at, word, len) == 0) return true;
    }
    return false;
}

/* HWS_ERR_AGAIN: it is none of this kind. */
static enum hws_err check_ecc(const struct hws_private_key *key)
{
    enum hws_err err = HWS_ERR_AGAIN;
    word32 at = 0;
    ecc_key ecc;

    if (wc_ecc_init(&ecc) != 0) return HWS_ERR_CRYPTO;
    if (wc_EccPrivateKeyDecode(key->der, &at, &ecc, (word32)key->len) == 0) {
        err = wc_ecc_get_curve_id(ecc.idx) == ECC_SECP256R1 ? HWS_OK : HWS_ERR_UNSUPPORTED;
    }
    wc_ecc_free(&ecc);
    return err;
}

static enum hws_err check_rsa(const struct hws_private_key *key)
{
    enum hws_err err = HWS_ERR_AGAIN;
    word32 at = 0;
    RsaKey rsa;

    if (wc_InitRsaKey(&rsa, NULL) != 0) return HWS_ERR_CRYPTO;
    if (wc_RsaPrivateKeyDecode(key->der, &at, &rsa, (word32)key->len) == 0) {
        int bytes = wc_RsaEncryptSize(&rsa);

        err = bytes >= RSA_MIN_BYTES && bytes <= RSA_MAX_BYTES ? HWS_OK : HWS_ERR_UNSUPPORTED;
    }
    (void)wc_FreeRsaKey(&rsa);
    return err;
}

/* PKCS #8 or an ECPrivateKey: a sequence that begins with the version, and then names its kind. */
static bool names_its_kind(const struct hws_private_key *key)
{
    static const uint8_t version[2] = {0x02, 0x01};
    size_t at;

    if (key->len < 8 || key->der[0] != 0x30) return false;
    at = key->der[1] < 0x80 ? 2 : 2 + (size_t)(key->der[1] & 0x7F);
    return at + 4 <= key->len && memcmp(key->der + at, version, sizeof(version)) == 0 &&
           (key->der[at + 3] == 0x30 || key->der[at + 3] == 0x04);
}

static enum hws_err read_key(struct hws_bytes pem, struct hws_private_key *key)
{
    enum hws_err err;
    int len;

    /* "BEGIN ENCRYPTED PRIVATE KEY", or "Proc-Type: 4,ENCRYPTED" in the older form. */
    if (holds(pem, "ENCRYPTED")) return HWS_ERR_UNSUPPORTED;
    len = wc_KeyPemToDer(pem.data, (int)pem.len, key->der, sizeof(key->der), NULL);
    if (len <= 0) return len == MEMORY_E ? HWS_ERR_NO_MEMORY : HWS_ERR_MALFORMED;
    key->len = (size_t)len;
    err = check_ecc(key);
    if (err == HWS_ERR_AGAIN) err = check_rsa(key);
    if (err != HWS_ERR_AGAIN) return err;
    return names_its_kind(key) ? HWS_ERR_UNSUPPORTED : HWS_ERR_MALFORMED;
}

enum hws_err hws_certificate_read(const struct hws_identity_config *config,
                                  struct hws_identity *identity, struct hws_private_key *key)
{
    struct hws_bytes pem = config->certificate;
    int len;

    if (pem.len > HWS_PEM_MAX || config->private_key.len > HWS_PEM_MAX) return HWS_ERR_TOO_BIG;
    /* Only the first certificate: the fingerprint names the leaf, and nobody looks at a chain. */
    len = wc_CertPemToDer(pem.data, (int)pem.len, identity->certificate,
                          sizeof(identity->certificate), CERT_TYPE);
    if (len == BAD_FUNC_ARG) return HWS_ERR_TOO_BIG; /* our arguments are good: it did not fit */
    if (len <= 0) return len == MEMORY_E ? HWS_ERR_NO_MEMORY : HWS_ERR_MALFORMED;
    identity->certificate_len = (size_t)len;
    return read_key(config->private_key, key);
}
