/*
 * Any datagram, however long: records tile it, their judgement has a name at every stage of an
 * association, and whatever is joined from pieces of ClientHellos is itself a sound record that is
 * no piece.
 */
#include "base/limits.h"
#include "dtls/hello.h"
#include "dtls/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void judge(const struct hws_record *record)
{
    for (int protocol = HWS_PROTOCOL_OPEN; protocol <= HWS_PROTOCOL_13; protocol++) {
        for (int bits = 0; bits < 4; bits++) {
            struct hws_record_stage stage = {.protocol = (enum hws_record_protocol)protocol,
                                             .server = (bits & 1) != 0,
                                             .finished = (bits & 2) != 0};
            enum hws_record_flaw flaw = hws_record_admit(record, &stage);

            require(strcmp(hws_record_flaw_name(flaw), "unknown") != 0);
            /* After the handshake nothing passes without encryption. */
            if (stage.finished && !record->unified && record->epoch == 0) {
                require(flaw == HWS_RECORD_LATE);
            }
        }
    }
}

static void join(struct hws_hello *hello, const struct hws_record *record)
{
    struct hws_bytes whole;
    struct hws_record joined;
    enum hws_err err;

    if (!hws_hello_is_piece(record)) return;
    err = hws_hello_add(hello, record, &whole);
    require(hello->fragment_count <= HWS_HELLO_FRAGMENTS);
    if (err) {
        require((err == HWS_ERR_AGAIN) == (hello->block != NULL));
        return;
    }
    require(whole.len <= HWS_RECORD_HEADER + HWS_HELLO_MAX);
    require(hws_record_next(&whole, &joined) == HWS_RECORD_SOUND);
    require(whole.len == 0 && !hws_hello_is_piece(&joined));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_bytes rest = {data, size};
    struct hws_hello hello = {0};
    struct hws_record record;
    size_t covered = 0;

    while (rest.len > 0 && hws_record_next(&rest, &record) == HWS_RECORD_SOUND) {
        require(record.whole.data == data + covered && record.body.len > 0);
        require(record.body.data + record.body.len == record.whole.data + record.whole.len);
        covered += record.whole.len;
        judge(&record);
        join(&hello, &record);
    }
    require(covered + rest.len == size);
    require((hws_record_check((struct hws_bytes){data, size}) == HWS_RECORD_SOUND) ==
            (size > 0 && rest.len == 0));
    hws_hello_fini(&hello);
    return 0;
}
