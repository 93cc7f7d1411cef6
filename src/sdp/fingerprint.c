#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

#include <string.h>

/* Names of RFC 8122 section 5. Those that are not usable stand here for their length. */
static const struct {
    const char *name;
    size_t len;
    enum hws_hash hash;
    bool usable; /* RFC 8122 section 5: MD2 and MD5 must not be used */
} hashes[] = {
    {"sha-1",   20, HWS_HASH_SHA1,   true },
    {"sha-256", 32, HWS_HASH_SHA256, true },
    {"sha-384", 48, HWS_HASH_SHA384, true },
    {"sha-512", 64, HWS_HASH_SHA512, true },
    {"sha-224", 28, HWS_HASH_SHA1,   false},
    {"md5",     16, HWS_HASH_MD5,    false},
    {"md2",     16, HWS_HASH_MD5,    false},
};

enum { HASH_COUNT = sizeof(hashes) / sizeof(hashes[0]) };

/* Read "AB:CD:..." of any length; bytes beyond the longest digest are only counted. */
static bool read_digest(struct hws_bytes text, uint8_t digest[HWS_HASH_LEN_MAX], size_t *out_len)
{
    size_t len = (text.len + 1) / 3;

    if (text.len % 3 != 2) return false;
    for (size_t i = 0; i < len; i++) {
        int high = hws_text_hex(text.data[3 * i]), low = hws_text_hex(text.data[3 * i + 1]);

        if (high < 0 || low < 0 || (i + 1 < len && text.data[3 * i + 2] != ':')) return false;
        if (i < HWS_HASH_LEN_MAX) digest[i] = (uint8_t)(high << 4 | low);
    }
    *out_len = len;
    return true;
}

enum hws_err hws_fingerprint_read(struct hws_bytes value, struct hws_fingerprint *out, bool *usable)
{
    struct hws_words words = hws_words_over(value);
    struct hws_bytes name = hws_next_word(&words), digits = hws_next_word(&words);
    struct hws_fingerprint fingerprint = {0};
    size_t len;

    if (!hws_words_done(&words) || !hws_text_is_token(name)) return HWS_ERR_MALFORMED;
    if (!read_digest(digits, fingerprint.digest, &len)) return HWS_ERR_MALFORMED;
    for (size_t i = 0; i < HASH_COUNT; i++) {
        if (!hws_text_is_nocase(name, hashes[i].name)) continue;
        if (len != hashes[i].len) return HWS_ERR_MALFORMED;
        fingerprint.hash = hashes[i].hash;
        if (hashes[i].usable) *out = fingerprint;
        *usable = hashes[i].usable;
        return HWS_OK;
    }
    *usable = false;
    return HWS_OK;
}

/* The row of a usable hash, or HASH_COUNT. */
static size_t find_hash(enum hws_hash hash)
{
    size_t i = 0;

    while (i < HASH_COUNT && !(hashes[i].usable && hashes[i].hash == hash)) {
        i++;
    }
    return i;
}

bool hws_fingerprint_is_sound(const struct hws_fingerprint *fingerprint)
{
    return find_hash(fingerprint->hash) < HASH_COUNT;
}

void hws_fingerprint_write(struct hws_writer *out, const struct hws_fingerprint *fingerprint)
{
    size_t row = find_hash(fingerprint->hash);

    if (row == HASH_COUNT) {
        out->failed = true;
        return;
    }
    /* Upper case: Firefox refuses the other (RFC 8122 section 5 has upper case only). */
    for (size_t i = 0; i < hashes[row].len; i++) {
        hws_write_text(out, "%s%s%02X", i == 0 ? hashes[row].name : "", i == 0 ? " " : ":",
                       fingerprint->digest[i]);
    }
}
