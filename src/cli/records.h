/**
 * @file
 * What both subcommands make of their options before a session begins: the certificate to show,
 * the packet log, and the log of secrets that SSLKEYLOGFILE asks for.
 */
#ifndef HWS_CLI_RECORDS_H
#define HWS_CLI_RECORDS_H

#include "cli/options.h"
#include "io/pcap.h"

struct hws_records {
    const char *program, *key_log_path; /**< borrowed; for complaints */
    struct hws_identity *identity;      /**< owned; NULL = the session makes its own */
    struct hws_pcap *pcap;              /**< owned; NULL = none */
    int key_log;                        /**< descriptor; -1 = none */
    bool key_log_failed;                /**< which was told */
};

/** Complaints go to standard error, under the name @p program.
 *  @return HWS_EXIT_OK, or the exit status when something cannot be had */
int hws_records_init(struct hws_records *records, const char *program,
                     const struct hws_options *options);
void hws_records_fini(struct hws_records *records); /**< after the session */

/* For the session; they borrow @p records. */
struct hws_tap hws_records_tap(const struct hws_records *records);
struct hws_key_log hws_records_key_log(struct hws_records *records);

#endif /* HWS_CLI_RECORDS_H */
