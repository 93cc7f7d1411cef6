/**
 * @file
 * Counts what an association sends, takes and drops, and tells a record that came before from one
 * that is wrong.
 *
 * wolfSSL drops both without a word. An honest record and its copy have the same last bytes, which
 * belong to the authentication tag; so those of the newest good records are remembered, and only
 * looked at when a record came to nothing.
 */
#ifndef HWS_DTLS_TALLY_H
#define HWS_DTLS_TALLY_H

#include "base/ring.h"
#include "dtls/dtls.h"

enum { HWS_TALLY_TAGS = 64 }; /* what came before them counts as wrong; wolfSSL's window is alike */

/** Zero it before use. */
struct hws_tally {
    struct hws_dtls_stats stats;
    uint64_t tags[HWS_TALLY_TAGS];
    size_t tag_count; /**< ever kept */
};

/** An encrypted record that was of use. */
void hws_tally_good(struct hws_tally *tally, struct hws_bytes record);
/** An encrypted record that came to nothing. */
void hws_tally_wasted(struct hws_tally *tally, struct hws_bytes record);
/** Free a queue, and remember what fell out of it. */
void hws_tally_ring_fini(struct hws_tally *tally, struct hws_ring *ring);

#endif /* HWS_DTLS_TALLY_H */
