/* What --help shows of the subcommands. */
#include "cli/options.h"

/* Both commands have these. */
#define COMMON                                                                                 \
    "      --certificate FILE, --key FILE\n"                                                   \
    "                         show this certificate and prove it by this key, both PEM\n"      \
    "                         (default: a fresh one, made for this run)\n"                     \
    "      --dtls 1.2|1.3     speak this version only (default: 1.3, or 1.2 with those who\n"  \
    "                         have no more)\n"                                                 \
    "      --post-quantum     offer the key exchange X25519MLKEM768 as well\n"                 \
    "      --max-message-size SIZE\n"                                                          \
    "                         biggest message to take, up to 16MiB (default 256KiB)\n"         \
    "      --pcap FILE        write every packet to FILE for Wireshark: as on the wire, and\n" \
    "                         SCTP in clear. It holds all that is said: keep it private\n"     \
    "      --stats json       write statistics to standard error, one JSON object a line:\n"   \
    "                         of each connection when it ends, and at any time on SIGUSR1\n"   \
    "\n"                                                                                       \
    "With SSLKEYLOGFILE in the environment the secrets of DTLS are added to that file.\n"      \
    "\n"

static const char client_help[] =
    "Usage: hawser client ID [OPTION]...\n"
    "Open a data channel to the worker ID: standard input goes to the worker, what comes back\n"
    "goes to standard output.\n"
    "\n"
    "  -d, --distributor URL  where to ask for the worker: host:port, http://host:port,\n"
    "                         https://host:port or unix:/path (default " HWS_DEFAULT_DISTRIBUTOR
    ")\n"
    "  -s, --ice-server URL   stun:host[:port]; may be given up to 8 times (default: none)\n"
    "      --insecure         allow plain text to a distributor that is not on this host\n"
    "      --loopback         use loopback addresses beside the others\n"
    "      --hide-addresses   tell names of multicast DNS instead of this host's addresses\n"
    "  -t, --timeout SECONDS  give up connecting after this long (default 30)\n"
    "  -q, --quiet-for SECONDS\n"
    "                         after the end of input, leave when nothing came for this long\n"
    "                         (default 1)\n"
    "      --echo-test SIZE   send SIZE random bytes (such as 64MiB), take them back, compare,\n"
    "                         print the speed; for a worker with --echo\n"
    "  -v, --verbose          show the set-up timeline; twice: the log as well\n"
    "      --help             show this and leave\n"
    "\n"
    "The channel:\n"
    "      --label TEXT       its label (default hawser)\n"
    "      --protocol TEXT    the name of what is spoken on it (default: none)\n"
    "      --unordered        messages may overtake each other\n"
    "      --max-retransmits N\n"
    "                         send a message at most N times more, then drop it\n"
    "      --max-lifetime MS  drop a message that is not there after MS milliseconds\n"
    "      --priority N       its weight beside other channels, 1 to 65535 (default 256)\n"
    "\n"
    "DTLS, and what is written down:\n" COMMON "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char worker_help[] =
    "Usage: hawser worker --id ID [OPTION]...\n"
    "Register under ID and serve every client that asks for it. What clients send goes to\n"
    "standard output, lines of standard input go to every client.\n"
    "\n"
    "  -i, --id ID            the number that clients ask for: 1 to 9223372036854775807\n"
    "  -e, --echo             send every message back instead\n"
    "  -d, --distributor URL  where to register: host:port, http://host:port,\n"
    "                         https://host:port or unix:/path (default " HWS_DEFAULT_DISTRIBUTOR
    ")\n"
    "  -s, --ice-server URL   stun:host[:port]; may be given up to 8 times (default: none)\n"
    "      --insecure         allow plain text to a distributor that is not on this host\n"
    "      --loopback         use loopback addresses beside the others\n"
    "      --hide-addresses   tell names of multicast DNS instead of this host's addresses\n"
    "  -t, --timeout SECONDS  give up registering after this long (default 30)\n"
    "  -v, --verbose          say who comes and goes; twice: the log as well\n"
    "      --help             show this and leave\n"
    "\n"
    "DTLS, and what is written down:\n" COMMON
    "Exit status: 0 ended by a signal, 1 failed, 2 wrong usage.\n";

const char *hws_help(enum hws_command command)
{
    return command == HWS_COMMAND_CLIENT ? client_help : worker_help;
}
