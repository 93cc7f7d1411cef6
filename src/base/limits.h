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
    HWS_MEDIA_MAX = 32,       /* m= sections in one description */
    HWS_FINGERPRINT_LIST = 8, /* a=fingerprint lines kept of one description */

    /* ICE. RFC 8445 section 6.1.2.5 wants a limit of pairs and names 100. */
    HWS_ICE_LOCAL_MAX = 32,
    HWS_ICE_REMOTE_MAX = 64,
    HWS_ICE_PAIR_MAX = 100,
    HWS_ICE_SERVER_MAX = 8, /* STUN servers, and as many TURN servers */
    HWS_ICE_RELAY_MAX = 8,  /* allocations: each takes 20 KB here and a port at a server */

    /* Queues between the layers, in packets. A full one drops its oldest (ICE, DTLS). */
    HWS_ICE_QUEUE = 64,
    HWS_DTLS_QUEUE = 64,

    /* DTLS. A handshake message longer than this is refused unseen: the longest real one is a
     * ClientHello of 1.5 KB or a chain of certificates. With its headers it fits one record. */
    HWS_HANDSHAKE_MAX = 16 * 1024,
    HWS_HELLO_MAX = 16 * 1024, /* a ClientHello put together, with its header */
    HWS_HELLO_FRAGMENTS = 64,  /* pieces of it (CVE-2022-29189) */
    HWS_DTLS_HOLD = 8,         /* datagrams that come before we start, or before our keys do */
    HWS_DTLS_PLAIN_HOLD = 64,  /* records that wait for the fingerprint or for the reader */

    /* Channels. Browsers ask for 65535 streams; usrsctp takes 112 KB for 1024. */
    HWS_CHANNEL_MAX = 1024,
    HWS_STREAMS_DEFAULT = 256,
    HWS_LABEL_MAX = 65535,
    HWS_MESSAGE_MAX_DEFAULT = 256 * 1024, /* a=max-message-size that we announce by default */
    HWS_SEND_BUFFER = 1024 * 1024,        /* bytes of one association waiting to be sent */
    HWS_RECEIVE_BUFFER = 1024 * 1024,

    /* SCTP. A burst after one input is at most what the congestion window lets out; when this is
     * full usrsctp keeps the rest. Blocks of 16 KiB: 14 packets each, 900 in all. */
    HWS_SCTP_QUEUE_BLOCKS = 64,
    /* Unacknowledged messages of one association: each costs usrsctp about 500 bytes beside its
     * own, which a buffer counted in bytes would not see. */
    HWS_SCTP_MESSAGES_MAX = 16384,
    /* Ports 1024 to 65535 name the associations of a process to usrsctp. */
    HWS_SCTP_ASSOCIATIONS_MAX = 60000,
};

_Static_assert(HWS_DATAGRAM_MAX <= HWS_DATAGRAM_IN_MAX, "we must be able to read what we send");
_Static_assert(HWS_SEND_BUFFER >= 2 * HWS_MESSAGE_MAX_DEFAULT, "two messages must fit");

#endif /* HWS_BASE_LIMITS_H */
