/**
 * @file
 * What the distributor wants of the operating system beside gRPC: clock, entropy, signals, limits.
 */
#ifndef HWS_DISTRIBUTOR_HOST_H
#define HWS_DISTRIBUTOR_HOST_H

#include "distributor/config.h"

#include <hawser/err.h>
#include <hawser/types.h>

hws_time hws_host_now(void);       /**< monotonic */
uint64_t hws_host_wall_time(void); /**< microseconds since 1970; may jump */

/** For struct hws_random; aborts when the kernel has no entropy to give. */
void hws_host_random(void *user, uint8_t *out, size_t len);

/** As many open files as the hard limit allows; gives that number. */
uint64_t hws_host_raise_files(void);
/** Can @p count more files be opened now? */
bool hws_host_has_files(size_t count);

/**
 * Why can nobody listen there? Tries it, so call it only before or after gRPC. For a unix socket
 * also: somebody answers there.
 * @return  an English clause; static or borrowed until the next call; NULL = it would work
 */
const char *hws_host_listen_obstacle(const struct hws_listen *listen, uint16_t port);

/**
 * Wait for SIGTERM and SIGINT in a thread of its own and call @p call(user) there for each.
 * hws_host_signals_block() comes first, before any other thread is made. One at a time.
 *
 * @retval HWS_ERR_IO  no thread
 */
void hws_host_signals_block(void);
HWS_MUST_USE enum hws_err hws_host_signals_start(void (*call)(void *user), void *user);
void hws_host_signals_stop(void); /**< no call comes any more when it returns */

/** One line on stderr, in one write. For struct hws_log. */
void hws_host_log(void *user, const char *line, size_t len);

#endif /* HWS_DISTRIBUTOR_HOST_H */
