/**
 * @file
 * What a peer has done so far, in the spirit of the W3C's getStats(): counters and measurements.
 *
 * Everything is a plain value that a call fills in: nothing is allocated, nothing is kept, and what
 * is not asked for costs the counters alone. Counters begin at 0 with the peer and never go back.
 * Moments are on the clock of the inputs; times and moments are microseconds, 0 = not known yet.
 * Text is static unless it says otherwise, and never NULL.
 */
#ifndef HAWSER_STATS_H
#define HAWSER_STATS_H

#include <hawser/event.h>
#include <hawser/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hws_peer;

/** One candidate pair (RFC 8445 section 6.1.2). Counters begin anew when the pair is made. */
struct hws_pair_stats {
    struct hws_address local, remote;     /**< both of UDP, or both of TCP */
    const char *local_type, *remote_type; /**< "host", "srflx", "prflx", "relay" */
    const char *state;  /**< "frozen", "waiting", "in_progress", "succeeded" or "failed" */
    bool selected;      /**< it carries data */
    bool nominated;     /**< and both sides have settled on it */
    uint64_t priority;  /**< RFC 8445 section 6.1.2.3; 0 for a path from before an ICE restart */
    hws_time rtt;       /**< last measured round trip */
    hws_time rtt_total; /**< sum of all of them */
    uint32_t rtt_count; /**< how many there were: what was sent twice measures nothing */
    uint32_t checks_sent, checks_retransmitted; /**< ours: begun, and sent once more */
    uint32_t checks_received;                   /**< the other side's, consent included */
    uint32_t responses_sent, responses_received;
    uint32_t consent_sent; /**< consent requests of ours (RFC 7675 section 5.1) */
    hws_time consented_at; /**< when the other side last proved that it wants our data */
};

/** One peer as a whole. */
struct hws_peer_stats {
    const char *state; /**< "new", "connecting", "connected" or "closed" */

    /** UDP payloads, all of them: STUN and DTLS. Bytes are without the IP and UDP headers. */
    struct {
        uint64_t datagrams_sent, datagrams_received; /**< received: before any of them is dropped */
        uint64_t bytes_sent, bytes_received;
        uint64_t dropped_format;   /**< empty, too long, or neither STUN nor DTLS */
        uint64_t dropped_stranger; /**< DTLS of somebody whom no check has proven */
        uint64_t dropped_closed;   /**< came when the peer was over */
    } wire;

    /** All pairs together, those of earlier generations included, and requests to servers. */
    struct {
        const char *role; /**< "controlling" or "controlled" */
        uint32_t local_candidates, remote_candidates;
        uint32_t pairs, pairs_succeeded, pairs_failed; /**< now; see hws_peer_pairs() */
        uint64_t checks_sent, checks_retransmitted, checks_received;
        uint64_t responses_sent, responses_received;
        uint64_t refusals_sent; /**< error responses of ours */
        uint64_t consent_sent;
        uint64_t dropped_malformed;  /**< not STUN after all, or not as a check has to be */
        uint64_t dropped_integrity;  /**< wrong credentials */
        uint64_t dropped_unexpected; /**< answers nothing that was asked, or comes too late */
        uint64_t dropped_refused;    /**< a check that we cannot agree to, or a misplaced answer */
        uint64_t dropped_unsent;     /**< of ours: the queue to the network was full */
    } ice;

    bool has_path;
    struct hws_pair_stats path; /**< the selected pair, with @c has_path */

    /** Kept when DTLS is over. */
    struct {
        const char *role;          /**< "client", "server"; "none" before there is DTLS */
        const char *version;       /**< "DTLSv1.3", "DTLSv1.2"; "none" before it is up */
        const char *suite, *group; /**< such as "X25519"; "none" before it is up */
        hws_time handshake;        /**< how long it took, from the first valid pair on */
        uint64_t flights_resent;   /**< of the handshake */
        uint64_t datagrams_sent, datagrams_received; /**< received: of use or not */
        uint64_t bytes_sent, bytes_received;
        uint64_t dropped_malformed;  /**< datagrams that are not whole records */
        uint64_t dropped_integrity;  /**< records that are not the peer's */
        uint64_t dropped_replay;     /**< records that came before, or too late to tell */
        uint64_t dropped_unexpected; /**< records that are not acceptable at that stage */
        uint64_t dropped_full;       /**< fell out of a queue of ours */
    } dtls;

    /** Kept when SCTP is over. */
    struct {
        uint64_t packets_sent, packets_received;   /**< received: those that keep the rules */
        uint64_t bytes_sent, bytes_received;       /**< of whole packets */
        uint64_t messages_sent, messages_received; /**< of SCTP: those of DCEP included */
        uint64_t message_bytes_sent, message_bytes_received;
        uint64_t chunks_sent, chunks_resent; /**< of data: in all, and those sent once more */
        uint64_t chunks_received;            /**< of data, duplicates included */
        uint64_t dropped_malformed;          /**< packets that break a rule of SCTP */
        uint64_t dropped_unexpected;         /**< packets before the association, or after it */
        uint64_t dropped_unsent;     /**< of ours: the queue was full; SCTP sends them again */
        uint64_t messages_abandoned; /**< had begun to arrive when the other side gave them up */
        size_t congestion_window;    /**< bytes */
        size_t peer_window;          /**< bytes that the other side can take */
        size_t buffered;             /**< bytes of messages taken and not acknowledged */
        size_t mtu;                  /**< bytes of the biggest packet */
        hws_time rtt;                /**< smoothed round trip (RFC 9260 section 6.3.1) */
        hws_time rto;                /**< time after which a packet counts as lost */
        uint16_t streams_out, streams_in; /**< as negotiated */
        bool interleaving;                /**< I-DATA (RFC 8260 section 2.1) is in use */
    } sctp;

    struct {
        uint64_t opened;   /**< by us, and acknowledged by the other side, or negotiated */
        uint64_t accepted; /**< opened by the other side */
        uint64_t refused;  /**< opened by the other side against the rules, or one too many */
        uint64_t closed;   /**< were opened or accepted, and are gone */
        uint64_t messages_sent, messages_received; /**< of all channels, as the program counts */
        uint64_t bytes_sent, bytes_received;
        uint64_t expired; /**< messages taken and dropped before they were sent: too old */
        size_t buffered;  /**< bytes of hws_peer_buffered() */
    } channels;
};

/** One channel. */
struct hws_channel_stats {
    struct hws_channel channel;
    struct hws_bytes label, protocol; /**< borrowed until the next call on the peer */
    const char *state; /**< "connecting", "open", "closing" or "closed", as in a browser */
    bool has_id;       /**< the id is known once the DTLS roles are */
    uint16_t id;
    uint64_t messages_sent; /**< taken by hws_peer_send() */
    uint64_t messages_received;
    uint64_t bytes_sent, bytes_received;
    uint64_t expired; /**< of those taken: dropped before they were sent, being too old */
    size_t buffered;  /**< bytes that wait: hws_peer_channel_buffered() */
};

/** Legal in every state, also when the peer is over. */
void hws_peer_stats(const struct hws_peer *peer, struct hws_peer_stats *out);

/** Fill in up to @p cap of the candidate pairs there are now. @return how many there are */
size_t hws_peer_pairs(const struct hws_peer *peer, struct hws_pair_stats *out, size_t cap);

/** Fill in up to @p cap of the channels there are now. @return how many there are */
size_t hws_peer_channels(const struct hws_peer *peer, struct hws_channel_stats *out, size_t cap);

/** One channel. False for one that is gone: @p out is not touched. */
bool hws_peer_channel_stats(const struct hws_peer *peer, struct hws_channel channel,
                            struct hws_channel_stats *out);

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_STATS_H */
