/**
 * @file
 * The ready-made loop for peers: epoll, sockets, interfaces, clock, entropy and name look-up.
 *
 * A loop owns the process's SCTP engine and a fresh certificate, and makes peers that are connected
 * to the network. It is pulled like everything else: wait, then take what happened, until empty.
 *
 *     while (!done) {
 *         err = hws_loop_wait(loop, HWS_SEC(1));
 *         while (hws_loop_next(loop, &item)) { ... }
 *     }
 *
 * One thread uses a loop and all its peers. hws_loop_wake() is the one function that may be called
 * from any thread.
 */
#ifndef HAWSER_LOOP_H
#define HAWSER_LOOP_H

#include <hawser/peer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hws_loop;

/** One STUN or TURN server. */
struct hws_ice_server {
    /** "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]", "turns:host[:port]"
     *  (RFC 7064 section 3.1, RFC 7065 section 3.1). */
    const char *url;
    const char *username, *password; /**< for TURN; NULL = empty */
};

/** Zero every field that you do not set: zero is always the default. */
struct hws_loop_config {
    struct hws_log log;
    /** URLs as in struct hws_ice_server, borrowed for the call; a bad one is an error. A server of
     *  no use is told by HWS_EVENT_SERVER_FAILED, and everything goes on without it. */
    const char *const *ice_servers;
    size_t ice_server_count;
    /** One UDP port (with ice_tcp, and that TCP port) for all peers; 0 = every peer has its own. A
     *  TURN server that is asked by UDP tells peers apart by their ports, so for that each has one
     *  of its own besides. */
    uint16_t port;
    uint16_t port_min, port_max; /**< where the own ports of peers are taken from; 0 = anywhere */
    /** Names of interfaces to use, such as "eth0", borrowed for the call; none = all. */
    const char *const *interfaces;
    size_t interface_count;
    /** The same with credentials, borrowed for the call; 8 of both lists together. */
    const struct hws_ice_server *servers;
    size_t server_count;
    /** PEM file of whom to trust with a turns: server, borrowed for the call; NULL = whom the
     *  system trusts. */
    const char *ice_ca_file;
    bool relay_only;                     /**< as in struct hws_peer_config, for all its peers */
    const struct hws_identity *identity; /**< borrowed; outlives the loop; NULL = a fresh one */
    /** Tell names of multicast DNS instead of the addresses of this host, as browsers do: who is on
     *  the same link finds us, and nobody else learns them (RFC 8828 section 5.2). */
    bool hide_addresses;
    /** ICE-TCP (RFC 6544 section 3), active and passive: connections to the other side, and from it
     *  to the number of the UDP port or, without port and range, another. Used where no UDP gets
     *  through; against a TURN server it goes first, as it is direct. */
    bool ice_tcp;
    /** Use loopback addresses beside the others. They are used alone where nothing else is up. */
    bool loopback;
};

/**
 * @param[out] out_reason  may be NULL; on failure one English sentence, static text
 * @retval HWS_ERR_ARGUMENT  an ICE server URL that cannot be used, port_min above port_max, a port
 *                           and a range at once, or an interface that does not exist
 * @retval HWS_ERR_STATE     the process has an SCTP engine already (another loop)
 * @retval HWS_ERR_IO  also when the port is taken, or when addresses are to be hidden and there is
 *                     no multicast
 * @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO @retval HWS_ERR_LIBRARY
 */
HWS_MUST_USE enum hws_err hws_loop_new(const struct hws_loop_config *config, struct hws_loop **out,
                                       const char **out_reason);
void hws_loop_free(struct hws_loop *loop); /**< and its peers; accepts NULL */

/** The loop's clock: monotonic. */
hws_time hws_loop_now(const struct hws_loop *loop);

/**
 * Make a peer with a UDP socket on every address of this host. Stack, identity, random and log of
 * @p config are the loop's and need not be set.
 *
 * @param[in] user  handed back with everything that happens to this peer
 * @param[out] out  owned by the loop; release with hws_loop_remove_peer()
 * @retval HWS_ERR_IO  no socket could be opened @retval others as hws_peer_new()
 */
HWS_MUST_USE enum hws_err hws_loop_add_peer(struct hws_loop *loop,
                                            const struct hws_peer_config *config, void *user,
                                            struct hws_peer **out);

/** Send what the peer still has to say, close its sockets, free it. */
void hws_loop_remove_peer(struct hws_loop *loop, struct hws_peer *peer);

/**
 * Send what is to be sent, then sleep until something happens or @p timeout (microseconds; 0 =
 * do not sleep, HWS_NEVER = no limit) has passed, and feed it to the peers.
 *
 * @retval HWS_ERR_IO  epoll failed
 */
HWS_MUST_USE enum hws_err hws_loop_wait(struct hws_loop *loop, hws_time timeout);

/** Make a sleeping hws_loop_wait() return; from any thread, and from signal handlers. */
void hws_loop_wake(struct hws_loop *loop);

/** One thing that happened to one peer. */
struct hws_loop_item {
    struct hws_peer *peer;
    void *user;
    bool is_signal;           /**< which of the two follows */
    struct hws_signal signal; /**< to be carried to the other side, in order */
    struct hws_event event;
};

/** Take the next; what it borrows is valid until the next call on that peer or the loop. */
bool hws_loop_next(struct hws_loop *loop, struct hws_loop_item *out);

/** SHA-256 fingerprint of the loop's certificate, as in descriptions: "sha-256 AB:CD:...". */
const char *hws_loop_fingerprint(const struct hws_loop *loop);

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_LOOP_H */
