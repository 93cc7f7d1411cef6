/* The ready-made loop: epoll around any number of peers. It decides nothing about WebRTC. */
#include "base/address.h"
#include "dtls/dtls.h"
#include "io/clock.h"
#include "io/interfaces.h"
#include "io/names.h"
#include "io/resolve.h"
#include "io/routes.h"
#include "io/udp.h"

#include <hawser/loop.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    READY_MAX = 64,         /* epoll events of one turn */
    RECEIVE_BATCHES = 8,    /* batches taken from one socket before the others get a turn */
    SOCKET_MAX = 8,         /* addresses of this host that one peer uses */
    FINGERPRINT_TEXT = 110, /* "sha-256 " and 32 times "XX:" */
};

#define SLEEP_MAX HWS_SEC(86400) /* epoll counts milliseconds in an int; waking early is no harm */

/* One UDP socket of one peer, or of the loop. Epoll hands back a pointer to it. */
struct port {
    struct member *member; /* NULL: all peers share it, or it is one of multicast DNS */
    bool of_names;
    struct hws_address addr;
    int fd;
    bool blocked;             /* the system takes no more now: we wait for EPOLLOUT */
    struct hws_routes routes; /* of a shared one */
};

/* One peer with its sockets. */
struct member {
    struct member *next;
    struct hws_peer *peer;
    void *user;
    struct port ports[SOCKET_MAX];
    size_t port_count;
    struct hws_datagram held[HWS_UDP_BATCH]; /* on their way out */
    size_t held_first, held_count;
    uint8_t (*kept)[HWS_DATAGRAM_MAX]; /* owned; copies of those that a full socket refused */
    bool gathering;                    /* STUN servers are still being looked up for it */
};

struct server {
    struct hws_stun_url url;
    struct hws_lookup *lookup; /* NULL when the answer has been taken */
    struct hws_address found[HWS_RESOLVED_MAX];
    size_t found_count;
};

struct hws_loop {
    struct hws_log log;
    struct hws_sctp_stack *stack;
    struct hws_identity *made;           /* owned; NULL when the program brought its own */
    const struct hws_identity *identity; /* in use */
    bool loopback, hide_addresses;
    struct hws_interface_filter interfaces;
    uint16_t port, port_min, port_max;
    struct port shared[SOCKET_MAX]; /* with a port for all */
    size_t shared_count;
    struct hws_names names;
    struct port name_ports[HWS_MDNS_FAMILIES];
    int epoll, wakeup;
    struct member *members, *cursor; /* cursor: whose turn it is in hws_loop_next() */
    struct server servers[HWS_ICE_SERVER_MAX];
    size_t server_count;
    uint32_t peer_serial;
    char fingerprint[FINGERPRINT_TEXT];
    struct hws_udp_batch batch;
};

/* ---- Servers */

static void wake(void *user)
{
    hws_loop_wake(user);
}

static enum hws_err add_servers(struct hws_loop *loop, const struct hws_loop_config *config,
                                const char **out_reason)
{
    if (config->ice_server_count > HWS_ICE_SERVER_MAX) {
        *out_reason = "too many ICE servers: 8 at most";
        return HWS_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < config->ice_server_count; i++) {
        struct server *server = &loop->servers[i];
        enum hws_err err = hws_stun_url_read(config->ice_servers[i], &server->url, out_reason);

        if (err) return err;
        *out_reason = "a name cannot be looked up: no memory or no thread";
        err = hws_lookup_start(&server->url, wake, loop, &server->lookup);
        if (err) return err;
        loop->server_count++;
    }
    return HWS_OK;
}

static void take_lookups(struct hws_loop *loop)
{
    for (size_t i = 0; i < loop->server_count; i++) {
        struct server *server = &loop->servers[i];

        if (!server->lookup) continue;
        if (!hws_lookup_done(server->lookup, server->found, &server->found_count)) continue;
        if (server->found_count == 0) {
            HWS_LOG(&loop->log, HWS_LOG_WARN, hws_clock_now(), "io", "server.unknown", "host=%s",
                    server->url.host);
        }
        hws_lookup_free(server->lookup);
        server->lookup = NULL;
    }
}

static bool all_looked_up(const struct hws_loop *loop)
{
    for (size_t i = 0; i < loop->server_count; i++) {
        if (loop->servers[i].lookup) return false;
    }
    return true;
}

/* Candidates of the host are on their way already; only the end of gathering waits for names. */
static void give_servers(struct hws_loop *loop, struct member *member, hws_time now)
{
    if (!member->gathering || !all_looked_up(loop)) return;
    for (size_t i = 0; i < loop->server_count; i++) {
        for (size_t k = 0; k < loop->servers[i].found_count; k++) {
            if (hws_peer_add_stun(member->peer, &loop->servers[i].found[k], now) != HWS_OK) {
                HWS_LOG(&loop->log, HWS_LOG_WARN, now, "io", "server.refused", "host=%s",
                        loop->servers[i].url.host);
            }
        }
    }
    member->gathering = false;
    hws_peer_end_local(member->peer, now);
}

/* ---- Names */

static enum hws_err open_names(struct hws_loop *loop)
{
    enum hws_err err;

    if (loop->names.mdns) return HWS_OK;
    err = hws_names_open(&loop->names, loop->loopback);
    for (size_t i = 0; i < HWS_MDNS_FAMILIES && !err; i++) {
        struct port *port = &loop->name_ports[i];
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = port}};

        port->of_names = true;
        port->fd = loop->names.sockets.fds[i];
        if (port->fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->fd, &event) != 0)
            err = HWS_ERR_IO;
    }
    if (err) hws_names_close(&loop->names);
    return err;
}

/* What the peer wants looked up. Without multicast it does without: its checks may still meet. */
static void ask_names(struct hws_loop *loop, struct member *member, hws_time now)
{
    if (!hws_peer_has_names(member->peer)) return;
    if (open_names(loop) != HWS_OK) {
        HWS_LOG(&loop->log, HWS_LOG_WARN, now, "io", "mdns.unusable", "families=0");
    }
    hws_names_ask(&loop->names, member->peer, now);
}

static enum hws_err hide_address(struct hws_loop *loop, struct member *member,
                                 const struct hws_address *addr)
{
    struct hws_random random = hws_entropy();
    const char *name = hws_names_for(&loop->names, addr, &random);

    return name ? hws_peer_hide_local(member->peer, addr, name) : HWS_ERR_FULL;
}

/* ---- Sockets */

/* A socket at a port of the range; where the search begins is random, so that ports are not guessed
 * and a new peer does not get what a former one had. */
static enum hws_err open_in_range(const struct hws_loop *loop, struct hws_address *addr, int *out)
{
    struct hws_random random = hws_entropy();
    uint32_t count = (uint32_t)(loop->port_max - loop->port_min) + 1, first;
    enum hws_err err = HWS_ERR_IO;

    random.fill(random.user, (uint8_t *)&first, sizeof(first));
    for (uint32_t i = 0; i < count && err; i++) {
        addr->port = (uint16_t)(loop->port_min + (first + i) % count);
        err = hws_udp_open(addr, out);
    }
    return err;
}

static enum hws_err open_port(struct hws_loop *loop, struct port *port, struct hws_address addr)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = port}};
    enum hws_err err = !port->member         ? hws_udp_open(&addr, &port->fd)
                       : loop->port_min != 0 ? open_in_range(loop, &addr, &port->fd)
                                             : hws_udp_open(&addr, &port->fd);

    if (err) return err;
    port->addr = addr;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->fd, &event) == 0) return HWS_OK;
    hws_udp_close(port->fd);
    return HWS_ERR_IO;
}

/* One socket for an address of this host, for all peers. */
static enum hws_err share_ports(struct hws_loop *loop)
{
    struct hws_address list[SOCKET_MAX];
    size_t count = hws_interfaces_list(list, SOCKET_MAX, &loop->interfaces, loop->loopback);
    struct hws_random random = hws_entropy();

    for (size_t i = 0; i < count; i++) {
        struct port *port = &loop->shared[loop->shared_count];

        list[i].port = loop->port;
        if (open_port(loop, port, list[i])) continue; /* e.g. an address still tentative */
        random.fill(random.user, (uint8_t *)&port->routes.seed, sizeof(port->routes.seed));
        loop->shared_count++;
    }
    return loop->shared_count > 0 ? HWS_OK : HWS_ERR_IO;
}

static void open_ports(struct hws_loop *loop, struct member *member)
{
    struct hws_address list[SOCKET_MAX];
    size_t count = hws_interfaces_list(list, SOCKET_MAX, &loop->interfaces, loop->loopback);

    for (size_t i = 0; i < count; i++) {
        struct port *port = &member->ports[member->port_count];

        port->member = member;
        if (open_port(loop, port, list[i]) == HWS_OK) member->port_count++;
    }
}

/* The sockets of a peer: the loop's or its own. */
static const struct port *ports_of(const struct hws_loop *loop, const struct member *member,
                                   size_t *out_count)
{
    *out_count = loop->port != 0 ? loop->shared_count : member->port_count;
    return loop->port != 0 ? loop->shared : member->ports;
}

/* ---- Life */

static enum hws_err write_fingerprint(struct hws_loop *loop)
{
    struct hws_fingerprint fingerprint;
    struct hws_writer out = hws_writer_over((uint8_t *)loop->fingerprint, FINGERPRINT_TEXT - 1);
    enum hws_err err = hws_identity_fingerprint(loop->identity, HWS_HASH_SHA256, &fingerprint);

    if (!err) hws_fingerprint_write(&out, &fingerprint);
    return err;
}

static enum hws_err open_epoll(struct hws_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN};

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll < 0 || loop->wakeup < 0) return HWS_ERR_IO;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wakeup, &event) ? HWS_ERR_IO : HWS_OK;
}

static enum hws_err take_ports(struct hws_loop *loop, const struct hws_loop_config *config,
                               const char **out_reason)
{
    *out_reason = "one port for all, or a range for the ports of each: not both";
    if (config->port != 0 && (config->port_min != 0 || config->port_max != 0))
        return HWS_ERR_ARGUMENT;
    *out_reason = "the range of ports ends before it begins";
    if (config->port_min > config->port_max || (config->port_min == 0 && config->port_max != 0))
        return HWS_ERR_ARGUMENT;
    *out_reason = "there is no interface of that name, or too many are named (8 at most)";
    for (size_t i = 0; i < config->interface_count; i++) {
        enum hws_err err = hws_interface_filter_add(&loop->interfaces, config->interfaces[i]);

        if (err) return err;
    }
    loop->port = config->port;
    loop->port_min = config->port_min;
    loop->port_max = config->port_max;
    return HWS_OK;
}

static enum hws_err init(struct hws_loop *loop, const struct hws_loop_config *config,
                         const char **out_reason)
{
    enum hws_err err;

    loop->log = config->log;
    loop->loopback = config->loopback;
    loop->hide_addresses = config->hide_addresses;
    err = take_ports(loop, config, out_reason);
    if (err) return err;
    *out_reason = "epoll or eventfd is not to be had";
    err = open_epoll(loop);
    if (err) return err;
    *out_reason = "the certificate cannot be made";
    err = config->identity ? HWS_OK : hws_identity_new(&loop->made);
    if (err) return err;
    loop->identity = config->identity ? config->identity : loop->made;
    err = write_fingerprint(loop);
    if (err) return err;
    *out_reason = "this process has an SCTP engine already";
    err = hws_sctp_stack_new(hws_clock_now(), &loop->stack);
    if (err) return err;
    *out_reason = "the port is taken";
    if (loop->port != 0) err = share_ports(loop);
    if (err) return err;
    *out_reason = "addresses cannot be hidden: no multicast";
    if (config->hide_addresses) err = open_names(loop);
    if (err) return err;
    *out_reason = "";
    return add_servers(loop, config, out_reason);
}

enum hws_err hws_loop_new(const struct hws_loop_config *config, struct hws_loop **out,
                          const char **out_reason)
{
    const char *reason = "out of memory";
    struct hws_loop *loop = calloc(1, sizeof(*loop));
    enum hws_err err = HWS_ERR_NO_MEMORY;

    if (loop) {
        loop->epoll = loop->wakeup = -1;
        err = init(loop, config, &reason);
    }
    if (err) {
        hws_loop_free(loop);
        if (out_reason) *out_reason = reason;
        return err;
    }
    *out = loop;
    return HWS_OK;
}

static void free_member(struct member *member)
{
    hws_peer_free(member->peer);
    for (size_t i = 0; i < member->port_count; i++) {
        hws_udp_close(member->ports[i].fd);
    }
    free(member->kept);
    free(member);
}

void hws_loop_free(struct hws_loop *loop)
{
    if (!loop) return;
    while (loop->members) {
        hws_loop_remove_peer(loop, loop->members->peer);
    }
    for (size_t i = 0; i < loop->server_count; i++) {
        hws_lookup_free(loop->servers[i].lookup);
    }
    hws_names_close(&loop->names);
    for (size_t i = 0; i < loop->shared_count; i++) {
        hws_udp_close(loop->shared[i].fd);
        hws_routes_fini(&loop->shared[i].routes);
    }
    hws_sctp_stack_free(loop->stack);
    hws_identity_free(loop->made);
    if (loop->wakeup >= 0) close(loop->wakeup);
    if (loop->epoll >= 0) close(loop->epoll);
    free(loop);
}

hws_time hws_loop_now(const struct hws_loop *loop)
{
    (void)loop;
    return hws_clock_now();
}

const char *hws_loop_fingerprint(const struct hws_loop *loop)
{
    return loop->fingerprint;
}

/* ---- Peers */

static enum hws_err start_member(struct hws_loop *loop, struct member *member,
                                 const struct hws_peer_config *config, hws_time now)
{
    struct hws_peer_config complete = *config;
    const struct port *ports;
    size_t port_count;
    enum hws_err err;

    complete.stack = loop->stack;
    complete.identity = loop->identity;
    complete.random = hws_entropy();
    complete.log = loop->log;
    complete.log.peer = ++loop->peer_serial;
    err = hws_peer_new(&complete, now, &member->peer);
    if (err) return err;
    if (loop->port == 0) open_ports(loop, member);
    ports = ports_of(loop, member, &port_count);
    if (port_count == 0) return HWS_ERR_IO;
    for (size_t i = 0; i < port_count; i++) {
        if (loop->hide_addresses) err = hide_address(loop, member, &ports[i].addr);
        if (!err) err = hws_peer_add_local(member->peer, &ports[i].addr, now);
        if (err) return err;
    }
    member->gathering = true;
    take_lookups(loop);
    give_servers(loop, member, now);
    return HWS_OK;
}

enum hws_err hws_loop_add_peer(struct hws_loop *loop, const struct hws_peer_config *config,
                               void *user, struct hws_peer **out)
{
    struct member *member = calloc(1, sizeof(*member));
    enum hws_err err;

    if (!member) return HWS_ERR_NO_MEMORY;
    member->user = user;
    err = start_member(loop, member, config, hws_clock_now());
    if (err) {
        free_member(member);
        return err;
    }
    member->next = loop->members;
    loop->members = member;
    *out = member->peer;
    return HWS_OK;
}

/* ---- Sending */

static struct port *port_of(struct hws_loop *loop, struct member *member,
                            const struct hws_address *local)
{
    struct port *ports = loop->port != 0 ? loop->shared : member->ports;
    size_t count = loop->port != 0 ? loop->shared_count : member->port_count;

    for (size_t i = 0; i < count; i++) {
        if (hws_address_equal(&ports[i].addr, local)) return &ports[i];
    }
    return NULL;
}

/* What goes out of a shared port says whose the answers are. Without memory for it the checks of
 * the other side still find their peer. */
static void note_routes(struct port *port, struct member *member, const struct hws_datagram *first,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && hws_address_equal(&first[i].remote, &first[i - 1].remote)) continue;
        if (hws_routes_find(&port->routes, &first[i].remote)) continue;
        (void)!hws_routes_set(&port->routes, &first[i].remote, member);
    }
}

static void watch(struct hws_loop *loop, struct port *port, bool for_writing)
{
    struct epoll_event event = {.events = EPOLLIN | (for_writing ? EPOLLOUT : 0u),
                                .data = {.ptr = port}};

    if (port->blocked == for_writing) return;
    port->blocked = for_writing;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, port->fd, &event);
}

/* How many of the held datagrams in front leave by the same socket. */
static size_t same_port(const struct member *member)
{
    const struct hws_datagram *first = &member->held[member->held_first];
    size_t count = 1;

    while (count < member->held_count && hws_address_equal(&first[count].local, &first->local)) {
        count++;
    }
    return count;
}

/* The peer goes on working while a full socket makes us wait, so what it lent is copied. */
static void keep_held(struct member *member)
{
    if (member->kept) return; /* they are copies already */
    member->kept = calloc(HWS_UDP_BATCH, sizeof(*member->kept));
    for (size_t i = 0; i < member->held_count; i++) {
        struct hws_bytes *bytes = &member->held[member->held_first + i].bytes;

        if (!member->kept || bytes->len > sizeof(*member->kept)) {
            member->held_count = i; /* out of memory: the network lost the rest */
            return;
        }
        memcpy(member->kept[i], bytes->data, bytes->len);
        bytes->data = member->kept[i];
    }
}

/* Send what is held; false when a socket is full and something is left. */
static bool send_held(struct hws_loop *loop, struct member *member)
{
    while (member->held_count > 0) {
        const struct hws_datagram *first = &member->held[member->held_first];
        struct port *port = port_of(loop, member, &first->local);
        size_t count = same_port(member);
        size_t sent = count; /* a socket that is gone swallows what was meant for it */
        bool room;

        if (port && !port->member) note_routes(port, member, first, count);
        room = !port || hws_udp_send(port->fd, first, count, &sent);

        member->held_first += sent;
        member->held_count -= sent;
        if (port) watch(loop, port, !room);
        if (!room) {
            keep_held(member);
            return false;
        }
    }
    free(member->kept);
    member->kept = NULL;
    return true;
}

static void flush(struct hws_loop *loop, struct member *member)
{
    for (;;) {
        if (!send_held(loop, member)) return;
        member->held_first = 0;
        member->held_count = hws_peer_next_datagrams(member->peer, member->held, HWS_UDP_BATCH);
        if (member->held_count > 0) continue;
        if (hws_peer_deadline(member->peer) > INT64_MIN) return; /* nothing is waiting behind */
        hws_peer_tick(member->peer, hws_clock_now());
    }
}

void hws_loop_remove_peer(struct hws_loop *loop, struct hws_peer *peer)
{
    for (struct member **at = &loop->members; *at; at = &(*at)->next) {
        struct member *member = *at;

        if (member->peer != peer) continue;
        flush(loop, member);
        hws_names_forget(&loop->names, peer);
        for (size_t i = 0; i < loop->shared_count; i++) {
            hws_routes_drop(&loop->shared[i].routes, member);
        }
        *at = member->next;
        if (loop->cursor == member) loop->cursor = member->next;
        free_member(member);
        return;
    }
}

/* ---- Waiting */

/* A check names the peer that it is for, whatever address it comes from. */
static struct member *member_of_check(struct hws_loop *loop, struct hws_bytes datagram)
{
    struct hws_bytes ufrag;

    if (!hws_ufrag_of_check(datagram, &ufrag)) return NULL;
    for (struct member *member = loop->members; member; member = member->next) {
        if (hws_peer_has_ufrag(member->peer, ufrag)) return member;
    }
    return NULL;
}

static bool is_of_server(const struct hws_loop *loop, const struct hws_address *remote)
{
    for (size_t i = 0; i < loop->server_count; i++) {
        for (size_t k = 0; k < loop->servers[i].found_count; k++) {
            if (hws_address_equal(&loop->servers[i].found[k], remote)) return true;
        }
    }
    return false;
}

/* On a shared port: a check goes to whom it names, and everything else to whom the address belongs.
 * Many peers ask the same STUN server: its answer is for the one that takes it. */
static void feed_shared(struct hws_loop *loop, struct port *port,
                        const struct hws_datagram *datagram, hws_time now)
{
    struct member *known = hws_routes_find(&port->routes, &datagram->remote);
    struct member *named = member_of_check(loop, datagram->bytes);
    struct member *first = named ? named : known;

    if (first && hws_peer_feed(first->peer, datagram, now) == HWS_OK) {
        /* Only what was proved may take an address over. */
        if (named && named != known) (void)!hws_routes_set(&port->routes, &datagram->remote, named);
        return;
    }
    if (named || !is_of_server(loop, &datagram->remote)) return;
    for (struct member *member = loop->members; member; member = member->next) {
        if (member != known && hws_peer_feed(member->peer, datagram, now) == HWS_OK) return;
    }
}

static void receive(struct hws_loop *loop, struct port *port)
{
    for (int i = 0; i < RECEIVE_BATCHES; i++) {
        size_t count = hws_udp_receive(port->fd, &port->addr, &loop->batch);
        hws_time now = hws_clock_now();

        for (size_t k = 0; k < count; k++) {
            const struct hws_datagram *datagram = &loop->batch.datagrams[k];

            if (!port->member) {
                feed_shared(loop, port, datagram, now);
            } else {
                (void)hws_peer_feed(port->member->peer, datagram, now); /* it counts and logs */
            }
        }
        if (count < HWS_UDP_BATCH) return;
    }
}

static int sleep_ms(struct hws_loop *loop, hws_time timeout)
{
    hws_time now = hws_clock_now();
    hws_time due = timeout > HWS_NEVER - now ? HWS_NEVER : now + timeout;

    if (hws_names_deadline(&loop->names) < due) due = hws_names_deadline(&loop->names);

    for (struct member *member = loop->members; member; member = member->next) {
        hws_time deadline = hws_peer_deadline(member->peer);

        if (deadline < due) due = deadline;
    }
    for (struct member *member = loop->members; member; member = member->next) {
        if (hws_peer_has_output(member->peer)) return 0;
    }
    if (due == HWS_NEVER) return -1;
    if (due <= now) return 0;
    if (due - now > SLEEP_MAX) due = now + SLEEP_MAX;
    return (int)((due - now) / 1000) + 1; /* rounded up, or it would spin through the last one */
}

static void tick_all(struct hws_loop *loop)
{
    hws_time now = hws_clock_now();

    take_lookups(loop);
    for (struct member *member = loop->members; member; member = member->next) {
        give_servers(loop, member, now);
        if (hws_peer_deadline(member->peer) <= now) hws_peer_tick(member->peer, now);
    }
}

static void flush_all(struct hws_loop *loop)
{
    for (struct member *member = loop->members; member; member = member->next) {
        flush(loop, member);
    }
    /* Of those that share a port one may have found it full, and a later one found room again. */
    for (struct member *member = loop->members; member && loop->port != 0; member = member->next) {
        struct port *port = NULL;

        if (member->held_count > 0)
            port = port_of(loop, member, &member->held[member->held_first].local);
        if (port) watch(loop, port, true);
    }
}

/* Names come in with signals, so they are asked for before we sleep. */
static void ask_all(struct hws_loop *loop)
{
    hws_time now = hws_clock_now();

    for (struct member *member = loop->members; member; member = member->next) {
        ask_names(loop, member, now);
    }
    hws_names_turn(&loop->names, now);
}

enum hws_err hws_loop_wait(struct hws_loop *loop, hws_time timeout)
{
    struct epoll_event ready[READY_MAX];
    int count;

    ask_all(loop);
    flush_all(loop);
    count = epoll_wait(loop->epoll, ready, READY_MAX, sleep_ms(loop, timeout));
    if (count < 0 && errno != EINTR) return HWS_ERR_IO;
    for (int i = 0; i < count; i++) {
        struct port *port = ready[i].data.ptr;
        uint64_t wakes;

        if (!port) {
            (void)!read(loop->wakeup, &wakes, sizeof(wakes)); /* how often does not matter */
        } else if (port->of_names) {
            hws_names_receive(&loop->names, (size_t)(port - loop->name_ports));
        } else if (ready[i].events & (EPOLLIN | EPOLLERR)) {
            receive(loop, port);
        }
    }
    hws_names_turn(&loop->names, hws_clock_now());
    tick_all(loop);
    flush_all(loop);
    loop->cursor = loop->members;
    return HWS_OK;
}

void hws_loop_wake(struct hws_loop *loop)
{
    uint64_t one = 1;
    int saved = errno; /* a signal handler must leave it alone */

    (void)!write(loop->wakeup, &one, sizeof(one)); /* full means that it is awake already */
    errno = saved;
}

static bool take(struct hws_loop *loop, struct member *member, struct hws_loop_item *out)
{
    *out = (struct hws_loop_item){.peer = member->peer, .user = member->user};
    for (;;) {
        out->is_signal = hws_peer_next_signal(member->peer, &out->signal);
        if (out->is_signal || hws_peer_next_event(member->peer, &out->event)) return true;
        /* A message that was taken may have another behind it, or something to be answered. */
        if (hws_peer_deadline(member->peer) > INT64_MIN) return false;
        flush(loop, member);
        if (member->held_count > 0) return false; /* the socket is full: later */
    }
}

bool hws_loop_next(struct hws_loop *loop, struct hws_loop_item *out)
{
    while (loop->cursor) {
        if (take(loop, loop->cursor, out)) return true;
        loop->cursor = loop->cursor->next;
    }
    return false;
}
