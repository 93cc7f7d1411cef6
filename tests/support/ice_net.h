/**
 * @file
 * A network in memory and in virtual time for tests of the ICE agent: sites with addresses, NATs,
 * STUN servers, delay, loss, jitter, and a signalling channel between two sites. The same seed
 * gives the same run, bit by bit: see trace.
 */
#ifndef TESTS_SUPPORT_ICE_NET_H
#define TESTS_SUPPORT_ICE_NET_H

#include "ice/ice.h"
#include "support/turn_server.h"

enum { NET_SITES = 2, NET_ADDRS = 4, NET_SERVERS = 4, NET_MAPPINGS = 64, NET_QUEUE = 8192 };

enum net_nat {
    NET_NAT_NONE,
    NET_NAT_CONE,       /* one mapping for all, open to all */
    NET_NAT_RESTRICTED, /* one mapping for all, open to whom we sent */
    NET_NAT_SYMMETRIC,  /* one mapping for each remote address, open to that one */
};

struct net_mapping {
    struct hws_address inside, outside, remote; /* remote: of a symmetric one */
    struct hws_address opened[32];              /* to whom we sent */
    size_t opened_count;
};

struct net;

struct net_site {
    struct net *net;
    struct hws_ice *ice;
    uint64_t random;
    struct hws_address addrs[NET_ADDRS];
    size_t addr_count;
    bool named; /* its candidates reach the other side as if they had been names */
    enum net_nat nat;
    struct hws_address nat_addr; /* public IP, port ignored */
    struct net_mapping mappings[NET_MAPPINGS];
    size_t mapping_count;

    hws_time selected_at, nominated_at, failed_at, expired_at, local_end_at; /* -1: never */
    unsigned selected_count, candidate_count, srflx_count;
    struct hws_candidate candidates[40]; /* the last generation's */
    unsigned server_failures;
    struct hws_fault server_fault; /* of the last one */
    unsigned relayed_in;           /* packets that came through a relay of ours */
    unsigned host_in;              /* ... and past it */
    uint64_t packets_out, bytes_out, bytes_in;
    hws_time last_out_at;
};

struct net_item {
    hws_time at;
    uint64_t order;
    int site; /* that gets it */
    enum { NET_PACKET, NET_CANDIDATE, NET_END, NET_REMOTE } kind;
    struct hws_address local, remote;
    struct hws_candidate *candidate;
    uint8_t bytes[700];
    size_t len;
    char ufrag[HWS_UFRAG_MAX + 1], pwd[HWS_PWD_MAX + 1];
};

struct net {
    hws_time now;
    uint64_t random;
    struct net_site sites[NET_SITES];
    struct hws_address servers[NET_SERVERS];
    size_t server_count;
    struct turn_server *turns[NET_SERVERS]; /* of the test */
    size_t turn_count;
    hws_time delay, jitter; /* one way; jitter is added, so it reorders */
    hws_time signal_delay;
    unsigned loss_percent;
    bool trickle;         /* candidates go to the other site as they come */
    bool lite[NET_SITES]; /* tell the other site that this one is lite */
    /* Look at, change or drop (false) what a site sends, before NAT and loss. */
    bool (*tap)(void *user, int from, const struct hws_datagram *sent);
    void *tap_user;
    struct net_item **queue;
    size_t queue_count;
    uint64_t order;
    uint32_t trace; /* checksum over everything that was sent, with its time */
    bool saw_busy;  /* a tick left a deadline that was due already */
};

struct hws_address net_addr(const char *ip, uint16_t port);

void net_init(struct net *net, uint64_t seed);
void net_fini(struct net *net);
/** Make the agent of a site; @p config may be NULL, its random is replaced. */
void net_site_start(struct net *net, int site, bool controlling,
                    const struct hws_ice_config *config);
void net_site_addr(struct net *net, int site, const char *ip, uint16_t port);
void net_site_nat(struct net *net, int site, enum net_nat nat, const char *public_ip);
void net_server(struct net *net, const char *ip, uint16_t port); /* a STUN server that answers */

/** A TURN server, and what a site needs to use it. */
void net_turn(struct net *net, struct turn_server *server);
void net_site_turn(struct net *net, int site, const struct turn_server *server);

/** Hand the credentials of @p from to the other site, over the signalling channel. */
void net_describe(struct net *net, int from);
/** Everything that a plain call does: local addresses, ends, descriptions of both. */
void net_call(struct net *net);

/** Put a datagram on the wire towards @p site, as if it came from anywhere. */
void net_inject(struct net *net, int site, const struct hws_address *local,
                const struct hws_address *remote, struct hws_bytes bytes, hws_time delay);

void net_drain(struct net *net);
void net_run(struct net *net, hws_time until);
/** Run until both sites have selected a path, or until then. */
bool net_run_connected(struct net *net, hws_time until);

uint64_t net_random(uint64_t *state);

#endif /* TESTS_SUPPORT_ICE_NET_H */
