/*
 * hawser-distributor itself, over real sockets on the loopback: what its edge adds to the router.
 * Waits for events, never for time; how long things took is measured where it is promised.
 */
#include "base/bytes.h"
#include "distributor/router.h"
#include "support/suite.h"
#include "support/wire.h"

#include <fcntl.h>
#include <grpc/grpc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARG_MAX_COUNT = 16, STATUS_UNIMPLEMENTED = 12 };

/* A running hawser-distributor. Its standard error goes to a file, for tests to look into. */
static struct {
    pid_t pid;
    char target[256]; /* "127.0.0.1:34567", as it said */
    FILE *log;
} server;

static double now_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Start it; the read end of its standard output. Before grpc_init(): gRPC does not like forks. */
static FILE *launch(const char *const *args, rlim_t files)
{
    const char *argv[ARG_MAX_COUNT + 2] = {DISTRIBUTOR};
    int out[2];

    for (int i = 0; i < ARG_MAX_COUNT && args[i]; i++)
        argv[i + 1] = args[i];
    ck_assert_int_eq(pipe(out), 0);
    server.log = tmpfile();
    ck_assert_ptr_nonnull(server.log);
    server.pid = fork();
    ck_assert_int_ge(server.pid, 0);
    if (server.pid == 0) {
        struct rlimit limit = {.rlim_cur = files, .rlim_max = files};

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive a failed test */
        if (files > 0) (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(fileno(server.log), STDERR_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execv(DISTRIBUTOR, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(out[1]);
    return fdopen(out[0], "r");
}

static const char *log_text(void)
{
    static char text[65536];
    size_t len;

    rewind(server.log);
    len = fread(text, 1, sizeof(text) - 1, server.log);
    text[len] = '\0';
    return text;
}

static void start_limited(rlim_t files, const char *const *args)
{
    static const char ready[] = "hawser-distributor: listening on ";
    char line[256] = "";
    FILE *out = launch(args, files);

    ck_assert_ptr_nonnull(out);
    ck_assert_msg(fgets(line, sizeof(line), out) != NULL, "it did not start: %s", log_text());
    ck_assert_msg(strncmp(line, ready, strlen(ready)) == 0, "it said: %s", line);
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(server.target, sizeof(server.target), "%s", line + strlen(ready));
    (void)fclose(out);
}

/* On a port of the kernel's choice; with one limit that is not the default, or NULL. */
static void start(const char *limit)
{
    start_limited(
        0, (const char *const[]){"--listen", "127.0.0.1:0", limit ? "--limit" : NULL, limit, NULL});
}

/* How it ended: the exit status, or 1000 and the signal. */
static int wait_for_end(void)
{
    int status;

    ck_assert_int_eq(waitpid(server.pid, &status, 0), server.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Under a sanitizer this is where a leak or worse shows. */
static void stop(void)
{
    int status;

    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    status = wait_for_end();
    ck_assert_msg(status == 0, "exit status %d: %s", status, log_text());
}

/* ---- Words of the tests */

static void say(struct wire *wire, enum hws_rtc_event event, int64_t worker, uint64_t session,
                const char *text)
{
    struct hws_envelope envelope = {
        .worker = worker, .event = event, .session = session, .payload = hws_bytes_of(text)};

    wire_send(wire, &envelope);
}

static uint64_t expect(struct wire *wire, enum hws_rtc_event event, const char *text)
{
    struct hws_envelope got;
    const char *why = "";

    if (!wire_receive(wire, &got)) {
        int status = wire_status(wire, &why);

        ck_abort_msg("%s did not come: status %d %s", hws_rtc_event_name(event), status, why);
    }
    ck_assert_str_eq(hws_rtc_event_name(got.event), hws_rtc_event_name(event));
    ck_assert(hws_bytes_equal(got.payload, hws_bytes_of(text)));
    return got.session;
}

static void expect_status(struct wire *wire, int status, const char *part)
{
    const char *text;
    int got = wire_status(wire, &text);

    ck_assert_msg(got == status && strstr(text, part), "status %d \"%s\", not %d \"%s\"", got, text,
                  status, part);
}

static struct wire *enrolled(const char *method, int64_t id)
{
    struct wire *worker = wire_open(server.target, method);

    say(worker, HWS_RTC_BLANK, id, 0, "");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, ""), 0);
    return worker;
}

/* ---- Tests */

static const struct {
    const char *client, *worker;
} names[] = {
    {WIRE_CLIENT,      WIRE_WORKER     },
    {WIRE_CLIENT_BARE, WIRE_WORKER_BARE},
    {WIRE_CLIENT,      WIRE_WORKER_BARE},
    {WIRE_CLIENT_BARE, WIRE_WORKER     },
};

START_TEST(relays_under_both_names)
{
    struct wire *worker, *client;
    uint64_t session;

    start(NULL);
    worker = enrolled(names[_i].worker, 7);
    client = wire_open(server.target, names[_i].client);
    say(client, HWS_RTC_OFFER, 7, 0, "offer");
    session = expect(worker, HWS_RTC_OFFER, "offer");
    ck_assert_uint_ne(session, 0);
    say(worker, HWS_RTC_ANSWER, 7, session, "answer");
    say(worker, HWS_RTC_LOCAL_ICE_CANDIDATE, 7, session, "w1");
    say(client, HWS_RTC_ICE_CANDIDATE, 7, 0, "c1");
    say(client, HWS_RTC_ICE_CANDIDATE, 7, 0, "");
    say(client, HWS_RTC_ACCEPT_ANSWER, 7, 0, "");
    (void)expect(client, HWS_RTC_ANSWER, "answer");
    (void)expect(client, HWS_RTC_ICE_CANDIDATE, "w1");
    ck_assert_uint_eq(expect(worker, HWS_RTC_ICE_CANDIDATE, "c1"), session);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ICE_CANDIDATE, ""), session);
    ck_assert_uint_eq(expect(worker, HWS_RTC_ACCEPT_ANSWER, ""), session);
    say(client, HWS_RTC_PING, 7, 0, "time");
    (void)expect(client, HWS_RTC_PING, "time");
    wire_close(client);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, ""), session);
    wire_close(worker);
    stop();
}
END_TEST

START_TEST(refusals_come_at_once)
{
    struct wire *unknown, *early, *broken, *method, *huge;
    static uint8_t payload[70000];
    double begun;

    start(NULL);
    unknown = wire_open(server.target, WIRE_CLIENT);
    begun = now_ms();
    say(unknown, HWS_RTC_OFFER, 99, 0, "offer");
    expect_status(unknown, HWS_STATUS_NOT_FOUND, "worker 99");
    ck_assert_msg(now_ms() - begun < 1000, "NOT_FOUND took %.0f ms", now_ms() - begun);

    early = wire_open(server.target, WIRE_CLIENT);
    say(early, HWS_RTC_ICE_CANDIDATE, 7, 0, "c");
    expect_status(early, HWS_STATUS_FAILED_PRECONDITION, "OFFER");

    broken = wire_open(server.target, WIRE_WORKER);
    wire_send_bytes(broken, (struct hws_bytes){(const uint8_t *)"\x10\x63", 2});
    expect_status(broken, HWS_STATUS_INVALID_ARGUMENT, "event");

    begun = now_ms();
    method = wire_open(server.target, "/hawser.v1.ClientService/Nothing");
    expect_status(method, STATUS_UNIMPLEMENTED, "");
    ck_assert_msg(now_ms() - begun < 1000, "UNIMPLEMENTED took %.0f ms", now_ms() - begun);

    huge = wire_open(server.target, WIRE_CLIENT);
    wire_send_bytes(huge, (struct hws_bytes){payload, sizeof(payload)});
    expect_status(huge, HWS_STATUS_RESOURCE_EXHAUSTED, "limit message");

    wire_close(unknown);
    wire_close(early);
    wire_close(broken);
    wire_close(method);
    wire_close(huge);
    stop();
}
END_TEST

START_TEST(ten_clients_at_one_worker)
{
    enum { CLIENTS = 10 };
    struct wire *worker, *clients[CLIENTS];
    char text[16];

    start(NULL);
    worker = enrolled(WIRE_WORKER, 7);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = wire_open(server.target, WIRE_CLIENT);
        (void)snprintf(text, sizeof(text), "offer %d", i);
        say(clients[i], HWS_RTC_OFFER, 7, 0, text);
    }
    for (int i = 0; i < CLIENTS; i++) { /* in whatever order they came */
        struct hws_envelope got;
        int number;

        ck_assert(wire_receive(worker, &got));
        ck_assert_int_eq(sscanf((const char *)got.payload.data, "offer %d", &number), 1);
        (void)snprintf(text, sizeof(text), "answer %d", number);
        say(worker, HWS_RTC_ANSWER, 7, got.session, text);
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)snprintf(text, sizeof(text), "answer %d", i);
        (void)expect(clients[i], HWS_RTC_ANSWER, text);
    }
    wire_close(worker);
    for (int i = 0; i < CLIENTS; i++) {
        expect_status(clients[i], HWS_STATUS_UNAVAILABLE, "worker 7");
        wire_close(clients[i]);
    }
    stop();
}
END_TEST

START_TEST(newest_registration_wins)
{
    struct wire *old, *young;

    start(NULL);
    old = enrolled(WIRE_WORKER, 7);
    young = enrolled(WIRE_WORKER, 7);
    expect_status(old, HWS_STATUS_ALREADY_EXISTS, "worker 7");
    wire_close(old);
    wire_close(young);
    stop();
}
END_TEST

/* A process of its own with one client in a session; says so on @p ready when told to go. */
static pid_t client_process(int *out_go, int *out_ready)
{
    int go[2], ready[2];
    pid_t pid;

    ck_assert_int_eq(pipe(go) | pipe(ready), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct wire *client;
        char byte;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(go[0], &byte, 1) != 1) _exit(1);
        client = wire_open(server.target, WIRE_CLIENT);
        say(client, HWS_RTC_OFFER, 7, 0, "offer");
        (void)expect(client, HWS_RTC_ANSWER, "answer");
        if (write(ready[1], "r", 1) != 1) _exit(1);
        for (;;)
            pause();
    }
    *out_go = go[1];
    *out_ready = ready[0];
    return pid;
}

static const struct {
    int signal;
    double within_ms;
} deaths[] = {
    {SIGKILL, 2000 }, /* the kernel closes the connection; in milliseconds, but hosts are busy */
    {SIGSTOP, 15000}, /* nobody closes anything: keepalive, as by default */
};

START_TEST(dead_client_is_noticed)
{
    int go, ready;
    pid_t pid;
    struct wire *worker;
    uint64_t session;
    double begun;
    char byte;

    start(NULL);
    pid = client_process(&go, &ready);
    worker = enrolled(WIRE_WORKER, 7);
    ck_assert_int_eq(write(go, "g", 1), 1);
    session = expect(worker, HWS_RTC_OFFER, "offer");
    say(worker, HWS_RTC_ANSWER, 7, session, "answer");
    ck_assert_int_eq(read(ready, &byte, 1), 1);

    begun = now_ms();
    ck_assert_int_eq(kill(pid, deaths[_i].signal), 0);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, ""), session);
    ck_assert_msg(now_ms() - begun < deaths[_i].within_ms, "it took %.0f ms", now_ms() - begun);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    wire_close(worker);
    stop();
}
END_TEST

START_TEST(sigterm_ends_in_good_order)
{
    struct wire *worker, *client;
    double begun;

    start(NULL);
    worker = enrolled(WIRE_WORKER, 7);
    client = wire_open(server.target, WIRE_CLIENT);
    say(client, HWS_RTC_OFFER, 7, 0, "offer");
    (void)expect(worker, HWS_RTC_OFFER, "offer");
    begun = now_ms();
    ck_assert_int_eq(kill(server.pid, _i == 0 ? SIGTERM : SIGINT), 0);
    expect_status(worker, HWS_STATUS_UNAVAILABLE, "going away");
    expect_status(client, HWS_STATUS_UNAVAILABLE, "");
    wire_close(worker);
    wire_close(client);
    ck_assert_int_eq(wait_for_end(), 0);
    ck_assert_msg(now_ms() - begun < 7500, "it took %.0f ms", now_ms() - begun);
}
END_TEST

/* A client that does not react holds nothing up for longer than the limit says. */
START_TEST(sigterm_with_a_frozen_client)
{
    int go, ready, status;
    pid_t pid;
    struct wire *worker;
    uint64_t session;
    double begun;
    char byte;

    start("shutdown=1");
    pid = client_process(&go, &ready);
    worker = enrolled(WIRE_WORKER, 7);
    ck_assert_int_eq(write(go, "g", 1), 1);
    session = expect(worker, HWS_RTC_OFFER, "offer");
    say(worker, HWS_RTC_ANSWER, 7, session, "answer");
    ck_assert_int_eq(read(ready, &byte, 1), 1);
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    begun = now_ms();
    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    status = wait_for_end();
    ck_assert_msg(status == 0, "exit status %d: %s", status, log_text());
    ck_assert_msg(now_ms() - begun < 6000, "it took %.0f ms", now_ms() - begun);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    wire_close(worker);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer)
{
    struct wire *worker, *client;
    uint64_t session;

    start("linger=1");
    worker = enrolled(WIRE_WORKER, 7);
    client = wire_open(server.target, WIRE_CLIENT);
    say(client, HWS_RTC_OFFER, 7, 0, "offer");
    wire_half_close(client);
    session = expect(worker, HWS_RTC_OFFER, "offer");
    say(worker, HWS_RTC_ANSWER, 7, session, "answer");
    (void)expect(client, HWS_RTC_ANSWER, "answer");
    expect_status(client, HWS_STATUS_OK, "");
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, ""), session);
    wire_close(client);
    wire_close(worker);
    stop();
}
END_TEST

/* Far more than what HTTP/2 takes in for a client that reads nothing, and our queue after that. */
START_TEST(client_that_reads_nothing_is_cut)
{
    enum { FLOOD = 1000 };
    static uint8_t payload[32768];
    struct hws_envelope answer = {
        .event = HWS_RTC_ANSWER, .payload = {payload, sizeof(payload)}
    };
    struct wire *worker, *client;

    start(NULL);
    worker = enrolled(WIRE_WORKER, 7);
    client = wire_open(server.target, WIRE_CLIENT);
    say(client, HWS_RTC_OFFER, 7, 0, "offer");
    answer.session = expect(worker, HWS_RTC_OFFER, "offer");
    for (int i = 0; i < FLOOD; i++)
        wire_send(worker, &answer);
    ck_assert_uint_eq(expect(worker, HWS_RTC_BLANK, ""), answer.session);
    expect_status(client, HWS_STATUS_RESOURCE_EXHAUSTED, "limit session-queue");
    say(worker, HWS_RTC_PING, 7, 0, "not hurt");
    (void)expect(worker, HWS_RTC_PING, "not hurt");
    wire_close(client);
    wire_close(worker);
    stop();
}
END_TEST

START_TEST(listens_on_a_unix_socket)
{
    char address[64];
    struct wire *worker;

    (void)snprintf(address, sizeof(address), "unix:/tmp/hawser-check-%ld.sock", (long)getpid());
    start_limited(0, (const char *const[]){"--listen", address, NULL});
    ck_assert_str_eq(server.target, address);
    worker = enrolled(WIRE_WORKER, 7);
    wire_close(worker);
    stop();
    (void)unlink(address + strlen("unix:"));
}
END_TEST

/* Starts that must fail: exit status and what is said. */
static void expect_failure(const char *const *args, int status, const char *part)
{
    FILE *out = launch(args, 0);
    int got = wait_for_end();

    ck_assert_msg(got == status, "exit status %d: %s", got, log_text());
    ck_assert_msg(strstr(log_text(), part) != NULL, "it said: %s", log_text());
    ck_assert_int_eq(fgetc(out), EOF); /* nothing on standard output */
    (void)fclose(out);
}

START_TEST(address_in_use)
{
    pid_t first;

    start(NULL);
    first = server.pid;
    expect_failure((const char *const[]){"--listen", server.target, NULL}, 1,
                   "Address already in use");
    ck_assert_ptr_nonnull(strstr(log_text(), server.target));
    server.pid = first;
    stop();
}
END_TEST

static const struct {
    const char *args[4];
    const char *part;
} mistakes[] = {
    {{"--listen", "0.0.0.0:0"},       "--insecure"        },
    {{"--listen", "[::]:0"},          "--insecure"        },
    {{"--listen", "192.0.2.1:7000"},  "--listen 192.0.2.1"},
    {{"--listen", "127.0.0.1"},       "--listen 127.0.0.1"},
    {{"--listen", "127.0.0.1:65536"}, "65535"             },
    {{"--listen", "example.org:1"},   "example.org"       },
    {{"--listen", "::1:7000"},        "::1:7000"          },
    {{"--listen", "unix:relative"},   "unix:relative"     },
    {{"--listen"},                    "--listen"          },
    {{"--limit", "nothing=1"},        "nothing=1"         },
    {{"--limit", "idle=0"},           "idle=0"            },
    {{"--limit", "idle=-1"},          "idle=-1"           },
    {{"--limit", "idle"},             "NAME=NUMBER"       },
    {{"--limit=message=65537"},       "65536"             },
    {{"--frobnicate"},                "--frobnicate"      },
    {{"stray"},                       "stray"             },
};

START_TEST(wrong_options)
{
    expect_failure(mistakes[_i].args, 2, mistakes[_i].part);
}
END_TEST

/* Out of files the C core's listener dies for good; ours comes back on the same port. */
START_TEST(listener_survives_running_out_of_files)
{
    enum { FILES = 64, CONNECTIONS = 80 };
    int held[CONNECTIONS];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char address[64];
    struct wire *worker, *late;

    (void)snprintf(address, sizeof(address), "unix:/tmp/hawser-files-%ld.sock", (long)getpid());
    start_limited(FILES, (const char *const[]){"--listen", address, NULL});
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", address + strlen("unix:"));
    worker = enrolled(WIRE_WORKER, 7);
    for (int i = 0; i < CONNECTIONS; i++) {
        held[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(held[i], 0);
        /* Not to block when the queue of a dead listener is full. */
        ck_assert_int_eq(fcntl(held[i], F_SETFL, O_NONBLOCK), 0);
        (void)connect(held[i], (struct sockaddr *)&addr, sizeof(addr));
    }
    while (!strstr(log_text(), "listener.dead"))
        (void)poll(NULL, 0, 10); /* the log is a file: it cannot be waited for */
    for (int i = 0; i < CONNECTIONS; i++)
        (void)close(held[i]);
    while (!strstr(log_text(), "listener.back"))
        (void)poll(NULL, 0, 10);
    late = enrolled(WIRE_WORKER, 8);
    say(worker, HWS_RTC_PING, 7, 0, "still here"); /* old calls go on */
    (void)expect(worker, HWS_RTC_PING, "still here");
    wire_close(late);
    wire_close(worker);
    stop();
    (void)unlink(addr.sun_path);
}
END_TEST

START_TEST(help_and_version)
{
    char text[8192];
    FILE *out = launch((const char *const[]){_i == 0 ? "--help" : "--version", NULL}, 0);
    size_t len = fread(text, 1, sizeof(text) - 1, out);

    text[len] = '\0';
    ck_assert_int_eq(wait_for_end(), 0);
    ck_assert_ptr_nonnull(strstr(text, _i == 0 ? "--limit" : "hawser-distributor "));
    (void)fclose(out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("distributor");
    TCase *tc = tcase_create("program");

    tcase_set_timeout(tc, 90);
    tcase_add_loop_test(tc, relays_under_both_names, 0, ROWS(names));
    tcase_add_test(tc, refusals_come_at_once);
    tcase_add_test(tc, ten_clients_at_one_worker);
    tcase_add_test(tc, newest_registration_wins);
    tcase_add_loop_test(tc, dead_client_is_noticed, 0, ROWS(deaths));
    tcase_add_loop_test(tc, sigterm_ends_in_good_order, 0, 2);
    tcase_add_test(tc, sigterm_with_a_frozen_client);
    tcase_add_test(tc, half_closed_client_gets_its_answer);
    tcase_add_test(tc, client_that_reads_nothing_is_cut);
    tcase_add_test(tc, listens_on_a_unix_socket);
    tcase_add_test(tc, address_in_use);
    tcase_add_loop_test(tc, wrong_options, 0, ROWS(mistakes));
    tcase_add_test(tc, listener_survives_running_out_of_files);
    tcase_add_loop_test(tc, help_and_version, 0, 2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
