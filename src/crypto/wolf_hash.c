/* The home of wolfCrypt: hashes and keyed hashes. Its codes go no further than this file. */
#include "crypto/hash.h"

#include "base/bytes.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <string.h>

enum { TOO_LONG = -1 }; /* beside wolfCrypt's own codes */

struct algorithm {
    enum wc_HashType hash;
    int hmac;
    size_t len;
};

static const struct algorithm algorithms[] = {
    [HWS_HASH_MD5] = {WC_HASH_TYPE_MD5,    WC_MD5,    16},
    [HWS_HASH_SHA1] = {WC_HASH_TYPE_SHA,    WC_SHA,    20},
    [HWS_HASH_SHA256] = {WC_HASH_TYPE_SHA256, WC_SHA256, 32},
    [HWS_HASH_SHA384] = {WC_HASH_TYPE_SHA384, WC_SHA384, 48},
    [HWS_HASH_SHA512] = {WC_HASH_TYPE_SHA512, WC_SHA512, 64},
};

static const struct algorithm *algorithm_of(enum hws_hash hash)
{
    return &algorithms[hash];
}

size_t hws_hash_len(enum hws_hash hash)
{
    return algorithm_of(hash)->len;
}

/* wolfCrypt counts bytes in 32 bits. */
static bool is_too_long(struct hws_bytes bytes)
{
    return bytes.len > UINT32_MAX;
}

enum hws_err hws_hash_parts(enum hws_hash hash, const struct hws_bytes *parts, size_t part_count,
                            uint8_t *out)
{
    const struct algorithm *algorithm = algorithm_of(hash);
    uint8_t digest[HWS_HASH_LEN_MAX];
    wc_HashAlg state;
    int code = wc_HashInit(&state, algorithm->hash);

    if (code) return HWS_ERR_CRYPTO;
    for (size_t i = 0; code == 0 && i < part_count; i++) {
        if (is_too_long(parts[i]))
            code = TOO_LONG;
        else if (parts[i].len > 0)
            code = wc_HashUpdate(&state, algorithm->hash, parts[i].data, (word32)parts[i].len);
    }
    if (code == 0) code = wc_HashFinal(&state, algorithm->hash, digest);
    (void)wc_HashFree(&state, algorithm->hash);
    hws_wipe(&state, sizeof(state)); /* a key may have gone through it */
    if (code == 0) memcpy(out, digest, algorithm->len);
    hws_wipe(digest, sizeof(digest));
    return code == 0 ? HWS_OK : HWS_ERR_CRYPTO;
}

enum hws_err hws_hmac_parts(enum hws_hash hash, struct hws_bytes key, const struct hws_bytes *parts,
                            size_t part_count, uint8_t *out)
{
    static const uint8_t no_key[1]; /* an empty key is legal, a NULL one not in every build */
    const struct algorithm *algorithm = algorithm_of(hash);
    uint8_t digest[HWS_HASH_LEN_MAX];
    Hmac state;
    int code;

    if (is_too_long(key)) return HWS_ERR_CRYPTO;
    if (wc_HmacInit(&state, NULL, INVALID_DEVID)) return HWS_ERR_CRYPTO;
    code = wc_HmacSetKey(&state, algorithm->hmac, key.len > 0 ? key.data : no_key, (word32)key.len);
    for (size_t i = 0; code == 0 && i < part_count; i++) {
        if (is_too_long(parts[i]))
            code = TOO_LONG;
        else if (parts[i].len > 0)
            code = wc_HmacUpdate(&state, parts[i].data, (word32)parts[i].len);
    }
    if (code == 0) code = wc_HmacFinal(&state, digest);
    wc_HmacFree(&state);
    hws_wipe(&state, sizeof(state));
    if (code == 0) memcpy(out, digest, algorithm->len);
    hws_wipe(digest, sizeof(digest));
    return code == 0 ? HWS_OK : HWS_ERR_CRYPTO;
}
