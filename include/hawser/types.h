/**
 * @file
 * The few values that every part of Hawser speaks in: time, bytes, addresses, datagrams.
 */
#ifndef HAWSER_TYPES_H
#define HAWSER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t hws_time; /**< microseconds since any fixed moment; never goes back */
#define HWS_NEVER  INT64_MAX
#define HWS_MS(n)  ((hws_time)(n)*1000)
#define HWS_SEC(n) ((hws_time)(n)*1000000)

/** Bytes that somebody else owns; valid as long as the owner says. Empty may be {NULL, 0}. */
struct hws_bytes {
    const uint8_t *data;
    size_t len;
};

enum hws_family { HWS_FAMILY_NONE, HWS_FAMILY_IP4, HWS_FAMILY_IP6 };

/** An IP address with its port. All zero is "no address". */
struct hws_address {
    uint8_t ip[16]; /**< network order; IPv4 uses the first four bytes, the rest is 0 */
    uint32_t scope; /**< IPv6 link-local interface index, else 0 */
    uint16_t port;  /**< host order */
    bool tcp;       /**< of ICE-TCP (RFC 6544 section 4); false = UDP, or no transport address */
    enum hws_family family;
};

/** One datagram with the path it takes: a UDP payload, or between TCP addresses one frame of the
 *  connection (RFC 4571 section 2) without its length. The bytes are borrowed. */
struct hws_datagram {
    struct hws_address local;  /**< the socket of ours: an address given to add_local */
    struct hws_address remote; /**< where it goes to or came from */
    struct hws_bytes bytes;
};

/** How a TURN server is reached. */
enum hws_transport { HWS_TRANSPORT_UDP, HWS_TRANSPORT_TCP, HWS_TRANSPORT_TLS };

/** A TURN server (RFC 8656 section 3) with the credentials for it. */
struct hws_turn_server {
    struct hws_address address;
    /** NUL-terminated UTF-8, at most 508 and 763 bytes, prepared by OpaqueString
     *  (RFC 8265 section 4.2); NULL = empty, for a server that asks nobody. */
    const char *username, *password;
    enum hws_transport transport;
    /** Our end. With UDP: a socket for this server alone; family NONE = every socket that is added.
     *  With TCP and TLS: required, our address of the connection that the program has made. */
    struct hws_address local;
    const char *url; /**< its name in reports, at most 255 bytes; NULL = none */
};

/** Randomness from the host; the core asks for it at creation and while it runs. */
struct hws_random {
    /** Fill @p out with unpredictable bytes. It must not fail: a host without entropy aborts. */
    void (*fill)(void *user, uint8_t *out, size_t len);
    void *user;
};

enum hws_log_level { HWS_LOG_ERROR, HWS_LOG_WARN, HWS_LOG_INFO, HWS_LOG_DEBUG, HWS_LOG_TRACE };

/** Where log lines go; copied by value into each object. A NULL write means silence. */
struct hws_log {
    /** @p line is borrowed for the call, NUL-terminated, without a line end. */
    void (*write)(void *user, const char *line, size_t len);
    void *user;
    enum hws_log_level level;
    uint32_t peer; /**< printed on every line */
};

/** Where secrets of DTLS go, in the format of SSLKEYLOGFILE. Who has them can read everything. */
struct hws_key_log {
    /** @p line is borrowed for the call, NUL-terminated, without a line end. */
    void (*write)(void *user, const char *line);
    void *user;
};

enum hws_tap_layer {
    HWS_TAP_WIRE, /**< a UDP payload as sent or received: STUN, DTLS */
    HWS_TAP_SCTP, /**< an SCTP packet in clear, as it is inside a DTLS record */
};

/** Sees every packet of a peer, for packet logs. */
struct hws_tap {
    /** @p packet is borrowed for the call; a SCTP one has the addresses of the path in use. */
    void (*packet)(void *user, enum hws_tap_layer layer, bool sent,
                   const struct hws_datagram *packet, hws_time now);
    void *user;
};

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_TYPES_H */
