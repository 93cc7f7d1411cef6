/**
 * @file
 * Options that the subcommands of hawser share, and how they are read.
 */
#ifndef HWS_CLI_OPTIONS_H
#define HWS_CLI_OPTIONS_H

#include <hawser/loop.h>
#include <hawser/peer.h>

#include <stdint.h>

#define HWS_DEFAULT_DISTRIBUTOR "127.0.0.1:7000"

enum { HWS_EXIT_OK = 0, HWS_EXIT_FAILED = 1, HWS_EXIT_USAGE = 2 };

enum { HWS_OPTION_SERVER_MAX = 8, HWS_OPTION_INTERFACE_MAX = 8 };

/** What the command line said; text is borrowed from it. */
struct hws_options {
    const char *distributor;
    struct hws_ice_server servers[HWS_OPTION_SERVER_MAX];
    size_t server_count;
    char secrets[HWS_OPTION_SERVER_MAX][256]; /**< that were read from files */
    const char *ice_ca_file;
    bool relay_only, ice_lite;
    int64_t id; /**< of the worker, ours or the other's; meaningful with has_id */
    bool has_id;
    bool insecure, loopback, hide_addresses, ice_tcp, echo;
    uint16_t port, port_min, port_max; /**< one for all, or a range; all 0 = anywhere */
    const char *interfaces[HWS_OPTION_INTERFACE_MAX];
    size_t interface_count; /**< 0 = all of this host */
    int verbose;            /**< how often --verbose was given */
    hws_time timeout;
    hws_time quiet_for; /**< client: how long to wait for more after its input ended */
    uint64_t echo_test; /**< client: bytes to send and get back; 0 = not asked for */
    struct hws_channel_config channel; /**< client */
    size_t max_message_size;           /**< 0 = the default */
    const char *pcap;                  /**< file; NULL = no packet log */
    bool stats;                        /**< print statistics, as JSON */
    const char *certificate, *key;     /**< PEM files; both NULL = a fresh certificate */
    bool post_quantum;
    bool json; /**< doctor: one JSON object instead of lines for people */
    enum hws_dtls_versions versions;
};

enum hws_command { HWS_COMMAND_CLIENT, HWS_COMMAND_WORKER, HWS_COMMAND_DOCTOR };

/**
 * Read the arguments of one subcommand; argv[0] is its name. Complaints go to standard error.
 * @return HWS_EXIT_OK to go on; HWS_EXIT_USAGE; or -1 when --help was served
 */
int hws_options_read(enum hws_command command, int argc, char **argv, struct hws_options *out);

/** What --help shows. */
const char *hws_help(enum hws_command command);

/** Say on standard error that the client or worker cannot be made, with the ports it asked for.
 *  @return the exit status */
int hws_options_refused(enum hws_command command, const struct hws_options *options,
                        enum hws_err err, const char *reason);

/** A log to standard error at the level that --verbose asks for; silent without it. */
struct hws_log hws_options_log(const struct hws_options *options);

#endif /* HWS_CLI_OPTIONS_H */
