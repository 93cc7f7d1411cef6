/*
 * bench/throughput [RUNS] [MEBIBYTES]: one way from one process to another over this host's own
 * network, in messages of 64 KiB and of 1 KiB, and beside it in the same run the same bytes through
 * a kernel TCP connection, so that the ratio means something on any machine. Prints medians.
 */
#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 100, PIECE_MAX = 64 * 1024 };

static uint8_t piece[PIECE_MAX];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- The receiving process: counts, says one byte when all is there, leaves. */

static size_t counted;

static void count(struct pair_end *end, struct hws_bytes message)
{
    (void)end;
    counted += message.len;
}

static int receive_all(int pipe, size_t total)
{
    struct pair_end end = {.on_message = count};
    struct hws_bytes done = {piece, 1};

    if (!pair_start(&end, pipe, false)) return 1;
    while (counted < total) {
        if (!pair_turn(&end, HWS_SEC(5))) return 1;
    }
    if (hws_peer_send(end.peer, end.channel, HWS_BINARY, done, hws_loop_now(end.loop))) return 1;
    while (pair_turn(&end, HWS_SEC(5))) {
        /* until the sender closes */
    }
    hws_loop_free(end.loop);
    return 0;
}

/* ---- The sending process */

static bool answered;

static void note_answer(struct pair_end *end, struct hws_bytes message)
{
    (void)end;
    (void)message;
    answered = true;
}

/* Seconds for @p total bytes in messages of @p size; negative on failure. */
static double send_all(struct pair_end *end, size_t total, size_t size)
{
    struct hws_bytes message = {piece, size};
    size_t sent = 0;
    double begin;

    while (!end->open) {
        if (!pair_turn(end, HWS_SEC(5))) return -1;
    }
    begin = now();
    while (!answered) {
        while (sent < total) {
            enum hws_err err = hws_peer_send(end->peer, end->channel, HWS_BINARY, message,
                                             hws_loop_now(end->loop));

            if (err == HWS_ERR_FULL) break;
            if (err) return -1;
            sent += size;
        }
        if (!pair_turn(end, HWS_SEC(5))) return -1;
    }
    return now() - begin;
}

static double run_hawser(size_t total, size_t size)
{
    struct pair_end end = {.on_message = note_answer};
    double seconds = -1;
    int pipes[2], status;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pipes)) return -1;
    answered = false;
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        _exit(receive_all(pipes[1], total));
    }
    close(pipes[1]);
    if (child > 0 && pair_start(&end, pipes[0], true)) seconds = send_all(&end, total, size);
    pair_end(&end);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return -1;
    return seconds;
}

/* ---- The yardstick: the same bytes through TCP on loopback */

static int tcp_receive(int listener, size_t total)
{
    static uint8_t buffer[256 * 1024];
    int fd = accept(listener, NULL, NULL);
    size_t got = 0;

    while (got < total) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

        if (n <= 0) return 1;
        got += (size_t)n;
    }
    return send(fd, buffer, 1, 0) == 1 ? 0 : 1;
}

static double tcp_send(const struct sockaddr_in *to, size_t total, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    double begin;

    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to))) return -1;
    begin = now();
    for (size_t sent = 0; sent < total; sent += size) {
        for (size_t at = 0; at < size;) {
            ssize_t n = send(fd, piece + at, size - at, 0);

            if (n <= 0) return -1;
            at += (size_t)n;
        }
    }
    if (recv(fd, piece, 1, 0) != 1) return -1;
    close(fd);
    return now() - begin;
}

static double run_tcp(size_t total, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), status;
    double seconds;
    pid_t child;

    if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&at, &len))
        return -1;
    child = fork();
    if (child == 0) _exit(tcp_receive(listener, total));
    close(listener);
    seconds = child > 0 ? tcp_send(&at, total, size) : -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return -1;
    return seconds;
}

/* ---- Medians */

struct result {
    double speed, cpu; /* MB/s; CPU seconds of both processes for a GB */
};

static bool measure(double (*run)(size_t total, size_t size), int runs, size_t total, size_t size,
                    struct result *out)
{
    double speed[RUNS_MAX], cpu[RUNS_MAX];

    for (int i = 0; i < runs; i++) {
        double before = pair_cpu_seconds(RUSAGE_SELF) + pair_cpu_seconds(RUSAGE_CHILDREN);
        double seconds = run(total, size);
        double used = pair_cpu_seconds(RUSAGE_SELF) + pair_cpu_seconds(RUSAGE_CHILDREN) - before;

        if (seconds <= 0) return false;
        speed[i] = (double)total / seconds / 1e6;
        cpu[i] = used / ((double)total / 1e9);
    }
    *out = (struct result){pair_median(speed, runs), pair_median(cpu, runs)};
    return true;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64 * 1024, 1024};
    int runs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 5;
    size_t total = (argc > 2 ? (size_t)strtol(argv[2], NULL, 10) : 128) * 1024 * 1024;

    if (runs < 1 || runs > RUNS_MAX || total == 0 || total > (size_t)16 << 30) {
        fprintf(stderr, "Usage: throughput [RUNS 1-100] [MEBIBYTES 1-16384]\n");
        return 2;
    }
    printf("%zu MiB one way between two processes, median of %d\n", total >> 20, runs);
    printf("%-9s  %14s %12s  %14s  %s\n", "message", "Hawser MB/s", "CPU-s/GB", "TCP MB/s",
           "Hawser/TCP");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct result ours, tcp;

        if (!measure(run_hawser, runs, total, sizes[i], &ours) ||
            !measure(run_tcp, runs, total, sizes[i], &tcp)) {
            fprintf(stderr, "throughput: a run failed\n");
            return 1;
        }
        printf("%6zu B   %14.1f %12.2f  %14.1f  %.3f\n", sizes[i], ours.speed, ours.cpu, tcp.speed,
               ours.speed / tcp.speed);
        fflush(stdout);
    }
    return 0;
}
