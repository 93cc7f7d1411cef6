/* One association: its life, its packets and its time.
 *
 *     REST --connect--> CONNECTING --COMM_UP--> ESTABLISHED
 *      |                    |                        |
 *      +------ abort, lost, refused, shut down ------+--> GONE
 *
 * Idle: usrsctp cannot say when it wants its timers run, so an association with a timer running
 * asks for a tick every 10 ms, and it is known when there is none. Heartbeats and path MTU probes
 * are off. What is left runs for the handshake (the state is CONNECTING), for data without an
 * acknowledgement (SNDBUF_USE is not 0), for a stream reset without an answer (reset_asked is not
 * empty), for a shutdown (closing), and for a delayed acknowledgement (20 ms after a packet came).
 * So QUIET_TIME after the last input, with none of the former, no timer runs and the deadline is
 * HWS_NEVER until the next input, which first brings usrsctp's clock up to date. The one timer
 * that always runs changes the secret of the state cookie every hour: being late harms nothing.
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/crc32.h"
#include "sctp/packet_view.h"
#include "sctp/sctp_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

enum {
    MTU_DEFAULT = 1151,
    MTU_MIN = 512 + HWS_SCTP_HEADER_LEN, /* usrsctp takes no path MTU below 512 */
    QUIET_TIME = 300 * 1000,             /* microseconds */
    /* Later than ICE, whose consent expires after 30 s (RFC 7675 section 5.1) and decides. */
    SILENCE_TIME = 35 * 1000 * 1000, /* microseconds */
    BUFFER_MIN = 16 * 1024,
    BUFFER_MAX = 64 * 1024 * 1024,
};

/* Not in usrsctp.h, though a socket option of every version (sctp.h there). */
enum { INTERLEAVING_SUPPORTED = 0x1206 };

void hws_sctp_set_state(struct hws_sctp *sctp, enum hws_sctp_state state)
{
    static const char *const names[] = {"rest", "connecting", "up", "gone"};

    HWS_LOG(&sctp->config.log, HWS_LOG_INFO, sctp->last_input, "sctp", "state", "from=%s to=%s",
            names[sctp->state], names[state]);
    sctp->state = state;
}

static struct sockaddr_conn address_of(const struct hws_sctp *sctp)
{
    struct sockaddr_conn addr;

    memset(&addr, 0, sizeof(addr));
#ifdef HAVE_SCONN_LEN
    addr.sconn_len = sizeof(addr);
#endif
    addr.sconn_family = AF_CONN;
    addr.sconn_port = htons(sctp->port);
    addr.sconn_addr = (void *)(uintptr_t)sctp->token;
    return addr;
}

/* usrsctp: something can be read or written. */
static void woken(struct socket *socket, void *user, int flags)
{
    struct hws_sctp *sctp = user;

    (void)socket;
    (void)flags;
    sctp->readable = true;
    if (sctp->stack->acting != sctp) sctp->stirred = true;
}

static bool set_option(struct hws_sctp *sctp, int level, int name, const void *value, size_t len)
{
    return usrsctp_setsockopt(sctp->socket, level, name, value, (socklen_t)len) == 0;
}

static bool set_number(struct hws_sctp *sctp, int level, int name, size_t value)
{
    int number = (int)value;

    return set_option(sctp, level, name, &number, sizeof(number));
}

/* Which notifications we want. Failed sends carry the message back: we would not know what to do
 * with it, so they are not among them. */
static bool subscribe(struct hws_sctp *sctp)
{
    static const uint16_t types[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT,
                                     SCTP_SHUTDOWN_EVENT, SCTP_PARTIAL_DELIVERY_EVENT};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = types[i], .se_on = 1};

        if (!set_option(sctp, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof(event))) return false;
    }
    return true;
}

/* RFC 9260 section 6.3.1 begins with a second where nothing is known. The packets of the set-up are
 * answered at once, so twice the round trip is long enough for them; data is acknowledged late, and
 * then usrsctp measures by itself. Not under the least that it takes. */
static bool set_first_timeout(struct hws_sctp *sctp)
{
    struct sctp_rtoinfo info = {0};
    hws_time ms = 2 * sctp->config.rtt / 1000;

    if (ms <= 0 || ms >= HWS_SCTP_RTO_INITIAL_MS) return true;
    info.srto_initial = (uint32_t)(ms > HWS_SCTP_RTO_MIN_MS ? ms : HWS_SCTP_RTO_MIN_MS);
    return set_option(sctp, IPPROTO_SCTP, SCTP_RTOINFO, &info, sizeof(info));
}

static bool set_path(struct hws_sctp *sctp)
{
    struct sctp_paddrparams path;

    memset(&path, 0, sizeof(path));
    /* No heartbeats: ICE watches the path (RFC 7675 section 5.1). No probing: the MTU is known.
     * usrsctp counts it without the common header. */
    path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE;
    path.spp_pathmtu = (uint32_t)(sctp->config.mtu - HWS_SCTP_HEADER_LEN);
    return set_option(sctp, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
}

/* What RFC 8260 section 2.2.1 needs: interleaving of the third kind, and I-DATA. Pieces still do
 * not come to us in pieces of usrsctp's making: see idata.h. */
static bool set_interleaving(struct hws_sctp *sctp)
{
    struct sctp_assoc_value on = {SCTP_FUTURE_ASSOC, 1};
    size_t level = sctp->config.no_interleaving ? 0 : 2;

    if (!set_number(sctp, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, level)) return false;
    return level == 0 || set_option(sctp, IPPROTO_SCTP, INTERLEAVING_SUPPORTED, &on, sizeof(on));
}

static bool set_buffers(struct hws_sctp *sctp)
{
    /* Room for a message of any size on top of what may wait. */
    return set_number(sctp, SOL_SOCKET, SO_SNDBUF, 2 * sctp->config.send_buffer) &&
           set_number(sctp, SOL_SOCKET, SO_RCVBUF, sctp->config.receive_buffer) &&
           /* In pieces only what is too long, so that we see it. */
           set_number(sctp, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT,
                      sctp->config.receive_max + 1);
}

static bool set_up_socket(struct hws_sctp *sctp)
{
    struct linger abort_on_close = {.l_onoff = 1, .l_linger = 0};
    /* Resets only: a peer that adds streams would make us grow (RFC 6525 section 5.2.5). */
    struct sctp_assoc_value resets = {SCTP_ALL_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ};
    struct sctp_initmsg init = {.sinit_num_ostreams = sctp->config.streams,
                                .sinit_max_instreams = sctp->config.streams};
    struct sockaddr_conn addr = address_of(sctp);
    int sctp_level = IPPROTO_SCTP;

    usrsctp_set_upcall(sctp->socket, woken, sctp);
    return usrsctp_set_non_blocking(sctp->socket, 1) == 0 &&
           set_option(sctp, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof(abort_on_close)) &&
           set_buffers(sctp) && set_interleaving(sctp) && hws_sctp_set_one_by_one(sctp, false) &&
           set_number(sctp, sctp_level, SCTP_RECVRCVINFO, 1) &&
           set_number(sctp, sctp_level, SCTP_NODELAY, 1) &&
           set_option(sctp, sctp_level, SCTP_ENABLE_STREAM_RESET, &resets, sizeof(resets)) &&
           set_option(sctp, sctp_level, SCTP_INITMSG, &init, sizeof(init)) && set_path(sctp) &&
           set_first_timeout(sctp) && subscribe(sctp) &&
           usrsctp_bind(sctp->socket, (struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static bool open_socket(struct hws_sctp *sctp)
{
    usrsctp_register_address((void *)(uintptr_t)sctp->token);
    sctp->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    return sctp->socket && set_up_socket(sctp);
}

/* With SO_LINGER at 0 usrsctp sends the ABORT inside usrsctp_close, so the token must be known
 * until then; after it usrsctp calls nobody for this association. */
static void close_socket(struct hws_sctp *sctp)
{
    if (sctp->socket) {
        usrsctp_set_upcall(sctp->socket, NULL, NULL);
        usrsctp_close(sctp->socket);
        sctp->socket = NULL;
    }
    if (sctp->token != 0) {
        usrsctp_deregister_address((void *)(uintptr_t)sctp->token);
        hws_sctp_stack_remove(sctp->stack, sctp);
        sctp->token = 0;
    }
}

static struct hws_sctp_config with_defaults(const struct hws_sctp_config *config)
{
    struct hws_sctp_config full = *config;

    if (full.mtu == 0) full.mtu = MTU_DEFAULT;
    if (full.streams == 0) full.streams = HWS_STREAMS_DEFAULT;
    if (full.receive_max == 0) full.receive_max = HWS_MESSAGE_MAX_DEFAULT;
    if (full.send_buffer == 0) {
        full.send_buffer =
            full.receive_max > HWS_SEND_BUFFER ? full.receive_max : (size_t)HWS_SEND_BUFFER;
    }
    if (full.receive_buffer == 0) full.receive_buffer = HWS_RECEIVE_BUFFER;
    /* usrsctp hands a message up in pieces once it takes half of the buffer. It may then mark a
     * message as complete that the sender has given up, and a stream where that happened stays
     * stuck. So the buffer is twice as long as any message that we take. */
    if (full.receive_max <= BUFFER_MAX && full.receive_buffer < 2 * (full.receive_max + 1)) {
        full.receive_buffer = 2 * (full.receive_max + 1);
    }
    return full;
}

static bool is_in_range(const struct hws_sctp_config *config)
{
    return config->local_port != 0 && config->remote_port != 0 && config->mtu >= MTU_MIN &&
           config->mtu <= HWS_DATAGRAM_IN_MAX && config->receive_max <= BUFFER_MAX &&
           config->send_buffer >= BUFFER_MIN && config->send_buffer <= BUFFER_MAX &&
           config->receive_buffer >= BUFFER_MIN &&
           config->receive_buffer <= 2 * (size_t)BUFFER_MAX + 2;
}

static bool make_sets(struct hws_sctp *sctp)
{
    struct hws_stream_set *sets[] = {&sctp->reset_wanted, &sctp->reset_asked, &sctp->reset_sent,
                                     &sctp->reset_received};

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (!hws_stream_set_init(sets[i], sctp->config.streams)) return false;
    }
    return true;
}

enum hws_err hws_sctp_new(struct hws_sctp_stack *stack, const struct hws_sctp_config *config,
                          struct hws_sctp **out)
{
    struct hws_sctp_config full = with_defaults(config);
    struct hws_sctp *sctp;
    enum hws_err err;

    if (!stack || !is_in_range(&full)) return HWS_ERR_ARGUMENT;
    sctp = calloc(1, sizeof(*sctp));
    if (!sctp) return HWS_ERR_NO_MEMORY;
    sctp->stack = stack;
    sctp->config = full;
    sctp->out_streams = full.streams;
    sctp->depth_is_old = true;
    hws_reassembly_init(&sctp->interleaved, full.streams, full.receive_max,
                        4 * full.receive_max + HWS_SCTP_HELD_BYTES);
    sctp->fault = (struct hws_fault){HWS_OK, "sctp", "nothing failed", 0};
    err = make_sets(sctp) ? hws_sctp_stack_add(stack, sctp) : HWS_ERR_NO_MEMORY;
    if (!err && !open_socket(sctp)) err = HWS_ERR_LIBRARY;
    if (err) {
        hws_sctp_free(sctp);
        return err;
    }
    *out = sctp;
    return HWS_OK;
}

void hws_sctp_free(struct hws_sctp *sctp)
{
    if (!sctp) return;
    sctp->stack->acting = sctp;
    close_socket(sctp);
    sctp->stack->acting = NULL;
    hws_packet_queue_fini(&sctp->packets);
    free(sctp->inbox.data);
    hws_sctp_held_fini(&sctp->held_in);
    hws_sctp_held_fini(&sctp->held_out);
    hws_reassembly_fini(&sctp->interleaved);
    hws_stream_set_fini(&sctp->reset_wanted);
    hws_stream_set_fini(&sctp->reset_asked);
    hws_stream_set_fini(&sctp->reset_sent);
    hws_stream_set_fini(&sctp->reset_received);
    free(sctp);
}

void hws_sctp_end(struct hws_sctp *sctp, enum hws_err err, const char *what, int32_t foreign)
{
    sctp->fault = (struct hws_fault){err, "sctp", what, foreign};
    HWS_LOG(&sctp->config.log, HWS_LOG_INFO, sctp->last_input, "sctp", "abort",
            "err=%s cause=%d what=\"%s\"", hws_err_name(err), (int)foreign, what);
    close_socket(sctp);
    sctp->down_to_tell = true;
    hws_sctp_set_state(sctp, HWS_SCTP_GONE);
}

/* Every input begins and ends so: usrsctp's clock is right, and what it does is ours. */
void hws_sctp_enter(struct hws_sctp *sctp, hws_time now)
{
    sctp->last_input = now;
    sctp->depth_is_old |= now - sctp->stack->moved_to >= HWS_SCTP_TICK;
    sctp->stack->acting = sctp;
    hws_sctp_stack_move(sctp->stack, now);
    sctp->ticked_to = sctp->stack->moved_to;
}

void hws_sctp_leave(struct hws_sctp *sctp)
{
    hws_sctp_release_resets(sctp);
    sctp->stack->acting = NULL;
    if (sctp->counters.dropped_queue_full != sctp->dropped_logged) {
        HWS_LOG(&sctp->config.log, HWS_LOG_WARN, sctp->last_input, "sctp", "drop",
                "reason=queue_full count=%llu",
                (unsigned long long)sctp->counters.dropped_queue_full);
        sctp->dropped_logged = sctp->counters.dropped_queue_full;
    }
}

void hws_sctp_touch(struct hws_sctp *sctp, hws_time now)
{
    sctp->last_use = now;
    sctp->idle = false;
}

enum hws_err hws_sctp_connect(struct hws_sctp *sctp, hws_time now)
{
    struct sockaddr_conn addr = address_of(sctp);
    bool refused;

    if (sctp->state != HWS_SCTP_REST) return HWS_ERR_STATE;
    hws_sctp_enter(sctp, now);
    refused = usrsctp_connect(sctp->socket, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
              errno != EINPROGRESS;
    if (!refused) {
        hws_sctp_touch(sctp, now);
        hws_sctp_set_state(sctp, HWS_SCTP_CONNECTING);
    }
    hws_sctp_leave(sctp);
    return refused ? HWS_ERR_LIBRARY : HWS_OK;
}

void hws_sctp_write_port(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static bool asks_for_reset(const void *packet, size_t len)
{
    struct hws_sctp_chunk chunk;
    uint32_t tsn;

    return hws_sctp_find_chunk((struct hws_bytes){packet, len}, HWS_CHUNK_RECONFIG, &chunk) &&
           hws_sctp_read_reset_tsn(chunk.value, &tsn);
}

int hws_sctp_take_output(struct hws_sctp *sctp, const void *packet, size_t len)
{
    enum { CHECKSUM = 8 };
    uint8_t shorter[HWS_DATAGRAM_IN_MAX];
    uint8_t *copy;
    uint32_t crc;

    if (len < HWS_SCTP_HEADER_LEN) return 0;
    if (len <= sizeof(shorter) && asks_for_reset(packet, len)) {
        memcpy(shorter, packet, len);
        len = hws_sctp_hold_reset(&sctp->held_out, shorter, len, sctp->acked_tsn);
        packet = shorter;
        if (len == HWS_SCTP_HEADER_LEN) return 0; /* all of it waits */
    }
    if (sctp->stack->acting != sctp) sctp->stirred = true;
    copy = hws_packet_queue_push(&sctp->packets, len);
    if (!copy) {
        sctp->counters.dropped_queue_full++;
        return ENOBUFS; /* usrsctp keeps the data and tries again with the next input */
    }
    hws_sctp_note_output(sctp, (struct hws_bytes){packet, len});
    memcpy(copy, packet, len);
    hws_sctp_write_port(copy, sctp->config.local_port);
    hws_sctp_write_port(copy + 2, sctp->config.remote_port);
    memset(copy + CHECKSUM, 0, 4);
    crc = hws_crc32c((struct hws_bytes){copy, len});
    for (size_t i = 0; i < 4; i++) { /* least significant byte first, unlike all else */
        copy[CHECKSUM + i] = (uint8_t)(crc >> 8 * i);
    }
    return 0;
}

static bool has_work(const struct hws_sctp *sctp)
{
    return sctp->state == HWS_SCTP_CONNECTING || sctp->closing || sctp->reset_asked.count > 0 ||
           hws_sctp_used(sctp) > 0;
}

void hws_sctp_tick(struct hws_sctp *sctp, hws_time now)
{
    hws_sctp_enter(sctp, now);
    sctp->heard = true;
    sctp->stirred = false;
    if (sctp->state == HWS_SCTP_ESTABLISHED && now - sctp->silent_since >= SILENCE_TIME &&
        has_work(sctp)) {
        hws_sctp_end(sctp, HWS_ERR_TIMEOUT, "nothing is heard of the other side", 0);
        sctp->stirred = true; /* there is an event to take */
    }
    if (now - sctp->last_use >= QUIET_TIME && !sctp->idle && !has_work(sctp)) {
        sctp->idle = true;
        if (hws_packet_queue_is_empty(&sctp->packets)) hws_packet_queue_fini(&sctp->packets);
        if (!sctp->inbox.partial && !sctp->readable) {
            free(sctp->inbox.data);
            sctp->inbox = (struct hws_sctp_inbox){0};
        }
    }
    hws_sctp_leave(sctp);
}

hws_time hws_sctp_deadline(const struct hws_sctp *sctp)
{
    if (sctp->stirred) return sctp->stack->moved_to;
    if (sctp->state == HWS_SCTP_REST || !sctp->socket || sctp->idle) return HWS_NEVER;
    return sctp->ticked_to + HWS_SCTP_TICK;
}

bool hws_sctp_next_packet(struct hws_sctp *sctp, struct hws_bytes *out)
{
    return hws_packet_queue_pop(&sctp->packets, out);
}

void hws_sctp_abort(struct hws_sctp *sctp, hws_time now)
{
    if (sctp->state == HWS_SCTP_GONE) return;
    hws_sctp_enter(sctp, now);
    HWS_LOG(&sctp->config.log, HWS_LOG_INFO, now, "sctp", "abort", "by=us");
    close_socket(sctp);
    hws_sctp_set_state(sctp, HWS_SCTP_GONE);
    hws_sctp_leave(sctp);
}

struct hws_fault hws_sctp_fault(const struct hws_sctp *sctp)
{
    return sctp->fault;
}

uint16_t hws_sctp_streams(const struct hws_sctp *sctp)
{
    return sctp->out_streams;
}
