/**
 * @file
 * The clock and the entropy of this host, as the core wants them.
 */
#ifndef HWS_IO_CLOCK_H
#define HWS_IO_CLOCK_H

#include <hawser/types.h>

hws_time hws_clock_now(void); /**< monotonic */

/** getrandom(2); aborts when the host has no entropy, as struct hws_random demands. */
struct hws_random hws_entropy(void);

#endif /* HWS_IO_CLOCK_H */
