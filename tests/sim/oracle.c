/* Whether there is a path at all, found without ICE: both sides send to every address they know
 * from every socket, through the same NATs but without delay and loss, until nothing new is seen. A
 * pair works when what one side sends arrives, and the answer comes back from where it was sent to
 * (RFC 8445 section 7.2.5.2.1). */
#include "sim/plan.h"

#include "base/address.h"

#include <string.h>

enum { KNOWN = 64, ROUNDS = 8 };

struct known {
    size_t socket; /* of ours */
    struct hws_address remote;
};

struct search {
    struct sim_net *net;
    struct known known[SIM_SIDES][KNOWN];
    size_t count[SIM_SIDES];
    bool works;
};

static void learn(struct search *search, int side, size_t socket, const struct hws_address *remote)
{
    for (size_t i = 0; i < search->count[side]; i++) {
        const struct known *known = &search->known[side][i];

        if (known->socket == socket && hws_address_equal(&known->remote, remote)) return;
    }
    if (search->count[side] < KNOWN)
        search->known[side][search->count[side]++] = (struct known){socket, *remote};
}

/* Every socket of the other side may send to this address. */
static void tell(struct search *search, int from, const struct hws_address *addr)
{
    for (size_t i = 0; i < search->net->socket_count; i++) {
        const struct sim_socket *socket = &search->net->sockets[i];

        if (socket->owner == 1 - from && socket->addr.family == addr->family)
            learn(search, 1 - from, i, addr);
    }
}

static void gather(struct search *search, size_t socket)
{
    const struct sim_socket *own = &search->net->sockets[socket];
    struct hws_address source;

    tell(search, own->owner, &own->addr);
    for (size_t i = 0; i < search->net->socket_count; i++) {
        const struct sim_socket *server = &search->net->sockets[i];
        int at;

        if (server->owner != SIM_OWNER_SERVER || server->addr.family != own->addr.family) continue;
        at = sim_route(search->net, socket, &server->addr, 0, &source);
        if (at == (int)i) tell(search, own->owner, &source);
    }
}

static void probe(struct search *search, int side, const struct known *known)
{
    struct hws_address source, answer;
    int there = sim_route(search->net, known->socket, &known->remote, 0, &source), back;

    if (there < 0 || search->net->sockets[there].owner != 1 - side) return;
    learn(search, 1 - side, (size_t)there, &source);
    back = sim_route(search->net, (size_t)there, &source, 0, &answer);
    if (back == (int)known->socket && hws_address_equal(&answer, &known->remote))
        search->works = true;
}

bool sim_is_reachable(struct sim_net *net)
{
    struct search search = {.net = net};

    for (size_t i = 0; i < net->socket_count; i++) {
        if (net->sockets[i].owner < SIM_SIDES) gather(&search, i);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int side = 0; side < SIM_SIDES; side++) {
            for (size_t i = 0; i < search.count[side]; i++) {
                probe(&search, side, &search.known[side][i]);
            }
        }
    }
    for (size_t i = 0; i < net->nat_count; i++) {
        sim_nat_forget(&net->nats[i]);
    }
    return search.works;
}
