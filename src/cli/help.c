/* What --help shows of the subcommands. */
#include "cli/options.h"

/* Every command has these, the doctor without the last one. */
#define URLS                                                                                     \
    "  -s, --ice-server URL   stun:host[:port], turn:host[:port][?transport=tcp] or\n"           \
    "                         turns:host[:port]; may be given up to 8 times (default: none)\n"   \
    "      --ice-username NAME, --ice-credential SECRET\n"                                       \
    "                         for the --ice-server before them; a SECRET of the form @FILE is\n" \
    "                         the first line of FILE, where other users cannot see it\n"         \
    "      --ice-ca FILE      trust the certificates in FILE with turns: servers\n"              \
    "                         (default: those that this host trusts)\n"
#define SERVERS \
    URLS "      --relay-only       connect through TURN servers only, and tell no address of ours\n"

/* A client and a worker have these. */
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

#define NETWORK                                                                               \
    "      --insecure         allow plain text to a distributor that is not on this host\n"   \
    "      --loopback         use loopback addresses beside the others\n"                     \
    "      --hide-addresses   tell names of multicast DNS instead of this host's addresses\n" \
    "      --default-route    use and tell only the addresses of the default routes\n"        \
    "      --ice-tcp          connect over TCP, either way, where UDP does not get through\n" \
    "      --port N|N-M       use UDP port N for everything, so that a firewall can let it\n" \
    "                         in; or a port from N to M for each connection (default: any)\n" \
    "      --interface NAME   use this network interface only, such as eth0; may be given\n"  \
    "                         up to 8 times (default: all)\n"

static const char client_help[] =
    "Usage: hawser client ID [OPTION]...\n"
    "Open a data channel to the worker ID: standard input goes to the worker, what comes back\n"
    "goes to standard output.\n"
    "\n"
    "  -d, --distributor URL  where to ask for the worker: host:port, http://host:port,\n"
    "                         https://host:port or unix:/path (default " HWS_DEFAULT_DISTRIBUTOR
    ")\n" SERVERS NETWORK "      --fingerprint 'sha-256 AB:CD:...'\n"
    "                         connect to this certificate only, whatever the distributor says;\n"
    "                         the worker prints it\n"
    "  -t, --timeout SECONDS  give up connecting after this long (default 30)\n"
    "  -q, --quiet-for SECONDS\n"
    "                         after the end of input, leave when nothing came for this long\n"
    "                         (default 1)\n"
    "      --echo-test SIZE   send SIZE random bytes (such as 64MiB), take them back, compare,\n"
    "                         print the speed; for a worker with --echo\n"
    "  -v, --verbose          show the set-up timeline and the paths; twice: the log\n"
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
    ")\n" SERVERS
    "      --ice-lite         answer checks only, and leave the choice of the path to the client:\n"
    "                         for a server with public addresses (RFC 8445 section 2.5)\n" NETWORK
    "  -t, --timeout SECONDS  give up registering after this long (default 30)\n"
    "  -v, --verbose          say who comes and goes; twice: the log as well\n"
    "      --help             show this and leave\n"
    "\n"
    "DTLS, and what is written down:\n" COMMON
    "Exit status: 0 ended by a signal, 1 failed, 2 wrong usage.\n";

static const char doctor_help[] =
    "Usage: hawser doctor [OPTION]...\n"
    "Tell what this machine's network is and what that means for connecting: interfaces, UDP\n"
    "buffers, multicast DNS, which servers answer and how fast, and how the NAT behaves.\n"
    "\n" URLS "  -t, --timeout SECONDS  give up on a server after this long (default 3)\n"
    "      --json             write one JSON object instead of lines for people\n"
    "      --help             show this and leave\n"
    "\n"
    "How a NAT behaves is told by a STUN server with two addresses, or, as far as they can, by\n"
    "two servers.\n"
    "\n"
    "Exit status: 0 we can connect, with a relay or without; 1 we cannot; 2 wrong usage.\n";

const char *hws_help(enum hws_command command)
{
    static const char *const texts[] = {
        [HWS_COMMAND_CLIENT] = client_help,
        [HWS_COMMAND_WORKER] = worker_help,
        [HWS_COMMAND_DOCTOR] = doctor_help,
    };

    return texts[command];
}
