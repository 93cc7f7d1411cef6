#include "io/names.h"

#include "base/address.h"

enum { RECEIVE_AT_ONCE = 32 }; /* datagrams of one turn: anybody on the link may send them */

enum hws_err hws_names_open(struct hws_names *names, bool loopback)
{
    enum hws_err err;

    if (names->mdns) return HWS_OK;
    err = hws_mdns_new(&names->mdns);
    if (!err) err = hws_mdns_socket_open(loopback, &names->sockets);
    if (!err) return HWS_OK;
    hws_mdns_free(names->mdns);
    names->mdns = NULL;
    return err;
}

void hws_names_close(struct hws_names *names)
{
    if (!names->mdns) return;
    hws_mdns_socket_close(&names->sockets);
    hws_mdns_free(names->mdns);
    names->mdns = NULL;
}

void hws_names_ask(struct hws_names *names, struct hws_peer *peer, hws_time now)
{
    const char *name;

    while (hws_peer_next_name(peer, &name)) {
        char copy[HWS_MDNS_NAME_TEXT] = {0};

        for (size_t i = 0; name[i] && i + 1 < sizeof(copy); i++) {
            copy[i] = name[i];
        }
        if (names->mdns && hws_mdns_ask(names->mdns, copy, peer, now) == HWS_OK) continue;
        (void)hws_peer_resolved(peer, copy, NULL, now);
    }
}

void hws_names_forget(struct hws_names *names, const struct hws_peer *peer)
{
    if (names->mdns) hws_mdns_forget(names->mdns, peer);
}

const char *hws_names_for(struct hws_names *names, const struct hws_address *addr,
                          const struct hws_random *random)
{
    struct hws_own_name *own = &names->own[names->own_count];
    uint8_t bytes[16];

    for (size_t i = 0; i < names->own_count; i++) {
        if (hws_address_same_ip(&names->own[i].addr, addr)) return names->own[i].name;
    }
    if (!names->mdns || names->own_count == HWS_MDNS_OWN_MAX) return NULL;
    random->fill(random->user, bytes, sizeof(bytes));
    hws_mdns_make_name(bytes, own->name);
    own->addr = *addr;
    own->addr.port = 0;
    if (hws_mdns_publish(names->mdns, own->name, &own->addr) == HWS_ERR_ARGUMENT) return NULL;
    names->own_count++;
    return own->name;
}

void hws_names_receive(struct hws_names *names, size_t family)
{
    uint8_t data[HWS_DATAGRAM_IN_MAX];
    struct hws_address from;
    size_t len;

    for (int i = 0; i < RECEIVE_AT_ONCE; i++) {
        if (!hws_mdns_socket_receive(&names->sockets, family, data, sizeof(data), &len, &from))
            return;
        (void)!hws_mdns_feed(names->mdns, (struct hws_bytes){data, len}, &from);
    }
}

void hws_names_turn(struct hws_names *names, hws_time now)
{
    struct hws_mdns_result result;
    struct hws_mdns_packet packet;

    if (!names->mdns) return;
    hws_mdns_tick(names->mdns, now);
    while (hws_mdns_next_result(names->mdns, &result)) {
        (void)hws_peer_resolved(result.user, result.name, &result.addr, now);
    }
    while (hws_mdns_next_packet(names->mdns, &packet)) {
        hws_mdns_socket_send(&names->sockets, &packet);
    }
}

hws_time hws_names_deadline(const struct hws_names *names)
{
    return names->mdns ? hws_mdns_deadline(names->mdns) : HWS_NEVER;
}
