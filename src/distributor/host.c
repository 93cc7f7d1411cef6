#include "distributor/host.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static hws_time read_clock(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) != 0) abort();
    return HWS_SEC(time.tv_sec) + time.tv_nsec / 1000;
}

hws_time hws_host_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t hws_host_wall_time(void)
{
    return (uint64_t)read_clock(CLOCK_REALTIME);
}

void hws_host_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);

        if (got < 0) {
            if (errno == EINTR) continue;
            abort();
        }
        out += got;
        len -= (size_t)got;
    }
}

uint64_t hws_host_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
    }
    return limit.rlim_cur;
}

bool hws_host_has_files(size_t count)
{
    int spare[32];
    size_t opened = 0;

    if (count > sizeof(spare) / sizeof(spare[0])) count = sizeof(spare) / sizeof(spare[0]);
    while (opened < count && (spare[opened] = dup(STDERR_FILENO)) >= 0)
        opened++;
    for (size_t i = 0; i < opened; i++)
        close(spare[i]);
    return opened == count;
}

static const char *unix_obstacle(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat file;
    const char *obstacle = NULL;
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path)) return "the path is too long for a unix socket";
    if (lstat(path, &file) != 0) return errno == ENOENT ? NULL : strerror(errno);
    if (!S_ISSOCK(file.st_mode)) return "there is a file that is no socket";
    memcpy(addr.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return strerror(errno);
    /* A socket that nobody listens to was left behind; gRPC takes it away. */
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN) {
        obstacle = strerror(EADDRINUSE);
    }
    close(fd);
    return obstacle;
}

static const char *inet_obstacle(const struct addrinfo *info)
{
    int on = 1;
    const char *obstacle = NULL;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) return strerror(errno);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 1) != 0) {
        obstacle = strerror(errno);
    }
    close(fd);
    return obstacle;
}

const char *hws_host_listen_obstacle(const struct hws_listen *listen, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[HWS_LISTEN_TEXT_MAX];
    char service[8];
    size_t len = strlen(listen->host);
    const char *obstacle;
    int failed;

    if (listen->is_unix) return unix_obstacle(listen->host + strlen("unix:"));
    if (listen->host[0] == '[') {
        memcpy(host, listen->host + 1, len - 2);
        host[len - 2] = '\0';
    } else {
        memcpy(host, listen->host, len + 1);
    }
    (void)snprintf(service, sizeof(service), "%u", port);
    failed = getaddrinfo(host, service, &hints, &found);
    if (failed) return gai_strerror(failed);
    obstacle = inet_obstacle(found);
    freeaddrinfo(found);
    return obstacle;
}

/* ---- Signals */

static struct {
    pthread_t thread;
    void (*call)(void *user);
    void *user;
    atomic_bool stop;
} signals;

static void watched(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGINT);
}

void hws_host_signals_block(void)
{
    sigset_t set;

    watched(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void *wait_for_signals(void *unused)
{
    sigset_t set;
    int number;

    (void)unused;
    watched(&set);
    while (sigwait(&set, &number) == 0 && !atomic_load(&signals.stop))
        signals.call(signals.user);
    return NULL;
}

enum hws_err hws_host_signals_start(void (*call)(void *user), void *user)
{
    signals.call = call;
    signals.user = user;
    atomic_store(&signals.stop, false);
    return pthread_create(&signals.thread, NULL, wait_for_signals, NULL) ? HWS_ERR_IO : HWS_OK;
}

void hws_host_signals_stop(void)
{
    atomic_store(&signals.stop, true);
    (void)pthread_kill(signals.thread, SIGTERM);
    (void)pthread_join(signals.thread, NULL);
}

void hws_host_log(void *user, const char *line, size_t len)
{
    (void)user;
    (void)fprintf(stderr, "%.*s\n", (int)len, line); /* unbuffered, but put together by stdio */
}
