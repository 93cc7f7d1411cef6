#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_LEN = 512 }; /* longer facts are cut: a line is for reading */

/* What came from outside may not forge a second line (CWE-117). */
static void keep_printable(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) text[i] = '?';
    }
}

void hws_log_line(const struct hws_log *log, hws_time now, const char *layer, const char *name,
                  const char *facts, ...)
{
    char line[LINE_MAX_LEN];
    int head = snprintf(line, sizeof(line), "%" PRId64 ".%06" PRId64 " %04" PRIx32 " %s %s ",
                        now / 1000000, now % 1000000, log->peer, layer, name);
    size_t len = head < 0 ? 0 : (size_t)head;
    va_list args;
    int body;

    if (len >= sizeof(line)) len = sizeof(line) - 1;
    va_start(args, facts);
    body = vsnprintf(line + len, sizeof(line) - len, facts, args);
    va_end(args);
    if (body > 0) len += (size_t)body < sizeof(line) - len ? (size_t)body : sizeof(line) - 1 - len;
    if (len > 0 && line[len - 1] == ' ') line[--len] = '\0'; /* a line without facts */
    keep_printable(line, len);
    log->write(log->user, line, len);
}
