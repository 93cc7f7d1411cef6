/*
 * The simulated network: realms (an address space each) joined by NATs of every kind of RFC 4787.
 * It knows where a datagram comes out and from whom it seems to be; time and loss are world.c's.
 *
 *     realm 0: the Internet         host or server -- realm 0
 *        |                          host -- realm 2 -- NAT -- realm 1 -- NAT -- realm 0
 *      NAT 0, inside is realm 1     two hosts in one realm reach each other without a NAT
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <hawser/types.h>

enum {
    SIM_NATS = 5,
    SIM_SOCKETS = 12,
    SIM_MAPPINGS = 80, /* of one NAT; the oldest makes room */
    SIM_OPENED = 80,   /* remote ends that may answer on one mapping; the oldest makes room */
    SIM_INTERNET = 0,  /* realm */
    SIM_NOWHERE = -1,  /* realm of an interface without any route */
};

/* What a mapping, or a filter, depends on (RFC 4787 section 4.1, RFC 4787 section 5). */
enum sim_rule { SIM_ENDPOINT_INDEPENDENT, SIM_ADDRESS_DEPENDENT, SIM_PORT_DEPENDENT };

struct sim_mapping {
    struct hws_address inside, remote; /* remote: whom it was made for, if the rule asks */
    uint16_t port;
    hws_time used_at; /* outbound: RFC 4787 section 4.3 */
    struct hws_address opened[SIM_OPENED];
    hws_time opened_at[SIM_OPENED];
    size_t opened_count;
};

struct sim_nat {
    enum sim_rule mapping, filtering;
    bool hairpin;
    bool blocked; /* lets nothing through */
    hws_time timeout;
    int inside, outside; /* realms */
    struct hws_address addr;
    uint16_t next_port;
    struct sim_mapping mappings[SIM_MAPPINGS];
    size_t mapping_count;
};

enum { SIM_OWNER_SERVER = 2 }; /* beside the sides 0 and 1 */

struct sim_socket {
    int realm, owner;
    struct hws_address addr;
};

struct sim_net {
    struct sim_nat nats[SIM_NATS];
    struct sim_socket sockets[SIM_SOCKETS];
    size_t nat_count, socket_count;
};

/* Where a datagram from this socket to @p to comes out: the index of a socket, or -1 for nowhere.
 * Mappings and filters on its way change. @param[out] out_source  as the receiver sees it */
int sim_route(struct sim_net *net, size_t socket, const struct hws_address *to, hws_time now,
              struct hws_address *out_source);

/* The NAT loses its memory: what it maps from now on has other ports. */
void sim_nat_forget(struct sim_nat *nat);

const char *sim_rule_name(enum sim_rule rule);

#endif /* SIM_NET_H */
