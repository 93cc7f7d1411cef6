/*
 * The gRPC stream against a server in the same process, over the loopback interface. Waits for
 * events, never for time; a test that waits for ever is ended by Check.
 */
#include "base/bytes.h"
#include "signal/grpc_client.h"
#include "signal/url.h"
#include "support/grpc_echo.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { TEXT_CAP = 256, ECHOES = 1000, FLOOD = 30000, FLOOD_LEN = 1024 };

/* c-ares, which gRPC resolves names with, keeps ten bytes of its library for ever. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libcares";
}

/* ---- Waking up */

static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static size_t wakes, wakes_seen;

static void wake(void *user)
{
    ck_assert_ptr_eq(user, &wakes);
    pthread_mutex_lock(&wake_lock);
    wakes++;
    pthread_cond_signal(&woken);
    pthread_mutex_unlock(&wake_lock);
}

/* False when nothing woke us for @p ms. */
static bool wait_ms(long ms)
{
    struct timespec until;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec / 1000000 + ms) / 1000;
    until.tv_nsec = (until.tv_nsec / 1000000 + ms) % 1000 * 1000000;
    pthread_mutex_lock(&wake_lock);
    while (wakes == wakes_seen && err != ETIMEDOUT) {
        err = pthread_cond_timedwait(&woken, &wake_lock, &until);
    }
    wakes_seen = wakes;
    pthread_mutex_unlock(&wake_lock);
    return err != ETIMEDOUT;
}

/* Every event comes with a wake: after one, all events are taken before the next wait. */
static struct hws_stream_event next_event(struct hws_stream *stream)
{
    struct hws_stream_event event;

    while (!hws_stream_next_event(stream, &event)) {
        ck_assert_msg(wait_ms(20000), "nothing woke us");
    }
    ck_assert_ptr_nonnull(event.reason);
    return event;
}

static void want_connected(struct hws_stream *stream)
{
    ck_assert_int_eq(next_event(stream).kind, HWS_STREAM_CONNECTED);
}

static struct hws_stream_event want_end(struct hws_stream *stream, int status)
{
    struct hws_stream_event event = next_event(stream);

    ck_assert_int_eq(event.kind, HWS_STREAM_ENDED);
    ck_assert_msg(event.status == status, "status %d, %s", event.status, event.reason);
    ck_assert_int_eq(hws_stream_send(stream, hws_bytes_of("x")), HWS_ERR_STATE);
    return event;
}

/* ---- Server and stream */

static struct grpc_echo *echo;

static void start_echo(enum grpc_echo_mode mode)
{
    const struct grpc_echo_config config = {
        .mode = mode, .flood_count = FLOOD, .flood_len = FLOOD_LEN};

    echo = grpc_echo_start(&config);
}

static struct hws_stream *open_with(struct hws_stream_config config, const char *scheme)
{
    char url[TEXT_CAP];
    struct hws_stream *stream = NULL;
    const char *reason = "";

    (void)snprintf(url, sizeof(url), "%s127.0.0.1:%d", scheme, grpc_echo_port(echo));
    config.url = url;
    config.wake = wake;
    config.user = &wakes;
    ck_assert_msg(hws_stream_open(&config, &stream, &reason) == HWS_OK, "%s", reason);
    return stream;
}

static struct hws_stream *open_stream(void)
{
    return open_with((struct hws_stream_config){.side = HWS_SIDE_CLIENT}, "");
}

/* It may have ended already. */
static void try_to_send(struct hws_stream *stream, const char *text)
{
    enum hws_err err = hws_stream_send(stream, hws_bytes_of(text));

    ck_assert(err == HWS_OK || err == HWS_ERR_STATE);
}

static void teardown(void)
{
    if (echo) grpc_echo_stop(echo);
}

START_TEST(echoes_in_order)
{
    struct hws_stream *stream;
    size_t sent = 0;

    start_echo(GRPC_ECHO_BACK);
    stream = open_stream();
    for (; sent < 100; sent++) { /* before it is connected */
        ck_assert_int_eq(
            hws_stream_send(stream, (struct hws_bytes){(uint8_t *)&sent, sizeof(sent)}), HWS_OK);
    }
    want_connected(stream);
    for (size_t got = 0; got < ECHOES; got++) {
        struct hws_stream_event event = next_event(stream);

        ck_assert_int_eq(event.kind, HWS_STREAM_MESSAGE);
        ck_assert_uint_eq(event.packed.len, sizeof(got));
        ck_assert_mem_eq(event.packed.data, &got, sizeof(got));
        if (sent == ECHOES) continue;
        ck_assert_int_eq(
            hws_stream_send(stream, (struct hws_bytes){(uint8_t *)&sent, sizeof(sent)}), HWS_OK);
        sent++;
    }
    hws_stream_free(stream);
}
END_TEST

/* What was queued before hws_stream_finish() still arrives; then the server ends it. */
START_TEST(half_closes_after_what_is_queued)
{
    struct hws_stream *stream;
    struct hws_stream_event event;

    start_echo(GRPC_ECHO_BACK);
    stream = open_stream();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(hws_stream_send(stream, hws_bytes_of("hello")), HWS_OK);
    }
    hws_stream_finish(stream);
    hws_stream_finish(stream);
    ck_assert_int_eq(hws_stream_send(stream, hws_bytes_of("late")), HWS_ERR_STATE);
    want_connected(stream);
    for (int i = 0; i < 5; i++) {
        event = next_event(stream);
        ck_assert_int_eq(event.kind, HWS_STREAM_MESSAGE);
        ck_assert(hws_bytes_equal(event.packed, hws_bytes_of("hello")));
    }
    ck_assert_str_eq(want_end(stream, 0).reason, "bye");
    ck_assert(!hws_stream_next_event(stream, &event));
    hws_stream_free(stream);
}
END_TEST

START_TEST(carries_the_biggest_message_and_no_bigger)
{
    static uint8_t big[HWS_ENVELOPE_MAX + 1];
    struct hws_stream *stream;
    struct hws_stream_event event;

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7);
    start_echo(GRPC_ECHO_BACK);
    stream = open_stream();
    ck_assert_int_eq(hws_stream_send(stream, (struct hws_bytes){big, sizeof(big)}),
                     HWS_ERR_TOO_BIG);
    ck_assert_int_eq(hws_stream_send(stream, (struct hws_bytes){big, HWS_ENVELOPE_MAX}), HWS_OK);
    ck_assert_int_eq(hws_stream_send(stream, (struct hws_bytes){0}), HWS_OK);
    want_connected(stream);
    event = next_event(stream);
    ck_assert_uint_eq(event.packed.len, HWS_ENVELOPE_MAX);
    ck_assert_mem_eq(event.packed.data, big, HWS_ENVELOPE_MAX);
    event = next_event(stream);
    ck_assert_int_eq(event.kind, HWS_STREAM_MESSAGE);
    ck_assert_uint_eq(event.packed.len, 0);
    hws_stream_free(stream);
}
END_TEST

START_TEST(tells_status_and_reason)
{
    struct hws_stream *stream;
    struct hws_stream_event event;

    start_echo(GRPC_ECHO_NOT_FOUND);
    stream = open_stream();
    ck_assert_int_eq(hws_stream_send(stream, hws_bytes_of("who?")), HWS_OK);
    want_connected(stream);
    event = want_end(stream, 5);
    ck_assert_str_eq(event.reason, "worker 7 is not here"); /* no control characters */
    ck_assert_int_eq(hws_err_of_status(event.status), HWS_ERR_NOT_FOUND);
    ck_assert(!hws_stream_next_event(stream, &event));
    hws_stream_free(stream);
}
END_TEST

START_TEST(is_refused_at_once)
{
    struct hws_stream *stream;
    struct hws_stream_event event;

    start_echo(GRPC_ECHO_REFUSE);
    stream = open_stream();
    do {
        event = next_event(stream);
    } while (event.kind == HWS_STREAM_CONNECTED);
    ck_assert_int_eq(event.kind, HWS_STREAM_ENDED);
    ck_assert_int_eq(event.status, 16);
    ck_assert_str_eq(event.reason, "no token");
    hws_stream_free(stream);
}
END_TEST

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Port 1 of the loopback interface and a socket that is not there: nobody listens. */
START_TEST(a_refused_connection_is_told_at_once)
{
    static const char *const urls[] = {"127.0.0.1:1", "localhost:1", "[::1]:1",
                                       "unix:/nonexistent/socket"};
    struct hws_stream_config config = {.url = urls[_i], .wake = wake, .user = &wakes};
    struct hws_stream *stream = NULL;
    struct hws_stream_event event;
    int64_t start = now_ms();

    ck_assert_int_eq(hws_stream_open(&config, &stream, NULL), HWS_OK);
    try_to_send(stream, "lost");
    event = want_end(stream, 14);
    ck_assert_msg(event.reason[0] != '\0', "no reason");
    ck_assert_int_eq(hws_err_of_status(event.status), HWS_ERR_UNREACHABLE);
    ck_assert_msg(now_ms() - start < 1000, "took %lld ms", (long long)(now_ms() - start));
    hws_stream_free(stream);
}
END_TEST

/* A program that reads nothing stops the server; once it reads, nothing was lost. */
START_TEST(holds_a_fast_server_back)
{
    struct hws_stream *stream;
    size_t before, after;

    start_echo(GRPC_ECHO_FLOOD);
    stream = open_stream();
    do { /* until a quiet half second */
        before = grpc_echo_sent(echo);
        while (wait_ms(500)) {
        }
        after = grpc_echo_sent(echo);
    } while (after != before || after == 0);
    ck_assert_msg(after < FLOOD / 2, "%zu messages went out to nobody", after);
    pthread_mutex_lock(&wake_lock);
    ck_assert_uint_le(wakes, HWS_STREAM_INBOX_MAX + 2);
    pthread_mutex_unlock(&wake_lock);
    want_connected(stream);
    for (size_t i = 0; i < FLOOD; i++) {
        struct hws_stream_event event = next_event(stream);

        ck_assert_int_eq(event.kind, HWS_STREAM_MESSAGE);
        ck_assert_mem_eq(event.packed.data, &i, sizeof(i));
    }
    ck_assert_str_eq(want_end(stream, 0).reason, "all sent");
    hws_stream_free(stream);
}
END_TEST

/* The server vanishes while messages wait unread: they still come, and then the end. */
START_TEST(reads_what_arrived_before_the_connection_broke)
{
    struct hws_stream *stream;
    struct hws_stream_event event;
    size_t got = 0;

    start_echo(GRPC_ECHO_FLOOD);
    stream = open_stream();
    while (wait_ms(300)) {
    }
    grpc_echo_stop(echo);
    echo = NULL;
    want_connected(stream);
    for (event = next_event(stream); event.kind == HWS_STREAM_MESSAGE; event = next_event(stream)) {
        ck_assert_mem_eq(event.packed.data, &got, sizeof(got));
        got++;
    }
    ck_assert_uint_ge(got, HWS_STREAM_INBOX_MAX);
    ck_assert_int_eq(event.kind, HWS_STREAM_ENDED);
    ck_assert_int_ne(event.status, 0);
    hws_stream_free(stream);
}
END_TEST

/* A server that takes nothing: the send queue fills, says so, and wakes when there is room. */
START_TEST(the_send_queue_is_bounded)
{
    static uint8_t big[HWS_ENVELOPE_MAX];
    struct hws_stream *stream;
    size_t count = 0;

    start_echo(GRPC_ECHO_SILENT);
    stream = open_stream();
    do { /* until gRPC itself takes no more, which shows in that nothing wakes us */
        enum hws_err err;

        while ((err = hws_stream_send(stream, (struct hws_bytes){big, sizeof(big)})) == HWS_OK) {
            count++;
        }
        ck_assert_int_eq(err, HWS_ERR_FULL);
    } while (wait_ms(300));
    ck_assert_uint_ge(count, HWS_STREAM_OUTBOX_LEN_MAX / HWS_ENVELOPE_MAX);
    ck_assert_uint_le(count, 4096);
    ck_assert(!hws_stream_has_room(stream));
    hws_stream_finish(stream);
    ck_assert(hws_stream_has_room(stream)); /* a send would say why it fails */
    hws_stream_free(stream);
}
END_TEST

START_TEST(wakes_when_there_is_room_again)
{
    struct hws_stream *stream;
    enum hws_err err;

    start_echo(GRPC_ECHO_SINK);
    stream = open_stream();
    want_connected(stream);
    while (wait_ms(0)) { /* the server says no more, so only room can wake us now */
    }
    do {
        err = hws_stream_send(stream, hws_bytes_of("x"));
    } while (err == HWS_OK);
    ck_assert_int_eq(err, HWS_ERR_FULL);
    ck_assert_msg(wait_ms(20000), "nothing woke us");
    ck_assert(hws_stream_has_room(stream));
    ck_assert_int_eq(hws_stream_send(stream, hws_bytes_of("x")), HWS_OK);
    hws_stream_free(stream);
}
END_TEST

/* ---- Freeing at any moment: nothing leaks, nothing hangs (for the sanitizers to see) */

START_TEST(free_at_any_moment)
{
    start_echo((enum grpc_echo_mode)_i);
    for (int round = 0; round < 20; round++) {
        struct hws_stream *stream = open_stream();
        struct hws_stream_event event;

        for (int i = 0; i < 10; i++)
            try_to_send(stream, "in flight");
        if (round % 4 == 1) hws_stream_finish(stream);
        if (round % 4 >= 2 && _i != GRPC_ECHO_SILENT) {
            (void)next_event(stream);
            for (int i = 0; i < round; i++)
                (void)hws_stream_next_event(stream, &event);
        }
        hws_stream_free(stream);
    }
    hws_stream_free(NULL);
}
END_TEST

/* 192.0.2.1 (RFC 5737 section 3) answers nobody, or the host has no route there. */
START_TEST(free_while_connecting)
{
    struct hws_stream_config config = {
        .url = "192.0.2.1:9", .insecure = true, .wake = wake, .user = &wakes};
    struct hws_stream *stream = NULL;
    int64_t start = now_ms();

    ck_assert_int_eq(hws_stream_open(&config, &stream, NULL), HWS_OK);
    hws_stream_free(stream);
    ck_assert_msg(now_ms() - start < 2000, "took %lld ms", (long long)(now_ms() - start));
}
END_TEST

START_TEST(two_streams_are_independent)
{
    struct hws_stream *one, *two;

    start_echo(GRPC_ECHO_BACK);
    one = open_stream();
    two = open_stream();
    ck_assert_int_eq(hws_stream_send(two, hws_bytes_of("two")), HWS_OK);
    hws_stream_free(one);
    want_connected(two);
    ck_assert(hws_bytes_equal(next_event(two).packed, hws_bytes_of("two")));
    hws_stream_free(two);
}
END_TEST

/* ---- Who we are */

static const struct {
    enum hws_envelope_side side;
    const char *token;
    const char *path;
    const char *authorization;
} calls[] = {
    {HWS_SIDE_CLIENT, NULL,      "/hawser.v1.ClientService/NegotiatePeerConnection", ""},
    {HWS_SIDE_WORKER, "a.b-c_d", "/hawser.v1.WorkerService/NegotiatePeerConnection",
     "Bearer a.b-c_d"                                                                  },
};

START_TEST(calls_the_method_of_its_side_with_its_token)
{
    struct hws_stream_config config = {.side = calls[_i].side, .token = calls[_i].token};
    struct hws_stream *stream;
    char path[TEXT_CAP], authorization[TEXT_CAP];

    start_echo(GRPC_ECHO_BACK);
    stream = open_with(config, "http://");
    want_connected(stream);
    grpc_echo_seen(echo, path, authorization, TEXT_CAP);
    ck_assert_str_eq(path, calls[_i].path);
    ck_assert_str_eq(authorization, calls[_i].authorization);
    hws_stream_free(stream);
}
END_TEST

START_TEST(does_not_take_the_program_s_signals)
{
    struct hws_stream *stream;
    sigset_t before, after;

    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    start_echo(GRPC_ECHO_BACK);
    stream = open_stream();
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int number = 1; number < 32; number++) {
        ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
    }
    hws_stream_free(stream);
}
END_TEST

/* ---- TLS; the certificate is for localhost and 127.0.0.1 */

static char *read_vector(const char *name)
{
    char path[1024];
    char *text = calloc(1, 8192);
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
    file = fopen(path, "rb");
    ck_assert_msg(file && text, "cannot read %s", path);
    ck_assert_uint_gt(fread(text, 1, 8191, file), 0);
    (void)fclose(file);
    return text;
}

static const struct {
    const char *scheme;
    bool root, own; /* we know the server's certificate; we show one */
    bool wanted;    /* the server wants one */
    bool ok;
} tls[] = {
    {"https://", true,  false, false, true },
    {"https://", false, false, false, false},
    {"https://", true,  true,  true,  true },
    {"https://", true,  false, true,  false},
    {"http://",  false, false, false, false},
};

START_TEST(speaks_tls)
{
    char *certificate = read_vector("tls_localhost.crt");
    char *key = read_vector("tls_localhost.key");
    const struct grpc_echo_config server = {.mode = GRPC_ECHO_BACK,
                                            .certificate = certificate,
                                            .key = key,
                                            .client_roots = tls[_i].wanted ? certificate : NULL};
    struct hws_stream_config config = {.root_certificates = tls[_i].root ? certificate : NULL,
                                       .certificate = tls[_i].own ? certificate : NULL,
                                       .key = tls[_i].own ? key : NULL};
    struct hws_stream *stream;

    echo = grpc_echo_start(&server);
    stream = open_with(config, tls[_i].scheme);
    if (tls[_i].ok) {
        want_connected(stream);
    } else {
        (void)want_end(stream, 14);
    }
    hws_stream_free(stream);
    grpc_echo_stop(echo);
    echo = NULL;
    free(certificate);
    free(key);
}
END_TEST

/* ---- Refusals */

static const struct {
    struct hws_stream_config config;
    const char *words;
} refusals[] = {
    {{.url = NULL},                                          "malformed" },
    {{.url = ""},                                            "malformed" },
    {{.url = "localhost"},                                   "malformed" },
    {{.url = "192.0.2.1:7000"},                              "plain text"},
    {{.url = "http://example.org:80"},                       "plain text"},
    {{.url = "http://[2001:db8::1]:80"},                     "plain text"},
    {{.url = "localhost.example.org:80"},                    "plain text"},
    {{.url = "127.0.0.1.example.org:80"},                    "plain text"},
    {{.url = "https://localhost:1", .certificate = "x"},     "key"       },
    {{.url = "https://localhost:1", .key = "x"},             "key"       },
    {{.url = "localhost:1", .key = "x", .certificate = "x"}, "https"     },
    {{.url = "localhost:1", .root_certificates = "x"},       "https"     },
    {{.url = "localhost:1", .token = ""},                    "token"     },
    {{.url = "localhost:1", .token = "a b"},                 "token"     },
    {{.url = "localhost:1", .token = "a\r\nx: y"},           "token"     },
    {{.url = "localhost:1", .token = "\xc3\xa9"},            "token"     },
};

START_TEST(refuses_a_configuration)
{
    struct hws_stream *stream = NULL;
    const char *reason = "";

    ck_assert_int_eq(hws_stream_open(&refusals[_i].config, &stream, &reason), HWS_ERR_ARGUMENT);
    ck_assert_msg(strstr(reason, refusals[_i].words), "%s", reason);
    ck_assert_ptr_null(stream);
    ck_assert_int_eq(hws_stream_open(&refusals[_i].config, &stream, NULL), HWS_ERR_ARGUMENT);
}
END_TEST

static const struct {
    const char *text;
    const char *target; /* NULL: refused */
    bool secure, local;
} urls[] = {
    {"127.0.0.1:7000",              "ipv4:127.0.0.1:7000",        false, true },
    {"http://127.9.9.9:1",          "ipv4:127.9.9.9:1",           false, true },
    {"https://192.0.2.1:65535/",    "ipv4:192.0.2.1:65535",       true,  false},
    {"[::1]:7000",                  "ipv6:[::1]:7000",            false, true },
    {"https://[2001:db8::1]:443",   "ipv6:[2001:db8::1]:443",     true,  false},
    {"localhost:7000",              "dns:///localhost:7000",      false, true },
    {"https://a-b.example.org:443", "dns:///a-b.example.org:443", true,  false},
    {"unix:/run/hawser.sock",       "unix:/run/hawser.sock",      false, true },
    {":7000",                       NULL,                         false, false},
    {"localhost:",                  NULL,                         false, false},
    {"localhost:0",                 NULL,                         false, false},
    {"localhost:65536",             NULL,                         false, false},
    {"localhost:070000",            NULL,                         false, false},
    {"localhost:4295021617",        NULL,                         false, false},
    {"localhost:+80",               NULL,                         false, false},
    {"localhost:80x",               NULL,                         false, false},
    {"localhost: 80",               NULL,                         false, false},
    {" localhost:80",               NULL,                         false, false},
    {"local host:80",               NULL,                         false, false},
    {"localhost:80\r\n",            NULL,                         false, false},
    {"user@localhost:80",           NULL,                         false, false},
    {"user:password@localhost:80",  NULL,                         false, false},
    {"localhost:80/path",           NULL,                         false, false},
    {"localhost:80//",              NULL,                         false, false},
    {"localhost:80?x=1",            NULL,                         false, false},
    {"http://",                     NULL,                         false, false},
    {"https://localhost",           NULL,                         false, false},
    {"HTTP://localhost:80",         NULL,                         false, false},
    {"ftp://localhost:80",          NULL,                         false, false},
    {"dns:///localhost:80",         NULL,                         false, false},
    {"ipv4:127.0.0.1:80",           NULL,                         false, false},
    {"::1:80",                      NULL,                         false, false},
    {"[::1]",                       NULL,                         false, false},
    {"[::1]80",                     NULL,                         false, false},
    {"[::1:80",                     NULL,                         false, false},
    {"::1]:80",                     NULL,                         false, false},
    {"[127.0.0.1]:80",              NULL,                         false, false},
    {"[]:80",                       NULL,                         false, false},
    {"[::1%lo]:80",                 NULL,                         false, false},
    {"unix:",                       NULL,                         false, false},
    {"unix:/",                      NULL,                         false, false},
    {"unix:relative",               NULL,                         false, false},
    {"https://unix:/x",             NULL,                         false, false},
};

START_TEST(reads_or_refuses_a_url)
{
    struct hws_url url = {.target = "untouched"};
    enum hws_err err = hws_url_read(urls[_i].text, &url, NULL);

    ck_assert_msg(err == (urls[_i].target ? HWS_OK : HWS_ERR_ARGUMENT), "%s", urls[_i].text);
    ck_assert_str_eq(url.target, urls[_i].target ? urls[_i].target : "untouched");
    ck_assert_int_eq(url.secure, urls[_i].secure);
    ck_assert_int_eq(url.local, urls[_i].local);
}
END_TEST

START_TEST(refuses_a_url_that_is_too_long)
{
    char text[1024];
    struct hws_url url;

    for (size_t len = 90; len < sizeof(text) - 8; len++) {
        memset(text, 'h', sizeof(text));
        memcpy(text + len, ":80", 4);
        ck_assert_int_eq(hws_url_read(text, &url, NULL), len <= 253 ? HWS_OK : HWS_ERR_ARGUMENT);
        memcpy(text, "unix:/", 6);
        text[len] = '\0';
        ck_assert_int_eq(hws_url_read(text, &url, NULL),
                         len - 5 <= 107 ? HWS_OK : HWS_ERR_ARGUMENT);
    }
}
END_TEST

START_TEST(refuses_a_token_that_is_too_long)
{
    static char token[HWS_STREAM_TOKEN_MAX + 2];
    struct hws_stream_config config = {.url = "127.0.0.1:1", .token = token};
    struct hws_stream *stream = NULL;

    memset(token, 't', HWS_STREAM_TOKEN_MAX + 1);
    ck_assert_int_eq(hws_stream_open(&config, &stream, NULL), HWS_ERR_ARGUMENT);
    token[HWS_STREAM_TOKEN_MAX] = '\0';
    ck_assert_int_eq(hws_stream_open(&config, &stream, NULL), HWS_OK);
    hws_stream_free(stream);
}
END_TEST

/* A root that is no certificate: refused at once, or the stream ends. */
START_TEST(survives_a_root_that_is_none)
{
    struct hws_stream_config config = {.url = "https://127.0.0.1:1",
                                       .root_certificates = "nonsense",
                                       .wake = wake,
                                       .user = &wakes};
    struct hws_stream *stream = NULL;

    if (hws_stream_open(&config, &stream, NULL) == HWS_OK) (void)want_end(stream, 14);
    hws_stream_free(stream);
}
END_TEST

static const struct {
    int status;
    enum hws_err err;
} meanings[] = {
    {0,  HWS_ERR_CLOSED     },
    {1,  HWS_ERR_CLOSED     },
    {2,  HWS_ERR_REFUSED    },
    {3,  HWS_ERR_MALFORMED  },
    {4,  HWS_ERR_TIMEOUT    },
    {5,  HWS_ERR_NOT_FOUND  },
    {6,  HWS_ERR_REFUSED    },
    {7,  HWS_ERR_REFUSED    },
    {8,  HWS_ERR_FULL       },
    {9,  HWS_ERR_REFUSED    },
    {10, HWS_ERR_REFUSED    },
    {11, HWS_ERR_TOO_BIG    },
    {13, HWS_ERR_LIBRARY    },
    {12, HWS_ERR_UNSUPPORTED},
    {14, HWS_ERR_UNREACHABLE},
    {15, HWS_ERR_INTEGRITY  },
    {16, HWS_ERR_REFUSED    },
    {99, HWS_ERR_REFUSED    },
};

START_TEST(every_status_has_a_meaning)
{
    ck_assert_str_eq(hws_err_name(hws_err_of_status(meanings[_i].status)),
                     hws_err_name(meanings[_i].err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grpc_client");
    TCase *tc = tcase_create("stream");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, echoes_in_order);
    tcase_add_test(tc, half_closes_after_what_is_queued);
    tcase_add_test(tc, carries_the_biggest_message_and_no_bigger);
    tcase_add_test(tc, tells_status_and_reason);
    tcase_add_test(tc, is_refused_at_once);
    tcase_add_loop_test(tc, a_refused_connection_is_told_at_once, 0, 4);
    tcase_add_test(tc, holds_a_fast_server_back);
    tcase_add_test(tc, reads_what_arrived_before_the_connection_broke);
    tcase_add_test(tc, the_send_queue_is_bounded);
    tcase_add_test(tc, wakes_when_there_is_room_again);
    tcase_add_loop_test(tc, free_at_any_moment, GRPC_ECHO_BACK, GRPC_ECHO_SILENT + 1);
    tcase_add_test(tc, free_while_connecting);
    tcase_add_test(tc, two_streams_are_independent);
    tcase_add_loop_test(tc, calls_the_method_of_its_side_with_its_token, 0, COUNT(calls));
    tcase_add_test(tc, does_not_take_the_program_s_signals);
    tcase_add_loop_test(tc, speaks_tls, 0, COUNT(tls));
    tcase_add_loop_test(tc, refuses_a_configuration, 0, COUNT(refusals));
    tcase_add_loop_test(tc, reads_or_refuses_a_url, 0, COUNT(urls));
    tcase_add_test(tc, refuses_a_url_that_is_too_long);
    tcase_add_test(tc, refuses_a_token_that_is_too_long);
    tcase_add_test(tc, survives_a_root_that_is_none);
    tcase_add_loop_test(tc, every_status_has_a_meaning, 0, COUNT(meanings));
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
