#include "support/ice_net.h"

#include "crypto/crc32.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t net_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void fill(void *user, uint8_t *out, size_t len)
{
    struct net_site *site = user;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)net_random(&site->random);
    }
}

struct hws_address net_addr(const char *ip, uint16_t port)
{
    struct hws_address addr = {0};

    if (hws_address_read(hws_bytes_of(ip), &addr)) abort();
    addr.port = port;
    return addr;
}

void net_init(struct net *net, uint64_t seed)
{
    memset(net, 0, sizeof(*net));
    net->now = HWS_SEC(1000);
    net->random = seed * 2654435761u + 1;
    net->delay = HWS_MS(10);
    net->signal_delay = HWS_MS(10);
    net->trickle = true;
    net->queue = calloc(NET_QUEUE, sizeof(*net->queue));
    if (!net->queue) abort();
    for (int i = 0; i < NET_SITES; i++) {
        net->sites[i].net = net;
        net->sites[i].random = seed * 31u + (uint64_t)i + 7;
        net->sites[i].selected_at = net->sites[i].nominated_at = net->sites[i].failed_at =
            net->sites[i].expired_at = net->sites[i].local_end_at = -1;
    }
}

static void item_free(struct net_item *item)
{
    free(item->candidate);
    free(item);
}

void net_fini(struct net *net)
{
    for (size_t i = 0; i < net->queue_count; i++) {
        item_free(net->queue[i]);
    }
    free(net->queue);
    for (int i = 0; i < NET_SITES; i++) {
        hws_ice_free(net->sites[i].ice);
    }
}

void net_site_start(struct net *net, int site, bool controlling,
                    const struct hws_ice_config *config)
{
    struct hws_ice_config full = config ? *config : (struct hws_ice_config){0};

    full.controlling = controlling;
    full.random = (struct hws_random){fill, &net->sites[site]};
    if (hws_ice_new(&full, &net->sites[site].ice)) abort();
}

void net_site_addr(struct net *net, int site, const char *ip, uint16_t port)
{
    struct net_site *s = &net->sites[site];

    s->addrs[s->addr_count++] = net_addr(ip, port);
}

void net_site_nat(struct net *net, int site, enum net_nat nat, const char *public_ip)
{
    net->sites[site].nat = nat;
    net->sites[site].nat_addr = net_addr(public_ip, 0);
}

void net_server(struct net *net, const char *ip, uint16_t port)
{
    net->servers[net->server_count++] = net_addr(ip, port);
}

/* ---- The queue: small enough to search */

static struct net_item *item_new(struct net *net, int site, hws_time delay)
{
    struct net_item *item = calloc(1, sizeof(*item));

    if (!item || net->queue_count == NET_QUEUE) abort();
    item->at = net->now + delay;
    item->order = net->order++;
    item->site = site;
    net->queue[net->queue_count++] = item;
    return item;
}

static size_t first_item(const struct net *net)
{
    size_t best = 0;

    for (size_t i = 1; i < net->queue_count; i++) {
        const struct net_item *a = net->queue[i], *b = net->queue[best];

        if (a->at < b->at || (a->at == b->at && a->order < b->order)) best = i;
    }
    return best;
}

void net_inject(struct net *net, int site, const struct hws_address *local,
                const struct hws_address *remote, struct hws_bytes bytes, hws_time delay)
{
    struct net_item *item = item_new(net, site, delay);

    item->kind = NET_PACKET;
    item->local = *local;
    item->remote = *remote;
    if (bytes.len > sizeof(item->bytes)) abort();
    memcpy(item->bytes, bytes.data, bytes.len);
    item->len = bytes.len;
}

/* ---- Addresses */

static struct net_mapping *map_out(struct net_site *site, const struct hws_address *inside,
                                   const struct hws_address *remote)
{
    struct net_mapping *mapping;

    for (size_t i = 0; i < site->mapping_count; i++) {
        mapping = &site->mappings[i];
        if (hws_address_equal(&mapping->inside, inside) &&
            (site->nat != NET_NAT_SYMMETRIC || hws_address_equal(&mapping->remote, remote)))
            return mapping;
    }
    if (site->mapping_count == NET_MAPPINGS) return NULL;
    mapping = &site->mappings[site->mapping_count];
    mapping->inside = *inside;
    mapping->remote = *remote;
    mapping->outside = site->nat_addr;
    mapping->outside.port = (uint16_t)(40000 + site->mapping_count++);
    return mapping;
}

static bool is_open(const struct net_site *site, const struct net_mapping *mapping,
                    const struct hws_address *remote)
{
    if (site->nat == NET_NAT_CONE) return true;
    for (size_t i = 0; i < mapping->opened_count; i++) {
        if (hws_address_equal(&mapping->opened[i], remote)) return true;
    }
    return false;
}

static bool is_private(const struct hws_address *addr)
{
    return addr->family == HWS_FAMILY_IP4 && (addr->ip[0] == 10 || addr->ip[0] == 192);
}

/* Which site has this address, seen from outside; -1 if nobody, or its NAT is closed. */
static int site_at(struct net *net, int from, const struct hws_address *to,
                   const struct hws_address *source, struct hws_address *out_inside)
{
    for (int i = 0; i < NET_SITES; i++) {
        struct net_site *site = &net->sites[i];

        for (size_t j = 0; j < site->addr_count; j++) {
            bool hidden = site->nat != NET_NAT_NONE && is_private(&site->addrs[j]) && i != from;

            if (hidden || !hws_address_equal(&site->addrs[j], to)) continue;
            *out_inside = *to;
            return i;
        }
        for (size_t j = 0; j < site->mapping_count; j++) {
            if (!hws_address_equal(&site->mappings[j].outside, to)) continue;
            if (!is_open(site, &site->mappings[j], source)) return -1;
            *out_inside = site->mappings[j].inside;
            return i;
        }
    }
    return -1;
}

static hws_time one_way(struct net *net)
{
    hws_time jitter = net->jitter;

    return net->delay + (jitter ? (hws_time)(net_random(&net->random) % (uint64_t)jitter) : 0);
}

static bool is_lost(struct net *net)
{
    return net->loss_percent > 0 && net_random(&net->random) % 100 < net->loss_percent;
}

static void serve(struct net *net, int from, const struct hws_address *server,
                  const struct hws_address *source, const struct hws_address *inside,
                  struct hws_bytes bytes)
{
    struct hws_stun_message request;
    struct hws_stun_writer msg;
    struct hws_bytes answer;
    uint8_t buffer[128];

    if (hws_stun_read(bytes, &request, NULL)) return;
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS, HWS_STUN_BINDING,
                         request.transaction);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, source);
    if (hws_stun_end(&msg, &answer) || is_lost(net)) return;
    net_inject(net, from, inside, server, answer, one_way(net) + one_way(net));
}

/* From an address in the open to whoever has that address. */
static void route(struct net *net, const struct hws_address *from, const struct hws_address *to,
                  struct hws_bytes bytes, hws_time now)
{
    struct hws_address inside;
    struct server_output out;
    int site;

    for (size_t i = 0; i < net->turn_count; i++) { /* one relay to another */
        if (!server_relay(net->turns[i], to, from, bytes, now, &out)) continue;
        site = site_at(net, -1, &out.to, &net->turns[i]->addr, &inside);
        if (site >= 0)
            net_inject(net, site, &inside, &net->turns[i]->addr, out.bytes,
                       now - net->now + one_way(net));
        return;
    }
    site = site_at(net, -1, to, from, &inside);
    if (site >= 0) net_inject(net, site, &inside, from, bytes, now - net->now + one_way(net));
}

/* A packet for a TURN server: an answer comes back, or data goes on. */
static bool serve_turn(struct net *net, const struct hws_address *to,
                       const struct hws_address *source, struct hws_bytes bytes)
{
    for (size_t i = 0; i < net->turn_count; i++) {
        struct turn_server *server = net->turns[i];
        hws_time then = net->now + one_way(net);
        struct server_output out;
        uint8_t copy[700];

        if (!hws_address_equal(&server->addr, to)) continue;
        if (!server_take(server, source, bytes, then, &out) || is_lost(net)) return true;
        if (out.bytes.len > sizeof(copy)) abort();
        memcpy(copy, out.bytes.data, out.bytes.len);
        out.bytes.data = copy;
        route(net, out.relayed.family != HWS_FAMILY_NONE ? &out.relayed : &server->addr, &out.to,
              out.bytes, then);
        return true;
    }
    return false;
}

static bool is_relayed(const struct net *net, const struct hws_address *addr)
{
    for (size_t i = 0; i < net->turn_count; i++) {
        for (size_t k = 0; k < SERVER_CLIENTS; k++) {
            const struct server_allocation *allocation = &net->turns[i]->allocations[k];

            if (hws_address_equal(&allocation->relayed[0], addr) ||
                hws_address_equal(&allocation->relayed[1], addr))
                return true;
        }
    }
    return false;
}

void net_turn(struct net *net, struct turn_server *server)
{
    net->turns[net->turn_count++] = server;
}

void net_site_turn(struct net *net, int site, const struct turn_server *server)
{
    struct hws_turn_server turn = {.address = server->addr,
                                   .username = server->username,
                                   .password = server->password,
                                   .url = "turn:relay.test"};

    if (hws_ice_add_turn(net->sites[site].ice, &turn, net->now)) abort();
}

static void note(struct net *net, int from, const struct hws_datagram *sent)
{
    uint8_t head[16];
    struct hws_writer out = hws_writer_over(head, sizeof(head));

    hws_write_u64(&out, (uint64_t)net->now);
    hws_write_u8(&out, (uint8_t)from);
    hws_write_u16(&out, sent->remote.port);
    net->trace = hws_crc32_more(net->trace, hws_written(&out));
    net->trace = hws_crc32_more(net->trace, sent->bytes);
}

static void carry(struct net *net, int from, const struct hws_datagram *sent)
{
    struct net_site *site = &net->sites[from];
    struct hws_address source = sent->local, inside;
    int to;

    site->packets_out++;
    site->bytes_out += sent->bytes.len;
    site->last_out_at = net->now;
    note(net, from, sent);
    if (net->tap && !net->tap(net->tap_user, from, sent)) return;
    if (is_lost(net)) return;
    if (site->nat != NET_NAT_NONE && is_private(&source)) {
        struct net_mapping *mapping = map_out(site, &source, &sent->remote);

        if (!mapping) return;
        if (!is_open(site, mapping, &sent->remote) && mapping->opened_count < 32)
            mapping->opened[mapping->opened_count++] = sent->remote;
        source = mapping->outside;
    }
    for (size_t i = 0; i < net->server_count; i++) {
        if (hws_address_equal(&net->servers[i], &sent->remote)) {
            serve(net, from, &net->servers[i], &source, &sent->local, sent->bytes);
            return;
        }
    }
    if (serve_turn(net, &sent->remote, &source, sent->bytes)) return;
    if (is_relayed(net, &sent->remote)) {
        route(net, &source, &sent->remote, sent->bytes, net->now + one_way(net));
        return;
    }
    to = site_at(net, from, &sent->remote, &source, &inside);
    if (to >= 0) net_inject(net, to, &inside, &source, sent->bytes, one_way(net));
}

/* ---- Signalling */

void net_describe(struct net *net, int from)
{
    struct net_item *item = item_new(net, 1 - from, net->signal_delay);

    item->kind = NET_REMOTE;
    memcpy(item->ufrag, hws_ice_ufrag(net->sites[from].ice), HWS_ICE_UFRAG_LEN + 1);
    memcpy(item->pwd, hws_ice_pwd(net->sites[from].ice), HWS_ICE_PWD_LEN + 1);
}

static void on_event(struct net *net, int from, const struct hws_ice_event *event)
{
    struct net_site *site = &net->sites[from];
    struct net_item *item;

    switch (event->kind) {
    case HWS_ICE_LOCAL_CANDIDATE:
        if (site->candidate_count < 40) site->candidates[site->candidate_count] = event->candidate;
        site->candidate_count++;
        if (event->candidate.type == HWS_CANDIDATE_SRFLX) site->srflx_count++;
        if (!net->trickle) break;
        item = item_new(net, 1 - from, net->signal_delay);
        item->kind = NET_CANDIDATE;
        item->candidate = calloc(1, sizeof(*item->candidate));
        if (!item->candidate) abort();
        *item->candidate = event->candidate;
        break;
    case HWS_ICE_LOCAL_END:
        site->local_end_at = net->now;
        if (!net->trickle) break;
        item = item_new(net, 1 - from, net->signal_delay);
        item->kind = NET_END;
        break;
    case HWS_ICE_SELECTED:
        if (site->selected_at < 0) site->selected_at = net->now;
        site->selected_count++;
        break;
    case HWS_ICE_NOMINATED:
        site->nominated_at = net->now;
        break;
    case HWS_ICE_FAILED:
        site->failed_at = net->now;
        break;
    case HWS_ICE_SERVER_FAILED:
        site->server_failures++;
        site->server_fault = event->fault;
        break;
    case HWS_ICE_EXPIRED:
        site->expired_at = net->now;
        break;
    }
}

void net_drain(struct net *net)
{
    for (int i = 0; i < NET_SITES; i++) {
        struct hws_datagram packet;
        struct hws_ice_event event;

        if (!net->sites[i].ice) continue;
        while (hws_ice_next_packet(net->sites[i].ice, &packet)) {
            carry(net, i, &packet);
        }
        while (hws_ice_next_event(net->sites[i].ice, &event)) {
            on_event(net, i, &event);
        }
    }
}

void net_call(struct net *net)
{
    for (int i = 0; i < NET_SITES; i++) {
        net_describe(net, i); /* first: candidates follow their description */
        for (size_t j = 0; j < net->sites[i].addr_count; j++) {
            if (hws_ice_add_local(net->sites[i].ice, &net->sites[i].addrs[j], net->now)) abort();
        }
        for (size_t j = 0; j < net->server_count; j++) {
            if (hws_ice_add_server(net->sites[i].ice, &net->servers[j], net->now)) abort();
        }
        hws_ice_end_local(net->sites[i].ice, net->now);
    }
    net_drain(net);
}

static void feed(struct net *net, struct net_site *site, const struct hws_datagram *in)
{
    struct hws_datagram inner;

    site->bytes_in += in->bytes.len;
    switch (hws_ice_unwrap(site->ice, in, &inner, net->now)) {
    case HWS_ICE_DIRECT:
        site->host_in++;
        (void)!hws_ice_feed(site->ice, in, net->now);
        break;
    case HWS_ICE_RELAYED:
        site->relayed_in++;
        (void)!hws_ice_feed(site->ice, &inner, net->now);
        break;
    case HWS_ICE_CONSUMED:
        break;
    }
}

static void deliver(struct net *net, struct net_item *item)
{
    struct net_site *site = &net->sites[item->site];
    struct hws_datagram in = {
        item->local, item->remote, {item->bytes, item->len}
    };

    if (!site->ice) return;
    switch (item->kind) {
    case NET_PACKET:
        feed(net, site, &in);
        break;
    case NET_CANDIDATE:
        if (net->sites[1 - item->site].named) item->candidate->mdns[0] = 'x';
        (void)!hws_ice_add_remote(site->ice, item->candidate, net->now);
        break;
    case NET_END:
        hws_ice_end_remote(site->ice, net->now);
        break;
    case NET_REMOTE:
        (void)!hws_ice_set_remote(site->ice, item->ufrag, item->pwd, net->lite[1 - item->site],
                                  net->now);
        break;
    }
}

static void tick_due(struct net *net)
{
    for (int i = 0; i < NET_SITES; i++) {
        struct hws_ice *ice = net->sites[i].ice;

        if (!ice || hws_ice_deadline(ice) > net->now) continue;
        hws_ice_tick(ice, net->now);
        if (hws_ice_deadline(ice) <= net->now) net->saw_busy = true;
    }
}

/* One step in time; false when nothing is left before @p until. */
static bool step(struct net *net, hws_time until)
{
    hws_time next = HWS_NEVER;
    size_t first = 0;

    net_drain(net);
    if (net->queue_count > 0) {
        first = first_item(net);
        next = net->queue[first]->at;
    }
    for (int i = 0; i < NET_SITES; i++) {
        if (net->sites[i].ice && hws_ice_deadline(net->sites[i].ice) < next)
            next = hws_ice_deadline(net->sites[i].ice);
    }
    if (next > until || net->saw_busy) {
        net->now = until;
        return false;
    }
    if (next > net->now) net->now = next;
    if (net->queue_count > 0 && net->queue[first]->at <= net->now) {
        struct net_item *item = net->queue[first];

        net->queue[first] = net->queue[--net->queue_count];
        deliver(net, item);
        item_free(item);
    }
    tick_due(net);
    net_drain(net);
    return true;
}

void net_run(struct net *net, hws_time until)
{
    while (step(net, until)) {
    }
}

bool net_run_connected(struct net *net, hws_time until)
{
    while (net->sites[0].selected_at < 0 || net->sites[1].selected_at < 0) {
        if (!step(net, until)) return false;
    }
    return true;
}
