/**
 * @file
 * Who the peer is: the signalled fingerprints against the leaf certificate that it showed
 * (RFC 8122 section 5). Either may come first. Knows nothing of certificates but their bytes.
 */
#ifndef HWS_DTLS_FINGERPRINT_H
#define HWS_DTLS_FINGERPRINT_H

#include "sdp/sdp.h"

#include <hawser/err.h>

enum hws_proof_verdict {
    HWS_PROOF_OPEN,     /**< one side of the comparison is missing */
    HWS_PROOF_MATCH,    /**< a signalled fingerprint is that of the leaf */
    HWS_PROOF_MISMATCH, /**< none is */
};

enum { HWS_PROOF_HASHES = 4 }; /* SHA-1, SHA-256, SHA-384, SHA-512 */

/** Zero it before use. */
struct hws_proof {
    struct hws_fingerprint wanted[HWS_FINGERPRINT_LIST]; /**< what was signalled */
    size_t wanted_count;
    struct hws_fingerprint leaf[HWS_PROOF_HASHES]; /**< what was shown, by every hash */
    size_t leaf_count;                             /**< 0 = no certificate yet */
};

/** @retval HWS_ERR_ARGUMENT  none, too many, or an MD5 one  @retval HWS_ERR_STATE  called before */
HWS_MUST_USE enum hws_err hws_proof_expect(struct hws_proof *proof,
                                           const struct hws_fingerprint *fingerprints,
                                           size_t count);

/** The DER bytes of the leaf. @retval HWS_ERR_CRYPTO  the hash library refused */
HWS_MUST_USE enum hws_err hws_proof_show(struct hws_proof *proof, struct hws_bytes leaf);

/** Takes the same time whatever the digests are. */
enum hws_proof_verdict hws_proof_verdict(const struct hws_proof *proof);

#endif /* HWS_DTLS_FINGERPRINT_H */
