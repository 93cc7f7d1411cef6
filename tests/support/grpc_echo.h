/**
 * @file
 * A gRPC server inside the test: takes any method, and does with each stream what its mode says.
 */
#ifndef HWS_TESTS_GRPC_ECHO_H
#define HWS_TESTS_GRPC_ECHO_H

#include <stddef.h>

enum grpc_echo_mode {
    GRPC_ECHO_BACK,      /**< every message comes back; half-close ends it with OK, "bye" */
    GRPC_ECHO_NOT_FOUND, /**< the first message ends it: NOT_FOUND, "worker 7 is\nnot here" */
    GRPC_ECHO_REFUSE,    /**< UNAUTHENTICATED, "no token", before anything else */
    GRPC_ECHO_FLOOD,     /**< flood_count messages of flood_len bytes, each begins with its number
                              as size_t; then OK */
    GRPC_ECHO_SINK,      /**< takes every message and says nothing but its metadata */
    GRPC_ECHO_SILENT,    /**< takes the call and says nothing */
};

struct grpc_echo_config {
    enum grpc_echo_mode mode;
    size_t flood_count;
    size_t flood_len;
    const char *certificate; /**< PEM text with key: TLS; NULL = plain */
    const char *key;
    const char *client_roots; /**< PEM text: clients need a certificate of these */
};

struct grpc_echo;

/** Listens on 127.0.0.1; fails the test when it cannot. */
struct grpc_echo *grpc_echo_start(const struct grpc_echo_config *config);
/** Cancels every stream. */
void grpc_echo_stop(struct grpc_echo *echo);
int grpc_echo_port(const struct grpc_echo *echo);

/** Messages that gRPC took from us, in all streams. */
size_t grpc_echo_sent(struct grpc_echo *echo);
/** Of the last call: its path, and the value of "authorization" ("" when absent). Copied. */
void grpc_echo_seen(struct grpc_echo *echo, char *path, char *authorization, size_t cap);

#endif /* HWS_TESTS_GRPC_ECHO_H */
