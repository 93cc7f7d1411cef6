/**
 * @file
 * One SCTP association over DTLS (RFC 8261 section 4) without I/O: packets in and out, messages in
 * and out by stream and payload protocol id. Knows no channel: DCEP is dcep.h, channels are peer/.
 *
 * usrsctp is one instance per process: struct hws_sctp_stack. All associations of a stack belong to
 * one thread, and time moves for all of them at once: any association's tick runs the timers of the
 * stack. What a timer makes another association send waits in that one's queue for its own turn,
 * and its deadline says that the turn is due.
 *
 * Memory of one association: 5 KB and 105 bytes a stream, 145 with a peer that interleaves: 12 KB
 * with 16 streams, 45 KB with 256, 155 KB with 1024, 9.5 MB with 65535. When busy, up to twice
 * send_buffer and receive_buffer inside usrsctp, 500 bytes for each of HWS_SCTP_UNREAD_MAX chunks
 * that nobody reads, receive_max for the message that is put together here, 1 MiB of packets that
 * wait to be taken, and with a peer that interleaves (RFC 8260 section 2) HWS_SCTP_HELD_BYTES and
 * four times receive_max.
 */
#ifndef HWS_SCTP_SCTP_H
#define HWS_SCTP_SCTP_H

#include "base/log.h"
#include "sctp/dcep.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_sctp_stack; /* declared for users in hawser/peer.h */
struct hws_sctp;

struct hws_sctp_config {
    struct hws_log log;
    uint16_t local_port, remote_port; /**< as in the two descriptions (RFC 8841 section 5) */
    size_t mtu;                       /**< biggest SCTP packet, common header included; 0 = 1151 */
    uint16_t streams;                 /**< each way; 0 = HWS_STREAMS_DEFAULT */
    size_t receive_max;               /**< biggest message taken; 0 = HWS_MESSAGE_MAX_DEFAULT */
    size_t send_buffer; /**< biggest message sent; 0 = HWS_SEND_BUFFER, or receive_max if longer */
    size_t receive_buffer; /**< 0 = HWS_RECEIVE_BUFFER */
    hws_time rtt;          /**< measured on the path: it times the first packets; 0 = not known */
    bool no_interleaving;  /**< do not offer I-DATA (RFC 8260 section 2) */
};

/**
 * @retval HWS_ERR_ARGUMENT  a port is 0, the MTU is not in 524 to 2048, or a size is over 64 MiB
 * @retval HWS_ERR_FULL      60000 associations live in the process
 * @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_LIBRARY
 */
HWS_MUST_USE enum hws_err hws_sctp_new(struct hws_sctp_stack *stack,
                                       const struct hws_sctp_config *config, struct hws_sctp **out);
void hws_sctp_free(struct hws_sctp *sctp); /**< accepts NULL; what next_packet held is lost */

/** Both sides connect (RFC 8841 section 9.3). Messages may be sent from now on: they go out with
 *  the last step of the handshake. @retval HWS_ERR_STATE @retval HWS_ERR_LIBRARY */
HWS_MUST_USE enum hws_err hws_sctp_connect(struct hws_sctp *sctp, hws_time now);

/** One SCTP packet; checked before usrsctp sees it (chunk types, lengths, ports, tags).
 *  @retval HWS_ERR_UNEXPECTED  before connect or after the end: dropped
 *  @retval HWS_ERR_FULL        too much waits to be read (HWS_SCTP_UNREAD_MAX): dropped
 *  @retval HWS_ERR_MALFORMED and others of hws_sctp_check_packet(): dropped, nothing changed */
HWS_MUST_USE enum hws_err hws_sctp_feed(struct hws_sctp *sctp, struct hws_bytes packet,
                                        hws_time now);
void hws_sctp_tick(struct hws_sctp *sctp, hws_time now);
/** HWS_NEVER too for an association that is up and has had nothing to do for a while. */
hws_time hws_sctp_deadline(const struct hws_sctp *sctp);

/** Next packet with its CRC-32C; borrowed until the next call on the association. Taking events
 *  may make packets too (the window opens), so take packets last, or again. */
bool hws_sctp_next_packet(struct hws_sctp *sctp, struct hws_bytes *out);

/** One message to send. Borrowed for the call. */
struct hws_sctp_message {
    uint16_t stream;
    uint32_t ppid; /**< host order */
    bool unordered;
    enum hws_reliability reliability;
    uint32_t reliability_value; /**< retransmissions or milliseconds */
    struct hws_bytes data;      /**< 1 byte at least */
};

/** Queue a whole message or nothing. Only as much is taken as keeps the network busy, about twice
 *  the congestion window: a message of any size when less than that waits or flies, and then no
 *  more. What has to wait waits with the caller, who knows whose turn it is.
 *  @retval HWS_ERR_FULL   no room now: HWS_SCTP_WRITABLE follows
 *  @retval HWS_ERR_STATE  not connecting and not up, or the stream is being reset
 *  @retval HWS_ERR_TOO_BIG    over send_buffer
 *  @retval HWS_ERR_ARGUMENT  no data, or a stream out of range */
HWS_MUST_USE enum hws_err hws_sctp_send(struct hws_sctp *sctp, const struct hws_sctp_message *msg,
                                        hws_time now);

/** Reset our outgoing side of a stream after what is queued on it (RFC 6525 section 5.1.2); done
 *  when HWS_SCTP_RESET_SENT comes. Waits by itself while another reset is in progress or the
 *  handshake is not over. A peer that refuses eight times in a row is not asked again.
 *  @retval HWS_ERR_STATE  @retval HWS_ERR_ARGUMENT  a stream out of range */
HWS_MUST_USE enum hws_err hws_sctp_reset(struct hws_sctp *sctp, uint16_t stream, hws_time now);

/** ABORT, now; legal in every state, twice is no error. Take the packet afterwards; there are no
 *  more events. */
void hws_sctp_abort(struct hws_sctp *sctp, hws_time now);

enum hws_sctp_event_kind {
    HWS_SCTP_UP,             /**< established */
    HWS_SCTP_MESSAGE,        /**< a complete message: the fields below */
    HWS_SCTP_RESET_RECEIVED, /**< the peer reset its outgoing side of @c stream */
    HWS_SCTP_RESET_SENT,     /**< ours is done: the peer has confirmed it */
    HWS_SCTP_WRITABLE,       /**< room again after HWS_ERR_FULL */
    HWS_SCTP_DOWN,           /**< gone; see hws_sctp_fault() */
};

struct hws_sctp_event {
    enum hws_sctp_event_kind kind;
    uint16_t stream;
    uint32_t ppid;
    struct hws_bytes data; /**< borrowed until the next hws_sctp_next_event(), abort or free */
};

/** Messages are left inside SCTP until they are asked for here, so that the receive window does
 *  its work; what was received before the end comes before HWS_SCTP_DOWN. */
bool hws_sctp_next_event(struct hws_sctp *sctp, struct hws_sctp_event *out);

/** Is there room again after HWS_ERR_FULL? True once, as HWS_SCTP_WRITABLE would be told once, but
 *  without taking the messages before it: a reader that pauses may go on writing. */
bool hws_sctp_take_writable(struct hws_sctp *sctp);

/** CLOSED (peer aborted, shut down or started over), TIMEOUT (retransmissions used up), REFUSED,
 *  TOO_BIG (a message over receive_max), MALFORMED (the peer broke the protocol); @c foreign is
 *  the cause code of the ABORT (RFC 9260 section 3.3.10). */
struct hws_fault hws_sctp_fault(const struct hws_sctp *sctp);

/** Bytes handed to send and not yet acknowledged by the peer. */
size_t hws_sctp_buffered(const struct hws_sctp *sctp);
uint16_t hws_sctp_streams(const struct hws_sctp *sctp); /**< outgoing, as negotiated */

/** Counters since hws_sctp_new(), and what is known now; what is not known is 0. */
struct hws_sctp_stats {
    uint64_t packets_sent,
        bytes_sent; /**< whole SCTP packets, as hws_sctp_next_packet() gave them */
    uint64_t packets_received, bytes_received;  /**< likewise, those that passed the check */
    uint64_t messages_sent, message_bytes_sent; /**< accepted by hws_sctp_send() */
    uint64_t messages_received, message_bytes_received; /**< told as HWS_SCTP_MESSAGE */
    uint64_t chunks_sent;                               /**< of data, with those sent again */
    uint64_t chunks_resent;                             /**< of those: sent again */
    uint64_t chunks_received;                           /**< of data, duplicates included */
    uint64_t dropped_malformed;  /**< inbound packets that break a rule, are cut off or unknown */
    uint64_t dropped_unexpected; /**< inbound ones before connect, after the end, or unread */
    uint64_t dropped_queue_full; /**< outbound packets that found no room; sent again later */
    uint64_t messages_abandoned; /**< inbound ones that had begun when the peer gave them up */
    size_t unacknowledged;       /**< bytes of messages accepted and not acknowledged */
    size_t congestion_window, peer_window; /**< bytes */
    size_t mtu;                            /**< biggest SCTP packet, bytes */
    hws_time round_trip;                   /**< smoothed, microseconds */
    hws_time retransmission_timeout;       /**< microseconds */
    uint16_t streams_out, streams_in;      /**< as negotiated */
    bool interleaving;                     /**< I-DATA is in use (RFC 8260 section 2) */
};

void hws_sctp_stats(const struct hws_sctp *sctp, struct hws_sctp_stats *out);

/* The check of every inbound packet (packet_check.c), pure and fuzzed on its own. */
struct hws_sctp_ports {
    uint16_t local, remote;
};
/**
 * @retval HWS_ERR_TRUNCATED    the header or a chunk runs past the end
 * @retval HWS_ERR_MALFORMED    length, order, port, tag or parameter breaks a rule
 * @retval HWS_ERR_UNSUPPORTED  a chunk type that data channels do not use
 */
HWS_MUST_USE enum hws_err hws_sctp_check_packet(struct hws_bytes packet,
                                                const struct hws_sctp_ports *ports);

#endif /* HWS_SCTP_SCTP_H */
