#include "io/streams.h"

#include "base/address.h"
#include "base/limits.h"
#include "io/tcp.h"
#include "stun/frame.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    READY_MAX = 32,   /* events of one turn */
    ACCEPT_MAX = 16,  /* taken from one listener before the others get a turn */
    FRAMES_MAX = 128, /* and read from one connection */
    ACTIVE_PORT = 9,  /* RFC 6544 section 4.5 */
};

#define CONNECT_PATIENCE HWS_SEC(10) /* three SYNs */
#define PROOF_PATIENCE   HWS_SEC(5)  /* of whoever connected, until the first check */
/* A connection that takes nothing for so long is silent: what is sent on it is lost from now on,
 * and no longer holds up what the peer sends elsewhere, to find another path. */
#define STALL HWS_SEC(1)

enum state {
    LISTENING,
    CONNECTING,
    UNKNOWN, /* accepted; nothing came yet that says whose it is */
    UP,
    OVER, /* until the sweep */
};

struct hws_stream {
    struct hws_stream *next;
    enum state state;
    int fd;
    bool writing;          /* we wait for EPOLLOUT */
    bool refused;          /* something waits outside, as the queue is full */
    struct hws_peer *peer; /* NULL: of all, or not known yet */
    struct hws_address local, remote;
    hws_time give_up_at; /* not up by then; HWS_NEVER when it is */
    hws_time moved_at;   /* when the queue last became shorter, or began */
    struct hws_frames in;
    struct hws_tcp_queue *out; /* owned; made with the first byte */
};

/* ---- Life */

enum hws_err hws_streams_open(struct hws_streams *streams,
                              struct hws_peer *(*find)(void *user, struct hws_bytes frame),
                              void *user)
{
    streams->find = find;
    streams->user = user;
    streams->epoll = epoll_create1(EPOLL_CLOEXEC);
    return streams->epoll < 0 ? HWS_ERR_IO : HWS_OK;
}

static struct hws_stream *add(struct hws_streams *streams, enum state state, int fd)
{
    struct hws_stream *stream = calloc(1, sizeof(*stream));
    struct epoll_event event = {.data = {.ptr = stream}};

    event.events = EPOLLIN | (state == CONNECTING ? (uint32_t)EPOLLOUT : 0u);
    if (!stream || epoll_ctl(streams->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(stream);
        close(fd);
        return NULL;
    }
    stream->state = state;
    stream->fd = fd;
    stream->writing = state == CONNECTING;
    stream->give_up_at = HWS_NEVER;
    stream->next = streams->list;
    streams->list = stream;
    return stream;
}

/* Its memory stays until the sweep: events of this turn may still name it. */
static void end(struct hws_streams *streams, struct hws_stream *stream, const char *why,
                hws_time now)
{
    if (stream->state == OVER) return;
    HWS_LOG(&streams->log, HWS_LOG_DEBUG, now, "io", "stream.over", "state=%d why=%s",
            (int)stream->state, why);
    stream->state = OVER;
    stream->give_up_at = INT64_MIN;
    close(stream->fd);
    stream->fd = -1;
}

static void release(struct hws_stream *stream)
{
    if (stream->fd >= 0) close(stream->fd);
    free(stream->out);
    free(stream);
}

void hws_streams_close(struct hws_streams *streams)
{
    while (streams->list) {
        struct hws_stream *next = streams->list->next;

        release(streams->list);
        streams->list = next;
    }
    if (streams->epoll >= 0) close(streams->epoll);
    streams->epoll = -1;
}

static void unlink_if(struct hws_streams *streams, const struct hws_peer *peer,
                      const struct hws_address *ip)
{
    struct hws_stream **at = &streams->list;

    while (*at) {
        struct hws_stream *stream = *at;

        if ((peer && stream->peer != peer) || (ip && !hws_address_same_ip(&stream->local, ip))) {
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        release(stream);
    }
}

void hws_streams_drop_ip(struct hws_streams *streams, const struct hws_peer *peer,
                         const struct hws_address *ip)
{
    unlink_if(streams, peer, ip);
}

void hws_streams_forget(struct hws_streams *streams, const struct hws_peer *peer)
{
    unlink_if(streams, peer, NULL);
}

/* ---- Who connects to us */

static const struct hws_stream *listener_of(const struct hws_streams *streams,
                                            const struct hws_peer *peer,
                                            const struct hws_address *ip)
{
    for (const struct hws_stream *stream = streams->list; stream; stream = stream->next) {
        if (stream->state == LISTENING && stream->peer == peer &&
            hws_address_same_ip(&stream->local, ip))
            return stream;
    }
    return NULL;
}

bool hws_streams_find_listener(const struct hws_streams *streams, const struct hws_peer *peer,
                               const struct hws_address *ip, struct hws_address *out)
{
    const struct hws_stream *listener = listener_of(streams, peer, ip);

    if (listener) *out = listener->local;
    return listener != NULL;
}

enum hws_err hws_streams_listen(struct hws_streams *streams, struct hws_peer *peer,
                                struct hws_address *addr, bool any_port)
{
    struct hws_address own = *addr;
    struct hws_stream *listener;
    int fd;

    if (hws_streams_find_listener(streams, peer, addr, addr)) return HWS_OK;
    own.tcp = true;
    if (hws_tcp_listen(&own, &fd) != HWS_OK) {
        own.port = 0;
        if (!any_port || hws_tcp_listen(&own, &fd) != HWS_OK) return HWS_ERR_IO;
    }
    listener = add(streams, LISTENING, fd);
    if (!listener) return HWS_ERR_NO_MEMORY;
    listener->peer = peer;
    listener->local = *addr = own;
    return HWS_OK;
}

/* So many that nobody knows may be there; the oldest, which is the last of the list, goes. */
static void make_room(struct hws_streams *streams, hws_time now)
{
    struct hws_stream *oldest = NULL;
    size_t count = 0;

    for (struct hws_stream *stream = streams->list; stream; stream = stream->next) {
        if (stream->state != UNKNOWN) continue;
        oldest = stream;
        count++;
    }
    if (count >= HWS_STREAMS_UNKNOWN_MAX) end(streams, oldest, "crowd", now);
}

static void take_new(struct hws_streams *streams, const struct hws_stream *listener, hws_time now)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        struct hws_address remote = {0};
        struct hws_stream *stream;
        int fd;

        if (hws_tcp_accept(listener->fd, &remote, &fd) != HWS_OK) return;
        make_room(streams, now);
        stream = add(streams, UNKNOWN, fd);
        if (!stream) return;
        remote.tcp = true;
        stream->peer = listener->peer;
        stream->local = listener->local;
        stream->remote = remote;
        stream->give_up_at = now + PROOF_PATIENCE;
    }
}

static size_t count_taken(const struct hws_streams *streams, const struct hws_peer *peer)
{
    size_t count = 0;

    for (const struct hws_stream *stream = streams->list; stream; stream = stream->next) {
        if (stream->state == UP && stream->peer == peer && stream->local.port != ACTIVE_PORT)
            count++;
    }
    return count;
}

/* The first frame: a check that names a peer of ours, and is that peer's indeed. */
static bool prove(struct hws_streams *streams, struct hws_stream *stream, struct hws_bytes frame,
                  hws_time now)
{
    struct hws_datagram in = {.local = stream->local, .remote = stream->remote, .bytes = frame};
    struct hws_peer *peer = stream->peer;
    struct hws_bytes ufrag;
    enum hws_err err;

    if (!hws_ufrag_of_check(frame, &ufrag)) return false;
    if (!peer && streams->find) peer = streams->find(streams->user, frame);
    if (!peer || !hws_peer_has_ufrag(peer, ufrag)) return false;
    if (count_taken(streams, peer) >= HWS_ICE_STREAMS_MAX) return false;
    err = hws_peer_feed(peer, &in, now);
    if (err != HWS_OK && err != HWS_ERR_REFUSED) return false;
    stream->peer = peer;
    if (err) return true; /* both claim the same role: the answer says so, another check follows */
    stream->state = UP;
    stream->give_up_at = HWS_NEVER;
    return true;
}

/* ---- Bytes */

static void watch(struct hws_streams *streams, struct hws_stream *stream)
{
    bool writing = stream->state == CONNECTING || (stream->out && stream->out->len > 0);
    struct epoll_event event = {.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0u),
                                .data = {.ptr = stream}};

    if (stream->writing == writing || stream->state == OVER) return;
    stream->writing = writing;
    (void)epoll_ctl(streams->epoll, EPOLL_CTL_MOD, stream->fd, &event);
}

static void flush(struct hws_streams *streams, struct hws_stream *stream, hws_time now)
{
    struct hws_tcp_queue *out = stream->out;

    while (stream->state != CONNECTING && out && out->len > 0) {
        struct hws_bytes bytes = {out->bytes + out->first, out->len};
        size_t sent = 0;
        enum hws_err err = hws_tcp_write(stream->fd, bytes, &sent);

        if (err == HWS_ERR_AGAIN) break;
        if (err) {
            end(streams, stream, "closed", now);
            return;
        }
        hws_tcp_queue_drop(out, sent);
        stream->moved_at = now;
        stream->refused = false;
    }
    watch(streams, stream);
}

/* @return false when there is no whole frame, for now or for ever */
static bool next_frame(struct hws_streams *streams, struct hws_stream *stream,
                       struct hws_bytes *out, hws_time now)
{
    for (;;) {
        uint8_t bytes[HWS_FRAME_MAX];
        size_t len = 0;
        enum hws_err err = hws_frames_next(&stream->in, out);

        if (!err) return true;
        if (err != HWS_ERR_AGAIN) {
            end(streams, stream, "no-frames", now);
            return false;
        }
        err = hws_tcp_read(stream->fd, bytes, sizeof(bytes) - stream->in.len, &len);
        if (err == HWS_ERR_AGAIN) return false;
        if (err) {
            end(streams, stream, "closed", now);
            return false;
        }
        (void)hws_frames_feed(&stream->in, (struct hws_bytes){bytes, len}); /* there is room */
    }
}

static void receive(struct hws_streams *streams, struct hws_stream *stream, hws_time now)
{
    struct hws_bytes frame;

    for (int i = 0; i < FRAMES_MAX; i++) {
        struct hws_datagram in = {.local = stream->local, .remote = stream->remote};

        if (stream->state != UP && stream->state != UNKNOWN) return;
        if (!next_frame(streams, stream, &frame, now)) return;
        in.bytes = frame;
        if (stream->state == UP) {
            (void)hws_peer_feed(stream->peer, &in, now); /* it counts and logs */
        } else if (!prove(streams, stream, frame, now)) {
            end(streams, stream, "stranger", now);
        }
    }
}

static struct hws_stream *find(const struct hws_streams *streams, const struct hws_peer *peer,
                               const struct hws_datagram *datagram)
{
    for (struct hws_stream *stream = streams->list; stream; stream = stream->next) {
        if (stream->peer == peer && stream->state != LISTENING &&
            hws_address_equal(&stream->local, &datagram->local) &&
            hws_address_equal(&stream->remote, &datagram->remote))
            return stream;
    }
    return NULL;
}

/* One that cannot even be begun is over, and the sweep tells it. */
static struct hws_stream *connect_to(struct hws_streams *streams, struct hws_peer *peer,
                                     const struct hws_datagram *datagram, hws_time now)
{
    struct hws_stream *stream;
    int fd = -1;

    if (hws_tcp_connect(&datagram->local, &datagram->remote, &fd) == HWS_OK) {
        stream = add(streams, CONNECTING, fd);
    } else {
        stream = calloc(1, sizeof(*stream));
        if (stream) {
            *stream = (struct hws_stream){.state = OVER, .fd = -1, .next = streams->list};
            stream->give_up_at = INT64_MIN;
            streams->list = stream;
        }
    }
    if (!stream) return NULL;
    stream->peer = peer;
    stream->local = datagram->local;
    stream->remote = datagram->remote;
    if (stream->state == CONNECTING) stream->give_up_at = now + CONNECT_PATIENCE;
    return stream;
}

bool hws_streams_send(struct hws_streams *streams, struct hws_peer *peer,
                      const struct hws_datagram *datagram, hws_time now)
{
    struct hws_stream *stream = find(streams, peer, datagram);
    uint8_t head[HWS_FRAME_HEAD];
    size_t len = datagram->bytes.len + HWS_FRAME_HEAD;

    if (!stream && datagram->local.port == ACTIVE_PORT)
        stream = connect_to(streams, peer, datagram, now);
    if (!stream || stream->state == OVER || datagram->bytes.len > HWS_DATAGRAM_OUT_MAX) return true;
    if (!stream->out) stream->out = calloc(1, sizeof(*stream->out));
    if (!stream->out) return true; /* the network lost it */
    if (stream->out->len == 0) stream->moved_at = now;
    if (!hws_tcp_queue_room(stream->out, len, true)) {
        stream->refused = stream->state == UP && now < stream->moved_at + STALL;
        return !stream->refused;
    }
    hws_frame_head(datagram->bytes.len, head);
    hws_tcp_queue_put(stream->out, (struct hws_bytes){head, sizeof(head)});
    hws_tcp_queue_put(stream->out, datagram->bytes);
    if (stream->out->len == len) flush(streams, stream, now); /* else the socket is full already */
    return true;
}

/* ---- Turns */

static void serve(struct hws_streams *streams, struct hws_stream *stream, hws_time now)
{
    int code;

    switch (stream->state) {
    case LISTENING:
        take_new(streams, stream, now);
        return;
    case CONNECTING:
        if (!hws_tcp_is_connected(stream->fd, &code)) {
            if (code != 0) end(streams, stream, "unreachable", now);
            return;
        }
        stream->state = UP;
        stream->give_up_at = HWS_NEVER;
        stream->moved_at = now;
        break;
    case UNKNOWN:
    case UP:
        break;
    case OVER:
        return;
    }
    flush(streams, stream, now);
    receive(streams, stream, now);
}

void hws_streams_turn(struct hws_streams *streams, hws_time now)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(streams->epoll, ready, READY_MAX, 0);

    for (int i = 0; i < count; i++) {
        serve(streams, ready[i].data.ptr, now);
    }
}

static void judge(struct hws_streams *streams, struct hws_stream *stream, hws_time now)
{
    if (stream->state != OVER && stream->give_up_at <= now) {
        end(streams, stream, "late", now);
    } else if (stream->state == UP || stream->state == CONNECTING) {
        if (!hws_peer_needs_stream(stream->peer, &stream->local, &stream->remote))
            end(streams, stream, "unneeded", now);
    }
}

/* Telling a peer changes nothing here: what it wants next it asks for when it is drained. */
bool hws_streams_sweep(struct hws_streams *streams, hws_time now)
{
    struct hws_stream **at = &streams->list;
    bool told = false;

    while (*at) {
        struct hws_stream *stream = *at;

        judge(streams, stream, now);
        if (stream->refused && now >= stream->moved_at + STALL) stream->refused = false;
        if (stream->state != OVER) {
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        if (stream->peer) {
            hws_peer_stream_gone(stream->peer, &stream->local, &stream->remote, now);
            told = true;
        }
        release(stream);
    }
    return told;
}

hws_time hws_streams_deadline(const struct hws_streams *streams)
{
    hws_time due = HWS_NEVER;

    for (const struct hws_stream *stream = streams->list; stream; stream = stream->next) {
        hws_time stalled = stream->moved_at + STALL;

        if (stream->give_up_at < due) due = stream->give_up_at;
        if (stream->refused && stalled < due) due = stalled;
    }
    return due;
}
