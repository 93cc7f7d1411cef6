#include "io/routes.h"

#include "base/address.h"

#include <stdlib.h>

enum { FIRST_CAP = 64 }; /* a power of two, as all that follow */

struct hws_route {
    void *owner; /* NULL = free */
    struct hws_address remote;
};

/* FNV-1a, begun at a secret place. */
static uint64_t hash_of(const struct hws_routes *routes, const struct hws_address *remote)
{
    uint64_t hash = 14695981039346656037u ^ routes->seed;
    uint8_t port[2] = {(uint8_t)(remote->port >> 8), (uint8_t)remote->port};

    for (size_t i = 0; i < sizeof(remote->ip) + sizeof(port); i++) {
        hash ^= i < sizeof(remote->ip) ? remote->ip[i] : port[i - sizeof(remote->ip)];
        hash *= 1099511628211u;
    }
    return hash ^ hash >> 32;
}

/* Where it is, or the free slot where it would be; there is always a free one. */
static struct hws_route *place_of(const struct hws_routes *routes, const struct hws_address *remote)
{
    size_t at = (size_t)hash_of(routes, remote) & (routes->cap - 1);

    while (routes->slots[at].owner && !hws_address_equal(&routes->slots[at].remote, remote)) {
        at = (at + 1) & (routes->cap - 1);
    }
    return &routes->slots[at];
}

/* A table without the routes of @p without, of this many slots. */
static enum hws_err rebuild(struct hws_routes *routes, size_t cap, const void *without)
{
    struct hws_routes fresh = {.cap = cap, .seed = routes->seed};

    fresh.slots = calloc(cap, sizeof(*fresh.slots));
    if (!fresh.slots) return HWS_ERR_NO_MEMORY;
    for (size_t i = 0; i < routes->cap; i++) {
        const struct hws_route *route = &routes->slots[i];

        if (!route->owner || route->owner == without) continue;
        *place_of(&fresh, &route->remote) = *route;
        fresh.count++;
    }
    free(routes->slots);
    *routes = fresh;
    return HWS_OK;
}

void hws_routes_fini(struct hws_routes *routes)
{
    free(routes->slots);
    *routes = (struct hws_routes){.seed = routes->seed};
}

void *hws_routes_find(const struct hws_routes *routes, const struct hws_address *remote)
{
    return routes->cap > 0 ? place_of(routes, remote)->owner : NULL;
}

static size_t count_of(const struct hws_routes *routes, const void *owner)
{
    size_t count = 0;

    for (size_t i = 0; i < routes->cap; i++) {
        if (routes->slots[i].owner == owner) count++;
    }
    return count;
}

enum hws_err hws_routes_set(struct hws_routes *routes, const struct hws_address *remote,
                            void *owner)
{
    struct hws_route *place;
    enum hws_err err;

    /* Half of the slots stay free, so that a search ends soon. */
    if (2 * (routes->count + 1) > routes->cap) {
        err = rebuild(routes, routes->cap == 0 ? FIRST_CAP : 2 * routes->cap, NULL);
        if (err) return err;
    }
    place = place_of(routes, remote);
    if (place->owner == owner) return HWS_OK;
    if (!place->owner) {
        /* What is in use comes back with the next datagram that is sent. */
        if (routes->count >= HWS_ROUTES_OF_ONE && count_of(routes, owner) >= HWS_ROUTES_OF_ONE) {
            hws_routes_drop(routes, owner);
            place = place_of(routes, remote);
        }
        routes->count++;
    }
    *place = (struct hws_route){owner, *remote};
    return HWS_OK;
}

void hws_routes_drop(struct hws_routes *routes, const void *owner)
{
    bool found = routes->cap > 0 && count_of(routes, owner) > 0;

    if (!found || rebuild(routes, routes->cap, owner) == HWS_OK) return;
    /* No memory for a second table: what is behind a hole would not be found, so all go. */
    hws_routes_fini(routes);
}
