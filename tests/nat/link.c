/* A link between two network namespaces that delays, loses, doubles and reorders frames, and has a
 * rate, for kernels without sch_netem: two TAP devices, and this program between them.
 *
 *     link NETNS_A DEVICE_A NETNS_B DEVICE_B
 *
 * A namespace is a path such as /run/netns/x, or "-" for the one that it is started in. Says "ready"
 * once both devices exist. Each line of standard input sets what frames suffer from then on, in both
 * directions; what is not named is 0:
 *
 *     delay MS jitter MS loss PERCENT double PERCENT late PERCENT rate MBIT queue KB seed N
 *
 * "late" frames come half a delay and 5 ms later than the others. A rate has a queue in front of it,
 * which drops what does not fit. The devices go with the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 65536, NANOSECONDS = 1000000000, HELD_MAX = 100000 };

struct frame {
    struct frame *next, *previous;
    uint64_t due;
    size_t len;
    uint8_t data[];
};

/* One direction: frames in the order in which they are due. */
struct direction {
    int out;
    struct frame *first, *last;
    size_t count;
    uint64_t busy_until; /* the rate: when the frames before are through */
};

static struct {
    double delay, jitter, loss, twice, late, rate, queue; /* ms, percent, Mbit/s, KB */
} suffers;
static uint64_t randomness = 88172645463325252u;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * NANOSECONDS + (uint64_t)at.tv_nsec;
}

/* 0 up to 1, xorshift64. */
static double chance(void)
{
    randomness ^= randomness << 13;
    randomness ^= randomness >> 7;
    randomness ^= randomness << 17;
    return (double)(randomness >> 11) / 9007199254740992.0;
}

/* ---- Devices */

static int make_device(const char *netns, const char *name)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct ifreq request;
    int fd;

    if (strcmp(netns, "-") != 0) {
        int there = open(netns, O_RDONLY | O_CLOEXEC);

        if (there < 0 || setns(there, CLONE_NEWNET) != 0) die(netns);
        close(there);
    }
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    memset(&request, 0, sizeof(request));
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) die("/dev/net/tun");
    if (home < 0 || setns(home, CLONE_NEWNET) != 0) die("going back to our own namespace");
    close(home);
    return fd;
}

/* ---- Frames */

static void hold(struct direction *way, const uint8_t *data, size_t len, uint64_t due)
{
    struct frame *frame = calloc(1, sizeof(*frame) + len);
    struct frame *before = way->last;

    if (!frame) die("out of memory");
    frame->due = due;
    frame->len = len;
    memcpy(frame->data, data, len);
    while (before && before->due > due) {
        before = before->previous;
    }
    frame->previous = before;
    frame->next = before ? before->next : way->first;
    *(before ? &before->next : &way->first) = frame;
    *(frame->next ? &frame->next->previous : &way->last) = frame;
    way->count++;
}

/* When a frame of this length is through the narrow part; false when its queue is full. */
static bool through_rate(struct direction *way, size_t len, uint64_t at, uint64_t *out)
{
    double nanoseconds_a_byte = suffers.rate > 0 ? 8000.0 / suffers.rate : 0;

    if (way->busy_until < at) way->busy_until = at;
    if (suffers.rate > 0 && suffers.queue > 0 &&
        (double)(way->busy_until - at) > suffers.queue * 1024 * nanoseconds_a_byte)
        return false;
    way->busy_until += (uint64_t)((double)len * nanoseconds_a_byte);
    *out = way->busy_until;
    return true;
}

static void take_frame(struct direction *way, const uint8_t *data, size_t len)
{
    uint64_t due;
    double delay = suffers.delay + (2 * chance() - 1) * suffers.jitter;

    if (chance() * 100 < suffers.loss || way->count >= HELD_MAX) return;
    if (!through_rate(way, len, now(), &due)) return;
    if (chance() * 100 < suffers.late) delay += suffers.delay / 2 + 5;
    if (delay > 0) due += (uint64_t)(delay * 1e6);
    hold(way, data, len, due);
    if (chance() * 100 < suffers.twice) hold(way, data, len, due);
}

static void let_go(struct direction *way, uint64_t until)
{
    while (way->first && way->first->due <= until) {
        struct frame *frame = way->first;

        /* A device that is down or full loses it, as a cable would. */
        (void)!write(way->out, frame->data, frame->len);
        way->first = frame->next;
        *(frame->next ? &frame->next->previous : &way->last) = NULL;
        way->count--;
        free(frame);
    }
}

/* ---- Orders */

static void obey(const char *line)
{
    double seed = 0;
    const struct {
        const char *name;
        double *value;
    } orders[] = {
        {"delay",  &suffers.delay },
        {"jitter", &suffers.jitter},
        {"loss",   &suffers.loss  },
        {"double", &suffers.twice },
        {"late",   &suffers.late  },
        {"rate",   &suffers.rate  },
        {"queue",  &suffers.queue },
        {"seed",   &seed          },
    };
    char name[16];
    double value;
    int len;

    memset(&suffers, 0, sizeof(suffers));
    for (; sscanf(line, "%15s %lf%n", name, &value, &len) == 2; line += len) {
        for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
            if (strcmp(orders[i].name, name) == 0) *orders[i].value = value;
        }
    }
    if (seed > 0) randomness = (uint64_t)seed * 0x9E3779B97F4A7C15u | 1;
    puts("done");
    fflush(stdout);
}

static struct timespec time_left(const struct direction ways[2], uint64_t at)
{
    uint64_t due = at + NANOSECONDS;

    for (int i = 0; i < 2; i++) {
        if (ways[i].first && ways[i].first->due < due) due = ways[i].first->due;
    }
    due = due > at ? due - at : 0;
    return (struct timespec){(time_t)(due / NANOSECONDS), (long)(due % NANOSECONDS)};
}

int main(int argc, char **argv)
{
    static uint8_t data[FRAME_MAX];
    struct direction ways[2] = {{0}};
    struct pollfd polled[3];
    char line[256];

    if (argc != 5) {
        fprintf(stderr, "usage: link NETNS_A DEVICE_A NETNS_B DEVICE_B\n");
        return 2;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1);
    ways[1].out = make_device(argv[1], argv[2]);
    ways[0].out = make_device(argv[3], argv[4]);
    polled[0] = (struct pollfd){.fd = ways[1].out, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = ways[0].out, .events = POLLIN};
    polled[2] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct timespec timeout = time_left(ways, now());

        if (ppoll(polled, 3, &timeout, NULL) < 0 && errno != EINTR) die("poll");
        for (int i = 0; i < 2; i++) {
            for (ssize_t len; (len = read(polled[i].fd, data, sizeof(data))) > 0;) {
                take_frame(&ways[i], data, (size_t)len);
            }
            let_go(&ways[i], now());
        }
        if (polled[2].revents & (POLLIN | POLLHUP)) {
            if (!fgets(line, sizeof(line), stdin)) return 0; /* who started us is gone */
            obey(line);
        }
    }
}
