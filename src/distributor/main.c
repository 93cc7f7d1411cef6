/* hawser-distributor: puts the parts together. */
#include "distributor/bus.h"
#include "distributor/config.h"
#include "distributor/grpc_server.h"
#include "distributor/host.h"
#include "distributor/router.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2, HELP_MAX = 4096, FILES_WANTED = 65536 };

#define PROGRAM "hawser-distributor"

struct parts {
    struct hws_config config;
    struct hws_log log;
    struct hws_router *router;
    struct hws_bus *bus;
    struct hws_server *server;
};

static int print_help(void)
{
    static uint8_t text[HELP_MAX];
    struct hws_writer out = hws_writer_over(text, sizeof(text));

    hws_config_write_help(&out);
    (void)fwrite(text, 1, out.len, stdout);
    return fflush(stdout) == 0 && !out.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void stop(void *user)
{
    hws_server_stop(user);
}

static enum hws_err make_router(struct parts *parts)
{
    struct hws_router_config config = {.limits = parts->config.limits,
                                       .first_epoch = hws_host_wall_time(),
                                       .random = {.fill = hws_host_random},
                                       .log = parts->log};
    uint64_t seed;
    enum hws_err err;

    hws_host_random(NULL, (uint8_t *)&config.instance, sizeof(config.instance));
    hws_host_random(NULL, (uint8_t *)&seed, sizeof(seed));
    err = hws_router_new(&config, &parts->router);
    if (!err) err = hws_bus_local_new(parts->config.limits.streams, seed, &parts->bus);
    if (err) (void)fprintf(stderr, PROGRAM ": cannot start: %s\n", hws_strerror(err));
    return err;
}

/* What gRPC says is only "no", so ask the operating system. */
static enum hws_err refuse_listen(const struct hws_listen *listen, const char *why)
{
    (void)fprintf(stderr, PROGRAM ": cannot listen on %s: %s\n", listen->text,
                  why ? why : "gRPC refused");
    return HWS_ERR_IO;
}

static enum hws_err make_server(struct parts *parts)
{
    const struct hws_config *config = &parts->config;
    struct hws_server_config server = {
        .config = config, .router = parts->router, .bus = parts->bus, .log = parts->log};
    size_t failed = 0;
    enum hws_err err;

    for (size_t i = 0; i < config->listen_count; i++) {
        const char *why;

        if (!config->listens[i].is_unix) continue;
        /* gRPC would take the socket away from whoever answers there. */
        why = hws_host_listen_obstacle(&config->listens[i], 0);
        if (why) return refuse_listen(&config->listens[i], why);
    }
    err = hws_server_new(&server, &parts->server, &failed);
    if (err == HWS_ERR_IO) {
        const struct hws_listen *listen = &config->listens[failed];

        return refuse_listen(listen, hws_host_listen_obstacle(listen, listen->port));
    }
    if (err) (void)fprintf(stderr, PROGRAM ": cannot start: %s\n", hws_strerror(err));
    return err;
}

static enum hws_err announce(const struct parts *parts)
{
    for (size_t i = 0; i < parts->config.listen_count; i++) {
        const struct hws_listen *listen = &parts->config.listens[i];

        if (listen->is_unix) {
            printf(PROGRAM ": listening on %s\n", listen->text);
        } else {
            printf(PROGRAM ": listening on %s:%u\n", listen->host,
                   hws_server_port(parts->server, i));
        }
    }
    return fflush(stdout) == 0 ? HWS_OK : HWS_ERR_IO;
}

static enum hws_err serve(struct parts *parts)
{
    uint64_t files = hws_host_raise_files();
    enum hws_err err;

    if (files < FILES_WANTED && parts->config.verbose) {
        (void)fprintf(stderr, PROGRAM ": only %llu files may be open (ulimit -n)\n",
                      (unsigned long long)files);
    }
    hws_host_signals_block(); /* before gRPC makes threads: they inherit the mask */
    err = make_router(parts);
    if (!err) err = make_server(parts);
    if (!err) err = hws_host_signals_start(stop, parts->server);
    if (err) return err;
    err = announce(parts);
    if (err) hws_server_stop(parts->server);
    hws_server_run(parts->server);
    hws_host_signals_stop();
    return err;
}

int main(int argc, char **argv)
{
    struct parts parts = {0};
    struct hws_config_error error;
    enum hws_err err =
        hws_config_read((size_t)(argc > 0 ? argc - 1 : 0), argv + 1, &parts.config, &error);

    if (err) {
        (void)fprintf(stderr, PROGRAM ": %s\n", error.text);
        return EXIT_USAGE;
    }
    if (parts.config.help) return print_help();
    if (parts.config.version) return printf(PROGRAM " %s\n", VERSION) > 0 ? 0 : EXIT_FAILURE;
    parts.log = (struct hws_log){.write = hws_host_log,
                                 .level = parts.config.verbose ? HWS_LOG_INFO : HWS_LOG_WARN};
    err = serve(&parts);
    hws_server_free(parts.server);
    if (parts.bus) parts.bus->ops->free(parts.bus);
    hws_router_free(parts.router);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
