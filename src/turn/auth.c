/* Long-term credentials: what the server asks for in 401 and 438, and how we answer it
 * (RFC 8489 section 9.2). */
#include "turn/turn_internal.h"

#include "crypto/base64.h"

#include <string.h>

enum {
    COOKIE_LEN = 9, /* "obMatJos2", RFC 8489 section 9.2 */
    FEATURES_LEN = 4,
    FEATURE_ALGORITHMS = 0x800000, /* RFC 8489 section 18.1: bit 0 is the leftmost of 24 */
    FEATURE_ANONYMITY = 0x400000,
};

/* The security features that the nonce announces; none without its cookie. */
static uint32_t features_of(struct hws_bytes nonce)
{
    struct hws_bytes text = {nonce.data + COOKIE_LEN, FEATURES_LEN};
    uint8_t bytes[3];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));

    if (nonce.len < COOKIE_LEN + FEATURES_LEN) return 0;
    if (memcmp(nonce.data, "obMatJos2", COOKIE_LEN) != 0) return 0;
    if (hws_base64_read(text, &out) || out.len != sizeof(bytes)) return 0;
    return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

/* The first algorithm of the list that we know (RFC 8489 section 14.11). */
static enum hws_err choose_algorithm(struct hws_bytes list, enum hws_stun_password_algorithm *out)
{
    struct hws_cursor cur = hws_cursor_over(list);

    while (cur.rest.len > 0) {
        uint16_t number = hws_read_u16(&cur);
        size_t len = hws_read_u16(&cur), padding = (0 - len) & 3;

        (void)hws_read_bytes(&cur, len);
        (void)hws_read_bytes(&cur, padding < cur.rest.len ? padding : cur.rest.len);
        if (cur.failed) return HWS_ERR_MALFORMED;
        if (len > 0) continue; /* neither of ours has parameters */
        if (number == HWS_STUN_PASSWORD_MD5 || number == HWS_STUN_PASSWORD_SHA256) {
            *out = (enum hws_stun_password_algorithm)number;
            return HWS_OK;
        }
    }
    return HWS_ERR_UNSUPPORTED;
}

static struct hws_bytes range(const uint8_t *data, size_t len)
{
    return (struct hws_bytes){data, len};
}

static enum hws_err take_list(struct hws_turn_auth *auth, const struct hws_stun_message *msg,
                              uint32_t features)
{
    auth->algorithms_len = 0;
    auth->algorithm = HWS_STUN_PASSWORD_MD5;
    if (!msg->password_algorithms.data) {
        /* Somebody on the way took the list out, so that we fall back to MD5. */
        return features & FEATURE_ALGORITHMS ? HWS_ERR_MISMATCH : HWS_OK;
    }
    if (msg->password_algorithms.len > sizeof(auth->algorithms)) return HWS_ERR_TOO_BIG;
    auth->algorithms_len = msg->password_algorithms.len;
    if (auth->algorithms_len > 0)
        memcpy(auth->algorithms, msg->password_algorithms.data, auth->algorithms_len);
    return choose_algorithm(msg->password_algorithms, &auth->algorithm);
}

static enum hws_err make_keys(struct hws_turn_auth *auth)
{
    struct hws_bytes username = range(auth->username, auth->username_len);
    struct hws_bytes realm = range(auth->realm, auth->realm_len);
    enum hws_err err = hws_stun_long_term_key(
        auth->algorithm, username, realm, range(auth->password, auth->password_len), &auth->key);

    return err ? err : hws_stun_userhash(username, realm, auth->userhash);
}

static enum hws_err take(struct hws_turn_auth *auth, const struct hws_stun_message *msg)
{
    uint32_t features;
    enum hws_err err;

    if (!msg->nonce.data || (!msg->realm.data && !auth->known)) return HWS_ERR_MALFORMED;
    if (msg->nonce.len > sizeof(auth->nonce) || msg->realm.len > sizeof(auth->realm))
        return HWS_ERR_TOO_BIG;
    features = features_of(msg->nonce);
    err = take_list(auth, msg, features);
    if (err) return err;
    auth->nonce_len = msg->nonce.len;
    if (msg->nonce.len > 0) memcpy(auth->nonce, msg->nonce.data, msg->nonce.len);
    if (msg->realm.data) {
        auth->realm_len = msg->realm.len;
        if (msg->realm.len > 0) memcpy(auth->realm, msg->realm.data, msg->realm.len);
    }
    if (auth->username_len + auth->realm_len + auth->nonce_len > HWS_TURN_CREDENTIALS_MAX)
        return HWS_ERR_TOO_BIG;
    auth->anonymous = (features & FEATURE_ANONYMITY) != 0;
    auth->known = true;
    return make_keys(auth);
}

enum hws_err hws_turn_auth_take(struct hws_turn_auth *auth, const struct hws_stun_message *msg)
{
    struct hws_turn_auth copy = *auth;
    enum hws_err err = take(&copy, msg);

    if (!err) *auth = copy;
    hws_wipe(&copy, sizeof(copy));
    return err;
}

void hws_turn_auth_forget(struct hws_turn_auth *auth)
{
    auth->known = auth->anonymous = false;
    auth->realm_len = auth->nonce_len = auth->algorithms_len = 0;
    hws_wipe(&auth->key, sizeof(auth->key));
}

void hws_turn_auth_add(const struct hws_turn_auth *auth, struct hws_stun_writer *msg)
{
    struct hws_bytes key = range(auth->key.bytes, auth->key.len);

    if (auth->anonymous) {
        hws_stun_add_bytes(msg, HWS_STUN_USERHASH, range(auth->userhash, sizeof(auth->userhash)));
    } else {
        hws_stun_add_bytes(msg, HWS_STUN_USERNAME, range(auth->username, auth->username_len));
    }
    hws_stun_add_bytes(msg, HWS_STUN_REALM, range(auth->realm, auth->realm_len));
    hws_stun_add_bytes(msg, HWS_STUN_NONCE, range(auth->nonce, auth->nonce_len));
    if (auth->algorithms_len == 0) {
        hws_stun_add_integrity(msg, key);
        return;
    }
    /* Said again, so that the server sees whether the list was changed on its way. */
    hws_stun_add_bytes(msg, HWS_STUN_PASSWORD_ALGORITHMS,
                       range(auth->algorithms, auth->algorithms_len));
    hws_stun_add_u32(msg, HWS_STUN_PASSWORD_ALGORITHM, (uint32_t)auth->algorithm << 16);
    hws_stun_add_integrity_sha256(msg, key);
}

enum hws_stun_integrity hws_turn_auth_verify(const struct hws_turn_auth *auth,
                                             const struct hws_stun_message *msg)
{
    /* Who was asked with SHA-256 answers so (RFC 8489 section 9.2.5). */
    if (auth->algorithms_len > 0 && !msg->integrity_sha256.data)
        return msg->integrity.data ? HWS_STUN_INTEGRITY_BAD : HWS_STUN_INTEGRITY_ABSENT;
    return hws_stun_verify(msg, range(auth->key.bytes, auth->key.len));
}
