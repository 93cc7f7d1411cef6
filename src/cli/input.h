/**
 * @file
 * Standard input, read by a thread of its own, because a pipe or a terminal cannot be waited for
 * together with the loop of a session. The thread fills one bounded buffer and wakes the session.
 */
#ifndef HWS_CLI_INPUT_H
#define HWS_CLI_INPUT_H

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_INPUT_MAX = 64 * 1024 }; /* bytes of one piece */

struct hws_input;

/** @param[in] wake  called from the thread when a piece, or the end, is there
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_input_start(void (*wake)(void *user), void *user,
                                          struct hws_input **out);

/** Look at the piece that waits; borrowed until hws_input_taken(). False when there is none now. */
bool hws_input_peek(struct hws_input *input, struct hws_bytes *out);
void hws_input_taken(struct hws_input *input);
/** The input has ended and every piece was taken. */
bool hws_input_ended(struct hws_input *input);

/** Let it go; accepts NULL. A thread that sits in read(2) stays there, wakes nobody any more, and
 *  frees what is left when the read returns. */
void hws_input_free(struct hws_input *input);

#endif /* HWS_CLI_INPUT_H */
