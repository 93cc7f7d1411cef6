#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_HELP = 256,
    OPTION_INSECURE,
    OPTION_LOOPBACK,
    OPTION_ECHO_TEST,
    OPTION_PCAP,
    OPTION_STATS,
    OPTION_CERTIFICATE,
    OPTION_KEY,
    OPTION_POST_QUANTUM,
    OPTION_DTLS,
    OPTION_MAX_MESSAGE_SIZE,
    OPTION_LABEL,
    OPTION_PROTOCOL,
    OPTION_UNORDERED,
    OPTION_MAX_RETRANSMITS,
    OPTION_MAX_LIFETIME,
    OPTION_PRIORITY,
    OPTION_HIDE,
    OPTION_ICE_TCP,
    OPTION_ICE_USERNAME,
    OPTION_ICE_CREDENTIAL,
    OPTION_ICE_CA,
    OPTION_RELAY_ONLY,
    OPTION_ICE_LITE,
    OPTION_JSON,
    OPTION_PORT,
    OPTION_INTERFACE,
};

enum { OF_CLIENT = 1, OF_WORKER = 2, OF_BOTH = 3, OF_DOCTOR = 4, OF_ALL = 7 };

static const struct {
    unsigned of;
    struct option option;
} table[] = {
    {OF_BOTH,   {"distributor", required_argument, NULL, 'd'}                         },
    {OF_ALL,    {"ice-server", required_argument, NULL, 's'}                          },
    {OF_ALL,    {"ice-username", required_argument, NULL, OPTION_ICE_USERNAME}        },
    {OF_ALL,    {"ice-credential", required_argument, NULL, OPTION_ICE_CREDENTIAL}    },
    {OF_ALL,    {"ice-ca", required_argument, NULL, OPTION_ICE_CA}                    },
    {OF_BOTH,   {"relay-only", no_argument, NULL, OPTION_RELAY_ONLY}                  },
    {OF_WORKER, {"ice-lite", no_argument, NULL, OPTION_ICE_LITE}                      },
    {OF_BOTH,   {"insecure", no_argument, NULL, OPTION_INSECURE}                      },
    {OF_BOTH,   {"loopback", no_argument, NULL, OPTION_LOOPBACK}                      },
    {OF_BOTH,   {"hide-addresses", no_argument, NULL, OPTION_HIDE}                    },
    {OF_BOTH,   {"ice-tcp", no_argument, NULL, OPTION_ICE_TCP}                        },
    {OF_BOTH,   {"port", required_argument, NULL, OPTION_PORT}                        },
    {OF_BOTH,   {"interface", required_argument, NULL, OPTION_INTERFACE}              },
    {OF_ALL,    {"timeout", required_argument, NULL, 't'}                             },
    {OF_BOTH,   {"verbose", no_argument, NULL, 'v'}                                   },
    {OF_ALL,    {"help", no_argument, NULL, OPTION_HELP}                              },
    {OF_DOCTOR, {"json", no_argument, NULL, OPTION_JSON}                              },
    {OF_BOTH,   {"pcap", required_argument, NULL, OPTION_PCAP}                        },
    {OF_BOTH,   {"stats", required_argument, NULL, OPTION_STATS}                      },
    {OF_BOTH,   {"certificate", required_argument, NULL, OPTION_CERTIFICATE}          },
    {OF_BOTH,   {"key", required_argument, NULL, OPTION_KEY}                          },
    {OF_BOTH,   {"post-quantum", no_argument, NULL, OPTION_POST_QUANTUM}              },
    {OF_BOTH,   {"dtls", required_argument, NULL, OPTION_DTLS}                        },
    {OF_BOTH,   {"max-message-size", required_argument, NULL, OPTION_MAX_MESSAGE_SIZE}},
    {OF_WORKER, {"id", required_argument, NULL, 'i'}                                  },
    {OF_WORKER, {"echo", no_argument, NULL, 'e'}                                      },
    {OF_CLIENT, {"quiet-for", required_argument, NULL, 'q'}                           },
    {OF_CLIENT, {"echo-test", required_argument, NULL, OPTION_ECHO_TEST}              },
    {OF_CLIENT, {"label", required_argument, NULL, OPTION_LABEL}                      },
    {OF_CLIENT, {"protocol", required_argument, NULL, OPTION_PROTOCOL}                },
    {OF_CLIENT, {"unordered", no_argument, NULL, OPTION_UNORDERED}                    },
    {OF_CLIENT, {"max-retransmits", required_argument, NULL, OPTION_MAX_RETRANSMITS}  },
    {OF_CLIENT, {"max-lifetime", required_argument, NULL, OPTION_MAX_LIFETIME}        },
    {OF_CLIENT, {"priority", required_argument, NULL, OPTION_PRIORITY}                },
};

static const struct {
    const char *name, *letters; /* as getopt_long() wants them */
    unsigned of;
} traits[] = {
    [HWS_COMMAND_CLIENT] = {"client", "d:s:t:q:v",  OF_CLIENT},
    [HWS_COMMAND_WORKER] = {"worker", "i:ed:s:t:v", OF_WORKER},
    [HWS_COMMAND_DOCTOR] = {"doctor", "s:t:",       OF_DOCTOR},
};

enum { OPTION_COUNT = sizeof(table) / sizeof(table[0]) };

/* The options of one command, as getopt_long() wants them: the last row is all zero. */
static void list_options(enum hws_command command, struct option out[OPTION_COUNT + 1])
{
    unsigned of = traits[command].of;
    size_t count = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (table[i].of & of) out[count++] = table[i].option;
    }
    out[count] = (struct option){0};
}

static bool complain(const char *option, const char *value, const char *want)
{
    fprintf(stderr, "hawser: %s '%s': %s\n", option, value, want);
    return false;
}

static bool read_id(const char *text, struct hws_options *out)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end != '\0' || value == 0)
        return complain("worker id", text, "want a whole number from 1 to 9223372036854775807");
    out->id = value;
    out->has_id = true;
    return true;
}

static bool read_seconds(const char *option, const char *text, hws_time *out)
{
    char *end;
    double value;

    errno = 0;
    value = strtod(text, &end);
    if (errno || end == text || *end != '\0' || !(value > 0 && value <= 86400))
        return complain(option, text, "want seconds, above 0 and up to 86400");
    *out = (hws_time)(value * 1e6);
    return true;
}

static bool read_size(const char *option, const char *text, uint64_t limit, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {
        {"",    1          },
        {"KiB", 1024       },
        {"MiB", 1024 * 1024},
        {"K",   1024       },
        {"M",   1024 * 1024},
    };
    char want[80];
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (errno || *text < '0' || *text > '9' || strcmp(end, units[i].unit) != 0) continue;
        if (value == 0 || value > limit / units[i].factor) break;
        *out = value * units[i].factor;
        return true;
    }
    (void)snprintf(want, sizeof(want), "want bytes, such as 65536 or 8MiB, up to %" PRIu64 "MiB",
                   limit / (1024 * 1024));
    return complain(option, text, want);
}

static bool read_number(const char *option, const char *text, uint32_t least, uint32_t most,
                        uint32_t *out)
{
    char *end, want[80];
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
        (void)snprintf(want, sizeof(want), "want a whole number from %" PRIu32 " to %" PRIu32,
                       least, most);
        return complain(option, text, want);
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_versions(const char *text, enum hws_dtls_versions *out)
{
    bool old = strcmp(text, "1.2") == 0;

    if (!old && strcmp(text, "1.3") != 0) return complain("--dtls", text, "want 1.2 or 1.3");
    *out = old ? HWS_DTLS_12_ONLY : HWS_DTLS_13_ONLY;
    return true;
}

/* How far a channel goes to deliver a message: one of the two limits, not both. */
static bool read_reliability(const char *option, enum hws_channel_reliability reliability,
                             struct hws_channel_config *out)
{
    if (out->reliability != HWS_CHANNEL_RELIABLE && out->reliability != reliability)
        return complain(option, optarg, "there is a limit of the other kind already");
    out->reliability = reliability;
    return read_number(option, optarg, 0, UINT32_MAX, &out->reliability_value);
}

static bool take_server(const char *text, struct hws_options *out)
{
    if (out->server_count == HWS_OPTION_SERVER_MAX)
        return complain("--ice-server", text, "too many, 8 at most");
    out->servers[out->server_count++].url = text;
    return true;
}

/* The server that credentials are for. */
static struct hws_ice_server *last_server(const char *option, struct hws_options *out)
{
    if (out->server_count > 0) return &out->servers[out->server_count - 1];
    fprintf(stderr, "hawser: %s: give the --ice-server before it\n", option);
    return NULL;
}

static bool take_username(const char *text, struct hws_options *out)
{
    struct hws_ice_server *server = last_server("--ice-username", out);

    if (server) server->username = text;
    return server != NULL;
}

static bool read_secret(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "r");
    bool read = file && fgets(out, (int)cap, file);

    if (file) fclose(file);
    if (!read) return complain("--ice-credential", path, "the file has no line to read");
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool take_credential(const char *text, struct hws_options *out)
{
    struct hws_ice_server *server = last_server("--ice-credential", out);
    char *secret;

    if (!server) return false;
    server->password = text;
    if (text[0] != '@') return true;
    secret = out->secrets[server - out->servers];
    server->password = secret;
    return read_secret(text + 1, secret, sizeof(out->secrets[0]));
}

/* "5000", one port for all, or "5000-5100", where each takes one of its own. */
static bool read_ports(const char *text, struct hws_options *out)
{
    static const char want[] = "want a port, such as 5000, or a range, such as 5000-5100";
    unsigned long least, most;
    char *end;

    errno = 0;
    least = most = strtoul(text, &end, 10);
    if (errno || *text < '0' || *text > '9') return complain("--port", text, want);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') most = strtoul(end + 1, &end, 10);
    if (errno || *end != '\0' || least < 1 || most > UINT16_MAX)
        return complain("--port", text, want);
    if (least > most) return complain("--port", text, "the range ends before it begins");
    if (out->port != 0 || out->port_min != 0) return complain("--port", text, "given twice");
    if (strchr(text, '-')) {
        out->port_min = (uint16_t)least;
        out->port_max = (uint16_t)most;
    } else {
        out->port = (uint16_t)least;
    }
    return true;
}

static bool take_interface(const char *name, struct hws_options *out)
{
    if (out->interface_count == HWS_OPTION_INTERFACE_MAX)
        return complain("--interface", name, "too many, 8 at most");
    if (if_nametoindex(name) == 0)
        return complain("--interface", name, "this host has no such interface");
    out->interfaces[out->interface_count++] = name;
    return true;
}

/* An option about the channel of a client. */
static bool take_channel(int option, struct hws_channel_config *out)
{
    uint32_t number = 0;
    bool good = true;

    switch (option) {
    case OPTION_LABEL:
        out->label = optarg;
        break;
    case OPTION_PROTOCOL:
        out->protocol = optarg;
        break;
    case OPTION_UNORDERED:
        out->unordered = true;
        break;
    case OPTION_MAX_RETRANSMITS:
        return read_reliability("--max-retransmits", HWS_CHANNEL_MAX_RETRANSMITS, out);
    case OPTION_MAX_LIFETIME:
        return read_reliability("--max-lifetime", HWS_CHANNEL_MAX_LIFETIME, out);
    case OPTION_PRIORITY:
        good = read_number("--priority", optarg, 1, UINT16_MAX, &number);
        if (good) out->priority = (uint16_t)number;
        break;
    default: /* getopt has said what is wrong */
        return false;
    }
    return good;
}

/* An option about DTLS, messages and what is written down of them. */
static bool take_more(int option, struct hws_options *out)
{
    uint64_t size = 0;

    switch (option) {
    case OPTION_PCAP:
        out->pcap = optarg;
        return true;
    case OPTION_STATS:
        out->stats = strcmp(optarg, "json") == 0;
        return out->stats || complain("--stats", optarg, "want json");
    case OPTION_CERTIFICATE:
        out->certificate = optarg;
        return true;
    case OPTION_KEY:
        out->key = optarg;
        return true;
    case OPTION_POST_QUANTUM:
        out->post_quantum = true;
        return true;
    case OPTION_DTLS:
        return read_versions(optarg, &out->versions);
    case OPTION_MAX_MESSAGE_SIZE:
        if (!read_size("--max-message-size", optarg, 16 * 1024 * 1024, &size)) return false;
        out->max_message_size = (size_t)size;
        return true;
    default:
        return take_channel(option, &out->channel);
    }
}

/* An option about TURN servers. */
static bool take_relay(int option, struct hws_options *out)
{
    switch (option) {
    case OPTION_ICE_USERNAME:
        return take_username(optarg, out);
    case OPTION_ICE_CREDENTIAL:
        return take_credential(optarg, out);
    case OPTION_ICE_CA:
        out->ice_ca_file = optarg;
        return true;
    case OPTION_RELAY_ONLY:
        out->relay_only = true;
        return true;
    case OPTION_ICE_LITE:
        out->ice_lite = true;
        return true;
    case OPTION_JSON:
        out->json = true;
        return true;
    default:
        return take_more(option, out);
    }
}

/* One option; false when its value is bad, and then it has been said. */
static bool take(int option, struct hws_options *out)
{
    switch (option) {
    case 'd':
        out->distributor = optarg;
        return true;
    case 's':
        return take_server(optarg, out);
    case 't':
        return read_seconds("--timeout", optarg, &out->timeout);
    case 'q':
        return read_seconds("--quiet-for", optarg, &out->quiet_for);
    case 'i':
        return read_id(optarg, out);
    case 'e':
        out->echo = true;
        return true;
    case 'v':
        out->verbose++;
        return true;
    case OPTION_INSECURE:
        out->insecure = true;
        return true;
    case OPTION_LOOPBACK:
        out->loopback = true;
        return true;
    case OPTION_HIDE:
        out->hide_addresses = true;
        return true;
    case OPTION_ICE_TCP:
        out->ice_tcp = true;
        return true;
    case OPTION_PORT:
        return read_ports(optarg, out);
    case OPTION_INTERFACE:
        return take_interface(optarg, out);
    case OPTION_ECHO_TEST:
        return read_size("--echo-test", optarg, 1024 * 1024 * 1024, &out->echo_test);
    default:
        return take_relay(option, out);
    }
}

static int usage(enum hws_command command)
{
    fprintf(stderr, "Try 'hawser %s --help'.\n", traits[command].name);
    return HWS_EXIT_USAGE;
}

/* What stands beside the options: a client's worker id, and nothing else. */
static int take_rest(enum hws_command command, int argc, char **argv, struct hws_options *out)
{
    if (command == HWS_COMMAND_CLIENT && optind < argc) {
        if (!read_id(argv[optind++], out)) return usage(command);
    }
    if (optind < argc) {
        fprintf(stderr, "hawser: unexpected argument '%s'\n", argv[optind]);
        return usage(command);
    }
    if (!out->has_id && command != HWS_COMMAND_DOCTOR) {
        fprintf(stderr, command == HWS_COMMAND_CLIENT ? "hawser: which worker? Give its ID.\n"
                                                      : "hawser: --id is missing\n");
        return usage(command);
    }
    if (!out->certificate != !out->key) {
        fprintf(stderr, "hawser: --%s is missing: a certificate and its key go together\n",
                out->key ? "certificate" : "key");
        return usage(command);
    }
    return HWS_EXIT_OK;
}

int hws_options_read(enum hws_command command, int argc, char **argv, struct hws_options *out)
{
    struct option options[OPTION_COUNT + 1];
    int option;

    list_options(command, options);
    *out = (struct hws_options){.distributor = HWS_DEFAULT_DISTRIBUTOR, .quiet_for = HWS_SEC(1)};
    while ((option = getopt_long(argc, argv, traits[command].letters, options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(hws_help(command), stdout);
            return -1;
        }
        if (!take(option, out)) return usage(command);
    }
    return take_rest(command, argc, argv, out);
}

int hws_options_refused(enum hws_command command, const struct hws_options *options,
                        enum hws_err err, const char *reason)
{
    fprintf(stderr, "hawser %s: %s: %s", command == HWS_COMMAND_CLIENT ? "client" : "worker",
            hws_strerror(err), reason);
    if (err == HWS_ERR_IO && options->port != 0) fprintf(stderr, " (--port %u)", options->port);
    for (size_t i = 0; err == HWS_ERR_IO && i < options->interface_count; i++) {
        fprintf(stderr, " (--interface %s)", options->interfaces[i]);
    }
    fputc('\n', stderr);
    return err == HWS_ERR_ARGUMENT ? HWS_EXIT_USAGE : HWS_EXIT_FAILED;
}

static void write_line(void *user, const char *line, size_t len)
{
    (void)user;
    fprintf(stderr, "%.*s\n", (int)len, line);
}

struct hws_log hws_options_log(const struct hws_options *options)
{
    static const enum hws_log_level levels[] = {HWS_LOG_WARN, HWS_LOG_WARN, HWS_LOG_DEBUG,
                                                HWS_LOG_TRACE};

    if (options->verbose < 1) return (struct hws_log){0};
    return (struct hws_log){
        .write = write_line,
        .level = levels[options->verbose < 3 ? options->verbose : 3],
    };
}
