/**
 * @file
 * The easy way in: a client that reaches a worker by its id, and a worker that serves clients.
 *
 * A client:
 *
 *     struct hws_client *client;
 *     hws_client_connect(&(struct hws_client_config){.distributor = "127.0.0.1:7000",
 *                                                    .worker = 42}, &client);
 *     hws_client_send(client, HWS_TEXT, message, HWS_SEC(5));
 *     hws_client_recv(client, HWS_SEC(5), &received);
 *     hws_client_free(client);
 *
 * The functions that wait run the loop on the calling thread until they are done; between calls
 * nothing moves, so a program that is busy elsewhere should come by every few seconds, or the
 * other side takes it for dead (30 s). One thread uses a client or worker; only the two _wake
 * functions may be called from others.
 */
#ifndef HAWSER_SESSION_H
#define HAWSER_SESSION_H

#include <hawser/loop.h>
#include <hawser/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One message that came in. Borrowed until the next call on the same client or worker. */
struct hws_received {
    enum hws_message_kind kind;
    struct hws_bytes message;
};

/** When the steps of a client's set-up were reached, microseconds after the start; 0 = not. */
struct hws_client_timeline {
    hws_time gathered;     /**< first local candidate known */
    hws_time signalled;    /**< the stream to the distributor is up */
    hws_time offered;      /**< the offer was handed to the distributor */
    hws_time answered;     /**< the answer is in */
    hws_time path;         /**< a candidate pair works */
    hws_time secured;      /**< DTLS is up and the fingerprint matched */
    hws_time associated;   /**< SCTP is up */
    hws_time channel_open; /**< the channel is open: the total */
};

/** Zero every field that you do not set: zero is always the default. All is copied. */
struct hws_client_config {
    /** "host:port", "http://host:port", "https://host:port" or "unix:/path". Required. */
    const char *distributor;
    int64_t worker; /**< id of the worker; required */
    /** The one channel; its label NULL = "hawser". It cannot be a negotiated one: no worker would
     *  know of it. */
    struct hws_channel_config channel;
    bool insecure; /**< allow plain text to a distributor that is not on loopback */
    const char *const *ice_servers; /**< "stun:host[:port]" each */
    size_t ice_server_count;
    const struct hws_ice_server *servers; /**< the same with credentials */
    size_t server_count;
    const char *ice_ca_file;
    bool relay_only;                   /**< see struct hws_loop_config */
    bool loopback;                     /**< see struct hws_loop_config */
    bool hide_addresses;               /**< likewise */
    bool ice_tcp;                      /**< likewise */
    uint16_t port, port_min, port_max; /**< likewise: one UDP port for all, or a range */
    const char *const *interfaces;     /**< likewise: names of those to use */
    size_t interface_count;
    hws_time timeout;                    /**< for connecting; 0 = 30 s */
    hws_time consent_expiry;             /**< see struct hws_peer_config */
    hws_time consent_period;             /**< likewise */
    size_t max_message_size;             /**< see struct hws_peer_config */
    const struct hws_identity *identity; /**< borrowed; outlives the client; NULL = a fresh one */
    struct hws_log log;
    struct hws_key_log key_log; /**< see struct hws_peer_config */
    struct hws_tap tap;
};

struct hws_client;

/**
 * Make a client at rest: its loop exists, nothing has been sent.
 *
 * @retval HWS_ERR_ARGUMENT  the distributor or an ICE server URL is malformed, plain text to a
 *         distributor off loopback without @c insecure, the channel or max_message_size are out
 *         of range, or the ports or interfaces are none (see hws_loop_new());
 *         hws_client_reason() is not there yet, so @p out_reason (may be NULL) says it
 * @retval HWS_ERR_STATE  this process runs another loop already
 * @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO @retval HWS_ERR_CRYPTO @retval HWS_ERR_LIBRARY
 */
HWS_MUST_USE enum hws_err hws_client_new(const struct hws_client_config *config,
                                         struct hws_client **out, const char **out_reason);

/**
 * Connect: offer, wait for the answer, the path and the channel.
 *
 * @retval HWS_ERR_NOT_FOUND    no such worker
 * @retval HWS_ERR_TIMEOUT      not connected within config.timeout
 * @retval HWS_ERR_UNREACHABLE  the distributor cannot be reached, or no candidate pair works
 * @retval HWS_ERR_REFUSED      the distributor or the worker refused
 * @retval HWS_ERR_FINGERPRINT @retval HWS_ERR_HANDSHAKE @retval HWS_ERR_CLOSED
 * @retval HWS_ERR_STATE        called before
 */
HWS_MUST_USE enum hws_err hws_client_connect(struct hws_client *client);

/**
 * Send one message, waiting up to @p timeout (microseconds; 0 = do not wait) for room.
 * @retval HWS_ERR_TIMEOUT  no room in time; with timeout 0 HWS_ERR_AGAIN
 * @retval HWS_ERR_TOO_BIG  bigger than the worker takes
 * @retval HWS_ERR_CLOSED   the connection is over; hws_client_reason() says why
 * @retval HWS_ERR_STATE    not connected
 */
HWS_MUST_USE enum hws_err hws_client_send(struct hws_client *client, enum hws_message_kind kind,
                                          struct hws_bytes message, hws_time timeout);

/**
 * Take the next message, waiting up to @p timeout (microseconds; 0 = do not wait).
 * @retval HWS_ERR_TIMEOUT  nothing came in time; with timeout 0 HWS_ERR_AGAIN
 * @retval HWS_ERR_CLOSED   the connection is over and all that came was taken
 * @retval HWS_ERR_STATE    not connected
 */
HWS_MUST_USE enum hws_err hws_client_recv(struct hws_client *client, hws_time timeout,
                                          struct hws_received *out);

/** Wait until all that was sent is acknowledged, up to @p timeout.
 *  @retval HWS_ERR_TIMEOUT @retval HWS_ERR_CLOSED @retval HWS_ERR_STATE */
HWS_MUST_USE enum hws_err hws_client_flush(struct hws_client *client, hws_time timeout);

/** Make a waiting function return HWS_ERR_AGAIN; from any thread and from signal handlers. */
void hws_client_wake(struct hws_client *client);

/** One English sentence for the last failure; borrowed, never NULL. */
const char *hws_client_reason(const struct hws_client *client);
/** Why the connection is over, or could not be made; HWS_CAUSE_NONE while it is not. */
enum hws_cause hws_client_cause(const struct hws_client *client);
void hws_client_timeline(const struct hws_client *client, struct hws_client_timeline *out);
/** The path in use; false when there is none. */
bool hws_client_path(const struct hws_client *client, struct hws_path *out);
/** Bytes sent that the worker has not acknowledged. */
size_t hws_client_buffered(const struct hws_client *client);

/** The peer, for questions such as hws_peer_stats(); NULL before hws_client_connect(). It may be
 *  asked until hws_client_free(), also when the connection is over. */
const struct hws_peer *hws_client_peer(const struct hws_client *client);

/** Close the connection and free everything; accepts NULL. What is not sent is lost. */
void hws_client_free(struct hws_client *client);

/* ---- The other end */

struct hws_worker_config {
    const char *distributor; /**< as for a client; required */
    int64_t id;              /**< what clients ask for; required */
    bool insecure;
    const char *const *ice_servers;
    size_t ice_server_count;
    const struct hws_ice_server *servers;
    size_t server_count;
    const char *ice_ca_file;
    bool relay_only;
    /** Be an ICE lite agent (struct hws_peer_config), on a server with public addresses only. Not
     *  with relay_only or hide_addresses: HWS_ERR_ARGUMENT. */
    bool ice_lite;
    bool loopback, hide_addresses, ice_tcp;
    uint16_t port, port_min, port_max; /**< see struct hws_loop_config */
    const char *const *interfaces;     /**< likewise */
    size_t interface_count;
    size_t client_max;       /**< connections at a time; 0 = 1024; more are refused */
    size_t max_message_size; /**< see struct hws_peer_config */
    hws_time timeout;        /**< for registering; 0 = 30 s */
    hws_time client_timeout; /**< of a client, from connected to its first channel; 0 = 30 s */
    hws_time consent_expiry; /**< see struct hws_peer_config */
    hws_time consent_period; /**< likewise */
    const struct hws_identity *identity; /**< borrowed; outlives the worker; NULL = a fresh one */
    struct hws_log log;
    struct hws_key_log key_log; /**< see struct hws_peer_config; of all connections */
    struct hws_tap tap;
};

struct hws_worker;

/** As hws_client_new(). */
HWS_MUST_USE enum hws_err hws_worker_new(const struct hws_worker_config *config,
                                         struct hws_worker **out, const char **out_reason);

/**
 * Register with the distributor and wait for its confirmation.
 * @retval HWS_ERR_UNREACHABLE  it cannot be reached @retval HWS_ERR_REFUSED @retval HWS_ERR_TIMEOUT
 * @retval HWS_ERR_STATE        called before
 */
HWS_MUST_USE enum hws_err hws_worker_register(struct hws_worker *worker);

/** One client's connection. A value: it stays harmless after the connection is gone. */
struct hws_connection {
    uint32_t slot;
    uint32_t generation; /**< 0 is no connection */
};

enum hws_worker_event_kind {
    HWS_WORKER_CONNECTED, /**< the client's first channel is open: it may be written to */
    HWS_WORKER_MESSAGE,   /**< @c received on @c connection and @c channel */
    HWS_WORKER_WRITABLE,  /**< @c connection takes messages again after HWS_ERR_FULL */
    HWS_WORKER_CLOSED,    /**< @c connection is over; @c reason says why */
    /** The distributor is gone, @c reason says why: connections go on, new clients cannot come. The
     *  worker tries to register again by itself, with growing pauses of up to 5 s. */
    HWS_WORKER_LOST,
    HWS_WORKER_BACK, /**< registered again after HWS_WORKER_LOST */
};

struct hws_worker_event {
    enum hws_worker_event_kind kind;
    struct hws_connection connection;
    struct hws_channel channel;
    struct hws_received received; /**< borrowed until the next call on the worker */
    const char *reason;           /**< likewise; never NULL */
    enum hws_cause cause;         /**< of HWS_WORKER_CLOSED and HWS_WORKER_LOST */
};

/**
 * Wait up to @p timeout (microseconds; 0 = do not wait) for the next thing that happens.
 * @retval HWS_ERR_TIMEOUT  nothing did; with timeout 0, or after hws_worker_wake(), HWS_ERR_AGAIN
 * @retval HWS_ERR_STATE    not registered
 */
HWS_MUST_USE enum hws_err hws_worker_next(struct hws_worker *worker, hws_time timeout,
                                          struct hws_worker_event *out);

/**
 * Send one message on a channel of a connection; never waits. A call that fails changes nothing:
 * a message lent by hws_worker_next() is still there, to be kept and sent later.
 * @retval HWS_ERR_FULL   HWS_WORKER_WRITABLE follows
 * @retval HWS_ERR_STATE  the connection or channel is gone @retval HWS_ERR_TOO_BIG
 */
HWS_MUST_USE enum hws_err hws_worker_send(struct hws_worker *worker,
                                          struct hws_connection connection,
                                          struct hws_channel channel, enum hws_message_kind kind,
                                          struct hws_bytes message);

/** While paused, the messages of a connection wait and hold its client back. */
void hws_worker_pause(struct hws_worker *worker, struct hws_connection connection, bool paused);

/** End one connection; HWS_WORKER_CLOSED follows. One that is gone is left alone. */
void hws_worker_close(struct hws_worker *worker, struct hws_connection connection);

/** The peer of a connection, for questions such as hws_peer_stats(). Borrowed until the next call
 *  on the worker; NULL when the connection is gone. On HWS_WORKER_CLOSED it may still be asked. */
const struct hws_peer *hws_worker_peer(const struct hws_worker *worker,
                                       struct hws_connection connection);

size_t hws_worker_connections(const struct hws_worker *worker);      /**< open now */
const char *hws_worker_fingerprint(const struct hws_worker *worker); /**< "sha-256 AB:CD:..." */
const char *hws_worker_reason(const struct hws_worker *worker);      /**< as hws_client_reason() */
void hws_worker_wake(struct hws_worker *worker); /**< from any thread and signal handlers */

/** Close every connection, leave the distributor, free everything; accepts NULL. */
void hws_worker_free(struct hws_worker *worker);

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_SESSION_H */
