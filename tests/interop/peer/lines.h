/**
 * @file
 * Lines of standard input, read by a thread of its own, which wakes whoever waits for them.
 */
#ifndef INTEROP_LINES_H
#define INTEROP_LINES_H

#include <stdbool.h>

/** Begin to read. @p wake is called from the thread, after each line and at the end.
 *  @return false when there is no thread to be had */
bool interop_lines_start(void (*wake)(void *user), void *user);

/** Wake nobody any more: who was to be woken may go. The thread reads on until the process ends. */
void interop_lines_stop(void);

/** The next line, owned by the caller (free()), without its line end; NULL when none waits. */
char *interop_lines_next(void);

/** The input has ended and all lines were taken. */
bool interop_lines_ended(void);

#endif /* INTEROP_LINES_H */
