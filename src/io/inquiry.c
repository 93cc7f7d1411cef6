#include "io/inquiry.h"

#include "base/address.h"
#include "base/bytes.h"
#include "io/clock.h"
#include "io/host.h"
#include "io/mdns_socket.h"
#include "io/turn_link.h"
#include "io/udp.h"
#include "mdns/mdns.h"
#include "turn/turn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PROBE_MAX = HWS_INQUIRY_SERVERS * HWS_INQUIRY_ADDRESSES,
    WAKE_AT = 0, /* places in the list that poll() takes */
    MDNS_AT = 1,
    SHARED_AT = MDNS_AT + HWS_MDNS_FAMILIES,
    PROBES_AT = SHARED_AT + 2,
    POLL_MAX = PROBES_AT + PROBE_MAX,
};
#define MDNS_PATIENCE HWS_SEC(1)

/* One address of one server being asked. */
struct probe {
    const struct hws_inquiry_server *server;
    const struct hws_ice_server *config;
    struct hws_inquiry_answer *answer;
    struct hws_behaviour *behaviour; /* STUN, else */
    struct hws_turn *turn;           /* TURN; both wait for the link where there is one */
    struct hws_turn_link *link;      /* TCP and TLS, else */
    int fd;                          /* UDP: a socket for this server alone; or -1 */
    hws_time started, give_up_at;
    bool over;
};

struct inquiry {
    const struct hws_inquiry_config *config;
    struct hws_inquiry_report *report;
    hws_time started, patience;
    int wakeup;
    struct hws_lookup *lookups[HWS_INQUIRY_SERVERS];
    struct hws_address shared_addr[2]; /* IPv4, IPv6: any address, and the port */
    int shared[2];                     /* -1 = not to be had */
    struct probe probes[PROBE_MAX];
    size_t probe_count;
    struct hws_tls_trust *trust; /* made when a TLS server is first used */
    struct hws_mdns_socket mdns;
    struct hws_mdns_packet mdns_packet;
    bool mdns_waits;
    struct hws_udp_batch batch;
};

static bool is_ip6(const struct hws_address *addr)
{
    return addr->family == HWS_FAMILY_IP6;
}

/* ---- Multicast DNS: a question about a name that nobody has comes back to its sender */

static enum hws_err write_question(struct hws_mdns_packet *out, hws_time now)
{
    struct hws_random random = hws_entropy();
    char name[HWS_MDNS_NAME_TEXT];
    struct hws_mdns *mdns;
    uint8_t id[16];
    enum hws_err err = hws_mdns_new(&mdns);

    if (err) return err;
    random.fill(random.user, id, sizeof(id));
    hws_mdns_make_name(id, name);
    err = hws_mdns_ask(mdns, name, out, now);
    hws_mdns_tick(mdns, now);
    if (!err && !hws_mdns_next_packet(mdns, out)) err = HWS_ERR_UNEXPECTED;
    hws_mdns_free(mdns);
    return err;
}

static void start_mdns(struct inquiry *inquiry)
{
    inquiry->mdns.fds[0] = inquiry->mdns.fds[1] = -1;
    if (write_question(&inquiry->mdns_packet, inquiry->started)) return;
    if (hws_mdns_socket_open(false, &inquiry->mdns)) return;
    hws_mdns_socket_send(&inquiry->mdns, &inquiry->mdns_packet);
    inquiry->mdns_waits = true;
}

static void receive_mdns(struct inquiry *inquiry, size_t family)
{
    uint8_t data[HWS_MDNS_MESSAGE_MAX];
    struct hws_bytes sent = {inquiry->mdns_packet.data, inquiry->mdns_packet.len};
    struct hws_bytes came = {data, 0};
    struct hws_address from;

    while (hws_mdns_socket_receive(&inquiry->mdns, family, data, sizeof(data), &came.len, &from)) {
        if (hws_bytes_equal(came, sent)) inquiry->report->mdns[family] = true;
    }
}

static void tick_mdns(struct inquiry *inquiry, hws_time now)
{
    bool missing = false;

    for (size_t i = 0; i < HWS_MDNS_FAMILIES; i++) {
        if (inquiry->mdns.fds[i] >= 0 && !inquiry->report->mdns[i]) missing = true;
    }
    if (!missing || now >= inquiry->started + MDNS_PATIENCE) inquiry->mdns_waits = false;
}

/* ---- One probe */

static void end_probe(struct probe *probe, enum hws_err err, const char *reason)
{
    probe->over = true;
    probe->answer->works = err == HWS_OK;
    probe->answer->err = err;
    probe->answer->reason = reason;
}

static void send_udp(int fd, const struct hws_address *to, struct hws_bytes bytes)
{
    struct hws_datagram datagram = {.remote = *to, .bytes = bytes};
    size_t sent;

    (void)hws_udp_send(fd, &datagram, 1, &sent); /* what does not leave is asked again */
}

static void flush_behaviour(struct inquiry *inquiry, struct probe *probe)
{
    struct hws_behaviour_packet packet;

    while (hws_behaviour_next_packet(probe->behaviour, &packet)) {
        struct hws_bytes bytes = {packet.data, packet.len};

        if (probe->link)
            (void)hws_turn_link_send(probe->link, bytes);
        else if (packet.end == HWS_BEHAVIOUR_OWN)
            send_udp(probe->fd, &packet.to, bytes);
        else
            send_udp(inquiry->shared[is_ip6(&packet.to)], &packet.to, bytes);
    }
}

static void flush_turn(struct probe *probe)
{
    struct hws_address server = hws_turn_server(probe->turn);
    struct hws_bytes bytes;

    while (hws_turn_next_packet(probe->turn, &bytes)) {
        if (probe->link)
            (void)hws_turn_link_send(probe->link, bytes);
        else
            send_udp(probe->fd, &server, bytes);
    }
}

/* What came may be for another probe, or garbage: then it changes nothing. */
static bool feed_behaviour(struct probe *probe, enum hws_behaviour_end end,
                           const struct hws_address *from, struct hws_bytes bytes, hws_time now)
{
    return hws_behaviour_feed(probe->behaviour, end, from, bytes, now) == HWS_OK;
}

static void feed_turn(struct probe *probe, struct hws_bytes bytes, hws_time now)
{
    struct hws_turn_data data; /* nobody was permitted to send us any */

    if (hws_turn_feed(probe->turn, bytes, now, &data)) return;
}

static enum hws_err new_behaviour(struct probe *probe, const struct hws_address *shared,
                                  hws_time patience, hws_time now)
{
    struct hws_behaviour_config config = {
        .random = hws_entropy(),
        .server = probe->answer->server,
        .local = {*shared, probe->answer->local},
        .patience = patience,
        .once = probe->link != NULL,
    };
    enum hws_err err = hws_behaviour_new(&config, &probe->behaviour);

    if (!err) hws_behaviour_start(probe->behaviour, now);
    return err;
}

static enum hws_err new_turn(struct probe *probe, hws_time patience, hws_time now)
{
    const char *username = probe->config->username, *password = probe->config->password;
    struct hws_turn_config config = {
        .random = hws_entropy(),
        .server = probe->answer->server,
        .username = hws_bytes_of(username ? username : ""),
        .password = hws_bytes_of(password ? password : ""),
        .stream = probe->link != NULL,
        .patience = patience,
    };
    enum hws_err err = hws_turn_new(&config, &probe->turn);

    if (!err) hws_turn_start(probe->turn, now);
    return err;
}

static enum hws_err open_udp(struct inquiry *inquiry, struct probe *probe, hws_time now)
{
    struct hws_address any = {.family = probe->answer->server.family};
    struct hws_address shared = probe->answer->local;
    enum hws_err err = hws_udp_open(&any, &probe->fd);

    if (err) return err;
    probe->answer->local.port = any.port;
    if (probe->server->url.is_turn) return new_turn(probe, inquiry->patience, now);
    if (inquiry->shared[is_ip6(&any)] < 0) return HWS_ERR_IO;
    shared.port = inquiry->shared_addr[is_ip6(&any)].port;
    err = new_behaviour(probe, &shared, inquiry->patience, now);
    probe->answer->local = shared; /* the end of which the server's view is told */
    return err;
}

static enum hws_err open_link(struct inquiry *inquiry, struct probe *probe)
{
    bool tls = probe->server->url.transport == HWS_TRANSPORT_TLS;
    enum hws_err err = HWS_OK;

    if (tls && !inquiry->trust) err = hws_tls_trust_new(inquiry->config->ca_file, &inquiry->trust);
    if (err) return err;
    return hws_turn_link_new(&probe->answer->server, tls ? inquiry->trust : NULL,
                             probe->server->url.endpoint.host, &probe->link);
}

static void start_probe(struct inquiry *inquiry, size_t index, const struct hws_address *addr,
                        hws_time now)
{
    struct hws_inquiry_server *server = &inquiry->report->servers[index];
    struct probe *probe = &inquiry->probes[inquiry->probe_count++];
    enum hws_err err;

    *probe = (struct probe){
        .server = server,
        .config = &inquiry->config->servers[index],
        .answer = &server->answers[server->answer_count++],
        .fd = -1,
        .started = now,
        .give_up_at = now + inquiry->patience,
    };
    probe->answer->server = *addr;
    if (!hws_host_route(addr, &probe->answer->local)) {
        end_probe(probe, HWS_ERR_UNREACHABLE, "there is no route to it");
        return;
    }
    err = server->url.transport == HWS_TRANSPORT_UDP ? open_udp(inquiry, probe, now)
                                                     : open_link(inquiry, probe);
    if (err) end_probe(probe, err, hws_strerror(err));
}

/* What asks begins when the connection is there. */
static void serve_link(struct inquiry *inquiry, struct probe *probe, hws_time now)
{
    struct hws_address server = probe->answer->server;
    enum hws_err err = hws_turn_link_ready(probe->link);
    struct hws_bytes message;

    if (hws_turn_link_is_up(probe->link) && !probe->turn && !probe->behaviour) {
        enum hws_err failed;

        probe->answer->local = hws_turn_link_local(probe->link);
        failed = probe->server->url.is_turn
                     ? new_turn(probe, inquiry->patience, now)
                     : new_behaviour(probe, &probe->answer->local, inquiry->patience, now);
        if (failed) end_probe(probe, failed, hws_strerror(failed));
    }
    while (!probe->over && hws_turn_link_next(probe->link, &message)) {
        if (probe->turn)
            feed_turn(probe, message, now);
        else if (probe->behaviour)
            (void)feed_behaviour(probe, HWS_BEHAVIOUR_SHARED, &server, message, now);
    }
    if (err == HWS_ERR_AGAIN || probe->over) return;
    if (probe->turn)
        hws_turn_gone(probe->turn, now);
    else if (!probe->behaviour || !hws_behaviour_is_done(probe->behaviour))
        end_probe(probe, err, hws_turn_link_fault(probe->link).what);
}

static void tick_turn(struct probe *probe, hws_time now)
{
    struct hws_turn_event event;

    if (hws_turn_deadline(probe->turn) <= now) hws_turn_tick(probe->turn, now);
    while (!probe->over && hws_turn_next_event(probe->turn, &event)) {
        if (event.kind == HWS_TURN_ALLOCATED) {
            probe->answer->rtt = now - probe->started;
            probe->answer->mapped = event.mapped;
            memcpy(probe->answer->relayed, event.relayed, sizeof(event.relayed));
            end_probe(probe, HWS_OK, "");
            hws_turn_close(probe->turn, now);
        } else if (event.kind == HWS_TURN_FAILED) {
            probe->answer->code = event.code;
            end_probe(probe, event.err ? event.err : HWS_ERR_REFUSED, event.reason);
        }
    }
    flush_turn(probe);
}

static void tick_behaviour(struct inquiry *inquiry, struct probe *probe, hws_time now)
{
    struct hws_inquiry_answer *answer = probe->answer;

    hws_behaviour_tick(probe->behaviour, now);
    flush_behaviour(inquiry, probe);
    if (!hws_behaviour_is_done(probe->behaviour)) return;
    answer->stun = hws_behaviour_result(probe->behaviour);
    answer->rtt = answer->stun.rtt;
    answer->mapped = answer->stun.mapped;
    answer->code = answer->stun.error_code;
    if (!answer->stun.reachable)
        end_probe(probe, HWS_ERR_TIMEOUT, "no answer");
    else if (answer->stun.mapped.family == HWS_FAMILY_NONE)
        end_probe(probe, HWS_ERR_REFUSED, "it answers with an error");
    else
        end_probe(probe, HWS_OK, "");
}

static void tick_probe(struct inquiry *inquiry, struct probe *probe, hws_time now)
{
    if (probe->over) return;
    if (probe->behaviour) {
        tick_behaviour(inquiry, probe, now);
        return; /* it gives up by itself */
    }
    if (probe->turn) tick_turn(probe, now);
    if (!probe->over && probe->give_up_at <= now) end_probe(probe, HWS_ERR_TIMEOUT, "no answer");
}

static hws_time probe_deadline(const struct probe *probe)
{
    hws_time deadline = probe->give_up_at;

    if (probe->over) return HWS_NEVER;
    if (probe->behaviour) return hws_behaviour_deadline(probe->behaviour);
    if (probe->turn && hws_turn_deadline(probe->turn) < deadline)
        deadline = hws_turn_deadline(probe->turn);
    return deadline;
}

static void free_probe(struct probe *probe)
{
    hws_turn_link_free(probe->link);
    hws_turn_free(probe->turn);
    hws_behaviour_free(probe->behaviour);
    if (probe->fd >= 0) hws_udp_close(probe->fd);
}

/* ---- Names */

static void wake(void *user)
{
    const struct inquiry *inquiry = user;
    uint64_t one = 1;

    (void)!write(inquiry->wakeup, &one, sizeof(one));
}

static enum hws_err start_lookups(struct inquiry *inquiry, const char **out_reason)
{
    struct hws_inquiry_report *report = inquiry->report;

    *out_reason = "too many servers, 8 at most";
    if (inquiry->config->server_count > HWS_INQUIRY_SERVERS) return HWS_ERR_ARGUMENT;
    for (size_t i = 0; i < inquiry->config->server_count; i++) {
        report->servers[i].text = inquiry->config->servers[i].url;
        if (hws_ice_url_read(report->servers[i].text, &report->servers[i].url, out_reason))
            return HWS_ERR_ARGUMENT;
    }
    report->server_count = inquiry->config->server_count;
    *out_reason = "a name cannot be looked up";
    for (size_t i = 0; i < report->server_count; i++) {
        enum hws_err err =
            hws_lookup_start(&report->servers[i].url.endpoint, wake, inquiry, &inquiry->lookups[i]);

        if (err) return err;
    }
    return HWS_OK;
}

/* True while a name is being looked up. */
static bool take_lookups(struct inquiry *inquiry, hws_time now)
{
    bool late = now >= inquiry->started + inquiry->patience, waits = false;

    for (size_t i = 0; i < inquiry->report->server_count; i++) {
        struct hws_address found[HWS_RESOLVED_MAX];
        bool seen[2] = {false, false};
        size_t count = 0;

        if (!inquiry->lookups[i]) continue;
        if (!hws_lookup_done(inquiry->lookups[i], found, &count) && !late) {
            waits = true;
            continue;
        }
        hws_lookup_free(inquiry->lookups[i]);
        inquiry->lookups[i] = NULL;
        for (size_t k = 0; k < count; k++) {
            if (seen[is_ip6(&found[k])]) continue;
            seen[is_ip6(&found[k])] = true;
            start_probe(inquiry, i, &found[k], now);
        }
    }
    return waits;
}

/* ---- The loop */

static void receive_shared(struct inquiry *inquiry, size_t family)
{
    size_t count =
        hws_udp_receive(inquiry->shared[family], &inquiry->shared_addr[family], &inquiry->batch);
    hws_time now = hws_clock_now();

    for (size_t i = 0; i < count; i++) {
        const struct hws_datagram *in = &inquiry->batch.datagrams[i];

        for (size_t k = 0; k < inquiry->probe_count; k++) {
            struct probe *probe = &inquiry->probes[k];

            if (probe->behaviour && !probe->link &&
                feed_behaviour(probe, HWS_BEHAVIOUR_SHARED, &in->remote, in->bytes, now))
                break;
        }
    }
}

static void receive_own(struct inquiry *inquiry, struct probe *probe)
{
    size_t count = hws_udp_receive(probe->fd, &probe->answer->local, &inquiry->batch);
    hws_time now = hws_clock_now();

    for (size_t i = 0; i < count; i++) {
        const struct hws_datagram *in = &inquiry->batch.datagrams[i];
        struct hws_address server;

        if (probe->behaviour) {
            (void)feed_behaviour(probe, HWS_BEHAVIOUR_OWN, &in->remote, in->bytes, now);
        } else if (probe->turn) {
            server = hws_turn_server(probe->turn);
            if (hws_address_equal(&in->remote, &server)) feed_turn(probe, in->bytes, now);
        }
    }
}

static size_t list_fds(const struct inquiry *inquiry, struct pollfd fds[POLL_MAX])
{
    fds[WAKE_AT] = (struct pollfd){.fd = inquiry->wakeup, .events = POLLIN};
    for (int i = 0; i < 2; i++) {
        fds[MDNS_AT + i] = (struct pollfd){.fd = inquiry->mdns_waits ? inquiry->mdns.fds[i] : -1,
                                           .events = POLLIN};
        fds[SHARED_AT + i] = (struct pollfd){.fd = inquiry->shared[i], .events = POLLIN};
    }
    for (size_t i = 0; i < inquiry->probe_count; i++) {
        const struct probe *probe = &inquiry->probes[i];
        struct pollfd *entry = &fds[PROBES_AT + i];

        *entry = (struct pollfd){.fd = probe->fd, .events = POLLIN};
        if (probe->link) {
            entry->fd = hws_turn_link_fd(probe->link);
            if (hws_turn_link_wants_write(probe->link)) entry->events |= POLLOUT;
        }
        if (probe->over) entry->fd = -1;
    }
    return PROBES_AT + inquiry->probe_count;
}

static void wait_and_receive(struct inquiry *inquiry, hws_time deadline)
{
    struct pollfd fds[POLL_MAX];
    size_t count = list_fds(inquiry, fds);
    hws_time now = hws_clock_now();
    int timeout = deadline <= now ? 0 : (int)((deadline - now + 999) / 1000);
    uint64_t ignored;

    if (poll(fds, (nfds_t)count, timeout) <= 0) return;
    if (fds[WAKE_AT].revents) (void)!read(inquiry->wakeup, &ignored, sizeof(ignored));
    for (size_t i = 0; i < 2; i++) {
        if (fds[MDNS_AT + i].revents) receive_mdns(inquiry, i);
        if (fds[SHARED_AT + i].revents) receive_shared(inquiry, i);
    }
    for (size_t i = 0; i < inquiry->probe_count; i++) {
        struct probe *probe = &inquiry->probes[i];

        if (!fds[PROBES_AT + i].revents) continue;
        if (probe->link)
            serve_link(inquiry, probe, hws_clock_now());
        else
            receive_own(inquiry, probe);
    }
}

static void ask_all(struct inquiry *inquiry)
{
    for (;;) {
        hws_time now = hws_clock_now(), deadline = HWS_NEVER;
        bool waits = take_lookups(inquiry, now);

        if (waits) deadline = inquiry->started + inquiry->patience;
        if (inquiry->mdns_waits) tick_mdns(inquiry, now);
        if (inquiry->mdns_waits && inquiry->started + MDNS_PATIENCE < deadline)
            deadline = inquiry->started + MDNS_PATIENCE;
        for (size_t i = 0; i < inquiry->probe_count; i++) {
            hws_time own;

            tick_probe(inquiry, &inquiry->probes[i], now);
            own = probe_deadline(&inquiry->probes[i]);
            if (own < deadline) deadline = own;
        }
        if (deadline == HWS_NEVER) return;
        wait_and_receive(inquiry, deadline);
    }
}

static void finish(struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->report->server_count; i++) {
        hws_lookup_free(inquiry->lookups[i]);
    }
    for (size_t i = 0; i < inquiry->probe_count; i++) {
        free_probe(&inquiry->probes[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (inquiry->shared[i] >= 0) hws_udp_close(inquiry->shared[i]);
    }
    hws_mdns_socket_close(&inquiry->mdns);
    hws_tls_trust_free(inquiry->trust);
    if (inquiry->wakeup >= 0) close(inquiry->wakeup);
    free(inquiry);
}

enum hws_err hws_inquiry(const struct hws_inquiry_config *config, struct hws_inquiry_report *out,
                         const char **out_reason)
{
    struct hws_inquiry_report report = {0};
    struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
    enum hws_err err = HWS_ERR_IO;

    *out_reason = "out of memory";
    if (!inquiry) return HWS_ERR_NO_MEMORY;
    inquiry->config = config;
    inquiry->report = &report;
    inquiry->started = hws_clock_now();
    inquiry->patience = config->patience > 0 ? config->patience : HWS_BEHAVIOUR_PATIENCE;
    inquiry->shared_addr[0].family = HWS_FAMILY_IP4;
    inquiry->shared_addr[1].family = HWS_FAMILY_IP6;
    for (size_t i = 0; i < 2; i++) {
        if (hws_udp_open(&inquiry->shared_addr[i], &inquiry->shared[i])) inquiry->shared[i] = -1;
    }
    start_mdns(inquiry);
    inquiry->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    *out_reason = "no file descriptor is to be had";
    if (inquiry->wakeup >= 0) err = start_lookups(inquiry, out_reason);
    if (!err) ask_all(inquiry);
    finish(inquiry);
    if (err) return err;
    *out = report;
    *out_reason = "";
    return HWS_OK;
}
