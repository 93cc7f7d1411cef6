/**
 * @file
 * The gRPC edge of the distributor, on the C core: it moves packed messages between calls and the
 * router, carries what the router publishes to the bus and back, and decides nothing.
 *
 * One completion queue, run by the thread that calls hws_server_run(). Nothing in it blocks: a
 * queue that is not run answers no keepalive. Only hws_server_stop() may be called from another
 * thread. One server at a time: the C core's log, which tells of a dead listener, is global.
 */
#ifndef HWS_DISTRIBUTOR_GRPC_SERVER_H
#define HWS_DISTRIBUTOR_GRPC_SERVER_H

#include "distributor/bus.h"
#include "distributor/config.h"
#include "distributor/router.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_server;

/** All pointers are borrowed until hws_server_free(). */
struct hws_server_config {
    const struct hws_config *config;
    struct hws_router *router;
    struct hws_bus *bus;
    struct hws_log log;
};

/**
 * Listen on every address and take calls as soon as hws_server_run() runs.
 *
 * @param[out] out_failed  index of the address that cannot be listened on, when it is HWS_ERR_IO
 * @retval HWS_ERR_IO  hws_host_listen_obstacle() may know why
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_server_new(const struct hws_server_config *config,
                                         struct hws_server **out, size_t *out_failed);
/** Call it after hws_server_run() has returned, or without having run. Accepts NULL. */
void hws_server_free(struct hws_server *server);

/** The port of an address: the kernel's choice if it was to choose; 0 for a unix socket. */
uint16_t hws_server_port(const struct hws_server *server, size_t index);

/** Returns some time after hws_server_stop(): all calls are over, or the time for it is used up. */
void hws_server_run(struct hws_server *server);

/** From any thread. The first call ends all streams in good order, the second one cuts them. */
void hws_server_stop(struct hws_server *server);

#endif /* HWS_DISTRIBUTOR_GRPC_SERVER_H */
