/**
 * @file
 * Between session.c, which decides, and wolf_engine.c, which calls wolfSSL: one WOLFSSL object
 * that is handed one record at a time and leaves its datagrams in a ring.
 */
#ifndef HWS_DTLS_DTLS_INTERNAL_H
#define HWS_DTLS_DTLS_INTERNAL_H

#include "base/limits.h"
#include "base/ring.h"
#include "dtls/dtls.h"
#include "dtls/fingerprint.h"
#include "dtls/record.h"

#include <hawser/peer.h>

struct WOLFSSL;
struct WOLFSSL_CTX;

enum { HWS_KEY_DER_MAX = 4096 }; /* RSA of 4096 bits has about 2400 bytes */

/** Both contexts hold the same certificate and key, so that associations share them. */
struct hws_identity {
    struct WOLFSSL_CTX *client;
    struct WOLFSSL_CTX *server;
    enum hws_dtls_versions versions;
    bool post_quantum;                        /**< as client, a share of X25519MLKEM768 too */
    uint8_t certificate[HWS_CERTIFICATE_MAX]; /**< DER */
    size_t certificate_len;
};

/** Wipe it after use. */
struct hws_private_key {
    uint8_t der[HWS_KEY_DER_MAX];
    size_t len;
};

/** Make a self-signed certificate with a new key.
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_certificate_draw(struct hws_identity *identity,
                                               struct hws_private_key *key);

/** Read the user's. Whether the two belong together is not looked at.
 *  @retval HWS_ERR_MALFORMED @retval HWS_ERR_UNSUPPORTED @retval HWS_ERR_TOO_BIG
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_certificate_read(const struct hws_identity_config *config,
                                               struct hws_identity *identity,
                                               struct hws_private_key *key);

/** What wolfSSL made of a record. */
enum hws_engine_step {
    HWS_ENGINE_WAITS,    /**< nothing to tell */
    HWS_ENGINE_FINISHED, /**< the handshake is over; said once */
    HWS_ENGINE_PLAIN,    /**< a decrypted record lies in @c plain */
    HWS_ENGINE_CLOSED,   /**< close_notify of the peer */
    HWS_ENGINE_FAILED,   /**< see @c alert and @c error; free it, call nothing else */
};

enum { HWS_ENGINE_FLIGHT_MAX = 256 }; /* ChangeCipherSpec and Finished are 75 bytes */

/** One WOLFSSL object. Zero it but for @c key_log before use; it must not move while it lives. */
struct hws_engine {
    struct WOLFSSL *ssl;
    struct hws_proof *proof; /**< borrowed: told the leaf; a mismatch ends the handshake */
    struct hws_bytes input;  /**< the record that wolfSSL may take now; else empty */
    struct hws_ring packets; /**< datagrams to send */
    uint64_t sent;           /**< datagrams pushed into it so far */
    struct hws_key_log key_log;
    uint64_t extra_records; /**< that cutting a ClientHello added */
    bool may_hybrid;        /**< as server, take a share of X25519MLKEM768 */
    bool cuts_hello;        /**< it does not fit the MTU */
    uint16_t mtu;
    bool server;
    bool finished;
    bool settled;      /**< and the peer said that it has our last flight */
    int alert;         /**< fatal alert that the peer sent; -1 = none */
    int error;         /**< wolfSSL's code of the last failure */
    const char *suite; /**< static; NULL before the handshake is over */
    const char *group; /**< likewise */
    size_t plain_max;  /**< once finished */
    size_t plain_len;
    uint8_t plain[HWS_DATAGRAM_IN_MAX];
    /* The answer that ended the handshake, as server of DTLS 1.2: wolfSSL would not repeat it. */
    uint8_t flight[HWS_ENGINE_FLIGHT_MAX]; /**< datagrams, each after its length in two bytes */
    size_t flight_len;
};

/** @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_engine_init(struct hws_engine *engine,
                                          const struct hws_identity *identity, bool server,
                                          uint16_t mtu, struct hws_proof *proof);
void hws_engine_fini(struct hws_engine *engine);
void hws_engine_drop(struct hws_engine *engine); /**< wolfSSL's part only; packets stay */

/** Hand over one record, or {NULL, 0} to let a client begin. */
enum hws_engine_step hws_engine_feed(struct hws_engine *engine, struct hws_bytes record);

/** Send the flight (and, DTLS 1.3, acknowledgements) again. False: it failed. */
bool hws_engine_retransmit(struct hws_engine *engine);

/** True when received messages of an incomplete flight should be acknowledged soon (DTLS 1.3). */
bool hws_engine_wants_ack(const struct hws_engine *engine);

/** True when the peer has not acknowledged something that we sent (DTLS 1.3). */
bool hws_engine_has_unacknowledged(const struct hws_engine *engine);

/** Queue a datagram of wolfSSL's, or what it becomes. */
void hws_engine_push(struct hws_engine *engine, struct hws_bytes datagram);

/** The queue starts small, because most associations send little, and doubles up to its bound.
 *  False: it is full. */
bool hws_engine_make_room(struct hws_engine *engine);

/** Push the last flight of a DTLS 1.2 server again. */
void hws_engine_repeat_flight(struct hws_engine *engine);

/** @retval HWS_ERR_FULL @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_engine_write(struct hws_engine *engine, struct hws_bytes plain);

void hws_engine_say_goodbye(struct hws_engine *engine); /**< close_notify; then drop it */

/** Have the key log told, if there is one, and keep what hws_engine_export() needs.
 *  @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_engine_watch_secrets(struct hws_engine *engine);

/** As hws_dtls_export(), once finished. @retval HWS_ERR_ARGUMENT @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_engine_export(const struct hws_engine *engine, const char *label,
                                            struct hws_bytes context, uint8_t *out, size_t len);

enum hws_record_protocol hws_engine_protocol(const struct hws_engine *engine);

#endif /* HWS_DTLS_DTLS_INTERNAL_H */
