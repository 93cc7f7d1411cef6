/**
 * @file
 * Every capacity of Hawser in one place, each with its reason.
 */
#ifndef HWS_BASE_LIMITS_H
#define HWS_BASE_LIMITS_H

enum {
    /* One UDP payload that we send: 1200 bytes pass every path that browsers use, and
     * RFC 8261 section 5 asks for at most 1200 without path MTU discovery. */
    HWS_DATAGRAM_MAX = 1200,
    /* The same inside what TURN wraps around it (51 bytes at most): IPv6's least MTU less headers
     * of 48 does not hold it all, but a channel's 4 bytes do. Also our biggest STUN message. */
    HWS_DATAGRAM_OUT_MAX = 1280,
    /* One UDP payload that we take: bigger ones are dropped before any parser sees them. */
    HWS_DATAGRAM_IN_MAX = 2048,

    /* Text from the other side. Browsers send 450 to 7000 bytes with audio and video. */
    HWS_DESCRIPTION_MAX = 32 * 1024,
    HWS_CANDIDATE_TEXT_MAX = 1024,
    /* RFC 8839 section 5.4: what we take; we send 4 and 24. */
    HWS_UFRAG_MAX = 256,
    HWS_PWD_MAX = 256,
    HWS_MID_MAX = 64,         /* RFC 5888 section 4 sets none; some stacks send UUIDs */
    HWS_TLS_ID_MAX = 255,     /* RFC 8842 section 4 */
    HWS_MEDIA_MAX = 32,       /* m= sections in one description */
    HWS_FINGERPRINT_LIST = 8, /* a=fingerprint lines kept of one description */

    /* ICE. RFC 8445 section 6.1.2.5 wants a limit of pairs and names 100. */
    HWS_ICE_LOCAL_MAX = 32,
    HWS_ICE_REMOTE_MAX = 64,
    HWS_ICE_PAIR_MAX = 100,
    HWS_ICE_SERVER_MAX = 8, /* STUN servers, and as many TURN servers */
    HWS_ICE_RELAY_MAX = 8,  /* allocations: each takes 20 KB here and a port at a server */
    /* ICE-TCP: connections that the other side can make us try in one generation, and as many that
     * one peer has from elsewhere. Each takes 66 KB when data flows, and a file. */
    HWS_ICE_STREAMS_MAX = 16,
    /* Connections to a loop that have not yet shown a check: the oldest goes for a new one. */
    HWS_STREAMS_UNKNOWN_MAX = 64,

    /* Multicast DNS: names of remote candidates being looked up for all peers of a loop, and the
     * names that stand for our own addresses. */
    HWS_MDNS_ASKED_MAX = 64,
    HWS_MDNS_OWN_MAX = 16,

    /* Queues between the layers, in packets. A full one drops its oldest (ICE, DTLS). */
    HWS_ICE_QUEUE = 64,
    HWS_DTLS_QUEUE = 64,

    /* DTLS. A handshake message longer than this is refused unseen: the longest real one is a
     * ClientHello of 1.5 KB or a chain of certificates. With its headers it fits one record. */
    HWS_HANDSHAKE_MAX = 16 * 1024,
    /* Our own certificate, which must fit one handshake message with room to spare: a fresh one has
     * 350 bytes, one of a public authority 1 to 3 KB, with a hundred names in it 6 KB. */
    HWS_CERTIFICATE_MAX = 8 * 1024,
    HWS_PEM_MAX = 64 * 1024,   /* text of a certificate and a chain, or of a key */
    HWS_HELLO_MAX = 16 * 1024, /* a ClientHello put together, with its header */
    HWS_HELLO_FRAGMENTS = 64,  /* pieces of it (CVE-2022-29189) */
    HWS_DTLS_HOLD = 8,         /* datagrams that come before we start, or before our keys do */
    HWS_DTLS_PLAIN_HOLD = 64,  /* records that wait for the fingerprint or for the reader */

    /* Channels. Browsers ask for 65535 streams. An association takes 5 KB and 105 bytes a stream,
     * with a peer that interleaves 40 more: 45 KB for 256, 155 KB for 1024, 9.5 MB for 65535. */
    HWS_STREAMS_DEFAULT = 256,
    HWS_CHANNELS_DEFAULT = 1024, /* at a time, if there are as many streams */
    HWS_SCTP_PORT = 5000,        /* what every stack announces (RFC 8841 section 5) */
    HWS_LABEL_MAX = 65535,
    HWS_LABEL_TOTAL_MAX = 1024 * 1024, /* labels and protocols of all: names, not storage */
    HWS_OPENS_A_SECOND = 100,          /* by the other side, after it has filled the table once */
    /* Messages that wait, of one channel and of all: each takes some 50 bytes beside its own. */
    HWS_WAITING_MAX = 16 * 1024,
    HWS_WAITING_TOTAL_MAX = 64 * 1024,
    HWS_MESSAGE_MAX_DEFAULT = 256 * 1024, /* a=max-message-size that we announce by default */
    /* What a program may ask for: one message of each peer is put together in memory. */
    HWS_MESSAGE_LIMIT = 16 * 1024 * 1024,
    HWS_SEND_BUFFER = 1024 * 1024,     /* bytes of one channel waiting to be sent */
    HWS_SEND_TOTAL = 16 * 1024 * 1024, /* of all channels */
    HWS_RECEIVE_BUFFER = 1024 * 1024,

    /* SCTP. A burst after one input is at most what the congestion window lets out; when this is
     * full usrsctp keeps the rest. Blocks of 16 KiB: 14 packets each, 900 in all. */
    HWS_SCTP_QUEUE_BLOCKS = 64,
    /* Unacknowledged messages of one association: each costs usrsctp about 500 bytes beside its
     * own, which a buffer counted in bytes would not see. */
    HWS_SCTP_MESSAGES_MAX = 16384,
    /* Chunks of one association that nobody has read: usrsctp takes some 500 bytes for each beside
     * its own, which the receive window would not see. This many, and what the window is worth in
     * chunks of 1 KiB. */
    HWS_SCTP_UNREAD_MAX = 16384,
    /* Messages and pieces kept while interleaved messages are put together (RFC 8260 section 2):
     * usrsctp takes nothing that is more than 4096 TSNs ahead, and a sane sender has no more
     * messages open. */
    HWS_SCTP_HELD_MAX = 16384,
    /* ... and their bytes, what they cost to keep included: 4 times the longest message and this.
     * A sender keeps what is not acknowledged, so it is its buffer that fills ours. */
    HWS_SCTP_HELD_BYTES = 16 * 1024 * 1024,
    /* Unsent data in SCTP beside what the network carries: more would make a small message on
     * another channel wait. 16 KiB keep a slow start going. */
    HWS_SCTP_DEPTH_MIN = 16 * 1024,
    /* Ports 1024 to 65535 name the associations of a process to usrsctp. */
    HWS_SCTP_ASSOCIATIONS_MAX = 60000,
};

_Static_assert(HWS_DATAGRAM_MAX <= HWS_DATAGRAM_IN_MAX, "we must be able to read what we send");
_Static_assert(HWS_SEND_BUFFER >= 2 * HWS_MESSAGE_MAX_DEFAULT, "two messages must fit");

#endif /* HWS_BASE_LIMITS_H */
