/**
 * @file
 * What the command line of hawser-distributor says. Pure: reads no file, environment or clock.
 */
#ifndef HWS_DISTRIBUTOR_CONFIG_H
#define HWS_DISTRIBUTOR_CONFIG_H

#include "base/writer.h"
#include "distributor/router.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_LISTEN_MAX = 8, HWS_LISTEN_TEXT_MAX = 128 };

/** One address to listen on. */
struct hws_listen {
    char text[HWS_LISTEN_TEXT_MAX]; /**< as gRPC takes it: "127.0.0.1:0", "[::1]:0", "unix:/path" */
    char host[HWS_LISTEN_TEXT_MAX]; /**< without port, with the brackets of IPv6; or "unix:/path" */
    uint16_t port;                  /**< 0 = the kernel chooses; always 0 for a unix socket */
    bool is_unix;
    bool is_local; /**< loopback or a unix socket */
};

/** The limits that the gRPC edge keeps, beside those of the router. */
struct hws_edge_limits {
    uint32_t streams_per_connection;
    uint32_t metadata;        /**< bytes of the headers of a call */
    hws_time handshake;       /**< from accept to a working HTTP/2 connection */
    hws_time keepalive;       /**< silence after which a connection is asked */
    hws_time keepalive_wait;  /**< and how long it may take to answer */
    hws_time connection_idle; /**< a connection without a stream */
    hws_time shutdown;        /**< from SIGTERM until streams are cut */
};

struct hws_config {
    struct hws_listen listens[HWS_LISTEN_MAX];
    size_t listen_count;
    struct hws_limits limits;
    struct hws_edge_limits edge;
    bool insecure;
    bool verbose;
    bool help;    /**< print the help and leave; nothing else was checked */
    bool version; /**< print the version and leave; nothing else was checked */
};

/** Why the command line was refused: names the option and the value. NUL-terminated. */
struct hws_config_error {
    char text[256];
};

/**
 * Read the arguments after the program's name.
 *
 * @retval HWS_ERR_ARGUMENT  @p error says what is wrong
 */
HWS_MUST_USE enum hws_err hws_config_read(size_t count, char *const *args, struct hws_config *out,
                                          struct hws_config_error *error);

/** The text of --help. */
void hws_config_write_help(struct hws_writer *out);

#endif /* HWS_DISTRIBUTOR_CONFIG_H */
