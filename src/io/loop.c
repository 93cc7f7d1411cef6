/* The ready-made loop: epoll around any number of peers. It decides nothing about WebRTC. */
#include "base/address.h"
#include "dtls/dtls.h"
#include "io/clock.h"
#include "io/interfaces.h"
#include "io/servers.h"
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
    LINK_MAX = 8,           /* and connections to TURN servers */
    FINGERPRINT_TEXT = 110, /* "sha-256 " and 32 times "XX:" */
};

/* As long as ICE waits for a server. */
#define LINK_PATIENCE HWS_SEC(5)
/* Epoll counts milliseconds in an int; waking early is no harm. */
#define SLEEP_MAX HWS_SEC(86400)

/* One socket of one peer, UDP or a connection to a TURN server. Epoll hands back a pointer. */
struct port {
    struct member *member;
    struct hws_address addr;
    int fd;
    bool blocked;               /* the system takes no more now: we wait for EPOLLOUT */
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
    struct hws_identity *identity;
    bool loopback;
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

/* ---- Servers */

static void wake(void *user)
{
    hws_loop_wake(user);
}

/* ---- Connections to TURN servers */

static void watch(struct hws_loop *loop, struct port *port, bool for_writing)
{
    struct epoll_event event = {.events = EPOLLIN | (for_writing ? EPOLLOUT : 0u),
                                .data = {.ptr = port}};

    if (port->blocked == for_writing) return;
    port->blocked = for_writing;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, port->fd, &event);
}

static void close_link(struct member *member, struct port *port, struct hws_fault fault)
{
    hws_servers_stream_failed(&member->share, port->server, fault);
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
        hws_servers_stream_failed(&member->share, index, fault);
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

static void open_links(struct hws_loop *loop, struct member *member, hws_time now)
{
    struct hws_address server;
    size_t index;

    while (hws_servers_next_stream(&loop->servers, &member->share, &index, &server)) {
        open_link(loop, member, index, &server, now);
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

static enum hws_err init(struct hws_loop *loop, const struct hws_loop_config *config,
                         const char **out_reason)
{
    enum hws_err err;

    loop->log = config->log;
    loop->loopback = config->loopback;
    loop->relay_only = config->relay_only;
    if (config->ice_ca_file) {
        *out_reason = "out of memory";
        loop->ca_file = calloc(1, strlen(config->ice_ca_file) + 1);
        if (!loop->ca_file) return HWS_ERR_NO_MEMORY;
        memcpy(loop->ca_file, config->ice_ca_file, strlen(config->ice_ca_file));
    }
    *out_reason = "epoll or eventfd is not to be had";
    err = open_epoll(loop);
    if (err) return err;
    *out_reason = "the certificate cannot be made";
    err = hws_identity_new(&loop->identity);
    if (!err) err = write_fingerprint(loop);
    if (err) return err;
    *out_reason = "this process has an SCTP engine already";
    err = hws_sctp_stack_new(hws_clock_now(), &loop->stack);
    if (err) return err;
    *out_reason = "";
    return hws_servers_init(&loop->servers, config, wake, loop, out_reason);
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
        if (member->ports[i].link) {
            hws_turn_link_free(member->ports[i].link);
        } else if (member->ports[i].fd >= 0) {
            hws_udp_close(member->ports[i].fd);
        }
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
    hws_sctp_stack_free(loop->stack);
    hws_identity_free(loop->identity);
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

static void open_ports(struct hws_loop *loop, struct member *member)
{
    struct hws_address list[SOCKET_MAX];
    size_t count = hws_interfaces_list(list, SOCKET_MAX, loop->loopback);

    for (size_t i = 0; i < count; i++) {
        struct port *port = &member->ports[member->port_count];
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = port}};

        if (hws_udp_open(&list[i], &port->fd)) continue; /* e.g. an address still tentative */
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->fd, &event) != 0) {
            hws_udp_close(port->fd);
            continue;
        }
        port->addr = list[i];
        port->member = member;
        member->port_count++;
    }
}

static enum hws_err start_member(struct hws_loop *loop, struct member *member,
                                 const struct hws_peer_config *config, hws_time now)
{
    struct hws_peer_config complete = *config;
    enum hws_err err;

    complete.stack = loop->stack;
    complete.identity = loop->identity;
    complete.random = hws_entropy();
    complete.relay_only = config->relay_only || loop->relay_only;
    complete.log = loop->log;
    complete.log.peer = ++loop->peer_serial;
    err = hws_peer_new(&complete, now, &member->peer);
    if (err) return err;
    open_ports(loop, member);
    if (member->port_count == 0) return HWS_ERR_IO;
    for (size_t i = 0; i < member->port_count; i++) {
        err = hws_peer_add_local(member->peer, &member->ports[i].addr, now);
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

    if (!hws_address_equal(&port->addr, &datagram->local)) return false;
    if (!port->link) return true;
    server = hws_turn_link_server(port->link);
    return hws_address_equal(&server, &datagram->remote);
}

static struct port *port_of(struct member *member, const struct hws_datagram *datagram)
{
    for (size_t i = member->port_count; i > 0; i--) { /* connections come last */
        if (is_for(&member->ports[i - 1], datagram)) return &member->ports[i - 1];
    }
    return NULL;
}

/* How many of the held datagrams in front leave by the same socket. */
static size_t same_port(struct member *member, const struct port *port)
{
    const struct hws_datagram *first = &member->held[member->held_first];
    size_t count = 1;

    while (count < member->held_count && port_of(member, &first[count]) == port) {
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
static bool send_all(struct port *port, const struct hws_datagram *datagrams, size_t count,
                     size_t *sent)
{
    if (!port->link) return hws_udp_send(port->fd, datagrams, count, sent);
    for (*sent = 0; *sent < count; (*sent)++) {
        if (!hws_turn_link_send(port->link, datagrams[*sent].bytes)) return false;
    }
    return true;
}

static bool send_held(struct hws_loop *loop, struct member *member)
{
    while (member->held_count > 0) {
        const struct hws_datagram *first = &member->held[member->held_first];
        struct port *port = port_of(member, first);
        size_t count = same_port(member, port);
        size_t sent = count; /* a socket that is gone swallows what was meant for it */
        bool room = !port || send_all(port, first, count, &sent);

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
        *at = member->next;
        if (loop->cursor == member) loop->cursor = member->next;
        free_member(member);
        return;
    }
}

/* ---- Waiting */

static void receive(struct hws_loop *loop, struct port *port)
{
    struct hws_peer *peer = port->member->peer;

    for (int i = 0; i < RECEIVE_BATCHES; i++) {
        size_t count = hws_udp_receive(port->fd, &port->addr, &loop->batch);
        hws_time now = hws_clock_now();

        for (size_t k = 0; k < count; k++) {
            (void)hws_peer_feed(peer, &loop->batch.datagrams[k], now); /* it counts and logs */
        }
        if (count < HWS_UDP_BATCH) return;
    }
}

static int sleep_ms(struct hws_loop *loop, hws_time timeout)
{
    hws_time now = hws_clock_now();
    hws_time due = timeout > HWS_NEVER - now ? HWS_NEVER : now + timeout;

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
}

enum hws_err hws_loop_wait(struct hws_loop *loop, hws_time timeout)
{
    struct epoll_event ready[READY_MAX];
    int count;

    flush_all(loop);
    count = epoll_wait(loop->epoll, ready, READY_MAX, sleep_ms(loop, timeout));
    if (count < 0 && errno != EINTR) return HWS_ERR_IO;
    for (int i = 0; i < count; i++) {
        struct port *port = ready[i].data.ptr;
        uint64_t wakes;

        if (!port) {
            (void)!read(loop->wakeup, &wakes, sizeof(wakes)); /* how often does not matter */
        } else if (port->link) {
            serve_link(loop, port);
        } else if (port->fd >= 0 && ready[i].events & (EPOLLIN | EPOLLERR)) {
            receive(loop, port);
        }
    }
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

/* A socket for one TURN server alone, on an address of ours that reaches it. */
static bool open_spare(struct hws_loop *loop, struct member *member, size_t index,
                       const struct hws_address *server)
{
    struct port *spare = &member->ports[member->port_count];
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = spare}};

    if (member->port_count == SOCKET_MAX + LINK_MAX) return false;
    for (size_t i = 0; i < member->port_count; i++) {
        struct hws_address addr = member->ports[i].addr;

        if (member->ports[i].link || addr.family != server->family ||
            hws_address_is_loopback(&addr) != hws_address_is_loopback(server))
            continue;
        addr.port = 0;
        *spare = (struct port){.member = member, .fd = -1, .give_up_at = HWS_NEVER};
        if (hws_udp_open(&addr, &spare->fd)) continue;
        spare->addr = addr;
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, spare->fd, &event) != 0) {
            hws_udp_close(spare->fd);
            return false;
        }
        member->port_count++;
        hws_servers_give_local(&loop->servers, &member->share, index, server, &addr, member->peer,
                               hws_clock_now());
        return true;
    }
    return false;
}

static bool next_event(struct hws_loop *loop, struct member *member, struct hws_event *out)
{
    struct hws_address server;
    size_t index;

    while (hws_servers_next_event(&loop->servers, &member->share, out) ||
           hws_peer_next_event(member->peer, out)) {
        if (hws_servers_wants_port(&loop->servers, &member->share, out, &index, &server) &&
            open_spare(loop, member, index, &server))
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
