/* hawser worker: serves every client that asks for its id. */
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENT_MAX = 1024 };

/* What we remember of a client: for --echo the message that did not fit. */
struct guest {
    struct hws_connection connection; /* generation 0: the slot is free */
    struct hws_channel channel;       /* the one that spoke last, or opened */
    enum hws_message_kind kind;
    uint8_t *held; /* owned; while it waits the connection is paused */
    size_t held_len;
};

struct serving {
    struct hws_worker *worker;
    const struct hws_options *options;
    struct hws_input *input; /* NULL with --echo */
    struct guest guests[CLIENT_MAX];
};

static void wake(void *user)
{
    hws_worker_wake(user);
}

static struct guest *guest_of(struct serving *serving, struct hws_connection connection)
{
    return &serving->guests[connection.slot % CLIENT_MAX];
}

static void release(struct guest *guest)
{
    free(guest->held);
    *guest = (struct guest){0};
}

/* ---- Echo */

static void hold(struct serving *serving, struct guest *guest, const struct hws_worker_event *event)
{
    guest->held = calloc(1, event->received.message.len + 1);
    if (!guest->held) {
        hws_worker_close(serving->worker, guest->connection);
        return;
    }
    guest->held_len = event->received.message.len;
    guest->kind = event->received.kind;
    if (guest->held_len > 0) memcpy(guest->held, event->received.message.data, guest->held_len);
    hws_worker_pause(serving->worker, guest->connection, true);
}

static void echo(struct serving *serving, struct guest *guest, const struct hws_worker_event *event)
{
    enum hws_err err = hws_worker_send(serving->worker, event->connection, event->channel,
                                       event->received.kind, event->received.message);

    if (err == HWS_ERR_FULL) hold(serving, guest, event);
}

static void send_held(struct serving *serving, struct guest *guest)
{
    enum hws_err err;

    if (!guest->held) return;
    err = hws_worker_send(serving->worker, guest->connection, guest->channel, guest->kind,
                          (struct hws_bytes){guest->held, guest->held_len});
    if (err == HWS_ERR_FULL) return;
    free(guest->held);
    guest->held = NULL;
    hws_worker_pause(serving->worker, guest->connection, false);
}

/* ---- Standard input and output */

static void write_out(struct hws_bytes bytes)
{
    if (bytes.len > 0 && fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len)
        fprintf(stderr, "hawser worker: standard output does not take what came in\n");
    fflush(stdout);
}

/* Every client gets the piece; one that is full misses it, or one slow client would stop all. */
static void send_input(struct serving *serving)
{
    struct hws_bytes piece;

    while (serving->input && hws_input_peek(serving->input, &piece)) {
        for (size_t i = 0; i < CLIENT_MAX; i++) {
            struct guest *guest = &serving->guests[i];

            if (guest->connection.generation == 0) continue;
            if (hws_worker_send(serving->worker, guest->connection, guest->channel, HWS_BINARY,
                                piece) == HWS_ERR_FULL)
                fprintf(stderr, "hawser worker: client %zu is too slow and missed a piece\n", i);
        }
        hws_input_taken(serving->input);
    }
}

/* ---- Statistics */

static void report(const struct serving *serving, struct hws_connection connection)
{
    if (!serving->options->stats) return;
    hws_report_stats(hws_worker_peer(serving->worker, connection), &connection.slot);
}

static void report_all(const struct serving *serving)
{
    for (size_t i = 0; i < CLIENT_MAX; i++) {
        report(serving, serving->guests[i].connection);
    }
}

/* ---- Events */

static void on_event(struct serving *serving, const struct hws_worker_event *event)
{
    struct guest *guest = guest_of(serving, event->connection);
    bool verbose = serving->options->verbose > 0;

    switch (event->kind) {
    case HWS_WORKER_CONNECTED:
        *guest = (struct guest){.connection = event->connection, .channel = event->channel};
        if (verbose) fprintf(stderr, "client %" PRIu32 " connected\n", event->connection.slot);
        break;
    case HWS_WORKER_MESSAGE:
        guest->channel = event->channel;
        if (serving->options->echo) {
            echo(serving, guest, event);
        } else {
            write_out(event->received.message);
        }
        break;
    case HWS_WORKER_WRITABLE:
        send_held(serving, guest);
        break;
    case HWS_WORKER_CLOSED:
        if (verbose)
            fprintf(stderr, "client %" PRIu32 " gone: %s (cause: %s)\n", event->connection.slot,
                    event->reason, hws_cause_name(event->cause));
        report(serving, event->connection);
        release(guest);
        break;
    case HWS_WORKER_LOST:
        fprintf(stderr, "hawser worker: the distributor is gone, trying again: %s\n",
                event->reason);
        break;
    case HWS_WORKER_BACK:
        fprintf(stderr, "hawser worker %" PRId64 ": registered again\n", serving->options->id);
        break;
    }
}

static int serve(struct serving *serving)
{
    struct hws_worker_event event;

    while (!hws_interrupted()) {
        enum hws_err err = hws_worker_next(serving->worker, HWS_SEC(1), &event);

        send_input(serving);
        if (hws_stats_wanted()) report_all(serving);
        if (err == HWS_ERR_TIMEOUT || err == HWS_ERR_AGAIN) continue;
        if (err) {
            fprintf(stderr, "hawser worker: %s: %s\n", hws_strerror(err),
                    hws_worker_reason(serving->worker));
            return HWS_EXIT_FAILED;
        }
        on_event(serving, &event);
    }
    return HWS_EXIT_OK;
}

static int run(struct hws_worker *worker, const struct hws_options *options)
{
    struct serving *serving;
    enum hws_err err = hws_worker_register(worker);
    int status;

    if (err) {
        fprintf(stderr, "hawser worker: cannot register: %s: %s\n", hws_strerror(err),
                hws_worker_reason(worker));
        return HWS_EXIT_FAILED;
    }
    fprintf(stderr, "hawser worker %" PRId64 ": registered\n", options->id);
    if (options->verbose) fprintf(stderr, "fingerprint: %s\n", hws_worker_fingerprint(worker));
    serving = calloc(1, sizeof(*serving));
    if (!serving) return HWS_EXIT_FAILED;
    serving->worker = worker;
    serving->options = options;
    if (!options->echo && hws_input_start(wake, worker, &serving->input))
        fprintf(stderr, "hawser worker: standard input cannot be read\n");
    status = serve(serving);
    report_all(serving);
    hws_input_free(serving->input);
    for (size_t i = 0; i < CLIENT_MAX; i++) {
        release(&serving->guests[i]);
    }
    free(serving);
    return status;
}

static int start(const struct hws_options *options, struct hws_records *records)
{
    struct hws_worker_config config = {.distributor = options->distributor,
                                       .id = options->id,
                                       .insecure = options->insecure,
                                       .servers = options->servers,
                                       .server_count = options->server_count,
                                       .ice_ca_file = options->ice_ca_file,
                                       .relay_only = options->relay_only,
                                       .ice_lite = options->ice_lite,
                                       .loopback = options->loopback,
                                       .hide_addresses = options->hide_addresses,
                                       .ice_tcp = options->ice_tcp,
                                       .port = options->port,
                                       .port_min = options->port_min,
                                       .port_max = options->port_max,
                                       .interfaces = options->interfaces,
                                       .interface_count = options->interface_count,
                                       .client_max = CLIENT_MAX,
                                       .timeout = options->timeout,
                                       .max_message_size = options->max_message_size,
                                       .identity = records->identity,
                                       .log = hws_options_log(options),
                                       .key_log = hws_records_key_log(records),
                                       .tap = hws_records_tap(records)};
    struct hws_worker *worker;
    const char *reason;
    enum hws_err err = hws_worker_new(&config, &worker, &reason);
    int status;

    if (err) return hws_options_refused(HWS_COMMAND_WORKER, options, err, reason);
    hws_catch_signals(wake, worker);
    status = run(worker, options);
    hws_catch_signals(NULL, NULL);
    hws_worker_free(worker);
    return status;
}

int hws_command_worker(int argc, char **argv)
{
    struct hws_options options;
    struct hws_records records;
    int status = hws_options_read(HWS_COMMAND_WORKER, argc, argv, &options);

    if (status != HWS_EXIT_OK) return status < 0 ? HWS_EXIT_OK : status;
    status = hws_records_init(&records, "hawser worker", &options);
    if (status != HWS_EXIT_OK) return status;
    status = start(&options, &records);
    hws_records_fini(&records);
    return status;
}
