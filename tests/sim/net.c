#include "sim/net.h"

#include "base/address.h"

#include <string.h>

enum { HOPS = 8 }; /* more NATs than there are on any way */

const char *sim_rule_name(enum sim_rule rule)
{
    static const char *const names[] = {"independent", "address", "port"};

    return names[rule];
}

void sim_nat_forget(struct sim_nat *nat)
{
    nat->mapping_count = 0;
}

static bool fits(enum sim_rule rule, const struct hws_address *a, const struct hws_address *b)
{
    switch (rule) {
    case SIM_ENDPOINT_INDEPENDENT:
        return true;
    case SIM_ADDRESS_DEPENDENT:
        return hws_address_same_ip(a, b);
    case SIM_PORT_DEPENDENT:
        break;
    }
    return hws_address_equal(a, b);
}

static struct sim_mapping *mapping_new(struct sim_nat *nat, hws_time now)
{
    struct sim_mapping *oldest = &nat->mappings[0];

    if (nat->mapping_count < SIM_MAPPINGS) {
        oldest = &nat->mappings[nat->mapping_count++];
    } else {
        for (size_t i = 1; i < SIM_MAPPINGS; i++) {
            if (nat->mappings[i].used_at < oldest->used_at) oldest = &nat->mappings[i];
        }
    }
    oldest->opened_count = 0;
    oldest->used_at = now;
    oldest->port = nat->next_port++;
    if (nat->next_port == 0) nat->next_port = 20000;
    return oldest;
}

static struct sim_mapping *map_out(struct sim_nat *nat, const struct hws_address *source,
                                   const struct hws_address *target, hws_time now)
{
    struct sim_mapping *mapping;

    for (size_t i = 0; i < nat->mapping_count; i++) {
        mapping = &nat->mappings[i];
        if (now - mapping->used_at < nat->timeout && hws_address_equal(&mapping->inside, source) &&
            fits(nat->mapping, &mapping->remote, target))
            return mapping;
    }
    mapping = mapping_new(nat, now);
    mapping->inside = *source;
    mapping->remote = *target;
    return mapping;
}

static void open_for(struct sim_mapping *mapping, const struct hws_address *target, hws_time now)
{
    size_t at = 0;

    while (at < mapping->opened_count && !hws_address_equal(&mapping->opened[at], target)) {
        at++;
    }
    if (at == SIM_OPENED) {
        at = 0;
        for (size_t i = 1; i < SIM_OPENED; i++) {
            if (mapping->opened_at[i] < mapping->opened_at[at]) at = i;
        }
    }
    if (at == mapping->opened_count) mapping->opened_count++;
    mapping->opened[at] = *target;
    mapping->opened_at[at] = now;
}

static void translate_out(struct sim_nat *nat, struct hws_address *source,
                          const struct hws_address *target, hws_time now)
{
    struct sim_mapping *mapping = map_out(nat, source, target, now);

    mapping->used_at = now;
    open_for(mapping, target, now);
    *source = nat->addr;
    source->port = mapping->port;
}

static bool is_open(const struct sim_nat *nat, const struct sim_mapping *mapping,
                    const struct hws_address *source, hws_time now)
{
    if (nat->filtering == SIM_ENDPOINT_INDEPENDENT) return true;
    for (size_t i = 0; i < mapping->opened_count; i++) {
        if (now - mapping->opened_at[i] < nat->timeout &&
            fits(nat->filtering, &mapping->opened[i], source))
            return true;
    }
    return false;
}

static bool translate_in(struct sim_nat *nat, const struct hws_address *source,
                         struct hws_address *target, hws_time now)
{
    for (size_t i = 0; i < nat->mapping_count; i++) {
        struct sim_mapping *mapping = &nat->mappings[i];

        if (mapping->port != target->port || now - mapping->used_at >= nat->timeout) continue;
        if (nat->blocked || !is_open(nat, mapping, source, now)) return false;
        *target = mapping->inside;
        return true;
    }
    return false;
}

static int find_socket(const struct sim_net *net, int realm, const struct hws_address *addr)
{
    for (size_t i = 0; i < net->socket_count; i++) {
        if (net->sockets[i].realm == realm && hws_address_equal(&net->sockets[i].addr, addr))
            return (int)i;
    }
    return -1;
}

static struct sim_nat *find_outside(struct sim_net *net, int realm, const struct hws_address *addr)
{
    for (size_t i = 0; i < net->nat_count; i++) {
        if (net->nats[i].outside == realm && hws_address_same_ip(&net->nats[i].addr, addr))
            return &net->nats[i];
    }
    return NULL;
}

static struct sim_nat *find_gateway(struct sim_net *net, int realm)
{
    for (size_t i = 0; i < net->nat_count; i++) {
        if (net->nats[i].inside == realm) return &net->nats[i];
    }
    return NULL;
}

/* Through the gateway of the realm, or back in by its hairpin. False: dropped. */
static bool pass_gateway(struct sim_nat *nat, struct hws_address *source,
                         struct hws_address *target, hws_time now, int *realm)
{
    bool back = hws_address_same_ip(&nat->addr, target);

    if (nat->blocked || target->family != HWS_FAMILY_IP4 || (back && !nat->hairpin)) return false;
    translate_out(nat, source, target, now);
    if (back) return translate_in(nat, source, target, now); /* RFC 4787 section 6 */
    *realm = nat->outside;
    return true;
}

int sim_route(struct sim_net *net, size_t socket, const struct hws_address *to, hws_time now,
              struct hws_address *out_source)
{
    struct hws_address source = net->sockets[socket].addr, target = *to;
    int realm = net->sockets[socket].realm;

    for (int hop = 0; hop < HOPS && realm != SIM_NOWHERE; hop++) {
        int found = find_socket(net, realm, &target);
        struct sim_nat *nat = find_outside(net, realm, &target);

        if (found >= 0) {
            *out_source = source;
            return found;
        }
        if (nat) {
            if (!translate_in(nat, &source, &target, now)) return -1;
            realm = nat->inside;
            continue;
        }
        nat = find_gateway(net, realm);
        if (!nat || !pass_gateway(nat, &source, &target, now, &realm)) return -1;
    }
    return -1;
}
