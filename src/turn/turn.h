/**
 * @file
 * One allocation at a TURN server (RFC 8656): a client that relays through it, as a machine.
 *
 * Knows one 5-tuple (its own end only as "here") and the bytes that travel on it; knows no socket,
 * clock, ICE or peer. Verbs as in ARCHITECTURE.md:
 *
 *     start, close          the allocation comes and goes
 *     permit, bind          to whom it relays, and who gets the short form
 *     wrap                  bytes for a peer   -> bytes for the server
 *     feed, tick            bytes of the server, time -> data of a peer, next_packet, next_event
 *
 * An allocation that the server has lost, or had no room for, is asked for anew by itself, a few
 * times and with growing pauses. Whoever can write to the 5-tuple and guess a transaction id can
 * break it, and nobody else: what the server did not sign counts only where it cannot sign.
 */
#ifndef HWS_TURN_TURN_H
#define HWS_TURN_TURN_H

#include "base/log.h"
#include "base/writer.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_turn;

enum {
    HWS_TURN_USERNAME_MAX = 508, /* RFC 8489 section 14.3: fewer than 509 bytes */
    HWS_TURN_PASSWORD_MAX = 763,
    HWS_TURN_PERMISSION_MAX = 80, /* every remote candidate that ICE keeps */
    HWS_TURN_CHANNEL_MAX = 16,
    /* What wrapping adds at most: the Send indication with an IPv6 peer and padding. */
    HWS_TURN_OVERHEAD = 20 + 24 + 4 + 3,
};

/** Which relayed addresses to ask for (RFC 8656 section 7.1). */
enum hws_turn_families {
    HWS_TURN_BOTH, /**< IPv4, and IPv6 beside it where the server has it */
    HWS_TURN_IP4,
    HWS_TURN_IP6,
};

struct hws_turn_config {
    struct hws_random random;
    struct hws_log log;
    struct hws_address server;
    struct hws_bytes username, password; /**< copied; as OpaqueString prepares them */
    enum hws_turn_families families;
    bool stream;       /**< TCP or TLS to the server: nothing is repeated, ChannelData is padded */
    hws_time patience; /**< with a server that does not answer the Allocate; 0 = 39.5 s */
};

/** @retval HWS_ERR_NO_MEMORY
 *  @retval HWS_ERR_ARGUMENT  no randomness, an address that cannot be sent to, a negative time
 *  @retval HWS_ERR_TOO_BIG   user name or password */
HWS_MUST_USE enum hws_err hws_turn_new(const struct hws_turn_config *config, struct hws_turn **out);
void hws_turn_free(struct hws_turn *turn); /**< accepts NULL; says nothing: close first */

/** Ask for the allocation; once. HWS_TURN_ALLOCATED or HWS_TURN_FAILED follows. */
void hws_turn_start(struct hws_turn *turn, hws_time now);
/** Give the allocation back: a Refresh of lifetime 0. No events follow. */
void hws_turn_close(struct hws_turn *turn, hws_time now);

/** Is the allocation still there? Asks the server, which otherwise happens when a good part of its
 *  life is over. HWS_TURN_FAILED follows if not. */
void hws_turn_probe(struct hws_turn *turn, hws_time now);
bool hws_turn_is_probing(const struct hws_turn *turn); /**< the server has not said so yet */

/** The stream to the server is over, and with it the allocation. HWS_TURN_FAILED follows. */
void hws_turn_gone(struct hws_turn *turn, hws_time now);

/** Where its packets go and come from: another address after ALTERNATE-SERVER. */
struct hws_address hws_turn_server(const struct hws_turn *turn);

enum hws_turn_permission {
    HWS_TURN_NOT_ASKED,
    HWS_TURN_ASKED,
    HWS_TURN_OPEN,
    HWS_TURN_SHUT, /**< the server forbids that peer */
};

/** Let the IP address of @p peer through, now and until the end; asking again changes nothing.
 *  HWS_TURN_PERMITTED or HWS_TURN_REFUSED follows.
 *  @retval HWS_ERR_STATE        there is no allocation
 *  @retval HWS_ERR_UNSUPPORTED  no relayed address of that family
 *  @retval HWS_ERR_FULL         HWS_TURN_PERMISSION_MAX are held */
HWS_MUST_USE enum hws_err hws_turn_permit(struct hws_turn *turn, const struct hws_address *peer,
                                          hws_time now);
enum hws_turn_permission hws_turn_permission(const struct hws_turn *turn,
                                             const struct hws_address *peer);

/** @p peer carries data: bind a channel to it, which saves 32 bytes a packet. Without one, because
 *  there is no room or the server refuses, all goes on as before. */
void hws_turn_bind(struct hws_turn *turn, const struct hws_address *peer, hws_time now);

/** Append to @p out what makes the server send @p data to @p peer.
 *  @retval HWS_ERR_STATE    there is no allocation
 *  @retval HWS_ERR_REFUSED  no permission (yet): the server would drop it
 *  @retval HWS_ERR_FULL     it does not fit; @p out is as before */
HWS_MUST_USE enum hws_err hws_turn_wrap(const struct hws_turn *turn, const struct hws_address *peer,
                                        struct hws_bytes data, struct hws_writer *out);

/** Data of a peer. */
struct hws_turn_data {
    struct hws_address peer; /**< family NONE: there is no data */
    struct hws_address relayed;
    struct hws_bytes bytes; /**< borrows what was fed */
};

/** One datagram of the server, or one message of a stream (stream.h).
 *  @param[out] out           written always
 *  @retval HWS_ERR_UNEXPECTED  not of this allocation; perhaps somebody else's
 *  @retval others of class PEER: dropped, and the machine is as before */
HWS_MUST_USE enum hws_err hws_turn_feed(struct hws_turn *turn, struct hws_bytes packet,
                                        hws_time now, struct hws_turn_data *out);
void hws_turn_tick(struct hws_turn *turn, hws_time now);
hws_time hws_turn_deadline(const struct hws_turn *turn);

/** Next packet for the server; borrowed until the next call on the allocation. */
bool hws_turn_next_packet(struct hws_turn *turn, struct hws_bytes *out);

enum hws_turn_event_kind {
    HWS_TURN_ALLOCATED, /**< @c relayed and @c mapped are known */
    HWS_TURN_PERMITTED, /**< packets of @c peer come through */
    HWS_TURN_REFUSED,   /**< and those of this one never will */
    HWS_TURN_FAILED,    /**< there is no allocation, or it is lost: @c reason; addresses are void */
};

struct hws_turn_event {
    enum hws_turn_event_kind kind;
    struct hws_address relayed[2]; /**< one may be family NONE */
    struct hws_address mapped;     /**< how the server sees us; may be family NONE */
    struct hws_address peer;
    enum hws_err err;
    uint16_t code;      /**< of the server's error response; 0 when there was none */
    const char *reason; /**< static text */
    bool retries;       /**< it is asked for again, later and by itself */
    bool wants_port;    /**< only another port of ours can get one (437, 441) */
};

bool hws_turn_next_event(struct hws_turn *turn, struct hws_turn_event *out);

#endif /* HWS_TURN_TURN_H */
