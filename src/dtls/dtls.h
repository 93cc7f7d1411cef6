/**
 * @file
 * One DTLS association without I/O: datagrams in and out, plain text in and out.
 *
 * DTLS 1.3 where the peer has it, else 1.2 (RFC 9147, RFC 6347). Both sides show a certificate;
 * the peer's is good when one of the signalled fingerprints matches its leaf (RFC 8122, 8827).
 * Until the fingerprint has been compared nothing is delivered: what comes early is held, bounded.
 */
#ifndef HWS_DTLS_DTLS_H
#define HWS_DTLS_DTLS_H

#include "base/log.h"
#include "sdp/sdp.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_identity; /* certificate and key; declared for users in hawser/peer.h */

/** Fingerprint of our certificate. @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_identity_fingerprint(const struct hws_identity *identity,
                                                   enum hws_hash hash,
                                                   struct hws_fingerprint *out);

struct hws_dtls;

enum hws_dtls_role { HWS_DTLS_CLIENT, HWS_DTLS_SERVER };

struct hws_dtls_config {
    const struct hws_identity *identity; /**< borrowed; outlives the association */
    enum hws_dtls_role role;
    struct hws_log log;
    size_t mtu;          /**< biggest datagram to send; 0 = HWS_DATAGRAM_MAX */
    hws_time rto;        /**< first retransmission; 0 = 100 ms. From the ICE round trip if known */
    hws_time give_up_after; /**< handshake limit; 0 = 30 s */
};

/** @retval HWS_ERR_NO_MEMORY  @retval HWS_ERR_CRYPTO  @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_dtls_new(const struct hws_dtls_config *config,
                                       struct hws_dtls **out);
void hws_dtls_free(struct hws_dtls *dtls); /**< accepts NULL; sends nothing */

/** What the peer's certificate must match (any one of the list; strongest first). May come while
 *  the handshake runs, not be changed after. Copies.
 *  @retval HWS_ERR_ARGUMENT @retval HWS_ERR_STATE */
HWS_MUST_USE enum hws_err hws_dtls_expect(struct hws_dtls *dtls,
                                          const struct hws_fingerprint *fingerprints, size_t count,
                                          hws_time now);

/** The path works: the client sends its first flight, the server answers what has come so far.
 *  Datagrams fed before are held (bounded). Calling again does nothing. */
void hws_dtls_start(struct hws_dtls *dtls, hws_time now);

/** One DTLS datagram (first byte 20 to 63); several records are fine.
 *  @retval HWS_ERR_MALFORMED  @retval HWS_ERR_FULL  dropped; the association is as before */
HWS_MUST_USE enum hws_err hws_dtls_feed(struct hws_dtls *dtls, struct hws_bytes datagram,
                                        hws_time now);
void hws_dtls_tick(struct hws_dtls *dtls, hws_time now);
hws_time hws_dtls_deadline(const struct hws_dtls *dtls);

bool hws_dtls_next_packet(struct hws_dtls *dtls, struct hws_bytes *out); /**< drops oldest */

/** Decrypted data, one record at a time, only after the fingerprint matched. Borrowed until the
 *  next call on the association. */
bool hws_dtls_next_plain(struct hws_dtls *dtls, struct hws_bytes *out);

/** Encrypt one record. @retval HWS_ERR_STATE not connected @retval HWS_ERR_TOO_BIG
 *  @retval HWS_ERR_FULL the packet queue is full: drain it first @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_dtls_send(struct hws_dtls *dtls, struct hws_bytes plain,
                                        hws_time now);

/** Say close_notify, once; legal in every state. */
void hws_dtls_close(struct hws_dtls *dtls, hws_time now);

enum hws_dtls_event {
    HWS_DTLS_CONNECTED, /**< handshake finished and fingerprint matched */
    HWS_DTLS_CLOSED,    /**< close_notify of the peer */
    HWS_DTLS_FAILED,    /**< see hws_dtls_fault() */
};
bool hws_dtls_next_event(struct hws_dtls *dtls, enum hws_dtls_event *out);

/** Why it failed: FINGERPRINT, HANDSHAKE (foreign = alert or wolfSSL code), TIMEOUT, CRYPTO. */
struct hws_fault hws_dtls_fault(const struct hws_dtls *dtls);

/** "DTLSv1.3" or "DTLSv1.2", and the suite; "none" before the handshake is over. Static text. */
const char *hws_dtls_version(const struct hws_dtls *dtls);
const char *hws_dtls_suite(const struct hws_dtls *dtls);

/** Biggest plain text for one record that keeps within the MTU. */
size_t hws_dtls_plain_max(const struct hws_dtls *dtls);

#endif /* HWS_DTLS_DTLS_H */
