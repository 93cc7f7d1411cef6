#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
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
};

enum { OF_CLIENT = 1, OF_WORKER = 2, OF_BOTH = 3 };

static const struct {
    unsigned of;
    struct option option;
} table[] = {
    {OF_BOTH,   {"distributor", required_argument, NULL, 'd'}                         },
    {OF_BOTH,   {"ice-server", required_argument, NULL, 's'}                          },
    {OF_BOTH,   {"insecure", no_argument, NULL, OPTION_INSECURE}                      },
    {OF_BOTH,   {"loopback", no_argument, NULL, OPTION_LOOPBACK}                      },
    {OF_BOTH,   {"hide-addresses", no_argument, NULL, OPTION_HIDE}                    },
    {OF_BOTH,   {"timeout", required_argument, NULL, 't'}                             },
    {OF_BOTH,   {"verbose", no_argument, NULL, 'v'}                                   },
    {OF_BOTH,   {"help", no_argument, NULL, OPTION_HELP}                              },
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

enum { OPTION_COUNT = sizeof(table) / sizeof(table[0]) };

/* The options of one command, as getopt_long() wants them: the last row is all zero. */
static void list_options(enum hws_command command, struct option out[OPTION_COUNT + 1])
{
    unsigned of = command == HWS_COMMAND_CLIENT ? OF_CLIENT : OF_WORKER;
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
    if (out->ice_server_count == HWS_OPTION_SERVER_MAX)
        return complain("--ice-server", text, "too many, 8 at most");
    out->ice_servers[out->ice_server_count++] = text;
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
    case OPTION_ECHO_TEST:
        return read_size("--echo-test", optarg, 1024 * 1024 * 1024, &out->echo_test);
    default:
        return take_more(option, out);
    }
}

static int usage(enum hws_command command)
{
    fprintf(stderr, "Try 'hawser %s --help'.\n",
            command == HWS_COMMAND_CLIENT ? "client" : "worker");
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
    if (!out->has_id) {
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
    bool client = command == HWS_COMMAND_CLIENT;
    struct option options[OPTION_COUNT + 1];
    int option;

    list_options(command, options);
    *out = (struct hws_options){.distributor = HWS_DEFAULT_DISTRIBUTOR, .quiet_for = HWS_SEC(1)};
    while ((option = getopt_long(argc, argv, client ? "d:s:t:q:v" : "i:ed:s:t:v", options, NULL)) !=
           -1) {
        if (option == OPTION_HELP) {
            fputs(hws_help(command), stdout);
            return -1;
        }
        if (!take(option, out)) return usage(command);
    }
    return take_rest(command, argc, argv, out);
}

static void write_line(void *user, const char *line, size_t len)
{
    (void)user;
    fprintf(stderr, "%.*s\n", (int)len, line);
}

struct hws_log hws_options_log(const struct hws_options *options)
{
    if (options->verbose < 2) return (struct hws_log){0};
    return (struct hws_log){
        .write = write_line,
        .level = options->verbose > 2 ? HWS_LOG_TRACE : HWS_LOG_DEBUG,
    };
}
