/*
 * Two peers driven by hand, without Hawser's loop: this program owns the sockets, the clock and the
 * entropy, and calls the five verbs itself. It is what an event loop of your own would do.
 */
#include <hawser/peer.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One peer with its socket on 127.0.0.1. */
struct end {
    struct hws_peer *peer;
    struct hws_address addr;
    int fd;
};

static hws_time now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return HWS_SEC(t.tv_sec) + t.tv_nsec / 1000;
}

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    if (getrandom(out, len, 0) != (ssize_t)len) abort(); /* short reads end at 256 bytes: enough */
}

static struct sockaddr_in to_system(const struct hws_address *addr)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(addr->port)};

    memcpy(&out.sin_addr, addr->ip, 4);
    return out;
}

static struct hws_address from_system(const struct sockaddr_in *in)
{
    struct hws_address out = {.family = HWS_FAMILY_IP4, .port = ntohs(in->sin_port)};

    memcpy(out.ip, &in->sin_addr, 4);
    return out;
}

static bool open_end(struct end *end, const struct hws_peer_config *config)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);

    end->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (end->fd < 0 || bind(end->fd, (struct sockaddr *)&sa, len) ||
        getsockname(end->fd, (struct sockaddr *)&sa, &len))
        return false;
    end->addr = from_system(&sa);
    if (hws_peer_new(config, now(), &end->peer)) return false;
    if (hws_peer_add_local(end->peer, &end->addr, now())) return false;
    hws_peer_end_local(end->peer, now());
    return true;
}

/* Input: every datagram that is there. */
static void feed(struct end *end)
{
    uint8_t buffer[2048];
    struct sockaddr_in sa;
    socklen_t len = sizeof(sa);
    ssize_t got;

    while ((got = recvfrom(end->fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&sa, &len)) > 0) {
        struct hws_datagram datagram = {
            .local = end->addr, .remote = from_system(&sa), .bytes = {buffer, (size_t)got}
        };

        (void)hws_peer_feed(end->peer, &datagram, now()); /* a bad one is dropped */
        len = sizeof(sa);
    }
}

/* Output: datagrams to the socket, signals to the other peer. */
static void drain(struct end *end, struct end *other)
{
    struct hws_datagram out[16];
    struct hws_signal signal;
    size_t count;

    while ((count = hws_peer_next_datagrams(end->peer, out, 16)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct sockaddr_in sa = to_system(&out[i].remote);

            (void)!sendto(end->fd, out[i].bytes.data, out[i].bytes.len, 0, (struct sockaddr *)&sa,
                          sizeof(sa));
        }
    }
    while (hws_peer_next_signal(end->peer, &signal)) {
        if (hws_peer_signal(other->peer, &signal, now())) fprintf(stderr, "a signal was refused\n");
    }
}

static bool received(struct end *end)
{
    struct hws_event event;
    bool got = false;

    while (hws_peer_next_event(end->peer, &event)) {
        if (event.kind != HWS_EVENT_MESSAGE) continue;
        printf("received: %.*s\n", (int)event.message.len, (const char *)event.message.data);
        got = true;
    }
    return got;
}

/* Sleep until a datagram or the earlier of the two deadlines. */
static void wait_for(struct end *a, struct end *b)
{
    struct pollfd fds[2] = {
        {.fd = a->fd, .events = POLLIN},
        {.fd = b->fd, .events = POLLIN}
    };
    hws_time due = hws_peer_deadline(a->peer), other = hws_peer_deadline(b->peer), moment = now();

    if (other < due) due = other;
    if (due > moment + HWS_SEC(1)) due = moment + HWS_SEC(1);
    (void)poll(fds, 2, due <= moment ? 0 : (int)((due - moment) / 1000) + 1);
}

static bool run(struct end *a, struct end *b)
{
    struct hws_channel channel;
    const char *hello = "hello over a loop of our own";
    struct hws_bytes text = {(const uint8_t *)hello, strlen(hello)};
    hws_time limit = now() + HWS_SEC(10);

    if (hws_peer_open_channel(a->peer, &(struct hws_channel_config){0}, now(), &channel) ||
        hws_peer_offer(a->peer, now()) || hws_peer_send(a->peer, channel, HWS_TEXT, text, now()))
        return false;
    while (now() < limit) {
        feed(a);
        feed(b);
        if (hws_peer_deadline(a->peer) <= now()) hws_peer_tick(a->peer, now());
        if (hws_peer_deadline(b->peer) <= now()) hws_peer_tick(b->peer, now());
        drain(a, b);
        drain(b, a);
        (void)received(a);
        if (received(b)) return true;
        wait_for(a, b);
    }
    return false;
}

int main(void)
{
    struct end a = {.fd = -1}, b = {.fd = -1};
    struct hws_sctp_stack *stack = NULL;
    struct hws_identity *identity = NULL;
    bool done = false;

    if (!hws_sctp_stack_new(now(), &stack) && !hws_identity_new(&identity)) {
        struct hws_peer_config config = {
            .stack = stack, .identity = identity, .random = {.fill = fill}};

        done = open_end(&a, &config) && open_end(&b, &config) && run(&a, &b);
    }
    if (!done) fprintf(stderr, "failed\n");
    hws_peer_free(a.peer);
    hws_peer_free(b.peer);
    hws_identity_free(identity);
    hws_sctp_stack_free(stack);
    if (a.fd >= 0) close(a.fd);
    if (b.fd >= 0) close(b.fd);
    return done ? 0 : 1;
}
