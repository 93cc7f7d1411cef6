/* The built hawser-distributor from outside: its command line, its calls and its end. */
#include "base/bytes.h"
#include "signal/envelope.h"
#include "support/check_main.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 512, ARGS_MAX = 8, WAIT_MS = 10000, SOON_MS = 1000 };

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- The program */

struct program {
    pid_t pid;
    int out; /* its standard output and error */
    char text[TEXT_MAX];
    size_t len;
    char address[64]; /* where it listens */
};

static void run(struct program *program, const char *const *args)
{
    char *argv[ARGS_MAX] = {(char *)(uintptr_t)DISTRIBUTOR};
    int ends[2];

    memset(program, 0, sizeof(*program));
    for (int i = 0; args[i]; i++)
        argv[i + 1] = (char *)(uintptr_t)args[i];
    ck_assert_int_eq(pipe(ends), 0);
    program->pid = fork();
    ck_assert_int_ge(program->pid, 0);
    if (program->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    program->out = ends[0];
}

/* Read on until the text holds @p part, or the program has closed its output (then false). */
static bool read_until(struct program *program, const char *part)
{
    long end = now_ms() + WAIT_MS;

    while (!part || !strstr(program->text, part)) {
        struct pollfd poller = {.fd = program->out, .events = POLLIN};
        ssize_t len;

        ck_assert_msg(now_ms() < end, "it only said: %s", program->text);
        if (poll(&poller, 1, 100) <= 0) continue;
        len = read(program->out, program->text + program->len,
                   sizeof(program->text) - 1 - program->len);
        if (len <= 0) return false;
        program->len += (size_t)len;
    }
    return true;
}

/* The exit code, within the time that an end may take. */
static int wait_for(struct program *program)
{
    int status = 0;

    (void)read_until(program, NULL); /* its output closes when it is gone */
    close(program->out);
    ck_assert_int_eq(waitpid(program->pid, &status, 0), program->pid);
    ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void serve(struct program *program, const char *limit)
{
    const char *args[] = {"--listen", "127.0.0.1:0", limit ? "--limit" : NULL, limit, NULL};
    const char *at;

    run(program, args);
    ck_assert_msg(read_until(program, "\n"), "%s", program->text);
    at = strstr(program->text, "127.0.0.1:");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at, "%63[0-9.:]", program->address), 1);
}

static void end(struct program *program)
{
    long begun = now_ms();

    ck_assert_int_eq(kill(program->pid, SIGTERM), 0);
    ck_assert_int_eq(wait_for(program), 0);
    ck_assert_int_lt(now_ms() - begun, WAIT_MS);
}

/* ---- A call */

static grpc_completion_queue *queue;
static grpc_channel *channel;

struct stream {
    enum hws_envelope_side side;
    grpc_call *call;
    grpc_metadata_array metadata, trailer;
    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice details;
    bool ended;
    char text[TEXT_MAX]; /* of the status */
    uint8_t bytes[TEXT_MAX];
    uint8_t tag_start, tag_send, tag_receive, tag_status;
};

static void connect_to(const struct program *program)
{
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    grpc_arg arg = {.type = GRPC_ARG_INTEGER,
                    .key = (char *)(uintptr_t)GRPC_ARG_ENABLE_RETRIES,
                    .value.integer = 0};
    grpc_channel_args args = {1, &arg};

    grpc_init();
    queue = grpc_completion_queue_create_for_pluck(NULL);
    channel = grpc_channel_create(program->address, plain, &args);
    grpc_channel_credentials_release(plain);
}

static bool pluck(void *tag, long wait_ms)
{
    gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(wait_ms, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_pluck(queue, tag, until, NULL);

    ck_assert_msg(event.type == GRPC_OP_COMPLETE, "nothing came within %ld ms", wait_ms);
    return event.success;
}

static void batch(struct stream *stream, const grpc_op *ops, size_t count, void *tag)
{
    ck_assert_int_eq(grpc_call_start_batch(stream->call, ops, count, tag, NULL), GRPC_CALL_OK);
}

static void open_stream(struct stream *stream, enum hws_envelope_side side, const char *method)
{
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

    memset(stream, 0, sizeof(*stream));
    stream->side = side;
    stream->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                            grpc_slice_from_copied_string(method), NULL,
                                            gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_metadata_array_init(&stream->metadata);
    grpc_metadata_array_init(&stream->trailer);
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &stream->metadata;
    batch(stream, ops, 2, &stream->tag_start);
    status.data.recv_status_on_client.trailing_metadata = &stream->trailer;
    status.data.recv_status_on_client.status = &stream->status;
    status.data.recv_status_on_client.status_details = &stream->details;
    batch(stream, &status, 1, &stream->tag_status);
    (void)pluck(&stream->tag_start, WAIT_MS);
}

static void send_bytes(struct stream *stream, const void *bytes, size_t len)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(bytes, len);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    op.data.send_message.send_message = grpc_raw_byte_buffer_create(&slice, 1);
    batch(stream, &op, 1, &stream->tag_send);
    (void)pluck(&stream->tag_send, WAIT_MS);
    grpc_byte_buffer_destroy(op.data.send_message.send_message);
    grpc_slice_unref(slice);
}

static void say(struct stream *stream, int64_t worker, enum hws_rtc_event event, uint64_t session,
                const char *text)
{
    uint8_t bytes[TEXT_MAX];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));

    hws_envelope_write(
        &out, stream->side,
        &(struct hws_envelope){
            .worker = worker, .event = event, .session = session, .payload = hws_bytes_of(text)});
    ck_assert(!out.failed);
    send_bytes(stream, bytes, out.len);
}

/* The next message; it borrows the stream. */
static struct hws_envelope hear(struct stream *stream, enum hws_rtc_event event, const char *text)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    struct hws_envelope envelope;
    grpc_byte_buffer_reader reader;
    grpc_slice slice;
    size_t len;

    op.data.recv_message.recv_message = &stream->received;
    batch(stream, &op, 1, &stream->tag_receive);
    (void)pluck(&stream->tag_receive, WAIT_MS);
    ck_assert_ptr_nonnull(stream->received);
    ck_assert(grpc_byte_buffer_reader_init(&reader, stream->received));
    slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(stream->received);
    len = GRPC_SLICE_LENGTH(slice);
    ck_assert_uint_le(len, sizeof(stream->bytes));
    memcpy(stream->bytes, GRPC_SLICE_START_PTR(slice), len);
    grpc_slice_unref(slice);
    ck_assert_int_eq(
        hws_envelope_read(stream->side, (struct hws_bytes){stream->bytes, len}, &envelope, NULL),
        HWS_OK);
    ck_assert_str_eq(hws_rtc_event_name(envelope.event), hws_rtc_event_name(event));
    ck_assert(hws_bytes_equal(envelope.payload, hws_bytes_of(text)));
    return envelope;
}

static void expect_end(struct stream *stream, grpc_status_code status, const char *part,
                       long wait_ms)
{
    (void)pluck(&stream->tag_status, wait_ms);
    stream->ended = true;
    (void)snprintf(stream->text, sizeof(stream->text), "%.*s",
                   (int)GRPC_SLICE_LENGTH(stream->details),
                   (const char *)GRPC_SLICE_START_PTR(stream->details));
    ck_assert_msg(stream->status == status, "%d: %s", (int)stream->status, stream->text);
    ck_assert_msg(strstr(stream->text, part) != NULL, "'%s' without '%s'", stream->text, part);
}

static void close_stream(struct stream *stream)
{
    if (!stream->ended) {
        grpc_call_cancel(stream->call, NULL);
        (void)pluck(&stream->tag_status, WAIT_MS);
    }
    grpc_slice_unref(stream->details);
    grpc_metadata_array_destroy(&stream->metadata);
    grpc_metadata_array_destroy(&stream->trailer);
    grpc_call_unref(stream->call);
}

static void disconnect(void)
{
    grpc_channel_destroy(channel);
    grpc_completion_queue_shutdown(queue);
    (void)grpc_completion_queue_pluck(queue, NULL, gpr_inf_past(GPR_CLOCK_REALTIME), NULL);
    grpc_completion_queue_destroy(queue);
    grpc_shutdown_blocking();
}

/* ---- Calls */

static const char *const client_names[] = {"/hawser.v1.ClientService/NegotiatePeerConnection",
                                           "/ClientService/NegotiatePeerConnection"};
static const char *const worker_names[] = {"/hawser.v1.WorkerService/NegotiatePeerConnection",
                                           "/WorkerService/NegotiatePeerConnection"};

/* A client of one form reaches a worker of the other. */
START_TEST(both_forms_of_the_names_work)
{
    struct program program;
    struct stream worker, client;
    uint64_t session;

    serve(&program, NULL);
    connect_to(&program);
    for (int form = 0; form < 4; form++) {
        int64_t id = 40 + form;

        open_stream(&worker, HWS_SIDE_WORKER, worker_names[form & 1]);
        say(&worker, id, HWS_RTC_BLANK, 0, "");
        (void)hear(&worker, HWS_RTC_BLANK, "");
        open_stream(&client, HWS_SIDE_CLIENT, client_names[form >> 1]);
        say(&client, id, HWS_RTC_OFFER, 0, "offer");
        session = hear(&worker, HWS_RTC_OFFER, "offer").session;
        ck_assert_uint_ne(session, 0);
        say(&worker, id, HWS_RTC_ANSWER, session, "answer");
        ck_assert_int_eq(hear(&client, HWS_RTC_ANSWER, "answer").worker, id);
        say(&client, 0, HWS_RTC_LOCAL_ICE_CANDIDATE, 0, "mine");
        (void)hear(&worker, HWS_RTC_ICE_CANDIDATE, "mine");
        say(&worker, 0, HWS_RTC_LOCAL_ICE_CANDIDATE, 0, "yours");
        (void)hear(&client, HWS_RTC_ICE_CANDIDATE, "yours");
        if (form & 1) { /* either side may leave first */
            close_stream(&client);
            ck_assert_uint_eq(hear(&worker, HWS_RTC_BLANK, "").session, session);
            close_stream(&worker);
        } else {
            close_stream(&worker);
            expect_end(&client, GRPC_STATUS_UNAVAILABLE, "worker", WAIT_MS);
            close_stream(&client);
        }
    }
    disconnect();
    end(&program);
}
END_TEST

START_TEST(refusals_have_a_status)
{
    struct program program;
    struct stream stream;

    serve(&program, "description=256");
    connect_to(&program);
    open_stream(&stream, HWS_SIDE_CLIENT, client_names[0]);
    say(&stream, 12345, HWS_RTC_OFFER, 0, "offer");
    expect_end(&stream, GRPC_STATUS_NOT_FOUND, "12345", SOON_MS);
    close_stream(&stream);
    open_stream(&stream, HWS_SIDE_CLIENT, client_names[0]);
    send_bytes(&stream, "\x10\x63", 2);
    expect_end(&stream, GRPC_STATUS_INVALID_ARGUMENT, "event", WAIT_MS);
    close_stream(&stream);
    open_stream(&stream, HWS_SIDE_WORKER, worker_names[1]);
    send_bytes(&stream, "\xFF\xFE\xFD garbage", 11);
    expect_end(&stream, GRPC_STATUS_INVALID_ARGUMENT, "", WAIT_MS);
    close_stream(&stream);
    open_stream(&stream, HWS_SIDE_CLIENT, client_names[1]);
    say(&stream, 0, HWS_RTC_ICE_CANDIDATE, 0, "early");
    expect_end(&stream, GRPC_STATUS_FAILED_PRECONDITION, "OFFER", WAIT_MS);
    close_stream(&stream);
    open_stream(&stream, HWS_SIDE_CLIENT, "/hawser.v1.ClientService/Nothing");
    expect_end(&stream, GRPC_STATUS_UNIMPLEMENTED, "", WAIT_MS);
    close_stream(&stream);
    disconnect();
    end(&program);
}
END_TEST

START_TEST(streams_are_limited)
{
    struct program program;
    struct stream first, second;

    serve(&program, "streams=1");
    connect_to(&program);
    open_stream(&first, HWS_SIDE_WORKER, worker_names[0]);
    say(&first, 1, HWS_RTC_BLANK, 0, "");
    (void)hear(&first, HWS_RTC_BLANK, "");
    open_stream(&second, HWS_SIDE_WORKER, worker_names[0]);
    expect_end(&second, GRPC_STATUS_RESOURCE_EXHAUSTED, "streams", WAIT_MS);
    close_stream(&second);
    close_stream(&first);
    disconnect();
    end(&program);
}
END_TEST

/* ---- Its life */

START_TEST(sigterm_ends_it_while_streams_are_open)
{
    struct program program;
    struct stream worker, client;

    serve(&program, NULL);
    connect_to(&program);
    open_stream(&worker, HWS_SIDE_WORKER, worker_names[0]);
    say(&worker, 7, HWS_RTC_BLANK, 0, "");
    (void)hear(&worker, HWS_RTC_BLANK, "");
    open_stream(&client, HWS_SIDE_CLIENT, client_names[0]);
    say(&client, 7, HWS_RTC_OFFER, 0, "offer"); /* which the worker never reads */
    end(&program);
    expect_end(&client, GRPC_STATUS_UNAVAILABLE, "", WAIT_MS);
    close_stream(&worker);
    close_stream(&client);
    disconnect();
}
END_TEST

START_TEST(port_in_use_is_told)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    char text[64];
    const char *args[] = {"--listen", text, NULL};
    struct program program;

    ck_assert_int_eq(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(sock, 1), 0);
    ck_assert_int_eq(getsockname(sock, (struct sockaddr *)&addr, &len), 0);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(addr.sin_port));
    run(&program, args);
    ck_assert_int_eq(wait_for(&program), 1);
    ck_assert_msg(strstr(program.text, text) != NULL, "%s", program.text);
    close(sock);
}
END_TEST

START_TEST(second_distributor_on_a_port_fails)
{
    struct program first, second;

    serve(&first, NULL);
    run(&second, (const char *const[]){"--listen", first.address, NULL});
    ck_assert_int_eq(wait_for(&second), 1);
    ck_assert_msg(strstr(second.text, first.address) != NULL, "%s", second.text);
    end(&first);
}
END_TEST

static const struct {
    const char *args[3];
    int status;
    const char *says;
} command_lines[] = {
    {{"--listen", "0.0.0.0:0"},       2, "0.0.0.0:0"          },
    {{"--listen", "[::]:0"},          2, "[::]:0"             },
    {{"--listen", "127.0.0.1"},       2, "port"               },
    {{"--listen", "127.0.0.1:65536"}, 2, "port"               },
    {{"--limit", "nonsense=1"},       2, "nonsense"           },
    {{"--limit", "streams=0"},        2, "streams=0"          },
    {{"--nonsense", NULL},            2, "--nonsense"         },
    {{"--listen", NULL},              2, "--listen"           },
    {{"--version", NULL},             0, "hawser-distributor "},
};

START_TEST(command_line_is_checked)
{
    struct program program;

    run(&program, command_lines[_i].args);
    ck_assert_int_eq(wait_for(&program), command_lines[_i].status);
    ck_assert_msg(strstr(program.text, command_lines[_i].says) != NULL, "%s", program.text);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("distributor");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, both_forms_of_the_names_work);
    tcase_add_test(tc, refusals_have_a_status);
    tcase_add_test(tc, streams_are_limited);
    tcase_add_test(tc, sigterm_ends_it_while_streams_are_open);
    tcase_add_test(tc, port_in_use_is_told);
    tcase_add_test(tc, second_distributor_on_a_port_fails);
    tcase_add_loop_test(tc, command_line_is_checked, 0,
                        (int)(sizeof(command_lines) / sizeof(command_lines[0])));
    return run_case("distributor", tc);
}
