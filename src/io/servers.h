/**
 * @file
 * The STUN and TURN servers of a loop: their URLs and credentials, the look-up of their names, and
 * which peer has been told of which. A name that is not found delays no other.
 */
#ifndef HWS_IO_SERVERS_H
#define HWS_IO_SERVERS_H

#include "base/limits.h"
#include "io/ice_url.h"
#include "io/resolve.h"

#include <hawser/loop.h>

enum { HWS_SERVER_URL_MAX = 256 };

struct hws_server {
    struct hws_ice_url url;
    char text[HWS_SERVER_URL_MAX];
    char *username, *password; /**< owned, wiped; NULL = none */
    struct hws_lookup *lookup; /**< NULL when the answer has been taken */
    struct hws_address found[HWS_RESOLVED_MAX];
    size_t found_count;
};

/** Embedded in its loop. */
struct hws_servers {
    struct hws_log log;
    struct hws_server list[HWS_ICE_SERVER_MAX];
    size_t count;
    bool own_ports; /**< every peer asks TURN servers from a port of its own */
};

/** What one peer knows of them. All zero: nothing. */
struct hws_servers_share {
    bool given[HWS_ICE_SERVER_MAX];
    size_t owed[HWS_ICE_SERVER_MAX]; /**< addresses that have no end of ours for them alone yet */
    bool moved[HWS_ICE_SERVER_MAX];  /**< it was asked from another port */
    bool failed[HWS_ICE_SERVER_MAX]; /**< to be told of: @c faults */
    struct hws_fault faults[HWS_ICE_SERVER_MAX];
};

/** Read the URLs and begin to look their names up; @p wake is called from other threads.
 *  @param[out] out_reason  static text on failure; hws_servers_fini() is still due
 *  @retval HWS_ERR_ARGUMENT  a URL that cannot be used
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_servers_init(struct hws_servers *servers,
                                           const struct hws_loop_config *config,
                                           void (*wake)(void *user), void *user,
                                           const char **out_reason);
void hws_servers_fini(struct hws_servers *servers);

/** Tell @p peer of the servers that are known by now; those that want an end of ours for themselves
 *  are only noted. True when there is no more to come. */
bool hws_servers_give(struct hws_servers *servers, struct hws_servers_share *share,
                      struct hws_peer *peer, hws_time now);

/** The next address that this peer wants a connection to, or with UDP a socket for it alone: of
 *  server @p out_index. */
bool hws_servers_next_own(struct hws_servers *servers, struct hws_servers_share *share,
                          size_t *out_index, struct hws_address *out);
/** A server that tells @p event wants to be asked from another port of ours (RFC 8656 section 7.4):
 *  once, where it is asked by UDP. False for everything else.
 *  @param[out] out_server  its address */
bool hws_servers_wants_port(const struct hws_servers *servers, struct hws_servers_share *share,
                            const struct hws_event *event, size_t *out_index,
                            struct hws_address *out_server);
/** Our end of a connection or a socket for this server alone is there: tell @p peer of it. */
void hws_servers_give_local(struct hws_servers *servers, struct hws_servers_share *share,
                            size_t index, const struct hws_address *server,
                            const struct hws_address *local, struct hws_peer *peer, hws_time now);
/** It cannot be had, or is over: hws_servers_next_event() tells why. */
void hws_servers_own_failed(struct hws_servers_share *share, size_t index, struct hws_fault fault);

/** The next server that is of no use to this peer for reasons of its own. */
bool hws_servers_next_event(const struct hws_servers *servers, struct hws_servers_share *share,
                            struct hws_event *out);

bool hws_servers_has_event(const struct hws_servers_share *share);

/** Is this the address of one of them? */
bool hws_servers_has(const struct hws_servers *servers, const struct hws_address *addr);

/** The URL of the STUN server that the core, which knows no names, calls @p text. */
const char *hws_servers_url(const struct hws_servers *servers, const char *text);

#endif /* HWS_IO_SERVERS_H */
