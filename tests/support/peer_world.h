/*
 * Two or more peers in one process, in virtual time: a network with delay, loss and reordering
 * from a seed, and signalling that delivers in order. No socket, no sleep, no thread.
 */
#ifndef SUPPORT_PEER_WORLD_H
#define SUPPORT_PEER_WORLD_H

#include "support/turn_server.h"

#include <hawser/peer.h>

enum { WORLD_PEERS = 12, WORLD_EVENTS = 512, WORLD_STREAMS = 64 };

struct world_event {
    enum hws_event_kind kind;
    struct hws_channel channel;
    struct hws_fault fault;
};

struct world_peer {
    struct hws_peer *peer;
    struct world_peer *remote;      /* where signals go */
    struct hws_address addr, other; /* other: by world_add_other(), else none */
    struct hws_address passive;     /* it listens there, or none */
    bool cut, other_cut;            /* what leaves from or goes to this address vanishes */
    struct world_event events[WORLD_EVENTS];
    size_t event_count;
    size_t message_count, message_bytes; /* received */
    uint32_t message_sum;                /* of all bytes, by position */
    struct hws_channel channel;          /* first channel that opened or came in */
    /* Sees every event, while what it borrows is valid; may be NULL. */
    void (*on_event)(struct world_peer *peer, const struct hws_event *event);
    bool echo;         /* send every message back */
    bool deaf;         /* leave events alone: the application sleeps */
    bool mute;         /* its datagrams vanish, both ways: a cut cable */
    size_t past_relay; /* datagrams that it sent elsewhere than to the relay */
    bool polite;       /* takes its own offer back when another one comes */
    uint8_t *back;     /* echoes that did not fit yet */
    size_t back_len, back_cap;
    enum hws_message_kind last_kind;
    uint8_t last[256 * 1024]; /* last message received, if it is not longer */
    size_t last_len;
};

/* A connection of ICE-TCP: loses nothing, keeps the order, and ends for both. */
struct world_stream {
    bool open;
    struct world_peer *ends[2];   /* who made it, who took it */
    struct hws_address local[2];  /* as each end knows its own: port 9, the listener's */
    struct hws_address remote[2]; /* and the other: the listener's, port 49152 and up */
    hws_time last[2];             /* when what was sent last to this end arrives */
};

struct world {
    hws_time now;
    hws_time delay; /* one way */
    hws_time signal_delay;
    unsigned loss_percent;
    hws_time jitter; /* extra delay of up to this much: reorders */
    uint64_t seed;
    struct hws_sctp_stack *stack;
    struct hws_identity *identity;
    struct hws_log log;
    struct world_peer peers[WORLD_PEERS];
    size_t peer_count;
    struct flight *flights; /* in the air, sorted by arrival */
    size_t datagrams, datagram_max;
    /* Sees every signal that leaves, and may change its text; @p cap bytes are there, and a NUL. */
    void (*edit)(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap);
    struct turn_server *relay;          /* of the test; NULL = none */
    const struct hws_turn_server *turn; /* what world_add() tells a peer of it; NULL = nothing */
    const char *needle;                 /* to be looked for in signals */
    unsigned needle_count;
    bool no_udp;                  /* UDP vanishes */
    bool tcp_active, tcp_passive; /* what a peer with ice_tcp gets when it is added */
    struct world_stream streams[WORLD_STREAMS];
    size_t stream_count, streams_refused; /* made so far; and asked for where nobody listens */
    bool spoil_fingerprint;               /* break the fingerprint in passing descriptions */
};

void world_init(struct world *world, uint64_t seed);
void world_fini(struct world *world);

struct world_peer *world_add(struct world *world, const struct hws_peer_config *config);
/* Another address of this peer, at its other network. */
void world_add_other(struct world *world, struct world_peer *peer);
/* All connections end, and both ends hear of it. */
void world_end_streams(struct world *world);
size_t world_streams_open(const struct world *world);
void world_pair(struct world_peer *a, struct world_peer *b);

/* Move on until @p done says so, or @p limit of virtual time has passed; true if done. */
bool world_run(struct world *world, hws_time limit, bool (*done)(struct world *world));
/* Move on for exactly this long. */
void world_pass(struct world *world, hws_time duration);

bool world_saw(const struct world_peer *peer, enum hws_event_kind kind);
size_t world_count(const struct world_peer *peer, enum hws_event_kind kind);

#endif /* SUPPORT_PEER_WORLD_H */
