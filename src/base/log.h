/**
 * @file
 * The log: one line per thing that happened, with a stable name and key=value facts.
 *
 *     12.345678 7f3a ice pair.state pair=3 from=waiting to=in_progress
 *
 * The name is part of the interface: tests wait for it and tools draw it. Values never hold
 * secrets (keys, passwords, message payload).
 */
#ifndef HWS_BASE_LOG_H
#define HWS_BASE_LOG_H

#include <hawser/types.h>

void hws_log_line(const struct hws_log *log, hws_time now, const char *layer, const char *name,
                  const char *facts, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/* The one logging macro: facts are not even evaluated unless somebody listens. */
#define HWS_LOG(log, level_, now, layer, name, ...)                   \
    do {                                                              \
        if ((log)->write && (level_) <= (log)->level)                 \
            hws_log_line((log), (now), (layer), (name), __VA_ARGS__); \
    } while (0)

#endif /* HWS_BASE_LOG_H */
