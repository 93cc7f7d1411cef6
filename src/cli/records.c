#include "cli/records.h"

#include "base/bytes.h"
#include "io/pcap.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024 }; /* of a file: a long chain has a tenth of it */

/* ---- The certificate */

struct pem {
    size_t len;
    uint8_t data[PEM_MAX + 1];
};

/* The whole file; 0, or an errno value. */
static int read_file(const char *path, struct pem *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
    ssize_t got = 1;

    if (fd < 0) return errno;
    while (!error && got > 0 && out->len < sizeof(out->data)) {
        got = read(fd, out->data + out->len, sizeof(out->data) - out->len);
        if (got > 0) out->len += (size_t)got;
        if (got < 0 && errno != EINTR) error = errno;
        if (got < 0) got = 1;
    }
    close(fd);
    return !error && out->len > PEM_MAX ? EFBIG : error;
}

static bool read_pem(const struct hws_records *records, const char *option, const char *path,
                     struct pem *out)
{
    int error = read_file(path, out);

    if (error) {
        fprintf(stderr, "%s: --%s '%s': %s\n", records->program, option, path, strerror(error));
        return false;
    }
    return true;
}

static const char *identity_flaw(enum hws_err err)
{
    switch ((int)err) {
    case HWS_ERR_MALFORMED:
        return "not PEM of a certificate and of its private key";
    case HWS_ERR_UNSUPPORTED:
        return "no peer takes a key of this kind: want ECDSA P-256, or RSA of 2048 bits or more";
    case HWS_ERR_MISMATCH:
        return "the key is not that of the certificate";
    default:
        return hws_strerror(err);
    }
}

static bool make_identity(struct hws_records *records, const struct hws_options *options,
                          struct pem *certificate, struct pem *key)
{
    struct hws_identity_config config = {.versions = options->versions,
                                         .post_quantum = options->post_quantum};
    enum hws_err err;

    if (options->certificate) {
        if (!read_pem(records, "certificate", options->certificate, certificate)) return false;
        if (!read_pem(records, "key", options->key, key)) return false;
        config.certificate = (struct hws_bytes){certificate->data, certificate->len};
        config.private_key = (struct hws_bytes){key->data, key->len};
    }
    err = hws_identity_new_from(&config, &records->identity);
    if (!err) return true;
    if (options->certificate) {
        fprintf(stderr, "%s: --certificate '%s' --key '%s': %s\n", records->program,
                options->certificate, options->key, identity_flaw(err));
    } else {
        fprintf(stderr, "%s: a certificate cannot be made: %s\n", records->program,
                hws_strerror(err));
    }
    return false;
}

static bool open_identity(struct hws_records *records, const struct hws_options *options)
{
    struct pem *files;
    bool good = false;

    if (!options->certificate && !options->post_quantum && options->versions == HWS_DTLS_13_OR_12)
        return true;
    files = calloc(2, sizeof(*files));
    if (files) good = make_identity(records, options, &files[0], &files[1]);
    if (files) hws_wipe(files, 2 * sizeof(*files));
    free(files);
    return good;
}

/* ---- The packet log */

static void pcap_failed(void *user, int error)
{
    const struct hws_records *records = user;

    fprintf(stderr, "%s: the packet log ends here: %s\n", records->program, strerror(error));
}

static bool open_pcap(struct hws_records *records, const char *path)
{
    struct hws_pcap_config config = {.path = path,
                                     .application = "hawser " PACKAGE_VERSION,
                                     .wall = hws_pcap_wall(),
                                     .failed = pcap_failed,
                                     .user = records};
    int error = ENOMEM;

    if (!path || hws_pcap_open(&config, &records->pcap, &error) == HWS_OK) return true;
    fprintf(stderr, "%s: --pcap '%s': %s\n", records->program, path, strerror(error));
    return false;
}

struct hws_tap hws_records_tap(const struct hws_records *records)
{
    return records->pcap ? hws_pcap_tap(records->pcap) : (struct hws_tap){0};
}

/* ---- The log of secrets */

/* One write, so that the lines of several programs do not mix. */
static void write_secret(void *user, const char *line)
{
    struct hws_records *records = user;
    struct iovec parts[2] = {
        {(void *)(uintptr_t)line,  strlen(line)},
        {(void *)(uintptr_t) "\n", 1           }
    };

    if (writev(records->key_log, parts, 2) >= 0 || records->key_log_failed) return;
    records->key_log_failed = true;
    fprintf(stderr, "%s: SSLKEYLOGFILE '%s': %s\n", records->program, records->key_log_path,
            strerror(errno));
}

/* The environment is often not set for us, so a file that cannot be written ends nothing. */
static void open_key_log(struct hws_records *records)
{
    const char *path = getenv("SSLKEYLOGFILE");

    records->key_log = -1;
    if (!path || !*path) return;
    records->key_log_path = path;
    records->key_log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (records->key_log >= 0) {
        fprintf(stderr, "%s: SSLKEYLOGFILE is set: whoever reads '%s' can read these connections\n",
                records->program, path);
    } else {
        fprintf(stderr, "%s: SSLKEYLOGFILE '%s': %s: no secrets are written\n", records->program,
                path, strerror(errno));
    }
}

struct hws_key_log hws_records_key_log(struct hws_records *records)
{
    if (records->key_log < 0) return (struct hws_key_log){0};
    return (struct hws_key_log){.write = write_secret, .user = records};
}

/* ---- All of it */

int hws_records_init(struct hws_records *records, const char *program,
                     const struct hws_options *options)
{
    *records = (struct hws_records){.program = program, .key_log = -1};
    if (!open_identity(records, options) || !open_pcap(records, options->pcap)) {
        hws_records_fini(records);
        return HWS_EXIT_FAILED;
    }
    open_key_log(records);
    return HWS_EXIT_OK;
}

void hws_records_fini(struct hws_records *records)
{
    hws_identity_free(records->identity);
    hws_pcap_close(records->pcap);
    if (records->key_log >= 0) close(records->key_log);
    *records = (struct hws_records){.key_log = -1};
}
