#include "sim/plan.h"

#include "base/address.h"

#include <string.h>

uint64_t sim_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t sim_draw(uint64_t *state, uint64_t below)
{
    return sim_random(state) % below;
}

static bool one_in(uint64_t *state, uint64_t n)
{
    return sim_draw(state, n) == 0;
}

/* ---- The network */

static struct hws_address ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct hws_address){
        .ip = {a, b, c, d},
          .port = port, .family = HWS_FAMILY_IP4
    };
}

static struct hws_address ip6(uint8_t last, uint16_t port)
{
    return (struct hws_address){
        .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = last},
          .port = port, .family = HWS_FAMILY_IP6
    };
}

/* An address in a realm. Private ones repeat in many a network: then two sides may have the same. */
static struct hws_address ip_in(int realm, bool alike, uint8_t last, uint16_t port)
{
    if (realm == SIM_INTERNET) return ip4(203, 0, 113, last, port);
    if (alike) return ip4(192, 168, 1, last, port);
    return ip4(10, (uint8_t)realm, 0, last, port);
}

static void add_socket(struct sim_net *net, int realm, int owner, struct hws_address addr)
{
    net->sockets[net->socket_count++] =
        (struct sim_socket){.realm = realm, .owner = owner, .addr = addr};
}

/* A NAT whose outside is @p realm. @return the realm behind it */
static int add_nat(struct sim_net *net, int realm, bool alike, uint64_t *random)
{
    struct sim_nat *nat = &net->nats[net->nat_count++];

    nat->outside = realm;
    nat->inside = (int)net->nat_count;
    nat->addr = ip_in(realm, alike && realm != SIM_INTERNET, (uint8_t)(100 + net->nat_count), 0);
    nat->mapping = (enum sim_rule)(one_in(random, 2) ? 0 : sim_draw(random, 3));
    nat->filtering = (enum sim_rule)sim_draw(random, 3);
    nat->hairpin = one_in(random, 2);
    nat->blocked = one_in(random, 40);
    nat->timeout = HWS_SEC(30 + sim_draw(random, 90));
    nat->next_port = (uint16_t)(20000 + sim_draw(random, 20000));
    return nat->inside;
}

static void place_side(struct sim_net *net, int side, int realm, bool alike, uint64_t *random)
{
    static const unsigned depths[] = {0, 1, 1, 1, 2};
    unsigned depth = depths[sim_draw(random, 5)];
    uint16_t port = (uint16_t)(alike ? 5000 : 4000 + side);
    uint8_t last;

    for (unsigned i = 0; i < depth; i++) {
        realm = add_nat(net, realm, alike, random);
    }
    /* In one network two hosts differ, whatever their networks are like. */
    last = (uint8_t)(alike && depth > 0 ? 2 : 2 + side);
    add_socket(net, realm, side, ip_in(realm, alike, last, port));
    if (one_in(random, 4)) add_socket(net, SIM_INTERNET, side, ip6((uint8_t)(2 + side), port));
    if (one_in(random, 4)) add_socket(net, SIM_NOWHERE, side, ip4(172, 16, 0, 9, port));
}

static void add_servers(struct sim_net *net, uint64_t *random)
{
    add_socket(net, SIM_INTERNET, SIM_OWNER_SERVER, ip4(198, 51, 100, 1, 3478));
    if (one_in(random, 3)) /* one that never answers */
        add_socket(net, SIM_NOWHERE, SIM_OWNER_SERVER, ip4(198, 51, 100, 2, 3478));
}

static void make_net(struct sim_net *net, uint64_t *random)
{
    int realm = SIM_INTERNET;
    bool alike = one_in(random, 6);

    if (one_in(random, 4)) realm = add_nat(net, realm, alike, random); /* shared by both */
    for (int side = 0; side < SIM_SIDES; side++) {
        place_side(net, side, realm, alike, random);
    }
    add_servers(net, random);
}

/* ---- The weather, and what happens */

static void make_weather(struct sim_weather *weather, uint64_t *random)
{
    weather->delay = HWS_MS(1 + sim_draw(random, one_in(random, 4) ? 400 : 60));
    weather->jitter = one_in(random, 2) ? (hws_time)sim_draw(random, 80000) : 0;
    weather->loss = one_in(random, 3) ? 0 : (unsigned)sim_draw(random, 31);
    weather->duplicate = one_in(random, 2) ? (unsigned)sim_draw(random, 10) : 0;
    weather->signal_delay = HWS_MS(1 + sim_draw(random, one_in(random, 6) ? 3000 : 200));
    weather->signal_jitter = (hws_time)sim_draw(random, 300000);
}

static void make_mishap(struct sim_mishap *mishap, size_t nat_count, uint64_t *random)
{
    mishap->kind = (enum sim_mishap_kind)(SIM_RESTART + sim_draw(random, 4));
    if (mishap->kind == SIM_REBIND && nat_count == 0) mishap->kind = SIM_CUT;
    mishap->at = (hws_time)sim_draw(random, one_in(random, 2) ? 2000000 : 40000000);
    mishap->length = HWS_MS(200 + sim_draw(random, one_in(random, 2) ? 3000 : 45000));
    mishap->which =
        (unsigned)sim_draw(random, mishap->kind == SIM_REBIND ? nat_count : (size_t)SIM_SIDES);
}

void sim_plan_make(struct sim_plan *plan, uint64_t seed)
{
    uint64_t random = seed * 0xD1342543DE82EF95u + 1;

    memset(plan, 0, sizeof(*plan));
    plan->seed = seed;
    make_net(&plan->net, &random);
    make_weather(&plan->weather, &random);
    plan->glare = one_in(&random, 5);
    plan->same_role = one_in(&random, 5);
    plan->controlling = one_in(&random, 2);
    for (size_t i = 0; i < SIM_SIDES; i++) {
        plan->address_gap[i] = one_in(&random, 2) ? (hws_time)sim_draw(&random, 300000) : 0;
        plan->junk[i] = one_in(&random, 6) ? (unsigned)sim_draw(&random, SIM_JUNK_MAX) : 0;
    }
    for (size_t i = 0; i < SIM_MISHAPS; i++) {
        if (one_in(&random, 3)) make_mishap(&plan->mishaps[i], plan->net.nat_count, &random);
    }
    plan->reachable = sim_is_reachable(&plan->net);
}

void sim_plan_make_plain(struct sim_plan *plan, uint64_t seed, unsigned loss)
{
    for (uint64_t random = seed;; sim_random(&random)) {
        uint64_t drawn = random;

        memset(plan, 0, sizeof(*plan));
        plan->seed = seed;
        plan->controlling = true;
        plan->weather =
            (struct sim_weather){.delay = HWS_MS(25), .loss = loss, .signal_delay = HWS_MS(25)};
        for (int side = 0; side < SIM_SIDES; side++) {
            int realm = add_nat(&plan->net, SIM_INTERNET, false, &drawn);

            plan->net.nats[side].blocked = false;
            add_socket(&plan->net, realm, side, ip_in(realm, false, 2, 4000));
        }
        add_socket(&plan->net, SIM_INTERNET, SIM_OWNER_SERVER, ip4(198, 51, 100, 1, 3478));
        plan->reachable = sim_is_reachable(&plan->net);
        if (plan->reachable) return;
    }
}

/* ---- For a reader */

static void print_mishap(const struct sim_mishap *mishap, FILE *out)
{
    static const char *const names[] = {"none", "restart", "restart of both", "cut", "rebinding"};

    if (mishap->kind == SIM_NO_MISHAP) return;
    fprintf(out, "  at %.3f s: %s %u", (double)mishap->at / 1e6, names[mishap->kind],
            mishap->which);
    if (mishap->kind == SIM_CUT) fprintf(out, " for %.3f s", (double)mishap->length / 1e6);
    fprintf(out, "\n");
}

void sim_plan_print(const struct sim_plan *plan, FILE *out)
{
    char text[HWS_ENDPOINT_TEXT_MAX];

    fprintf(out, "  reachable=%d glare=%d same_role=%d controlling=%d\n", plan->reachable,
            plan->glare, plan->same_role, plan->controlling);
    fprintf(out, "  delay=%.1f ms jitter=%.1f ms loss=%u %% duplicate=%u %% signal=%.1f+%.1f ms\n",
            (double)plan->weather.delay / 1e3, (double)plan->weather.jitter / 1e3,
            plan->weather.loss, plan->weather.duplicate, (double)plan->weather.signal_delay / 1e3,
            (double)plan->weather.signal_jitter / 1e3);
    for (size_t i = 0; i < plan->net.nat_count; i++) {
        const struct sim_nat *nat = &plan->net.nats[i];

        fprintf(out, "  NAT %zu: realm %d to %d as %s, mapping %s, filtering %s%s%s, %lld s\n", i,
                nat->inside, nat->outside, hws_endpoint_text(&nat->addr, text),
                sim_rule_name(nat->mapping), sim_rule_name(nat->filtering),
                nat->hairpin ? ", hairpin" : "", nat->blocked ? ", blocked" : "",
                (long long)(nat->timeout / 1000000));
    }
    for (size_t i = 0; i < plan->net.socket_count; i++) {
        const struct sim_socket *socket = &plan->net.sockets[i];

        fprintf(out, "  socket of %d in realm %d: %s\n", socket->owner, socket->realm,
                hws_endpoint_text(&socket->addr, text));
    }
    for (size_t i = 0; i < SIM_SIDES; i++) {
        if (plan->junk[i])
            fprintf(out, "  side %zu is told %u dead candidates\n", i, plan->junk[i]);
    }
    for (size_t i = 0; i < SIM_MISHAPS; i++) {
        print_mishap(&plan->mishaps[i], out);
    }
}
