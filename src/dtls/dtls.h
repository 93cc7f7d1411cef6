/**
 * @file
 * One DTLS association without I/O: datagrams in and out, plain text in and out.
 *
 * DTLS 1.3 where the peer has it, else 1.2. Both sides show a certificate; the peer's is good when
 * one of the signalled fingerprints matches its leaf (RFC 8122 section 5, RFC 8827 section 6.5).
 * Until the fingerprint has been compared nothing is delivered: what comes early is held, bounded.
 *
 * Only the validated ICE pair may feed an association. Even so, what anybody could forge does not
 * end a handshake: a plain fatal alert is believed only when nothing follows it for two seconds.
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
                                                   enum hws_hash hash, struct hws_fingerprint *out);

struct hws_dtls;

enum hws_dtls_role { HWS_DTLS_CLIENT, HWS_DTLS_SERVER };

struct hws_dtls_config {
    const struct hws_identity *identity; /**< borrowed; outlives the association */
    enum hws_dtls_role role;
    struct hws_log log;
    size_t mtu;   /**< biggest datagram to send, 256 to 2048; 0 = HWS_DATAGRAM_MAX */
    hws_time rto; /**< first retransmission; 0 = 100 ms. From the ICE round trip if known. It
                       doubles up to 1 s */
    hws_time give_up_after;     /**< handshake limit; 0 = 30 s */
    struct hws_key_log key_log; /**< told the secrets as they come to be; NULL write = none */
};

/** @retval HWS_ERR_NO_MEMORY  @retval HWS_ERR_CRYPTO  @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_dtls_new(const struct hws_dtls_config *config, struct hws_dtls **out);
void hws_dtls_free(struct hws_dtls *dtls); /**< accepts NULL; sends nothing */

/**
 * What the peer's certificate must match: any one of the list. It may come while the handshake
 * runs or after it, once. Copies.
 *
 * @retval HWS_ERR_ARGUMENT  none, more than HWS_FINGERPRINT_LIST, or an MD5 one
 * @retval HWS_ERR_STATE     said before, or the association is over
 */
HWS_MUST_USE enum hws_err hws_dtls_expect(struct hws_dtls *dtls,
                                          const struct hws_fingerprint *fingerprints, size_t count,
                                          hws_time now);

/** The path works: the client sends its first flight, the server answers what has come so far.
 *  Datagrams fed before are held (HWS_DTLS_HOLD of them). Calling again does nothing. */
void hws_dtls_start(struct hws_dtls *dtls, hws_time now);

/**
 * One DTLS datagram (first byte 20 to 63); several records are fine. Data is decrypted at once:
 * ask hws_dtls_next_plain() after each datagram, for then nothing is copied twice. Left alone,
 * HWS_DTLS_PLAIN_HOLD records wait and the oldest is dropped.
 *
 * @retval HWS_ERR_MALFORMED   not records that fill the datagram exactly; dropped
 * @retval HWS_ERR_TOO_BIG     over HWS_DATAGRAM_IN_MAX; dropped
 * @retval HWS_ERR_UNEXPECTED  nothing in it is acceptable now, or the association is over; dropped
 */
HWS_MUST_USE enum hws_err hws_dtls_feed(struct hws_dtls *dtls, struct hws_bytes datagram,
                                        hws_time now);
void hws_dtls_tick(struct hws_dtls *dtls, hws_time now);
hws_time hws_dtls_deadline(const struct hws_dtls *dtls);

/** The next datagram to send; borrowed until the next call. During the handshake a full queue drops
 *  its oldest. */
bool hws_dtls_next_packet(struct hws_dtls *dtls, struct hws_bytes *out);

/** Decrypted data, one record at a time, only after the fingerprint matched. Borrowed until the
 *  next call on the association. */
bool hws_dtls_next_plain(struct hws_dtls *dtls, struct hws_bytes *out);

/**
 * Encrypt one record.
 *
 * @retval HWS_ERR_STATE     not connected
 * @retval HWS_ERR_ARGUMENT  empty
 * @retval HWS_ERR_TOO_BIG   over hws_dtls_plain_max()
 * @retval HWS_ERR_FULL      HWS_DTLS_QUEUE packets wait: drain them first
 * @retval HWS_ERR_CRYPTO    the association has failed
 */
HWS_MUST_USE enum hws_err hws_dtls_send(struct hws_dtls *dtls, struct hws_bytes plain,
                                        hws_time now);

/** True when hws_dtls_send() would not say HWS_ERR_FULL, unless memory for its queue runs out. */
bool hws_dtls_has_room(const struct hws_dtls *dtls);

/** Say close_notify, once; legal in every state. No event follows. */
void hws_dtls_close(struct hws_dtls *dtls, hws_time now);

enum hws_dtls_event {
    HWS_DTLS_CONNECTED, /**< handshake finished and fingerprint matched */
    HWS_DTLS_CLOSED,    /**< close_notify of the peer; what it sent before can still be read */
    HWS_DTLS_FAILED,    /**< see hws_dtls_fault() */
};
bool hws_dtls_next_event(struct hws_dtls *dtls, enum hws_dtls_event *out);

/**
 * Why it failed; @c foreign is the peer's alert code or wolfSSL's error.
 *
 * HWS_ERR_FINGERPRINT  the certificate is another
 * HWS_ERR_HANDSHAKE    alert of the peer, or it broke here (no certificate, no common suite)
 * HWS_ERR_TIMEOUT      give_up_after is over
 * HWS_ERR_CLOSED       a fatal alert after the handshake, or close_notify before CONNECTED
 * HWS_ERR_CRYPTO       wolfSSL failed
 */
struct hws_fault hws_dtls_fault(const struct hws_dtls *dtls);

/** "DTLSv1.3" or "DTLSv1.2", the suite, and the group of the key exchange such as "X25519" or
 *  "X25519MLKEM768"; "none" before the handshake is over. Static text. */
const char *hws_dtls_version(const struct hws_dtls *dtls);
const char *hws_dtls_suite(const struct hws_dtls *dtls);
const char *hws_dtls_group(const struct hws_dtls *dtls);

/**
 * Keying material for the application (RFC 5705 section 4, RFC 8446 section 7.5).
 *
 * @param[in] label    NUL-terminated, and none of the handshake's own
 * @param[in] context  an empty one is none; with the label at most 62 bytes: hash what is longer
 * @param[in] len      at most 8160
 * @retval HWS_ERR_STATE     not connected
 * @retval HWS_ERR_ARGUMENT  label, context or len is not as said
 * @retval HWS_ERR_CRYPTO
 */
HWS_MUST_USE enum hws_err hws_dtls_export(const struct hws_dtls *dtls, const char *label,
                                          struct hws_bytes context, uint8_t *out, size_t len);

/** Counted since hws_dtls_new(); an association that is over keeps them. */
struct hws_dtls_stats {
    uint64_t datagrams_sent, bytes_sent;         /**< handed out by hws_dtls_next_packet() */
    uint64_t datagrams_received, bytes_received; /**< fed, of use or not */
    uint64_t flights_resent;                     /**< of the handshake, by timeout or when asked */
    uint64_t dropped_malformed;                  /**< datagrams that are no records, or too big */
    uint64_t dropped_unexpected; /**< records that are not acceptable at this stage */
    uint64_t dropped_bad;        /**< records that could not be authenticated */
    uint64_t dropped_replay;     /**< records that came before, or too late to tell */
    uint64_t dropped_full;       /**< datagrams and records that fell out of a full queue */
};
struct hws_dtls_stats hws_dtls_stats(const struct hws_dtls *dtls);

/** Biggest plain text for one record that keeps within the MTU; 0 before the handshake is over. */
size_t hws_dtls_plain_max(const struct hws_dtls *dtls);

#endif /* HWS_DTLS_DTLS_H */
