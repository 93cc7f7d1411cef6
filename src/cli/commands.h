/**
 * @file
 * The subcommands of hawser; each returns the exit status.
 */
#ifndef HWS_CLI_COMMANDS_H
#define HWS_CLI_COMMANDS_H

#include "cli/options.h"

#include <hawser/session.h>

int hws_command_client(int argc, char **argv);
int hws_command_worker(int argc, char **argv);
int hws_command_doctor(int argc, char **argv);

/** Send, take back and compare @p options->echo_test random bytes. */
int hws_echo_test(struct hws_client *client, const struct hws_options *options);

/** Draw the set-up of a client on standard error. */
void hws_report_timeline(const struct hws_client *client);

/** Write the statistics of a peer to standard error, as one line of JSON. @p connection is its
 *  number at a worker, or NULL. Without a peer nothing is written. */
void hws_report_stats(const struct hws_peer *peer, const uint32_t *connection);

/** Interrupt and termination wake @p wake and make hws_interrupted() true; SIGUSR1 wakes it and
 *  makes hws_stats_wanted() true, once. */
void hws_catch_signals(void (*wake)(void *user), void *user);
bool hws_interrupted(void);
bool hws_stats_wanted(void);

#endif /* HWS_CLI_COMMANDS_H */
