/* hawser-distributor: puts the parts together. */
#include "distributor/grpc_server.h"
#include "distributor/host.h"

#include <config.h> /* the one that configure makes */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, HELP_MAX = 16384 };

struct parts {
    struct hws_config config;
    struct hws_router *router;
    struct hws_bus *bus;
    struct hws_server *server;
};

static void print_help(void)
{
    static uint8_t text[HELP_MAX];
    struct hws_writer out = hws_writer_over(text, sizeof(text));

    hws_config_write_help(&out);
    (void)fwrite(text, 1, hws_written(&out).len, stdout);
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "hawser-distributor: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static enum hws_err make_router(struct parts *parts)
{
    struct hws_router_config router = {
        .limits = parts->config.limits,
        .first_epoch = hws_host_wall_time(), /* above that of any earlier process */
        .random = {.fill = hws_host_random},
        .log = {.write = parts->config.verbose ? hws_host_log : NULL, .level = HWS_LOG_DEBUG},
    };
    uint64_t seed;
    enum hws_err err;

    hws_host_random(NULL, (uint8_t *)&router.instance, sizeof(router.instance));
    hws_host_random(NULL, (uint8_t *)&seed, sizeof(seed));
    err = hws_router_new(&router, &parts->router);
    if (err) return err;
    return hws_bus_local_new(parts->config.limits.streams, seed, &parts->bus);
}

/* gRPC says only "no"; the system says why. */
static int find_obstacle(const struct hws_config *config)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct hws_listen *listen = &config->listens[i];
        const char *obstacle = hws_host_listen_obstacle(listen, listen->port);

        if (obstacle) {
            fprintf(stderr, "hawser-distributor: cannot listen on %s: %s\n", listen->text,
                    obstacle);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static void print_addresses(const struct parts *parts)
{
    for (size_t i = 0; i < parts->config.listen_count; i++) {
        const struct hws_listen *listen = &parts->config.listens[i];

        if (listen->is_unix) {
            printf("hawser-distributor: listening on %s\n", listen->text);
        } else {
            printf("hawser-distributor: listening on %s:%" PRIu16 "\n", listen->host,
                   hws_server_port(parts->server, i));
        }
    }
    fflush(stdout);
}

static void stop(void *user)
{
    hws_server_stop(user);
}

static int serve(struct parts *parts)
{
    size_t failed = 0;
    enum hws_err err = make_router(parts);

    if (err) return fail("cannot start", hws_strerror(err));
    err = hws_server_new(&parts->config, parts->router, parts->bus, &parts->server, &failed);
    if (err == HWS_ERR_IO)
        return fail(parts->config.listens[failed].text, "gRPC cannot listen there");
    if (err) return fail("gRPC", hws_strerror(err));
    if (hws_host_signals_start(stop, parts->server)) return fail("signals", "no thread for them");
    print_addresses(parts);
    hws_server_run(parts->server);
    hws_host_signals_stop();
    return EXIT_SUCCESS;
}

static int run(struct parts *parts)
{
    int status = find_obstacle(&parts->config);

    if (status != EXIT_SUCCESS) return status;
    (void)hws_host_raise_files();
    status = serve(parts);
    hws_server_free(parts->server);
    hws_router_free(parts->router);
    if (parts->bus) parts->bus->ops->free(parts->bus);
    return status;
}

int main(int argc, char **argv)
{
    static struct parts parts;
    struct hws_config_error error;

    hws_host_signals_block(); /* before any thread is made, so that all of them inherit it */
    if (hws_config_read(argc > 0 ? (size_t)argc - 1 : 0, argv + 1, &parts.config, &error)) {
        fprintf(stderr, "hawser-distributor: %s\nTry 'hawser-distributor --help'.\n", error.text);
        return EXIT_USAGE;
    }
    if (parts.config.help) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (parts.config.version) {
        printf("hawser-distributor %s\n", PACKAGE_VERSION);
        return EXIT_SUCCESS;
    }
    return run(&parts);
}
