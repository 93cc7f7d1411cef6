#include "dtls/fingerprint.h"

#include "base/bytes.h"

#include <string.h>

static const enum hws_hash hashes[HWS_PROOF_HASHES] = {HWS_HASH_SHA1, HWS_HASH_SHA256,
                                                       HWS_HASH_SHA384, HWS_HASH_SHA512};

enum hws_err hws_proof_expect(struct hws_proof *proof, const struct hws_fingerprint *fingerprints,
                              size_t count)
{
    if (proof->wanted_count > 0) return HWS_ERR_STATE;
    if (count == 0 || count > HWS_FINGERPRINT_LIST) return HWS_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        /* RFC 8122 section 5: MD5 and MD2 must not be used. */
        if (fingerprints[i].hash == HWS_HASH_MD5) return HWS_ERR_ARGUMENT;
    }
    memcpy(proof->wanted, fingerprints, count * sizeof(*fingerprints));
    proof->wanted_count = count;
    return HWS_OK;
}

enum hws_err hws_proof_show(struct hws_proof *proof, struct hws_bytes leaf)
{
    struct hws_fingerprint shown[HWS_PROOF_HASHES] = {0};

    for (size_t i = 0; i < HWS_PROOF_HASHES; i++) {
        enum hws_err err = hws_hash_parts(hashes[i], &leaf, 1, shown[i].digest);

        if (err) return err;
        shown[i].hash = hashes[i];
    }
    memcpy(proof->leaf, shown, sizeof(shown));
    proof->leaf_count = HWS_PROOF_HASHES;
    return HWS_OK;
}

enum hws_proof_verdict hws_proof_verdict(const struct hws_proof *proof)
{
    bool match = false;

    if (proof->wanted_count == 0 || proof->leaf_count == 0) return HWS_PROOF_OPEN;
    for (size_t i = 0; i < proof->wanted_count; i++) {
        for (size_t j = 0; j < proof->leaf_count; j++) {
            const struct hws_fingerprint *wanted = &proof->wanted[i];

            if (proof->leaf[j].hash != wanted->hash) continue;
            match |=
                hws_equal_secret(proof->leaf[j].digest, wanted->digest, hws_hash_len(wanted->hash));
        }
    }
    return match ? HWS_PROOF_MATCH : HWS_PROOF_MISMATCH;
}
