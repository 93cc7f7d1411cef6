/**
 * @file
 * A peer: one WebRTC connection to one remote, as a machine that is fed and drained.
 *
 * A peer owns no socket, thread or clock. The program tells it what happened and then drains what
 * it wants done. The loop is always:
 *
 *     wait until hws_peer_deadline(), a datagram, or a wish of the program
 *     make input calls
 *     drain next_datagrams, next_signal and next_event until each is empty
 *
 * Inputs never call back into the program, so no function here is forbidden anywhere. Draining
 * late costs latency, never correctness: every queue is bounded and overflows by the rule written
 * at its next_ function. All peers that share a stack belong to one thread.
 *
 * hawser/loop.h is a ready-made loop that does all this; hawser/session.h is easier still.
 */
#ifndef HAWSER_PEER_H
#define HAWSER_PEER_H

#include <hawser/cause.h>
#include <hawser/err.h>
#include <hawser/event.h>
#include <hawser/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The SCTP engine of the process. usrsctp keeps global state, so there is at most one at a time,
 * and all peers that use it belong to one thread.
 */
struct hws_sctp_stack;

/** @retval HWS_ERR_STATE there is one already @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_LIBRARY */
HWS_MUST_USE enum hws_err hws_sctp_stack_new(hws_time now, struct hws_sctp_stack **out);
void hws_sctp_stack_free(struct hws_sctp_stack *stack); /**< after all its peers; accepts NULL */

/** A certificate with its private key, and which versions of DTLS are spoken with it. */
struct hws_identity;

enum hws_dtls_versions { HWS_DTLS_13_OR_12, HWS_DTLS_12_ONLY, HWS_DTLS_13_ONLY };

/** Zero is always the default. */
struct hws_identity_config {
    /** PEM: the certificate (a chain may follow; only the first is sent) and its private key,
     *  ECDSA P-256 or RSA of 2048 to 4096 bits, as PKCS #8, SEC 1 or PKCS #1, no passphrase.
     *  Both empty: ECDSA P-256, self-signed, made fresh, never stored. Borrowed for the call. */
    struct hws_bytes certificate, private_key;
    enum hws_dtls_versions versions;
    /** As DTLS client send a key share of X25519MLKEM768 beside X25519: the first flight then
     *  takes two datagrams. As server it is taken whenever the client sends one. */
    bool post_quantum;
};

/** A fresh one. @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_identity_new(struct hws_identity **out);
/**
 * @retval HWS_ERR_MALFORMED    the certificate or the key is not PEM of what is wanted
 * @retval HWS_ERR_UNSUPPORTED  a kind of key that no peer would take, or one with a passphrase
 * @retval HWS_ERR_TOO_BIG      the certificate has over 8 KiB, or the text over 64 KiB
 * @retval HWS_ERR_MISMATCH     the key is not the certificate's
 * @retval HWS_ERR_ARGUMENT     only one of the two, or an unknown version
 * @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO
 */
HWS_MUST_USE enum hws_err hws_identity_new_from(const struct hws_identity_config *config,
                                                struct hws_identity **out);
void hws_identity_free(struct hws_identity *identity); /**< after all its peers; accepts NULL */

/** How to make a peer. Zero every field that you do not set: zero is always the default. */
struct hws_peer_config {
    struct hws_sctp_stack *stack;        /**< borrowed; outlives the peer */
    const struct hws_identity *identity; /**< borrowed; outlives the peer; shared by many peers */
    struct hws_random random;
    struct hws_log log;
    struct hws_key_log key_log; /**< secrets of DTLS for a packet analyser; NULL write = none */
    struct hws_tap tap;         /**< sees every packet; NULL packet = none */
    size_t max_message_size;    /**< biggest message we take, bytes; 0 = 256 KiB, at most 16 MiB */
    /** Bytes of one channel that may wait to be sent, 16 KiB to 64 MiB; 0 = 1 MiB, or
     *  max_message_size if more. A longer message is refused. */
    size_t send_buffer;
    /** Bytes of all channels that may wait, send_buffer to 1 GiB; 0 = 16 MiB, or twice
     *  send_buffer if more. */
    size_t send_total;
    /** SCTP streams each way, so ids of channels; 0 = 256. Each takes 145 bytes: with 65535 of them
     *  an idle connection takes 9.5 MB more. */
    uint16_t stream_count;
    uint16_t channel_limit;  /**< channels at a time; 0 = 1024 or stream_count if less */
    uint16_t sctp_port;      /**< our end's (RFC 8841 section 5); 0 = 5000 */
    hws_time consent_expiry; /**< silence after which the path is dead; 0 = 30 s */
    hws_time consent_period; /**< the path is proved that often; 0 = 5 s, at least 4 s */
    hws_time connect_limit;  /**< both descriptions in to connected; 0 = 39.5 s */
    /** An offer of ours out to its answer in, first or later; 0 = 5 minutes, for data goes on while
     *  a later one waits. When it passes the peer closes: an answer that comes after that
     *  could be taken for the one to another offer. */
    hws_time answer_limit;
    hws_time open_limit; /**< connected to the first channel open; 0 = no limit */
    /** When both offer at once this side gives way. Exactly one of the two should be polite; of
     *  hawser/session.h it is the worker. See hws_peer_signal(). */
    bool polite;
    /** For a server with public addresses only: ICE lite (RFC 8445 section 2.5), which checks
     *  nothing by itself. The other side must be a full agent: HWS_ERR_UNSUPPORTED if not. */
    bool ice_lite;
    bool relay_only; /**< only relayed candidates: our addresses are neither told nor used */
    /** TCP candidates too (RFC 6544 section 4), where the program adds TCP addresses: for networks
     *  that let no UDP through. A pair of them is used when no direct one of UDP works. */
    bool ice_tcp;
    /** When the path is gone or silent and no other pair takes over within 1.5 to 2.5 s, offer an
     *  ICE restart without being asked; hws_peer_next_signal() has it. For one side, the one that
     *  made the first offer, or both may offer at once. */
    bool restart_ice;
};

struct hws_peer;

/**
 * Make a peer at rest. Nothing is sent before hws_peer_offer() or a remote offer.
 *
 * @param[in] config  copied
 * @param[out] out    owned by the caller; release with hws_peer_free()
 * @retval HWS_ERR_ARGUMENT  a field of @p config is missing or out of range
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_peer_new(const struct hws_peer_config *config, hws_time now,
                                       struct hws_peer **out);
void hws_peer_free(struct hws_peer *peer); /**< accepts NULL; sends nothing: close first */

/* Where we are. All of it before or after the offer, in any order; a candidate is signalled as
 * soon as it is known (trickle, RFC 8838 section 4). */

/** The address of a UDP socket of the program; or, marked @c tcp, of a socket that listens, or with
 *  port 9 one that connections can be made from (RFC 6544 section 4.1).
 *  @retval HWS_ERR_FULL  @retval HWS_ERR_ARGUMENT  not reachable, or TCP without ice_tcp */
HWS_MUST_USE enum hws_err hws_peer_add_local(struct hws_peer *peer, const struct hws_address *addr,
                                             hws_time now);
/** That socket is gone, its network down. What went over it goes another way at once if there is
 *  one, and else waits: for an address that hws_peer_add_local() adds, for an ICE restart, and at
 *  most for connect_limit. An address added later is used for checks at once, and told to the
 *  other side by the next restart. Unknown addresses are left alone. */
void hws_peer_remove_local(struct hws_peer *peer, const struct hws_address *addr, hws_time now);
/** A STUN server to ask for our outside address. @retval HWS_ERR_FULL @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_peer_add_stun(struct hws_peer *peer, const struct hws_address *addr,
                                            hws_time now);
/** Tell the other side @p name instead of this address of ours, and no base of other candidates
 *  (draft-ietf-mmusic-mdns-ice-candidates section 3.1). To be called before the first description.
 *  Somebody must answer for the name by multicast DNS: hawser/loop.h does.
 *  @param[in] name  "<uuid>.local" with a version 4 UUID; copied
 *  @retval HWS_ERR_FULL @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_peer_hide_local(struct hws_peer *peer, const struct hws_address *addr,
                                              const char *name);
/** A TURN server to relay through when no direct path works: one allocation from every address
 *  that reaches it. Credentials and texts are copied. Its packets go and come like all others: from
 *  the local address of a socket to the server's. HWS_EVENT_SERVER_FAILED tells what went wrong.
 *  @retval HWS_ERR_FULL  8 are held  @retval HWS_ERR_TOO_BIG  a text  @retval HWS_ERR_NO_MEMORY
 *  @retval HWS_ERR_ARGUMENT  an address that cannot be sent to, or a stream without our end */
HWS_MUST_USE enum hws_err hws_peer_add_turn(struct hws_peer *peer,
                                            const struct hws_turn_server *server, hws_time now);
/** The program's connection to a TURN server over TCP or TLS is over, and with it what was relayed.
 *  @param[in] local  as it was given in struct hws_turn_server */
void hws_peer_turn_gone(struct hws_peer *peer, const struct hws_address *server,
                        const struct hws_address *local, hws_time now);
/** All of the above is said. */
void hws_peer_end_local(struct hws_peer *peer, hws_time now);

/* Signalling: descriptions and candidates, carried by any means that keeps their order. */

enum hws_signal_kind {
    HWS_SIGNAL_OFFER,     /**< @c text is SDP */
    HWS_SIGNAL_ANSWER,    /**< @c text is SDP */
    HWS_SIGNAL_CANDIDATE, /**< @c text is "candidate:..."; empty = end of candidates */
};

/** One message to or from the other side. @c text is borrowed. */
struct hws_signal {
    enum hws_signal_kind kind;
    struct hws_bytes text;
    const char *mid;   /**< candidate: section by name; NUL-terminated, may be NULL */
    const char *ufrag; /**< candidate: ICE generation; NUL-terminated, may be NULL */
};

/** Make an offer: it comes out of next_signal, with the candidates known so far. The first begins
 *  the connection; a later one changes nothing, but lets the other side answer anew.
 *  @retval HWS_ERR_STATE  an offer is under way, or the peer is closed
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_peer_offer(struct hws_peer *peer, hws_time now);

/** Offer an ICE restart (RFC 8445 section 9): new credentials, candidates and checks, while data
 *  goes on over the old path until a new one is nominated: HWS_EVENT_PATH tells it. When the old
 *  path dies before, the peer lives on for connect_limit at most.
 *  @retval HWS_ERR_STATE  not connected yet, an offer is under way, or the peer is closed
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_peer_restart_ice(struct hws_peer *peer, hws_time now);

/** Take our unanswered offer back (RFC 9429 section 4.1.10.2): the other side's offer may come in
 *  its place. Tell the other side by other means, or let its offer do so: an answer that comes
 *  all the same is HWS_ERR_STATE. What was not drained yet is not signalled any more. After the
 *  first offer the peer is at rest again, with its channels; after one of a restart it has the
 *  credentials and checks of before.
 *  @retval HWS_ERR_STATE  there is none */
HWS_MUST_USE enum hws_err hws_peer_rollback(struct hws_peer *peer, hws_time now);

/**
 * What the other side signalled. A remote offer makes an answer come out of next_signal; remote
 * candidates may come before the description. A later description that gives the data section up
 * closes the peer, which is no error of this call; its offer is still answered.
 *
 * Both offer at once (glare): a polite peer takes its own offer back and answers. If that was one
 * of an ICE restart and the other's is none, it is made again at once, behind the answer; any other
 * purpose of an offer is served by the exchange that there was. A peer that is not polite refuses
 * the offer with HWS_ERR_STATE, which changes nothing: its own will be answered.
 * With signalling that keeps the order both end with the same offer and answer.
 *
 * @retval HWS_ERR_MALFORMED    hws_peer_fault() names the line and the flaw; nothing changed
 * @retval HWS_ERR_STATE        an answer without an offer of ours, an offer beside ours (leave it;
 *                              see above), or the peer is closed
 * @retval HWS_ERR_MISMATCH     the answer does not fit our offer, or would change the association:
 *                              certificates, DTLS roles, SCTP port, or ICE credentials without a
 *                              restart; nothing changed
 * @retval HWS_ERR_TOO_BIG      over 32 KiB of description or 1 KiB of candidate
 * @retval HWS_ERR_UNSUPPORTED  nothing in it that we could use, or a later offer that asks for a
 *                              new association; nothing changed
 * @retval HWS_ERR_FULL         more candidates than are kept; this one is dropped
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_peer_signal(struct hws_peer *peer, const struct hws_signal *in,
                                          hws_time now);

/** A remote candidate is a name, "<uuid>.local", as browsers send them: look it up by multicast DNS
 *  and call hws_peer_resolved(). Each is told once. While one waits, the end of candidates waits.
 *  @param[out] out  NUL-terminated; borrowed until the next call on the peer */
bool hws_peer_next_name(struct hws_peer *peer, const char **out);
bool hws_peer_has_names(const struct hws_peer *peer); /**< may the call above have one? */
/** What became of a name. @param[in] addr  its port is not looked at; NULL = nobody answered
 *  @retval HWS_ERR_NOT_FOUND  no candidate waits for this name */
enum hws_err hws_peer_resolved(struct hws_peer *peer, const char *name,
                               const struct hws_address *addr, hws_time now);

/* Packets and time. */

/** One datagram that arrived. @return class PEER: it was dropped and counted, nothing changed */
enum hws_err hws_peer_feed(struct hws_peer *peer, const struct hws_datagram *in, hws_time now);
/*
 * Connections of ICE-TCP. A datagram from a TCP address with port 9 goes over the connection from
 * that address to the remote one, which the program makes if there is none: at most 16 of them are
 * asked for in one generation of ICE. What comes on it has the same two addresses. A datagram from
 * a listening address goes over the connection that came from the remote one, or nowhere. Who
 * connects to us is the peer's when its first frame is a check for its ufrag, and hws_peer_feed()
 * takes it (or says HWS_ERR_REFUSED: the answer settles who controls).
 */

/** Is that connection of use, now or perhaps soon? Else the program closes it. */
bool hws_peer_needs_stream(const struct hws_peer *peer, const struct hws_address *local,
                           const struct hws_address *remote);
/** It is over, or could not be made. */
void hws_peer_stream_gone(struct hws_peer *peer, const struct hws_address *local,
                          const struct hws_address *remote, hws_time now);

/** For a UDP port that several peers share: the ufrag of the peer that a connectivity check is for.
 *  What it is worth shows when hws_peer_feed() has checked it. @return false: it is no check
 *  @param[out] out  borrows @p datagram */
bool hws_ufrag_of_check(struct hws_bytes datagram, struct hws_bytes *out);
/** Does this peer go by that ufrag, now or from before an ICE restart? */
bool hws_peer_has_ufrag(const struct hws_peer *peer, struct hws_bytes ufrag);
/** Call it at or after hws_peer_deadline(). */
void hws_peer_tick(struct hws_peer *peer, hws_time now);
hws_time hws_peer_deadline(const struct hws_peer *peer); /**< when to tick, or HWS_NEVER */

/* Outputs. What they borrow is valid until the next call on the same peer. */

/** Fill up to @p cap datagrams to send; 0 = drained. Late draining drops the oldest. */
size_t hws_peer_next_datagrams(struct hws_peer *peer, struct hws_datagram *out, size_t cap);
bool hws_peer_next_signal(struct hws_peer *peer, struct hws_signal *out); /**< never drops */
/** Never drops; messages wait inside SCTP until asked for, which holds the sender back. */
bool hws_peer_next_event(struct hws_peer *peer, struct hws_event *out);

/** While paused, messages stay inside SCTP, so that the sender is held back; other events go on,
 *  but for the end of a peer that still holds messages. */
void hws_peer_pause(struct hws_peer *peer, bool paused);

/** Is a signal or an event waiting? A loop that sleeps while this is true sleeps too long. */
bool hws_peer_has_output(const struct hws_peer *peer);

/*
 * Channels. They may be opened before the connection is up and are announced once it is.
 *
 * Each channel has a queue of its own, for what the connection cannot take yet; a message that
 * finds nothing waiting goes out at once. Channels take turns by their priority. The other side may
 * open channel_limit channels at once and then 100 a second: more of them, with all that it sends
 * behind them, wait on its side.
 */

enum hws_channel_reliability {
    HWS_CHANNEL_RELIABLE,
    HWS_CHANNEL_MAX_RETRANSMITS, /**< @c reliability_value retransmissions at most */
    HWS_CHANNEL_MAX_LIFETIME,    /**< @c reliability_value milliseconds from hws_peer_send() on */
};

/** A channel to open. Zero is a reliable, ordered channel with an empty label. */
struct hws_channel_config {
    const char *label;    /**< UTF-8, may be NULL if it has no length; copied */
    size_t label_len;     /**< bytes, at most 65535, NUL allowed; 0 = up to the NUL */
    const char *protocol; /**< of the application (RFC 8831 section 6.4), as the label */
    size_t protocol_len;
    bool unordered;
    enum hws_channel_reliability reliability;
    uint32_t reliability_value;
    /** Its share of the bytes when several channels wait: 128 "below normal", 256 "normal", 512
     *  "high", 1024 "extra high", or between (RFC 8831 section 6.4); 0 = 256. */
    uint16_t priority;
    /** Both sides open the channel with the same @c id by themselves, and nothing is announced. Do
     *  so before the connection is up: a message for an id that is not open here resets it. */
    bool negotiated;
    uint16_t id; /**< SCTP stream of a negotiated channel; else 0, and it is chosen here */
};

/**
 * Open a channel: in-band (RFC 8832 section 6), or negotiated by the application. It may be sent
 * on at once: what is sent before the connection is up waits in the send buffer.
 *
 * HWS_EVENT_CHANNEL_OPEN says that the other side has it, or, of a negotiated one, that the
 * connection is up. HWS_EVENT_CHANNEL_CLOSED comes instead if the other side has too few streams,
 * or takes no message as long as the OPEN.
 *
 * @retval HWS_ERR_FULL      all ids, or channel_limit channels, are in use, or the labels and
 *                           protocols of all channels would be longer than 1 MiB
 * @retval HWS_ERR_STATE     the peer is closed, or the id of a negotiated channel is in use
 * @retval HWS_ERR_ARGUMENT  label or protocol is longer than 65535 bytes or not UTF-8, the id of a
 *                           negotiated channel is not below the streams of both sides, another
 *                           channel has an id, or the reliability is unknown
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_peer_open_channel(struct hws_peer *peer,
                                                const struct hws_channel_config *config,
                                                hws_time now, struct hws_channel *out);

/**
 * Send one message; it is copied. Empty messages are legal. A call that fails changes nothing: a
 * message lent by hws_peer_next_event() is still there, to be kept and sent later.
 *
 * @retval HWS_ERR_FULL     send_buffer or send_total is used up, or 16384 messages of the channel
 *                          or 65536 of all wait: HWS_EVENT_WRITABLE follows when half is free again
 * @retval HWS_ERR_TOO_BIG  bigger than the other side takes, or than the send buffer
 * @retval HWS_ERR_STATE    not open (any more)
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_peer_send(struct hws_peer *peer, struct hws_channel channel,
                                        enum hws_message_kind kind, struct hws_bytes message,
                                        hws_time now);

/** Close a channel: what is queued is still sent, then both directions are reset. What comes in
 *  from now on is dropped. When the other side closes, the same happens by itself.
 *  @retval HWS_ERR_STATE  it is closed or closing already; nothing changed */
enum hws_err hws_peer_close_channel(struct hws_peer *peer, struct hws_channel channel,
                                    hws_time now);

/** The same, but what is queued and not yet on its way is dropped. A channel that is closing
 *  already may still be aborted. @retval HWS_ERR_STATE  it is gone */
enum hws_err hws_peer_abort_channel(struct hws_peer *peer, struct hws_channel channel,
                                    hws_time now);

/** Bytes of this channel that wait and are not yet on their way: what a browser calls
 *  bufferedAmount. 0 for one that is gone. */
size_t hws_peer_channel_buffered(const struct hws_peer *peer, struct hws_channel channel);

/** When hws_peer_channel_buffered() falls from above @p bytes to @p bytes or less,
 *  HWS_EVENT_BUFFER_LOW is told. 0 at first. @retval HWS_ERR_STATE  it is gone */
enum hws_err hws_peer_set_buffer_low(struct hws_peer *peer, struct hws_channel channel,
                                     size_t bytes);

/** What is known of a channel. */
struct hws_channel_info {
    struct hws_bytes label, protocol; /**< borrowed until the next call on the peer */
    bool unordered, negotiated;
    bool incoming; /**< the other side opened it */
    enum hws_channel_reliability reliability;
    uint32_t reliability_value;
    uint16_t priority;
    bool has_id; /**< the id is known once the DTLS roles are */
    uint16_t id;
};
/** False for a channel that is gone. */
bool hws_peer_channel_info(const struct hws_peer *peer, struct hws_channel channel,
                           struct hws_channel_info *out);

/** End the connection now: what is not sent is lost. Legal in every state; twice is no error. */
void hws_peer_close(struct hws_peer *peer, hws_time now);

/** The signalling says that the other side is gone, which may be true of its signalling only: ask
 *  it, and close after 10 s of silence instead of the usual consent_expiry. */
void hws_peer_doubt(struct hws_peer *peer, hws_time now);

/* Questions. */

/** Keying material for the application (RFC 5705 section 4, RFC 8446 section 7.5): both sides get
 *  the same bytes for the same label and context.
 *  @param[in] label    NUL-terminated, such as "EXPORTER-my-protocol"; none of the handshake's own,
 *                      such as "key expansion"
 *  @param[in] context  an empty one is none; with the label at most 62 bytes: hash what is longer
 *  @param[in] len      at most 8160
 *  @retval HWS_ERR_STATE     DTLS is not up
 *  @retval HWS_ERR_ARGUMENT  label, context or len is not as said
 *  @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_peer_export_key(const struct hws_peer *peer, const char *label,
                                              struct hws_bytes context, uint8_t *out, size_t len);

/** Bytes handed to hws_peer_send() on all channels that the other side has not acknowledged. */
size_t hws_peer_buffered(const struct hws_peer *peer);

/** The path in use. */
struct hws_path {
    /** Family NONE: the other side hides its address behind a name of multicast DNS. */
    struct hws_address local, remote;
    const char *local_type, *remote_type; /**< "host", "srflx", "prflx", "relay"; static */
    hws_time rtt;                         /**< last measured round trip, 0 = none yet */
};
bool hws_peer_path(const struct hws_peer *peer, struct hws_path *out); /**< false: none now */

/** When the steps of the set-up were reached; 0 = not yet. On the clock of the inputs. */
struct hws_timeline {
    hws_time started;         /**< hws_peer_offer(), or the remote offer */
    hws_time first_candidate; /**< first local candidate known */
    hws_time described;       /**< both descriptions are in */
    hws_time path;            /**< first valid pair */
    hws_time secured;         /**< DTLS up and fingerprint matched */
    hws_time associated;      /**< SCTP up */
    hws_time channel_open;    /**< first channel open */
};
void hws_peer_timeline(const struct hws_peer *peer, struct hws_timeline *out);

/** What failed last: a refused description (line and flaw), or why the peer closed. */
struct hws_fault hws_peer_fault(const struct hws_peer *peer);
/** One English sentence for it with the details, NUL-terminated; borrowed, never NULL. */
const char *hws_peer_fault_text(const struct hws_peer *peer);
/** Why the peer is over; HWS_CAUSE_NONE while it is not. */
enum hws_cause hws_peer_cause(const struct hws_peer *peer);
/** Its time is up for the program: end as if the limit of what it waits for had passed, with that
 *  cause. A peer that waits for nothing stays as it is. */
void hws_peer_expire(struct hws_peer *peer, hws_time now);

/** "DTLSv1.3" or "DTLSv1.2"; "none" before the handshake is over. Static text. */
const char *hws_peer_dtls_version(const struct hws_peer *peer);

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_PEER_H */
