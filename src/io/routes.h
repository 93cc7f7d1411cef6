/**
 * @file
 * Which peer a datagram belongs to on a UDP port that many peers share: a table from the remote
 * address to the peer.
 */
#ifndef HWS_IO_ROUTES_H
#define HWS_IO_ROUTES_H

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_ROUTES_OF_ONE = 256 }; /**< of one owner; more, and it begins anew */

struct hws_route;

/** All zero is empty. */
struct hws_routes {
    struct hws_route *slots; /**< owned */
    size_t cap, count;
    uint64_t seed; /**< random, so that nobody chooses addresses that meet in one place */
};

void hws_routes_fini(struct hws_routes *routes);
/** The owner of this remote address, or NULL. */
void *hws_routes_find(const struct hws_routes *routes, const struct hws_address *remote);
/** From now on @p remote is @p owner's. @retval HWS_ERR_NO_MEMORY  nothing changed */
HWS_MUST_USE enum hws_err hws_routes_set(struct hws_routes *routes,
                                         const struct hws_address *remote, void *owner);
/** Forget everything of an owner. */
void hws_routes_drop(struct hws_routes *routes, const void *owner);

#endif /* HWS_IO_ROUTES_H */
