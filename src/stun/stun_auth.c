#include "stun/stun_auth.h"

#include "base/bytes.h"
#include "crypto/hash.h"

enum hws_err hws_stun_long_term_key(enum hws_stun_password_algorithm algorithm,
                                    struct hws_bytes username, struct hws_bytes realm,
                                    struct hws_bytes password, struct hws_stun_key *out)
{
    struct hws_bytes colon = hws_bytes_of(":");
    struct hws_bytes parts[] = {username, colon, realm, colon, password};
    enum hws_hash hash = HWS_HASH_MD5;
    uint8_t digest[HWS_HASH_LEN_MAX];
    enum hws_err err;

    switch (algorithm) {
    case HWS_STUN_PASSWORD_MD5:
        break;
    case HWS_STUN_PASSWORD_SHA256:
        hash = HWS_HASH_SHA256;
        break;
    default: /* a number from the wire may have been cast */
        return HWS_ERR_ARGUMENT;
    }
    err = hws_hash_parts(hash, parts, sizeof(parts) / sizeof(parts[0]), digest);
    if (err) return err;
    out->len = hws_hash_len(hash);
    for (size_t i = 0; i < out->len; i++) {
        out->bytes[i] = digest[i];
    }
    hws_wipe(digest, sizeof(digest));
    return HWS_OK;
}

enum hws_err hws_stun_userhash(struct hws_bytes username, struct hws_bytes realm,
                               uint8_t out[HWS_STUN_USERHASH_LEN])
{
    struct hws_bytes parts[] = {username, hws_bytes_of(":"), realm};

    return hws_hash_parts(HWS_HASH_SHA256, parts, sizeof(parts) / sizeof(parts[0]), out);
}
