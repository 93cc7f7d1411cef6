/* hawser client: standard input to the worker, what comes back to standard output. */
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void wake(void *user)
{
    hws_client_wake(user);
}

static bool write_all(struct hws_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes.data, bytes.len);

        if (done < 0 && errno == EINTR && !hws_interrupted()) continue;
        if (done < 0) return false;
        bytes.data += done;
        bytes.len -= (size_t)done;
    }
    return true;
}

static int failed(const struct hws_client *client, const char *doing, enum hws_err err)
{
    fprintf(stderr, "hawser client: %s: %s: %s (cause: %s)\n", doing, hws_strerror(err),
            hws_client_reason(client), hws_cause_name(hws_client_cause(client)));
    return HWS_EXIT_FAILED;
}

/* Send the pieces that wait, as far as there is room. */
static enum hws_err send_input(struct hws_client *client, struct hws_input *input)
{
    struct hws_bytes piece;
    enum hws_err err = HWS_OK;

    while (!err && hws_input_peek(input, &piece)) {
        err = hws_client_send(client, HWS_BINARY, piece, 0);
        if (!err) hws_input_taken(input);
    }
    return err == HWS_ERR_AGAIN ? HWS_OK : err;
}

/* Both directions until the worker closes, the user interrupts, or the input has ended and
 * nothing has come back for a while. */
static int exchange(struct hws_client *client, struct hws_input *input,
                    const struct hws_options *options)
{
    struct hws_received received;

    while (!hws_interrupted()) {
        enum hws_err err = send_input(client, input);
        bool over = hws_input_ended(input) && hws_client_buffered(client) == 0;

        if (hws_stats_wanted() && options->stats) hws_report_stats(hws_client_peer(client), NULL);
        if (!err) err = hws_client_recv(client, over ? options->quiet_for : HWS_MS(200), &received);
        if (err == HWS_ERR_CLOSED) break;
        if (err == HWS_ERR_TIMEOUT && over) return HWS_EXIT_OK;
        if (err == HWS_ERR_TIMEOUT || err == HWS_ERR_AGAIN) continue;
        if (err) return failed(client, "the connection broke", err);
        if (!write_all(received.message)) return failed(client, "standard output", HWS_ERR_IO);
    }
    if (options->verbose)
        fprintf(stderr, "Closed: %s (cause: %s)\n", hws_client_reason(client),
                hws_cause_name(hws_client_cause(client)));
    return HWS_EXIT_OK;
}

static int run(struct hws_client *client, const struct hws_options *options)
{
    struct hws_input *input;
    enum hws_err err = hws_client_connect(client);
    int status;

    if (err) return failed(client, "cannot connect", err);
    if (options->verbose) hws_report_timeline(client);
    if (options->echo_test > 0) return hws_echo_test(client, options);
    err = hws_input_start(wake, client, &input);
    if (err) return failed(client, "standard input", err);
    status = exchange(client, input, options);
    hws_input_free(input);
    return status;
}

static int start(const struct hws_options *options, struct hws_records *records)
{
    struct hws_client_config config = {.distributor = options->distributor,
                                       .worker = options->id,
                                       .channel = options->channel,
                                       .insecure = options->insecure,
                                       .servers = options->servers,
                                       .server_count = options->server_count,
                                       .ice_ca_file = options->ice_ca_file,
                                       .relay_only = options->relay_only,
                                       .loopback = options->loopback,
                                       .hide_addresses = options->hide_addresses,
                                       .ice_tcp = options->ice_tcp,
                                       .port = options->port,
                                       .port_min = options->port_min,
                                       .port_max = options->port_max,
                                       .interfaces = options->interfaces,
                                       .interface_count = options->interface_count,
                                       .timeout = options->timeout,
                                       .max_message_size = options->max_message_size,
                                       .identity = records->identity,
                                       .log = hws_options_log(options),
                                       .key_log = hws_records_key_log(records),
                                       .tap = hws_records_tap(records)};
    struct hws_client *client;
    const char *reason;
    enum hws_err err = hws_client_new(&config, &client, &reason);
    int status;

    if (err) return hws_options_refused(HWS_COMMAND_CLIENT, options, err, reason);
    hws_catch_signals(wake, client);
    status = run(client, options);
    hws_catch_signals(NULL, NULL);
    if (options->stats) hws_report_stats(hws_client_peer(client), NULL);
    hws_client_free(client);
    return status;
}

int hws_command_client(int argc, char **argv)
{
    struct hws_options options;
    struct hws_records records;
    int status = hws_options_read(HWS_COMMAND_CLIENT, argc, argv, &options);

    if (status != HWS_EXIT_OK) return status < 0 ? HWS_EXIT_OK : status;
    status = hws_records_init(&records, "hawser client", &options);
    if (status != HWS_EXIT_OK) return status;
    status = start(&options, &records);
    hws_records_fini(&records);
    return status;
}
