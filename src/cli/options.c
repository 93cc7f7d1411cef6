#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DISTRIBUTOR "127.0.0.1:7000"

static const char client_help[] =
    "Usage: hawser client ID [OPTION]...\n"
    "Open a data channel to the worker ID: standard input goes to the worker, what comes back\n"
    "goes to standard output.\n"
    "\n"
    "  -d, --distributor URL  where to ask for the worker: host:port, http://host:port,\n"
    "                         https://host:port or unix:/path (default " DEFAULT_DISTRIBUTOR ")\n"
    "  -s, --ice-server URL   stun:host[:port], turn:host[:port][?transport=tcp] or\n"
    "                         turns:host[:port]; may be given up to 8 times (default: none)\n"
    "      --ice-username NAME, --ice-credential SECRET\n"
    "                         for the --ice-server before them; a SECRET of the form @FILE is\n"
    "                         the first line of FILE, where other users cannot see it\n"
    "      --ice-ca FILE      trust the certificates in FILE with turns: servers (default: those\n"
    "                         that this host trusts)\n"
    "      --relay-only       connect through TURN servers only, and tell no address of ours\n"
    "      --insecure         allow plain text to a distributor that is not on this host\n"
    "      --loopback         use loopback addresses beside the others\n"
    "  -t, --timeout SECONDS  give up connecting after this long (default 30)\n"
    "  -q, --quiet-for SECONDS\n"
    "                         after the end of input, leave when nothing came for this long\n"
    "                         (default 1)\n"
    "      --echo-test SIZE   send SIZE random bytes (such as 64MiB), take them back, compare,\n"
    "                         print the speed; for a worker with --echo\n"
    "  -v, --verbose          show the set-up timeline; twice: the log as well\n"
    "      --help             show this and leave\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char worker_help[] =
    "Usage: hawser worker --id ID [OPTION]...\n"
    "Register under ID and serve every client that asks for it. What clients send goes to\n"
    "standard output, lines of standard input go to every client.\n"
    "\n"
    "  -i, --id ID            the number that clients ask for: 1 to 9223372036854775807\n"
    "  -e, --echo             send every message back instead\n"
    "  -d, --distributor URL  where to register: host:port, http://host:port,\n"
    "                         https://host:port or unix:/path (default " DEFAULT_DISTRIBUTOR ")\n"
    "  -s, --ice-server URL   stun:host[:port], turn:host[:port][?transport=tcp] or\n"
    "                         turns:host[:port]; may be given up to 8 times (default: none)\n"
    "      --ice-username NAME, --ice-credential SECRET\n"
    "                         for the --ice-server before them; a SECRET of the form @FILE is\n"
    "                         the first line of FILE, where other users cannot see it\n"
    "      --ice-ca FILE      trust the certificates in FILE with turns: servers (default: those\n"
    "                         that this host trusts)\n"
    "      --relay-only       connect through TURN servers only, and tell no address of ours\n"
    "      --insecure         allow plain text to a distributor that is not on this host\n"
    "      --loopback         use loopback addresses beside the others\n"
    "  -t, --timeout SECONDS  give up registering after this long (default 30)\n"
    "  -v, --verbose          say who comes and goes; twice: the log as well\n"
    "      --help             show this and leave\n"
    "\n"
    "Exit status: 0 ended by a signal, 1 failed, 2 wrong usage.\n";

enum {
    OPTION_HELP = 256,
    OPTION_INSECURE,
    OPTION_ICE_USERNAME,
    OPTION_ICE_CREDENTIAL,
    OPTION_RELAY_ONLY,
    OPTION_ICE_CA,
    OPTION_LOOPBACK,
    OPTION_ECHO_TEST
};

static const struct option client_options[] = {
    {"distributor",    required_argument, NULL, 'd'                  },
    {"ice-server",     required_argument, NULL, 's'                  },
    {"ice-username",   required_argument, NULL, OPTION_ICE_USERNAME  },
    {"ice-credential", required_argument, NULL, OPTION_ICE_CREDENTIAL},
    {"relay-only",     no_argument,       NULL, OPTION_RELAY_ONLY    },
    {"ice-ca",         required_argument, NULL, OPTION_ICE_CA        },
    {"insecure",       no_argument,       NULL, OPTION_INSECURE      },
    {"loopback",       no_argument,       NULL, OPTION_LOOPBACK      },
    {"timeout",        required_argument, NULL, 't'                  },
    {"quiet-for",      required_argument, NULL, 'q'                  },
    {"echo-test",      required_argument, NULL, OPTION_ECHO_TEST     },
    {"verbose",        no_argument,       NULL, 'v'                  },
    {"help",           no_argument,       NULL, OPTION_HELP          },
    {NULL,             0,                 NULL, 0                    },
};

static const struct option worker_options[] = {
    {"id",             required_argument, NULL, 'i'                  },
    {"echo",           no_argument,       NULL, 'e'                  },
    {"distributor",    required_argument, NULL, 'd'                  },
    {"ice-server",     required_argument, NULL, 's'                  },
    {"ice-username",   required_argument, NULL, OPTION_ICE_USERNAME  },
    {"ice-credential", required_argument, NULL, OPTION_ICE_CREDENTIAL},
    {"relay-only",     no_argument,       NULL, OPTION_RELAY_ONLY    },
    {"ice-ca",         required_argument, NULL, OPTION_ICE_CA        },
    {"insecure",       no_argument,       NULL, OPTION_INSECURE      },
    {"loopback",       no_argument,       NULL, OPTION_LOOPBACK      },
    {"timeout",        required_argument, NULL, 't'                  },
    {"verbose",        no_argument,       NULL, 'v'                  },
    {"help",           no_argument,       NULL, OPTION_HELP          },
    {NULL,             0,                 NULL, 0                    },
};

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

static bool read_size(const char *text, uint64_t *out)
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
    const uint64_t limit = 1024u * 1024u * 1024u;
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
    return complain("--echo-test", text, "want bytes, such as 65536 or 64MiB, up to 1024MiB");
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
    case OPTION_INSECURE:
        out->insecure = true;
        return true;
    case OPTION_LOOPBACK:
        out->loopback = true;
        return true;
    case OPTION_ECHO_TEST:
        return read_size(optarg, &out->echo_test);
    default: /* getopt has said what is wrong */
        return false;
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
    return HWS_EXIT_OK;
}

int hws_options_read(enum hws_command command, int argc, char **argv, struct hws_options *out)
{
    bool client = command == HWS_COMMAND_CLIENT;
    int option;

    *out = (struct hws_options){.distributor = DEFAULT_DISTRIBUTOR, .quiet_for = HWS_SEC(1)};
    while ((option = getopt_long(argc, argv, client ? "d:s:t:q:v" : "i:ed:s:t:v",
                                 client ? client_options : worker_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(client ? client_help : worker_help, stdout);
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
    static const enum hws_log_level levels[] = {HWS_LOG_WARN, HWS_LOG_WARN, HWS_LOG_DEBUG,
                                                HWS_LOG_TRACE};

    if (options->verbose < 1) return (struct hws_log){0};
    return (struct hws_log){
        .write = write_line,
        .level = levels[options->verbose < 3 ? options->verbose : 3],
    };
}
