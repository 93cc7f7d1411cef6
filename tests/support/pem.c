#include "support/pem.h"

#include <check.h>
#include <stdio.h>

struct hws_bytes pem_load(const char *name)
{
    static uint8_t files[2][PEM_FILE_MAX];
    static int turn;
    uint8_t *text = files[turn = 1 - turn];
    char path[512];
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/pem/%s", VECTORS, name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    len = fread(text, 1, PEM_FILE_MAX, file);
    (void)fclose(file);
    return (struct hws_bytes){text, len};
}

enum hws_err pem_identity(const char *certificate, const char *key, enum hws_dtls_versions versions,
                          struct hws_identity **out)
{
    struct hws_identity_config config = {.versions = versions};

    if (certificate) config.certificate = pem_load(certificate);
    if (key) config.private_key = pem_load(key);
    return hws_identity_new_from(&config, out);
}
