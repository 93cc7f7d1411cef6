/*
 * interop-peer: Hawser as a peer of tests/interop/run, which tells it what to do in lines of JSON on
 * standard input and is told on standard output what happened. The language is in
 * tests/interop/README.md. It uses the public functions only.
 */
#include "bytes.h"
#include "channels.h"
#include "lines.h"

#include "config.h"

#include <hawser/loop.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_ASKED = 64 << 20 }; /* bytes of one message that the runner may ask for */

struct program {
    struct hws_loop *loop;
    struct hws_identity *identity;
    struct hws_peer_config config;
    struct interop_channels channels;
    bool echo, done;
};

/* ---- Members of a command */

static const char *text_of(const json_t *command, const char *name)
{
    return json_string_value(json_object_get(command, name));
}

static const char *text_or_empty(const json_t *command, const char *name)
{
    const char *text = text_of(command, name);

    return text ? text : "";
}

static uint32_t number_of(const json_t *command, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(command, name));

    return value >= 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static bool has_number(const json_t *command, const char *name)
{
    return json_is_integer(json_object_get(command, name));
}

/* The channel that a command is about; NULL with an error told. */
static struct interop_channel *channel_of(struct program *program, const json_t *command)
{
    const char *name = text_or_empty(command, "name");
    struct interop_channel *channel = interop_find_name(&program->channels, name);

    if (!channel) interop_tell_error("%s %s: there is none", text_of(command, "cmd"), name);
    return channel;
}

static void tell_result(const json_t *command, enum hws_err err)
{
    if (err) interop_tell_error("%s: %s", text_of(command, "cmd"), hws_strerror(err));
}

/* ---- Commands */

static void forget_peer(struct program *program)
{
    if (!program->channels.peer) return;
    interop_remove_all(&program->channels);
    hws_loop_remove_peer(program->loop, program->channels.peer);
    program->channels.peer = NULL;
}

static void create(struct program *program, const json_t *command, hws_time now)
{
    (void)now;
    forget_peer(program);
    program->echo = false;
    tell_result(command,
                hws_loop_add_peer(program->loop, &program->config, NULL, &program->channels.peer));
}

static void open_channel(struct program *program, const json_t *command, hws_time now)
{
    const json_t *ordered = json_object_get(command, "ordered");
    const char *name = text_or_empty(command, "name");
    const json_t *label = json_object_get(command, "label");
    const json_t *protocol = json_object_get(command, "protocol");
    struct hws_channel handle;
    struct hws_channel_config config = {
        .label = label ? json_string_value(label) : name,
        .label_len = json_string_length(label),
        .protocol = json_string_value(protocol),
        .protocol_len = json_string_length(protocol),
        .unordered = json_is_false(ordered),
        .priority = (uint16_t)number_of(command, "priority"),
        .negotiated = json_is_true(json_object_get(command, "negotiated")),
        .id = (uint16_t)number_of(command, "id"),
    };
    enum hws_err err;

    if (has_number(command, "maxRetransmits")) {
        config.reliability = HWS_CHANNEL_MAX_RETRANSMITS;
        config.reliability_value = number_of(command, "maxRetransmits");
    } else if (has_number(command, "maxPacketLifeTime")) {
        config.reliability = HWS_CHANNEL_MAX_LIFETIME;
        config.reliability_value = number_of(command, "maxPacketLifeTime");
    }
    err = hws_peer_open_channel(program->channels.peer, &config, now, &handle);
    tell_result(command, err);
    if (!err && !interop_add(&program->channels, handle, name)) {
        interop_tell_error("open %s: too many channels for interop-peer", name);
    }
}

static void offer(struct program *program, const json_t *command, hws_time now)
{
    tell_result(command, hws_peer_offer(program->channels.peer, now));
}

static void restart(struct program *program, const json_t *command, hws_time now)
{
    tell_result(command, hws_peer_restart_ice(program->channels.peer, now));
}

/* A remote description or candidate is the other side's to be wrong about: what it was is told. */
static void take_signal(struct program *program, const json_t *command,
                        const struct hws_signal *signal, hws_time now)
{
    enum hws_err err = hws_peer_signal(program->channels.peer, signal, now);

    /* A candidate of no use to us, such as a name of mDNS, is no failure: there are others. */
    if (err == HWS_ERR_UNSUPPORTED && signal->kind == HWS_SIGNAL_CANDIDATE) return;
    if (err) {
        interop_tell_error("%s: %s: %s", text_of(command, "cmd"), hws_strerror(err),
                           hws_peer_fault_text(program->channels.peer));
    }
}

static struct hws_bytes bytes_of(const json_t *command, const char *name)
{
    const json_t *string = json_object_get(command, name);

    return (struct hws_bytes){(const uint8_t *)json_string_value(string),
                              json_string_length(string)};
}

static void description(struct program *program, const json_t *command, hws_time now)
{
    bool is_offer = strcmp(text_or_empty(command, "type"), "offer") == 0;
    struct hws_signal signal = {.kind = is_offer ? HWS_SIGNAL_OFFER : HWS_SIGNAL_ANSWER,
                                .text = bytes_of(command, "sdp")};

    take_signal(program, command, &signal, now);
}

static void candidate(struct program *program, const json_t *command, hws_time now)
{
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE,
                                .text = bytes_of(command, "candidate"),
                                .mid = text_of(command, "sdpMid"),
                                .ufrag = text_of(command, "usernameFragment")};

    take_signal(program, command, &signal, now);
}

static void send_message(struct program *program, const json_t *command, hws_time now)
{
    struct interop_channel *channel = channel_of(program, command);
    bool is_text = strcmp(text_or_empty(command, "kind"), "text") == 0;
    size_t size = number_of(command, "size");
    uint8_t *bytes;

    if (!channel) return;
    bytes = size <= SIZE_MAX_ASKED ? calloc(1, size + 1) : NULL;
    if (!bytes) {
        interop_tell_error("send: no memory for %zu bytes", size);
        return;
    }
    interop_fill(bytes, size, is_text ? HWS_TEXT : HWS_BINARY, number_of(command, "seed"));
    interop_send(&program->channels, channel, is_text ? HWS_TEXT : HWS_BINARY,
                 (struct hws_bytes){bytes, size}, now);
    free(bytes);
}

static void stream(struct program *program, const json_t *command, hws_time now)
{
    struct interop_channel *channel = channel_of(program, command);
    size_t piece = number_of(command, "piece");

    if (!channel) return;
    if (piece == 0 || piece > SIZE_MAX_ASKED) {
        interop_tell_error("stream: a piece of %zu bytes", piece);
        return;
    }
    interop_stream(channel, number_of(command, "total"), piece, number_of(command, "seed"));
    interop_go_on(&program->channels, channel, now);
}

static void expect(struct program *program, const json_t *command, hws_time now)
{
    struct interop_channel *channel = channel_of(program, command);

    (void)now;
    if (!channel) return;
    channel->in.left = number_of(command, "total");
    channel->in.messages = channel->in.bytes = channel->in.crc = 0;
    interop_tell(json_pack("{s:s, s:s}", "event", "expecting", "name", channel->name));
}

static void echo(struct program *program, const json_t *command, hws_time now)
{
    (void)now;
    program->echo = json_is_true(json_object_get(command, "on"));
}

static void close_channel(struct program *program, const json_t *command, hws_time now)
{
    struct interop_channel *channel = channel_of(program, command);

    if (!channel) return;
    tell_result(command, hws_peer_close_channel(program->channels.peer, channel->handle, now));
}

static void stats(struct program *program, const json_t *command, hws_time now)
{
    struct hws_peer *peer = program->channels.peer;
    struct hws_timeline line;

    (void)command;
    (void)now;
    hws_peer_timeline(peer, &line);
    interop_tell(json_pack("{s:s, s:s, s:I, s:I, s:I}", "event", "stats", "tls",
                           hws_peer_dtls_version(peer), "pathAfter",
                           (json_int_t)(line.path - line.described), "securedAfter",
                           (json_int_t)(line.secured - line.described), "associatedAfter",
                           (json_int_t)(line.associated - line.described)));
}

static void hangup(struct program *program, const json_t *command, hws_time now)
{
    (void)command;
    hws_peer_close(program->channels.peer, now);
}

static void quit(struct program *program, const json_t *command, hws_time now)
{
    (void)command;
    (void)now;
    program->done = true;
}

static const struct command {
    const char *name;
    void (*run)(struct program *program, const json_t *command, hws_time now);
    bool needs_peer;
} commands[] = {
    {"create",      create,        false},
    {"open",        open_channel,  true },
    {"offer",       offer,         true },
    {"restart",     restart,       true },
    {"description", description,   true },
    {"candidate",   candidate,     true },
    {"send",        send_message,  true },
    {"stream",      stream,        true },
    {"expect",      expect,        true },
    {"echo",        echo,          true },
    {"close",       close_channel, true },
    {"stats",       stats,         true },
    {"hangup",      hangup,        true },
    {"quit",        quit,          false},
};

static void run_command(struct program *program, const json_t *command)
{
    const char *name = text_or_empty(command, "cmd");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) != 0) continue;
        if (commands[i].needs_peer && !program->channels.peer) {
            interop_tell_error("%s: there is no connection", name);
            return;
        }
        commands[i].run(program, command, hws_loop_now(program->loop));
        return;
    }
    interop_tell_error("unknown command '%s'", name);
}

static void run_commands(struct program *program)
{
    char *line;

    while (!program->done && (line = interop_lines_next()) != NULL) {
        json_error_t flaw;
        json_t *command = json_loads(line, JSON_ALLOW_NUL, &flaw);

        if (command) {
            run_command(program, command);
        } else {
            interop_tell_error("not JSON: %s", flaw.text);
        }
        json_decref(command);
        free(line);
    }
    if (interop_lines_ended()) program->done = true;
}

/* ---- What happened */

static json_t *string_of(struct hws_bytes text)
{
    return json_stringn(text.len > 0 ? (const char *)text.data : "", text.len);
}

static void tell_signal(const struct hws_signal *signal)
{
    if (signal->kind == HWS_SIGNAL_CANDIDATE) {
        interop_tell(json_pack("{s:s, s:o, s:s?, s:i, s:s?}", "event", "candidate", "candidate",
                               string_of(signal->text), "sdpMid", signal->mid, "sdpMLineIndex", 0,
                               "usernameFragment", signal->ufrag));
        return;
    }
    interop_tell(json_pack("{s:s, s:s, s:o}", "event", "description", "type",
                           signal->kind == HWS_SIGNAL_OFFER ? "offer" : "answer", "sdp",
                           string_of(signal->text)));
}

static json_t *number_or_null(const struct hws_channel_info *info,
                              enum hws_channel_reliability reliability)
{
    return info->reliability == reliability ? json_integer(info->reliability_value) : json_null();
}

static void take_incoming(struct program *program, struct hws_channel handle)
{
    struct hws_channel_info info;
    char name[INTEROP_NAME];

    if (!hws_peer_channel_info(program->channels.peer, handle, &info)) return;
    (void)snprintf(name, sizeof(name), "%.*s", (int)info.label.len,
                   info.label.len > 0 ? (const char *)info.label.data : "");
    if (!interop_add(&program->channels, handle, name)) {
        interop_tell_error("incoming %s: too many channels for interop-peer", name);
        return;
    }
    interop_tell(json_pack(
        "{s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:i, s:i}", "event", "channel", "name", name, "label",
        string_of(info.label), "protocol", string_of(info.protocol), "ordered", !info.unordered,
        "maxRetransmits", number_or_null(&info, HWS_CHANNEL_MAX_RETRANSMITS), "maxPacketLifeTime",
        number_or_null(&info, HWS_CHANNEL_MAX_LIFETIME), "priority", info.priority, "id", info.id));
}

static void take_open(struct program *program, const struct interop_channel *channel)
{
    struct hws_channel_info info;

    if (!hws_peer_channel_info(program->channels.peer, channel->handle, &info)) return;
    interop_tell(
        json_pack("{s:s, s:s, s:i}", "event", "open", "name", channel->name, "id", info.id));
}

static void tell_state(const char *state, const char *reason)
{
    interop_tell(json_pack("{s:s, s:s, s:s}", "event", "state", "state", state, "reason", reason));
}

static void take_closed(struct interop_channel *channel)
{
    interop_tell(json_pack("{s:s, s:s}", "event", "closed", "name", channel->name));
    interop_remove(channel);
}

static void take_message(struct program *program, struct interop_channel *channel,
                         const struct hws_event *event)
{
    if (program->echo) {
        interop_send(&program->channels, channel, event->message_kind, event->message,
                     hws_loop_now(program->loop));
    } else {
        interop_take(channel, event->message_kind, event->message);
    }
}

static void tell_path(const struct hws_peer *peer)
{
    struct hws_path path;

    if (!hws_peer_path(peer, &path)) return;
    interop_tell(json_pack("{s:s, s:s, s:s, s:i}", "event", "path", "local", path.local_type,
                           "remote", path.remote_type, "port", path.remote.port));
}

static void take_end(struct program *program, const struct hws_event *event)
{
    const char *reason = hws_peer_fault_text(program->channels.peer);
    bool wanted = event->fault.err == HWS_OK || event->fault.err == HWS_ERR_CLOSED;

    tell_state(wanted ? "closed" : "failed", reason);
}

static void take_channel_event(struct program *program, const struct hws_event *event)
{
    struct interop_channel *channel = interop_find(&program->channels, event->channel);

    if (!channel) return;
    switch (event->kind) {
    case HWS_EVENT_CHANNEL_OPEN:
        take_open(program, channel);
        break;
    case HWS_EVENT_MESSAGE:
        take_message(program, channel, event);
        break;
    case HWS_EVENT_WRITABLE:
        interop_go_on(&program->channels, channel, hws_loop_now(program->loop));
        break;
    case HWS_EVENT_CHANNEL_CLOSED:
        take_closed(channel);
        break;
    case HWS_EVENT_NONE:
    case HWS_EVENT_PATH:
    case HWS_EVENT_CONNECTED:
    case HWS_EVENT_CHANNEL_INCOMING:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_CLOSED:
    case HWS_EVENT_SERVER_FAILED:
        break;
    }
}

static void take_event(struct program *program, const struct hws_event *event)
{
    switch (event->kind) {
    case HWS_EVENT_CONNECTED:
        tell_state("connected", "");
        break;
    case HWS_EVENT_PATH:
        tell_path(program->channels.peer);
        break;
    case HWS_EVENT_CHANNEL_INCOMING:
        take_incoming(program, event->channel);
        break;
    case HWS_EVENT_CLOSED:
        take_end(program, event);
        break;
    case HWS_EVENT_SERVER_FAILED:
        fprintf(stderr, "%s: %s\n", event->server, event->fault.what);
        break;
    case HWS_EVENT_NONE:
    case HWS_EVENT_CHANNEL_OPEN:
    case HWS_EVENT_MESSAGE:
    case HWS_EVENT_WRITABLE:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_CHANNEL_CLOSED:
        take_channel_event(program, event);
        break;
    }
}

/* ---- The program */

static void wake(void *user)
{
    struct program *program = user;

    hws_loop_wake(program->loop);
}

static enum hws_err run(struct program *program)
{
    struct hws_loop_item item;

    while (!program->done) {
        enum hws_err err = hws_loop_wait(program->loop, HWS_NEVER);

        if (err) return err;
        run_commands(program);
        while (hws_loop_next(program->loop, &item)) {
            if (item.is_signal) {
                tell_signal(&item.signal);
            } else {
                take_event(program, &item.event);
            }
        }
    }
    return HWS_OK;
}

static void write_log(void *user, const char *line, size_t len)
{
    (void)user;
    (void)len;
    fprintf(stderr, "%s\n", line);
}

static int usage(void)
{
    fputs("usage: interop-peer [--dtls 1.2|1.3] [--post-quantum] [--loopback] [--sctp-port N]\n"
          "                    [--max-message-size BYTES] [--ice-tcp] [-v]\n",
          stderr);
    return 2;
}

static bool read_versions(const char *text, struct hws_identity_config *config)
{
    if (strcmp(text, "1.2") == 0) config->versions = HWS_DTLS_12_ONLY;
    if (strcmp(text, "1.3") == 0) config->versions = HWS_DTLS_13_ONLY;
    return config->versions != HWS_DTLS_13_OR_12;
}

static bool read_options(int argc, char **argv, struct program *program,
                         struct hws_identity_config *identity, struct hws_loop_config *loop)
{
    static const struct option options[] = {
        {"dtls",       required_argument, NULL, 'd'},
        {"post-quantum",        no_argument, NULL, 'q'},
        {"loopback",            no_argument, NULL, 'l'},
        {"sctp-port",required_argument, NULL, 'p'},
        {"max-message-size",         required_argument, NULL, 'm'},
        {"ice-tcp",   no_argument, NULL, 't'},
        {0       },
    };
    int option;

    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        if (option == 'd') {
            if (!read_versions(optarg, identity)) return false;
        } else if (option == 'q') {
            identity->post_quantum = true;
        } else if (option == 'l') {
            loop->loopback = true;
        } else if (option == 't') {
            loop->ice_tcp = true;
        } else if (option == 'p') {
            program->config.sctp_port = (uint16_t)strtoul(optarg, NULL, 10);
        } else if (option == 'm') {
            program->config.max_message_size = strtoul(optarg, NULL, 10);
        } else if (option == 'v') {
            loop->log = (struct hws_log){.write = write_log, .level = HWS_LOG_DEBUG};
        } else {
            return false;
        }
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    static struct program program; /* its table of channels is big for a stack */
    struct hws_identity_config identity = {0};
    struct hws_loop_config config = {0};
    const char *reason = "the certificate cannot be made";
    enum hws_err err;

    if (!read_options(argc, argv, &program, &identity, &config)) return usage();
    err = hws_identity_new_from(&identity, &program.identity);
    config.identity = program.identity;
    if (!err) err = hws_loop_new(&config, &program.loop, &reason);
    if (!err && !interop_lines_start(wake, &program)) {
        err = HWS_ERR_IO;
        reason = "no thread is to be had";
    }
    if (!err) {
        interop_tell(json_pack("{s:s, s:s, s:s, s:{}}", "event", "hello", "stack", "Hawser",
                               "version", PACKAGE_VERSION, "features"));
        reason = "the loop failed";
        err = run(&program);
    }
    if (err) fprintf(stderr, "interop-peer: %s: %s\n", reason, hws_strerror(err));
    interop_remove_all(&program.channels);
    interop_lines_stop();
    hws_loop_free(program.loop);
    hws_identity_free(program.identity);
    return err ? 1 : 0;
}
