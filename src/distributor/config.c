#include "distributor/config.h"

#include "base/address.h"
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_LISTEN "127.0.0.1:7000"

/* Limits of either struct, found by their offset in struct hws_config. Times are in seconds. */
static const struct limit {
    const char *name;
    size_t offset;
    bool is_time;
    uint32_t preset, min, max;
    const char *what;
} limits[] = {
#define COUNT(name, field, preset, min, max, what)                              \
    {                                                                           \
        name, offsetof(struct hws_config, field), false, preset, min, max, what \
    }
#define TIME(name, field, preset, min, max, what)                              \
    {                                                                          \
        name, offsetof(struct hws_config, field), true, preset, min, max, what \
    }
    COUNT("streams", limits.streams, 65536, 1, 1 << 20, "open streams, of clients and workers"),
    COUNT("sessions", limits.sessions, 65536, 1, 1 << 20, "open sessions"),
    COUNT("clients-per-worker", limits.clients_per_worker, 10000, 1, 1 << 20,
          "sessions of one worker"),
    COUNT("message", limits.message, 65536, 1024, HWS_ENVELOPE_MAX, "bytes of a message"),
    COUNT("description", limits.description, 32768, 256, HWS_ENVELOPE_MAX,
          "bytes of an offer or answer"),
    COUNT("candidate", limits.candidate, 1024, 64, HWS_ENVELOPE_MAX, "bytes of a candidate"),
    COUNT("candidates", limits.candidates, 64, 1, 1024, "candidates after an offer, each way"),
    COUNT("session-queue", limits.session_queue, 262144, 66560, 1 << 26,
          "bytes that wait in a session"),
    COUNT("worker-queue", limits.worker_queue, 4194304, 66560, 1 << 28,
          "bytes that wait for a worker"),
    TIME("idle", limits.idle, 60, 1, 86400, "s without registration or offer"),
    TIME("linger", limits.linger, 10, 1, 86400, "s that a half-closed client is kept"),
    TIME("stall", limits.stall, 30, 1, 86400, "s in which a reader takes nothing"),
    TIME("grace", limits.grace, 10, 1, 86400, "s for late messages without session"),
    COUNT("streams-per-connection", edge.streams_per_connection, 100, 1, 1 << 20,
          "open streams of one connection"),
    COUNT("metadata", edge.metadata, 8192, 1024, 1 << 20, "bytes of the headers of a stream"),
    TIME("handshake", edge.handshake, 5, 1, 600, "s to set up a connection"),
    TIME("keepalive", edge.keepalive, 5, 1, 3600, "s of silence before a connection is asked"),
    TIME("keepalive-wait", edge.keepalive_wait, 5, 1, 3600, "s for its answer"),
    TIME("connection-idle", edge.connection_idle, 300, 1, 86400, "s of a connection unused"),
    TIME("shutdown", edge.shutdown, 5, 1, 600, "s that ending may take"),
#undef COUNT
#undef TIME
};
enum { LIMIT_COUNT = sizeof(limits) / sizeof(limits[0]) };

static enum hws_err fail(struct hws_config_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum hws_err fail(struct hws_config_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return HWS_ERR_ARGUMENT;
}

static void store(struct hws_config *config, const struct limit *limit, uint32_t value)
{
    uint8_t *at = (uint8_t *)config + limit->offset;

    if (limit->is_time) {
        hws_time time = HWS_SEC(value);

        memcpy(at, &time, sizeof(time));
    } else {
        memcpy(at, &value, sizeof(value));
    }
}

/* Decimal digits only, no sign, no more than @p max. */
static bool read_number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;

    if (len == 0 || len > 10) return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > max) return false;
    *out = (uint32_t)value;
    return true;
}

static enum hws_err read_limit(struct hws_config *config, const char *text,
                               struct hws_config_error *error)
{
    const char *equals = strchr(text, '=');

    if (!equals) return fail(error, "--limit %s: write NAME=NUMBER", text);
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        const struct limit *limit = &limits[i];
        size_t name_len = strlen(limit->name);
        uint32_t value = 0;

        if (name_len != (size_t)(equals - text) || memcmp(text, limit->name, name_len) != 0) {
            continue;
        }
        if (!read_number(equals + 1, strlen(equals + 1), limit->max, &value) ||
            value < limit->min) {
            return fail(error, "--limit %s: a number from %u to %u is wanted", text, limit->min,
                        limit->max);
        }
        store(config, limit, value);
        return HWS_OK;
    }
    return fail(error, "--limit %s: no such limit; --help lists them", text);
}

static bool read_host(const char *host, size_t len, struct hws_listen *out)
{
    struct hws_address addr;
    struct hws_bytes text = {(const uint8_t *)host, len};
    bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';

    if (hws_bytes_equal(text, hws_bytes_of("localhost"))) {
        out->is_local = true;
        return true;
    }
    if (bracketed) text = (struct hws_bytes){text.data + 1, len - 2};
    if (hws_address_read(text, &addr) != HWS_OK) return false;
    if (bracketed != (addr.family == HWS_FAMILY_IP6)) return false;
    out->is_local = hws_address_is_loopback(&addr);
    return true;
}

static enum hws_err read_listen(const char *text, struct hws_listen *out,
                                struct hws_config_error *error)
{
    struct hws_listen listen = {0};
    size_t len = strlen(text);
    const char *colon = strrchr(text, ':');
    uint32_t port;

    if (len >= sizeof(listen.text)) return fail(error, "--listen %.64s...: too long", text);
    memcpy(listen.text, text, len);
    if (strncmp(text, "unix:", 5) == 0) {
        if (text[5] != '/') return fail(error, "--listen %s: unix: wants an absolute path", text);
        memcpy(listen.host, text, len);
        listen.is_unix = listen.is_local = true;
        *out = listen;
        return HWS_OK;
    }
    if (!colon) return fail(error, "--listen %s: the port is missing (HOST:PORT)", text);
    if (!read_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port)) {
        return fail(error, "--listen %s: the port is not a number from 0 to 65535", text);
    }
    if (!read_host(text, (size_t)(colon - text), &listen)) {
        return fail(error,
                    "--listen %s: the host is neither an IPv4 address, an IPv6 address in "
                    "brackets, nor localhost",
                    text);
    }
    memcpy(listen.host, text, (size_t)(colon - text));
    listen.port = (uint16_t)port;
    *out = listen;
    return HWS_OK;
}

static enum hws_err add_listen(struct hws_config *config, const char *text,
                               struct hws_config_error *error)
{
    enum hws_err err;

    if (config->listen_count == HWS_LISTEN_MAX) {
        return fail(error, "--listen %s: more than %d addresses", text, HWS_LISTEN_MAX);
    }
    err = read_listen(text, &config->listens[config->listen_count], error);
    if (!err) config->listen_count++;
    return err;
}

/* The value of an option: after "=", or the next argument. */
static enum hws_err take_value(size_t count, char *const *args, size_t *at, size_t name_len,
                               const char **out, struct hws_config_error *error)
{
    const char *arg = args[*at];

    if (arg[name_len] == '=') {
        *out = arg + name_len + 1;
        return HWS_OK;
    }
    if (*at + 1 == count) return fail(error, "%s: the value is missing", arg);
    *out = args[++*at];
    return HWS_OK;
}

static bool is_option(const char *arg, const char *name)
{
    size_t len = strlen(name);

    return strncmp(arg, name, len) == 0 && (arg[len] == '\0' || arg[len] == '=');
}

static enum hws_err read_argument(size_t count, char *const *args, size_t *at,
                                  struct hws_config *config, struct hws_config_error *error)
{
    const char *arg = args[*at];
    const char *value = NULL;
    enum hws_err err;

    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        config->help = true;
    } else if (strcmp(arg, "--version") == 0) {
        config->version = true;
    } else if (strcmp(arg, "--verbose") == 0 || strcmp(arg, "-v") == 0) {
        config->verbose = true;
    } else if (strcmp(arg, "--insecure") == 0) {
        config->insecure = true;
    } else if (is_option(arg, "--listen")) {
        err = take_value(count, args, at, strlen("--listen"), &value, error);
        return err ? err : add_listen(config, value, error);
    } else if (is_option(arg, "--limit")) {
        err = take_value(count, args, at, strlen("--limit"), &value, error);
        return err ? err : read_limit(config, value, error);
    } else if (arg[0] == '-') {
        return fail(error, "%s: no such option; --help lists them", arg);
    } else {
        return fail(error, "%s: no argument is wanted here; --help lists the options", arg);
    }
    return HWS_OK;
}

static enum hws_err check(const struct hws_config *config, struct hws_config_error *error)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        if (config->listens[i].is_local || config->insecure) continue;
        return fail(error,
                    "--listen %s: this is not a loopback address, and everything would go there in "
                    "plain text; add --insecure to do it all the same",
                    config->listens[i].text);
    }
    return HWS_OK;
}

enum hws_err hws_config_read(size_t count, char *const *args, struct hws_config *out,
                             struct hws_config_error *error)
{
    struct hws_config config = {0};
    enum hws_err err = HWS_OK;

    for (size_t i = 0; i < LIMIT_COUNT; i++)
        store(&config, &limits[i], limits[i].preset);
    for (size_t i = 0; i < count && !config.help && !config.version; i++) {
        err = read_argument(count, args, &i, &config, error);
        if (err) return err;
    }
    if (!config.help && !config.version) {
        if (config.listen_count == 0) err = add_listen(&config, DEFAULT_LISTEN, error);
        if (!err) err = check(&config, error);
        if (err) return err;
    }
    *out = config;
    return HWS_OK;
}

void hws_config_write_help(struct hws_writer *out)
{
    hws_write_text(out, "%s",
                   "Usage: hawser-distributor [OPTION]...\n"
                   "Introduce WebRTC clients to workers known by their ids, over gRPC.\n"
                   "\n"
                   "  --listen ADDR       HOST:PORT, [IPV6]:PORT or unix:/PATH; may be repeated;\n"
                   "                      port 0 lets the kernel choose (" DEFAULT_LISTEN ")\n"
                   "  --insecure          listen in plain text on addresses that are not loopback\n"
                   "  --limit NAME=NUMBER set a limit; may be repeated\n"
                   "  -v, --verbose       log streams, registrations and sessions on stderr\n"
                   "  -h, --help          this text\n"
                   "  --version           the version\n"
                   "\n"
                   "When it is ready it prints a line for each address on stdout:\n"
                   "  hawser-distributor: listening on ADDR:PORT\n"
                   "SIGTERM and SIGINT end it in good order; a second one at once.\n"
                   "\n"
                   "Exit status: 0 ended by a signal, 1 cannot listen or run, 2 wrong option.\n"
                   "\n"
                   "Limits, with their defaults:\n");
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        hws_write_text(out, "  %-24s%8u  %s\n", limits[i].name, limits[i].preset, limits[i].what);
    }
}
