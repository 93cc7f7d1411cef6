/* The ready-made loop: epoll around any number of peers. It decides nothing about WebRTC. */
#include "base/address.h"
#include "dtls/dtls.h"
#include "io/clock.h"
#include "io/interfaces.h"
#include "io/names.h"
#include "io/netlink.h"
#include "io/routes.h"
#include "io/servers.h"
#include "io/streams.h"
#include "io/turn_link.h"
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
    LINK_MAX = 8,           /* and connections to TURN servers, or sockets for one alone */
    ADDRESS_MAX = 256,      /* of this host; with more we cannot tell which are gone */
    ACTIVE_PORT = 9,        /* of connections that we make: RFC 6544 section 4.5 */
    FINGERPRINT_TEXT = 110, /* "sha-256 " and 32 times "XX:" */
};

/* As long as ICE waits for a server. */
#define LINK_PATIENCE HWS_SEC(5)
/* Epoll counts milliseconds in an int; waking early is no harm. */
#define SLEEP_MAX HWS_SEC(86400)

/* One socket of one peer or of the loop, UDP or a connection to a TURN server. Epoll hands back a
 * pointer to it. */
struct port {
    struct member *member; /* NULL: all peers share it, or it is one of multicast DNS */
    bool of_names;
    struct hws_address addr;
    int fd;                     /* -1: closed, its address is gone */
    bool blocked;               /* the system takes no more now: we wait for EPOLLOUT */
    struct hws_routes routes;   /* of a shared one */
    struct hws_turn_link *link; /* owned; NULL for UDP */
    size_t server;              /* of the link: index */
    hws_time give_up_at;        /* a link that is not up by then; HWS_NEVER when it is */
};

/* One peer with its sockets. */
struct member {
    struct member *next;
    struct hws_peer *peer;
    void *user;
    struct port ports[SOCKET_MAX + LINK_MAX];
    size_t port_count;
    struct hws_datagram held[HWS_UDP_BATCH]; /* on their way out */
    size_t held_first, held_count;
    uint8_t (*kept)[HWS_DATAGRAM_OUT_MAX]; /* owned; copies of those that a full socket refused */
    struct hws_servers_share share;
    bool gathering; /* servers are still being looked up for it */
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
    struct port changes;     /* netlink: addresses come and go */
    struct port stream_port; /* epoll of the connections of ICE-TCP */
    struct hws_streams streams;
    bool ice_tcp;
    int epoll, wakeup;
    struct member *members, *cursor; /* cursor: whose turn it is in hws_loop_next() */
    struct hws_servers servers;
    struct hws_tls_trust *trust; /* made when a TLS server is first used */
    char *ca_file;               /* owned; NULL = the system's store */
    bool relay_only;
    uint32_t peer_serial;
    char fingerprint[FINGERPRINT_TEXT];
    struct hws_udp_batch batch;
};

static void wake(void *user)
{
    hws_loop_wake(user);
}

static void watch(struct hws_loop *loop, struct port *port, bool for_writing)
{
    struct epoll_event event = {.events = EPOLLIN | (for_writing ? EPOLLOUT : 0u),
                                .data = {.ptr = port}};

    if (port->blocked == for_writing) return;
    port->blocked = for_writing;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, port->fd, &event);
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

static enum hws_err open_port(struct hws_loop *loop, struct port *port, struct hws_address addr)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = port}};
    enum hws_err err = hws_udp_open(&addr, &port->fd);

    if (!err && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->fd, &event) != 0) {
        hws_udp_close(port->fd);
        err = HWS_ERR_IO;
    }
    if (err) port->fd = -1;
    if (!err) port->addr = addr;
    return err;
}

static void close_port(struct port *port)
{
    if (port->link) {
        hws_turn_link_free(port->link);
    } else if (port->fd >= 0) {
        hws_udp_close(port->fd);
    }
    port->link = NULL;
    port->fd = -1;
    port->blocked = false;
    hws_routes_fini(&port->routes);
}

/* One socket for an address of this host, for all peers. */
static enum hws_err share_ports(struct hws_loop *loop)
{
    struct hws_address list[SOCKET_MAX];
    size_t count = hws_interfaces_list(list, SOCKET_MAX, &loop->interfaces, loop->loopback);
    struct hws_random random = hws_entropy();

    for (size_t i = 0; i < SOCKET_MAX; i++) { /* more may be opened later */
        struct hws_routes *routes = &loop->shared[i].routes;

        random.fill(random.user, (uint8_t *)&routes->seed, sizeof(routes->seed));
    }
    for (size_t i = 0; i < count; i++) {
        struct port *port = &loop->shared[loop->shared_count];

        list[i].port = loop->port;
        if (open_port(loop, port, list[i])) continue; /* e.g. an address still tentative */
        loop->shared_count++;
        if (!loop->ice_tcp) continue;
        if (hws_streams_listen(&loop->streams, NULL, &list[i], false)) return HWS_ERR_IO;
    }
    return loop->shared_count > 0 ? HWS_OK : HWS_ERR_IO;
}

/* Some addresses cannot be bound at all, such as one that is still tentative. */
static bool can_bind(struct hws_address addr)
{
    int fd;

    if (hws_udp_open(&addr, &fd)) return false;
    hws_udp_close(fd);
    return true;
}

/* The same port on every address, or none: a peer with half of its families would be found by half
 * of the others. */
static bool open_all_at(struct hws_loop *loop, struct member *member,
                        const struct hws_address *list, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        struct port *port = &member->ports[i];
        struct hws_address addr = list[i];

        addr.port = number;
        port->member = member;
        if (open_port(loop, port, addr) != HWS_OK) {
            while (i-- > 0) {
                close_port(&member->ports[i]);
            }
            return false;
        }
    }
    member->port_count = count;
    return true;
}

/* Where the search begins is random, so that ports are not guessed and a new peer does not get what
 * a former one had. */
static void open_in_range(struct hws_loop *loop, struct member *member, struct hws_address *list,
                          size_t count)
{
    struct hws_random random = hws_entropy();
    uint32_t range = (uint32_t)(loop->port_max - loop->port_min) + 1, first;
    size_t usable = 0;

    for (size_t i = 0; i < count; i++) {
        if (can_bind(list[i])) list[usable++] = list[i];
    }
    random.fill(random.user, (uint8_t *)&first, sizeof(first));
    for (uint32_t i = 0; i < range && usable > 0; i++) {
        uint16_t number = (uint16_t)(loop->port_min + (first + i) % range);

        if (open_all_at(loop, member, list, usable, number)) return;
    }
}

static void open_ports(struct hws_loop *loop, struct member *member)
{
    struct hws_address list[SOCKET_MAX];
    size_t count = hws_interfaces_list(list, SOCKET_MAX, &loop->interfaces, loop->loopback);

    if (loop->port_min != 0) {
        open_in_range(loop, member, list, count);
        return;
    }
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

/* ---- Connections to TURN servers */

static void close_link(struct member *member, struct port *port, struct hws_fault fault)
{
    hws_servers_own_failed(&member->share, port->server, fault);
    if (port->link && port->give_up_at == HWS_NEVER) {
        struct hws_address server = hws_turn_link_server(port->link);

        hws_peer_turn_gone(member->peer, &server, &port->addr, hws_clock_now());
    }
    hws_turn_link_free(port->link); /* which takes it out of epoll */
    port->link = NULL;
    port->fd = -1;
    port->addr = (struct hws_address){0}; /* what is still sent there is lost */
    port->give_up_at = HWS_NEVER;
}

static struct hws_fault io_fault(enum hws_err err, const char *what)
{
    return (struct hws_fault){err, "io", what, 0};
}

static enum hws_err need_trust(struct hws_loop *loop)
{
    return loop->trust ? HWS_OK : hws_tls_trust_new(loop->ca_file, &loop->trust);
}

static void open_link(struct hws_loop *loop, struct member *member, size_t index,
                      const struct hws_address *server, hws_time now)
{
    const struct hws_server *one = &loop->servers.list[index];
    bool tls = one->url.transport == HWS_TRANSPORT_TLS;
    struct port *port = &member->ports[member->port_count];
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = port}};
    struct hws_fault fault = io_fault(HWS_ERR_FULL, "there are too many connections");

    if (member->port_count == SOCKET_MAX + LINK_MAX) {
        hws_servers_own_failed(&member->share, index, fault);
        return;
    }
    *port = (struct port){.member = member,
                          .fd = -1,
                          .blocked = true,
                          .server = index,
                          .give_up_at = now + LINK_PATIENCE};
    fault = io_fault(HWS_ERR_IO, "whom to trust cannot be read");
    if (!tls || need_trust(loop) == HWS_OK) {
        fault = io_fault(HWS_ERR_UNREACHABLE, "no connection can be begun");
        if (hws_turn_link_new(server, tls ? loop->trust : NULL, one->url.endpoint.host,
                              &port->link) == HWS_OK)
            port->fd = hws_turn_link_fd(port->link);
    }
    if (!port->link || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->fd, &event) != 0) {
        close_link(member, port, fault);
        return;
    }
    member->port_count++;
}

/* A socket for one TURN server alone, on the first address of ours that reaches it: a server knows
 * an allocation by the two ends (RFC 8656 section 5), so peers cannot share a port to it. */
static bool open_spare(struct hws_loop *loop, struct member *member, size_t index,
                       const struct hws_address *server, hws_time now)
{
    struct port *spare = &member->ports[member->port_count];
    size_t count;
    const struct port *ports = ports_of(loop, member, &count);

    if (member->port_count == SOCKET_MAX + LINK_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        struct hws_address addr = ports[i].addr;

        if (ports[i].link || addr.family != server->family ||
            hws_address_is_loopback(&addr) != hws_address_is_loopback(server))
            continue;
        addr.port = 0;
        *spare = (struct port){.member = member};
        if (open_port(loop, spare, addr)) continue;
        member->port_count++;
        hws_servers_give_local(&loop->servers, &member->share, index, server, &spare->addr,
                               member->peer, now);
        return true;
    }
    return false;
}

static void open_links(struct hws_loop *loop, struct member *member, hws_time now)
{
    struct hws_address server;
    size_t index;

    while (hws_servers_next_own(&loop->servers, &member->share, &index, &server)) {
        if (loop->servers.list[index].url.transport != HWS_TRANSPORT_UDP)
            open_link(loop, member, index, &server, now);
        else if (!open_spare(loop, member, index, &server, now))
            hws_servers_own_failed(&member->share, index,
                                   io_fault(HWS_ERR_UNREACHABLE, "no address of ours reaches it"));
    }
}

/* What came, and what a ready socket lets us go on with. */
static void serve_link(struct hws_loop *loop, struct port *port)
{
    struct member *member = port->member;
    struct hws_address server = hws_turn_link_server(port->link);
    hws_time now = hws_clock_now();
    enum hws_err err = hws_turn_link_ready(port->link);
    struct hws_bytes message;

    if (port->give_up_at != HWS_NEVER && hws_turn_link_is_up(port->link)) {
        port->give_up_at = HWS_NEVER;
        port->addr = hws_turn_link_local(port->link);
        hws_servers_give_local(&loop->servers, &member->share, port->server, &server, &port->addr,
                               member->peer, now);
    }
    while (err == HWS_ERR_AGAIN && hws_turn_link_next(port->link, &message)) {
        struct hws_datagram in = {.local = port->addr, .remote = server, .bytes = message};

        (void)hws_peer_feed(member->peer, &in, now);
    }
    if (err != HWS_ERR_AGAIN || hws_turn_link_fault(port->link).err != HWS_OK) {
        close_link(member, port, hws_turn_link_fault(port->link));
        return;
    }
    watch(loop, port, hws_turn_link_wants_write(port->link));
}

static void expire_links(struct member *member, hws_time now)
{
    for (size_t i = 0; i < member->port_count; i++) {
        struct port *port = &member->ports[i];

        if (port->link && port->give_up_at <= now)
            close_link(member, port, io_fault(HWS_ERR_TIMEOUT, "the server does not answer"));
    }
}

/* Candidates of the host are on their way already; only the end of gathering waits for names. */
static void give_servers(struct hws_loop *loop, struct member *member, hws_time now)
{
    if (!member->gathering) return;
    if (!hws_servers_give(&loop->servers, &member->share, member->peer, now)) return;
    open_links(loop, member, now);
    for (size_t i = 0; i < member->port_count; i++) {
        if (member->ports[i].link && !hws_turn_link_is_up(member->ports[i].link)) return;
    }
    member->gathering = false;
    hws_peer_end_local(member->peer, now);
}

/* ---- ICE-TCP */

static struct member *member_of_check(struct hws_loop *loop, struct hws_bytes datagram);

static struct hws_peer *peer_of_check(void *user, struct hws_bytes frame)
{
    struct member *member = member_of_check(user, frame);

    return member ? member->peer : NULL;
}

static enum hws_err open_streams(struct hws_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &loop->stream_port}};
    enum hws_err err = hws_streams_open(&loop->streams, peer_of_check, loop);

    if (err) return err;
    loop->streams.log = loop->log;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->streams.epoll, &event) ? HWS_ERR_IO : HWS_OK;
}

/* TCP from the address of a UDP socket: on the same number if it can be, which is what a firewall's
 * owner expects of a port that was asked for. Without it the others still have to do. */
static void announce_tcp(struct hws_loop *loop, struct member *member,
                         const struct hws_address *addr, hws_time now)
{
    struct hws_address tcp = *addr;
    bool any_port = loop->port == 0 && loop->port_min == 0;
    struct hws_peer *owner = loop->port == 0 ? member->peer : NULL;
    enum hws_err err = hws_streams_listen(&loop->streams, owner, &tcp, any_port), active_err;

    if (!err) err = hws_peer_add_local(member->peer, &tcp, now);
    tcp = *addr;
    tcp.tcp = true;
    tcp.port = ACTIVE_PORT;
    active_err = hws_peer_add_local(member->peer, &tcp, now);
    if (err || active_err) {
        HWS_LOG(&loop->log, HWS_LOG_WARN, now, "io", "tcp.unusable", "passive=%s active=%s",
                hws_err_name(err), hws_err_name(active_err));
    }
}

static void retract_tcp(struct hws_loop *loop, struct member *member,
                        const struct hws_address *addr, hws_time now)
{
    const struct hws_peer *owner = loop->port == 0 ? member->peer : NULL;
    struct hws_address tcp;

    if (hws_streams_find_listener(&loop->streams, owner, addr, &tcp))
        hws_peer_remove_local(member->peer, &tcp, now);
    tcp = *addr;
    tcp.tcp = true;
    tcp.port = ACTIVE_PORT;
    hws_peer_remove_local(member->peer, &tcp, now);
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

/* Without it we go on with the addresses of the beginning. */
static void open_changes(struct hws_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &loop->changes}};

    if (hws_netlink_open(&loop->changes.fd) != HWS_OK) {
        HWS_LOG(&loop->log, HWS_LOG_WARN, hws_clock_now(), "io", "netlink.unusable", "errno=%d",
                errno);
        return;
    }
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->changes.fd, &event);
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
    loop->relay_only = config->relay_only;
    loop->ice_tcp = config->ice_tcp;
    *out_reason = "out of memory";
    if (config->ice_ca_file) {
        loop->ca_file = calloc(1, strlen(config->ice_ca_file) + 1);
        if (!loop->ca_file) return HWS_ERR_NO_MEMORY;
        memcpy(loop->ca_file, config->ice_ca_file, strlen(config->ice_ca_file));
    }
    err = take_ports(loop, config, out_reason);
    if (err) return err;
    *out_reason = "epoll or eventfd is not to be had";
    err = open_epoll(loop);
    if (!err && loop->ice_tcp) err = open_streams(loop);
    if (err) return err;
    open_changes(loop); /* before the addresses are read: none is missed */
    *out_reason = "the certificate cannot be made";
    err = config->identity ? HWS_OK : hws_identity_new(&loop->made);
    if (err) return err;
    loop->identity = config->identity ? config->identity : loop->made;
    err = write_fingerprint(loop);
    if (err) return err;
    *out_reason = "this process has an SCTP engine already";
    err = hws_sctp_stack_new(hws_clock_now(), &loop->stack);
    if (err) return err;
    *out_reason = "the port is taken, or no interface in use has an address";
    if (loop->port != 0) err = share_ports(loop);
    if (err) return err;
    *out_reason = "addresses cannot be hidden: no multicast";
    if (config->hide_addresses) err = open_names(loop);
    if (err) return err;
    *out_reason = "";
    loop->servers.own_ports = loop->port != 0;
    return hws_servers_init(&loop->servers, config, wake, loop, out_reason);
}

enum hws_err hws_loop_new(const struct hws_loop_config *config, struct hws_loop **out,
                          const char **out_reason)
{
    const char *reason = "out of memory";
    struct hws_loop *loop = calloc(1, sizeof(*loop));
    enum hws_err err = HWS_ERR_NO_MEMORY;

    if (loop) {
        loop->epoll = loop->wakeup = loop->changes.fd = loop->streams.epoll = -1;
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
        close_port(&member->ports[i]);
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
    hws_servers_fini(&loop->servers);
    hws_tls_trust_free(loop->trust);
    free(loop->ca_file);
    hws_names_close(&loop->names);
    hws_streams_close(&loop->streams);
    for (size_t i = 0; i < loop->shared_count; i++) {
        close_port(&loop->shared[i]);
    }
    hws_sctp_stack_free(loop->stack);
    hws_identity_free(loop->made);
    if (loop->changes.fd >= 0) hws_netlink_close(loop->changes.fd);
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

static enum hws_err announce(struct hws_loop *loop, struct member *member,
                             const struct hws_address *addr, hws_time now)
{
    enum hws_err err = loop->hide_addresses ? hide_address(loop, member, addr) : HWS_OK;

    if (!err) err = hws_peer_add_local(member->peer, addr, now);
    if (!err && loop->ice_tcp && !loop->relay_only) announce_tcp(loop, member, addr, now);
    return err;
}

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
    complete.relay_only = config->relay_only || loop->relay_only;
    complete.ice_tcp = loop->ice_tcp; /* nobody else would make the connections */
    complete.log = loop->log;
    complete.log.peer = ++loop->peer_serial;
    err = hws_peer_new(&complete, now, &member->peer);
    if (err) return err;
    if (loop->port == 0) open_ports(loop, member);
    ports = ports_of(loop, member, &port_count);
    if (port_count == 0) return HWS_ERR_IO;
    for (size_t i = 0; i < port_count; i++) {
        if (ports[i].fd >= 0) err = announce(loop, member, &ports[i].addr, now);
        if (err) return err;
    }
    member->gathering = true;
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
        if (member->peer) hws_streams_forget(&loop->streams, member->peer);
        free_member(member);
        return err;
    }
    member->next = loop->members;
    loop->members = member;
    *out = member->peer;
    return HWS_OK;
}

/* ---- Sending */

/* A connection may have the number of a UDP port of ours; but then it goes to its server. */
static bool is_for(const struct port *port, const struct hws_datagram *datagram)
{
    struct hws_address server;

    if (port->fd < 0 && !port->link) return false;
    if (!hws_address_equal(&port->addr, &datagram->local)) return false;
    if (!port->link) return true;
    server = hws_turn_link_server(port->link);
    return hws_address_equal(&server, &datagram->remote);
}

static struct port *port_of(struct hws_loop *loop, struct member *member,
                            const struct hws_datagram *datagram)
{
    for (size_t i = member->port_count; i > 0; i--) { /* connections come last */
        if (is_for(&member->ports[i - 1], datagram)) return &member->ports[i - 1];
    }
    for (size_t i = 0; i < loop->shared_count; i++) {
        if (is_for(&loop->shared[i], datagram)) return &loop->shared[i];
    }
    return NULL;
}

/* Success and error responses of STUN: the first byte holds the high bit of the class. Nothing
 * comes back for them, and whoever asks, a stranger too, gets one. */
static bool is_response(struct hws_bytes bytes)
{
    return bytes.len > 0 && bytes.data[0] == 1;
}

/* What goes out of a shared port says whose the answers are. Without memory for it the checks of
 * the other side still find their peer. */
static void note_routes(struct port *port, struct member *member, const struct hws_datagram *first,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_response(first[i].bytes)) continue;
        if (hws_routes_find(&port->routes, &first[i].remote)) continue;
        (void)!hws_routes_set(&port->routes, &first[i].remote, member);
    }
}

/* How many of the held datagrams in front leave by the same socket. */
static size_t same_port(struct hws_loop *loop, struct member *member, const struct port *port)
{
    const struct hws_datagram *first = &member->held[member->held_first];
    size_t count = 1;

    while (count < member->held_count && !first[count].local.tcp &&
           port_of(loop, member, &first[count]) == port) {
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

static bool send_all(struct port *port, const struct hws_datagram *datagrams, size_t count,
                     size_t *sent)
{
    if (!port->link) return hws_udp_send(port->fd, datagrams, count, sent);
    for (*sent = 0; *sent < count; (*sent)++) {
        if (!hws_turn_link_send(port->link, datagrams[*sent].bytes)) return false;
    }
    return true;
}

/* Send what is held; false when a socket is full and something is left. */
static bool send_held(struct hws_loop *loop, struct member *member)
{
    while (member->held_count > 0) {
        const struct hws_datagram *first = &member->held[member->held_first];
        struct port *port = port_of(loop, member, first);
        size_t count = first->local.tcp ? 1 : same_port(loop, member, port);
        size_t sent = count; /* a socket that is gone swallows what was meant for it */
        bool room;

        if (port && !port->member) note_routes(port, member, first, count);
        room = !port || send_all(port, first, count, &sent);
        if (first->local.tcp) {
            room = hws_streams_send(&loop->streams, member->peer, first, hws_clock_now());
            sent = room ? 1 : 0;
        }
        member->held_first += sent;
        member->held_count -= sent;
        if (port) watch(loop, port, !room || (port->link && hws_turn_link_wants_write(port->link)));
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
        hws_streams_forget(&loop->streams, peer);
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
    if (named || !hws_servers_has(&loop->servers, &datagram->remote)) return;
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
    if (hws_streams_deadline(&loop->streams) < due) due = hws_streams_deadline(&loop->streams);
    for (struct member *member = loop->members; member; member = member->next) {
        hws_time deadline = hws_peer_deadline(member->peer);

        if (deadline < due) due = deadline;
        for (size_t i = 0; i < member->port_count; i++) {
            const struct port *port = &member->ports[i];

            if (port->link && port->give_up_at < due) due = port->give_up_at;
        }
    }
    for (struct member *member = loop->members; member; member = member->next) {
        if (hws_peer_has_output(member->peer)) return 0;
        if (hws_servers_has_event(&member->share)) return 0;
    }
    if (due == HWS_NEVER) return -1;
    if (due <= now) return 0;
    if (due - now > SLEEP_MAX) due = now + SLEEP_MAX;
    return (int)((due - now) / 1000) + 1; /* rounded up, or it would spin through the last one */
}

static void tick_all(struct hws_loop *loop)
{
    hws_time now = hws_clock_now();

    for (struct member *member = loop->members; member; member = member->next) {
        expire_links(member, now);
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

        if (member->held_count > 0) port = port_of(loop, member, &member->held[member->held_first]);
        if (port && !port->member) watch(loop, port, true);
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

/* ---- Addresses that come and go */

/* What this host has now, and what of it peers should use. */
struct addresses {
    struct hws_address up[ADDRESS_MAX], wanted[SOCKET_MAX];
    size_t up_count, wanted_count;
};

static bool has_ip(const struct hws_address *list, size_t count, const struct hws_address *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (hws_address_same_ip(&list[i], addr)) return true;
    }
    return false;
}

/* A slot for one more socket; NULL when all are in use. */
static struct port *free_port(struct port *ports, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (ports[i].fd < 0) return &ports[i];
    }
    return *count < SOCKET_MAX ? &ports[(*count)++] : NULL;
}

/* The member whose port it is, or all of them. */
static void tell_members(struct hws_loop *loop, const struct port *port, bool gone, hws_time now)
{
    for (struct member *member = loop->members; member; member = member->next) {
        if (port->member && port->member != member) continue;
        if (gone) {
            hws_peer_remove_local(member->peer, &port->addr, now);
            if (loop->ice_tcp) retract_tcp(loop, member, &port->addr, now);
        } else if (announce(loop, member, &port->addr, now) != HWS_OK) {
            HWS_LOG(&loop->log, HWS_LOG_WARN, now, "io", "address.refused", "shared=%d",
                    port->member == NULL);
        }
    }
}

static void close_gone(struct hws_loop *loop, const struct addresses *now_there, struct port *ports,
                       size_t count, hws_time now)
{
    for (size_t i = 0; i < count && now_there->up_count < ADDRESS_MAX; i++) {
        if (ports[i].fd < 0 || has_ip(now_there->up, now_there->up_count, &ports[i].addr)) continue;
        close_port(&ports[i]);
        tell_members(loop, &ports[i], true, now);
        hws_streams_drop_ip(&loop->streams, ports[i].member ? ports[i].member->peer : NULL,
                            &ports[i].addr);
    }
}

static bool is_served(const struct port *ports, size_t count, const struct hws_address *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (ports[i].fd >= 0 && hws_address_same_ip(&ports[i].addr, addr)) return true;
    }
    return false;
}

/* The loop's port, that of the peer's other sockets, or another one of the range. */
static enum hws_err open_late(struct hws_loop *loop, struct port *port, const struct port *ports,
                              struct hws_address addr)
{
    enum hws_err err = HWS_ERR_IO;

    addr.port = loop->port != 0 ? loop->port : loop->port_min != 0 ? ports[0].addr.port : 0;
    err = open_port(loop, port, addr);
    for (uint32_t i = loop->port_min; err && i != 0 && i <= loop->port_max; i++) {
        addr.port = (uint16_t)i;
        err = open_port(loop, port, addr);
    }
    return err;
}

static void open_new(struct hws_loop *loop, const struct addresses *now_there,
                     struct member *member, hws_time now)
{
    struct port *ports = member ? member->ports : loop->shared;
    size_t *count = member ? &member->port_count : &loop->shared_count;

    for (size_t i = 0; i < now_there->wanted_count; i++) {
        const struct hws_address *addr = &now_there->wanted[i];
        struct port *port;

        /* What is only there because nothing else is helps nobody who is connected. */
        if (!loop->loopback && hws_address_is_loopback(addr)) continue;
        if (is_served(ports, *count, addr)) continue;
        port = free_port(ports, count);
        if (!port) return;
        port->member = member;
        if (open_late(loop, port, ports, *addr) == HWS_OK) tell_members(loop, port, false, now);
    }
}

static void follow_changes(struct hws_loop *loop)
{
    struct addresses now_there;
    hws_time now = hws_clock_now();

    now_there.up_count = hws_interfaces_all(now_there.up, ADDRESS_MAX, &loop->interfaces);
    now_there.wanted_count =
        hws_interfaces_list(now_there.wanted, SOCKET_MAX, &loop->interfaces, loop->loopback);
    HWS_LOG(&loop->log, HWS_LOG_DEBUG, now, "io", "addresses.changed", "up=%u wanted=%u",
            (unsigned)now_there.up_count, (unsigned)now_there.wanted_count);
    if (loop->port != 0) {
        close_gone(loop, &now_there, loop->shared, loop->shared_count, now);
        open_new(loop, &now_there, NULL, now);
        return;
    }
    for (struct member *member = loop->members; member; member = member->next) {
        close_gone(loop, &now_there, member->ports, member->port_count, now);
        open_new(loop, &now_there, member, now);
    }
}

enum hws_err hws_loop_wait(struct hws_loop *loop, hws_time timeout)
{
    struct epoll_event ready[READY_MAX];
    bool changed = false;
    int count;

    ask_all(loop);
    flush_all(loop);
    if (hws_streams_sweep(&loop->streams, hws_clock_now())) flush_all(loop);
    count = epoll_wait(loop->epoll, ready, READY_MAX, sleep_ms(loop, timeout));
    if (count < 0 && errno != EINTR) return HWS_ERR_IO;
    for (int i = 0; i < count; i++) {
        struct port *port = ready[i].data.ptr;
        uint64_t wakes;

        if (!port) {
            (void)!read(loop->wakeup, &wakes, sizeof(wakes)); /* how often does not matter */
        } else if (port == &loop->changes) {
            changed = hws_netlink_take(loop->changes.fd);
        } else if (port == &loop->stream_port) {
            hws_streams_turn(&loop->streams, hws_clock_now());
        } else if (port->of_names) {
            hws_names_receive(&loop->names, (size_t)(port - loop->name_ports));
        } else if (port->link) {
            serve_link(loop, port);
        } else if (port->fd >= 0 && ready[i].events & (EPOLLIN | EPOLLERR)) {
            receive(loop, port);
        }
    }
    if (changed) follow_changes(loop); /* now that no event names a socket any more */
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

/* A server that is of no use gets the name that the program knows it by. */
static void name_server(const struct hws_loop *loop, struct hws_event *event)
{
    if (event->kind != HWS_EVENT_SERVER_FAILED) return;
    event->server = hws_servers_url(&loop->servers, event->server);
    HWS_LOG(&loop->log, HWS_LOG_WARN, hws_clock_now(), "io", "server.failed",
            "url=%s err=%s code=%d what=\"%s\"", event->server, hws_err_name(event->fault.err),
            (int)event->fault.foreign, event->fault.what);
}

static bool next_event(struct hws_loop *loop, struct member *member, struct hws_event *out)
{
    struct hws_address server;
    size_t index;

    while (hws_servers_next_event(&loop->servers, &member->share, out) ||
           hws_peer_next_event(member->peer, out)) {
        if (hws_servers_wants_port(&loop->servers, &member->share, out, &index, &server) &&
            open_spare(loop, member, index, &server, hws_clock_now()))
            continue; /* it has another chance before anybody hears of it */
        name_server(loop, out);
        return true;
    }
    return false;
}

static bool take(struct hws_loop *loop, struct member *member, struct hws_loop_item *out)
{
    *out = (struct hws_loop_item){.peer = member->peer, .user = member->user};
    for (;;) {
        out->is_signal = hws_peer_next_signal(member->peer, &out->signal);
        if (out->is_signal || next_event(loop, member, &out->event)) return true;
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
