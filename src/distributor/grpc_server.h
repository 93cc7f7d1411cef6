/**
 * @file
 * The gRPC edge of the distributor: calls in, messages out, and nothing decided. One thread runs
 * the one completion queue, which also drives the router and the bus.
 */
#ifndef HWS_DISTRIBUTOR_GRPC_SERVER_H
#define HWS_DISTRIBUTOR_GRPC_SERVER_H

#include "distributor/bus.h"
#include "distributor/config.h"
#include "distributor/router.h"

#include <hawser/err.h>

struct hws_server;

/**
 * Make a server that listens on all addresses of the configuration.
 *
 * @param[in] config, router, bus  borrowed; outlive the server
 * @param[out] out_failed  on HWS_ERR_IO the index of the address that could not be listened on
 * @retval HWS_ERR_IO @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_LIBRARY
 */
HWS_MUST_USE enum hws_err hws_server_new(const struct hws_config *config,
                                         struct hws_router *router, struct hws_bus *bus,
                                         struct hws_server **out, size_t *out_failed);
void hws_server_free(struct hws_server *server); /**< after hws_server_run(); accepts NULL */

/** The port of listening address @p index; 0 for a unix socket. */
uint16_t hws_server_port(const struct hws_server *server, size_t index);

/** Serve until hws_server_stop(): then every stream is told and the server winds up, at most for
 *  the configured time. */
void hws_server_run(struct hws_server *server);

/** End hws_server_run(); from any thread. */
void hws_server_stop(struct hws_server *server);

#endif /* HWS_DISTRIBUTOR_GRPC_SERVER_H */
