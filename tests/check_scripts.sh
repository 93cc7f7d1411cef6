#!/bin/sh
# Proves that scripts/tidy, scripts/purity, scripts/headers and tests/compile_fail.sh can fail: each
# planted breach must be found, and the same tree without it must pass. Run by `make check`.
set -u
here=$(cd "${srcdir:-.}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
count=0

fail() {
    echo "check_scripts: $*"
    failed=$((failed + 1))
}

# A small tree that breaks no rule.
fresh() {
    rm -rf "$work/tree" && mkdir -p "$work/tree/scripts" "$work/tree/include/hawser" \
        "$work/tree/tests/compile_fail" && cd "$work/tree" || exit 1
    cp "$here/scripts/tidy" "$here/scripts/purity" "$here/scripts/purity.allow" \
        "$here/scripts/headers" scripts/ && cp "$here/tests/compile_fail.sh" tests/ || exit 1
    mkdir -p src/base src/crypto src/stun src/ice src/dtls src/sctp src/io src/signal \
        src/distributor
    cat >include/hawser/err.h <<'END'
/** The public face. */
#include <stddef.h>
int hws_public(const char *text, size_t len);
END
    cat >src/base/bytes.h <<'END'
/** Bytes, as RFC 8489 wants them. */
#include <hawser/err.h>
struct hws_blue;
struct hws_red;
__attribute__((warn_unused_result)) int hws_blue(struct hws_blue *blue);
END
    cat >src/ice/pair.c <<'END'
#include "ice/pair.h"

#include "base/bytes.h"

/* Order: RFC 8445 section 6.1.2.3. */
END
    printf '/** A pair. */\nstruct hws_pair;\n' >src/ice/pair.h
    echo '#include <wolfssl/ssl.h>' >src/dtls/wolf_session.c
    echo '#include <usrsctp.h>' >src/sctp/usrsctp_stack.c
    echo '#include <sys/socket.h>' >src/io/udp.c
    echo '#include <grpc/grpc.h>' >src/signal/grpc_client.c
    cat >tests/compile_fail/colour.c <<'END'
#include "base/bytes.h"
int wrong(struct hws_red *red);
int wrong(struct hws_red *red) { return hws_blue(red); }
END
}

# refused NAME EXPECTED COMMAND...: the command fails and says EXPECTED.
refused() {
    name=$1 expected=$2
    shift 2
    count=$((count + 1))
    if srcdir=. "$@" >out 2>&1; then
        fail "$name: passed, but must be refused"
    elif ! grep -q -e "$expected" out; then
        fail "$name: refused, but without saying '$expected':" && cat out
    fi
}

passes() {
    name=$1
    shift
    count=$((count + 1))
    srcdir=. "$@" >out 2>&1 || { fail "$name: refused, but must pass:" && cat out; }
}

# tidy_refuses FILE LINE EXPECTED: the line added to the file is a breach.
tidy_refuses() {
    fresh
    printf '%s\n' "$2" >>"$1"
    refused "tidy: $1: $2" "$3" scripts/tidy
}

tidy_allows() {
    fresh
    printf '%s\n' "$2" >>"$1"
    passes "tidy: $1: $2" scripts/tidy
}

# ---- tidy
fresh
passes "tidy: the clean tree" scripts/tidy
for line in 'char *p = malloc(3);' 'strcpy(a, b);' 'sprintf(a, "x");' 'x = atoi(a);' 'strtok(a, b);' \
    'goto again;' '/* TODO: later */' '/* FIXME */'; do
    tidy_refuses src/ice/pair.c "$line" 'is banned'
done
tidy_allows src/ice/pair.c 'goto out;'
tidy_allows src/ice/pair.c 'p = calloc(1, 3);'
tidy_refuses src/ice/pair.h 'p = calloc(1, 3);' 'no business here'
tidy_refuses src/ice/pair.c "	x();" 'a tab'
tidy_refuses src/ice/pair.c 'x(); ' 'trailing space'
tidy_refuses src/ice/pair.c "/* $(printf '%0100d' 0) */" 'wider'
for cite in 'RFC8445 section 6' 'RFC 8445, section 6' 'RFC 8445' 'RFC-8445 section 6' 'RFC 8445 6.1'; do
    tidy_refuses src/ice/pair.c "/* $cite */" 'cite as'
done
tidy_refuses src/ice/pair.h '/** Sorted by RFC 8445 6.1.2. */' 'cite as'
tidy_allows src/ice/pair.c '/* RFC 9260 appendix A, RFC 8489 sections 6.3 and 9.1 */'
tidy_refuses src/ice/pair.c '#include "dtls/dtls.h"' 'arrow points down'
tidy_refuses src/base/bytes.h '#include "ice/pair.h"' 'arrow points down'
tidy_refuses src/stun/stun.c '#include "ice/ice.h"' 'arrow points down'
tidy_allows src/stun/stun.c '#include "crypto/hash.h"'
tidy_refuses src/io/udp.c '#include "ice/ice_internal.h"' 'private to ice/'
tidy_allows src/ice/pair.c '#include "ice/ice_internal.h"'
tidy_refuses src/ice/pair.c '#include "pair.h"' 'write the folder'
for include in wolfssl/ssl.h usrsctp.h grpc/grpc.h jansson.h protobuf-c/protobuf-c.h sys/socket.h \
    netinet/in.h arpa/inet.h poll.h pthread.h unistd.h time.h sys/time.h netdb.h fcntl.h; do
    tidy_refuses src/ice/pair.c "#include <$include>" 'no business here'
done
tidy_refuses src/dtls/dtls.c '#include <wolfssl/ssl.h>' 'no business here'
tidy_refuses src/signal/envelope.c '#include <grpc/grpc.h>' 'no business here'
tidy_refuses src/distributor/router.c '#include <pthread.h>' 'no business here'
tidy_allows src/crypto/wolf_hash.c '#include <wolfssl/wolfcrypt/hmac.h>'
tidy_allows src/signal/payload.c '#include <jansson.h>'
tidy_allows src/distributor/member.c '#include "signal/hawser.pb-c.h"'
tidy_allows src/distributor/main.c '#include <unistd.h>'
tidy_refuses include/hawser/err.h '#include "base/bytes.h"' 'public face'
tidy_refuses include/hawser/err.h '#include <sys/socket.h>' 'public face'
tidy_refuses tests/check_x.c 'usleep(5);' 'banned in a unit test'
tidy_refuses tests/check_x.c 'strcpy(a, b);' 'is banned'
fresh && mkdir src/misc && echo >src/misc/x.c
refused "tidy: a folder without a layer" 'has no layer' scripts/tidy
fresh && rm -rf src
refused "tidy: no source at all" 'no source was found' scripts/tidy

# ---- purity: archives made here, not the project's
archive() {
    printf '%s\n' "$2" >"$1.c" && ${CC:-cc} -O1 -fPIC -w -c "$1.c" -o "$1.o" && rm -f "$1.a" &&
        ar rc "$1.a" "$1.o" || fail "cannot make the archive $1.a"
}
purity() {
    archive core "$1"
    shift
    "$@" scripts/purity core.a homes.a
}
fresh
archive homes 'int hws_hash(void) { return 1; } int wolfthing(void) { return 2; }'
good='extern int hws_hash(void); extern void *memset(void *, int, unsigned long);
static const char *const names[] = {"a", "b"}; static const int one = 1;
const char *hws_name(int i) { return names[i & one]; }
int hws_ok(char *p) { memset(p, hws_hash(), 1000000); return 0; }'
purity "$good" passes "purity: what the core may do"
purity 'static int hits; int hws_x(void) { return ++hits; }' refused "purity: .bss" 'writable.*hits'
purity 'int hits = 3; int hws_x(void) { return ++hits; }' refused "purity: .data" 'writable.*hits'
purity 'static _Thread_local int hits; int hws_x(void) { return ++hits; }' \
    refused "purity: thread-local" 'writable.*hits'
purity 'int hws_x(void) { static int n; return n++; }' refused "purity: static in function" 'writable'
for function in time clock_gettime gettimeofday rand random getrandom socket sendto printf fopen \
    malloc getenv pthread_create; do
    purity "extern int $function(void); int hws_x(void) { return $function() + 1; }" \
        refused "purity: $function" "does not list:.*$function"
done
purity 'extern int hws_udp_send(void); int hws_x(void) { return hws_udp_send() + 1; }' \
    refused "purity: a function of io/" 'hws_udp_send'
purity 'extern int wolfthing(void); int hws_x(void) { return wolfthing() + 1; }' \
    refused "purity: past the home, into the library" 'wolfthing'
refused "purity: no archive" 'build first' scripts/purity nowhere.a homes.a
refused "purity: no homes" 'build first' scripts/purity core.a nowhere.a

# ---- headers
fresh
passes "headers: the clean tree" scripts/headers
echo 'hws_undefined_type x(void);' >src/ice/pair.h
refused "headers: a header that needs another" 'hws_undefined_type' scripts/headers
fresh && echo 'int hws_new(int class);' >>include/hawser/err.h
refused "headers: C++ cannot read it" 'class' scripts/headers
fresh && echo '#include "base/bytes.h"' >>include/hawser/err.h
refused "headers: the public face reaches into src" 'base/bytes.h' scripts/headers
fresh && mkdir -p src/signal && echo 'this is not C' >src/signal/hawser.pb-c.h
passes "headers: generated ones are left alone" scripts/headers
fresh && rm -rf include/hawser
refused "headers: no public header" 'no public header' scripts/headers

# ---- compile_fail
fresh
passes "compile_fail: a wrong type is refused" tests/compile_fail.sh
sed -i 's/hws_red/hws_blue/g' tests/compile_fail/colour.c
refused "compile_fail: it compiles" 'compiled, but must not' tests/compile_fail.sh
fresh && sed -i 's/hws_blue(red)/hws_typo(red)/' tests/compile_fail/colour.c
refused "compile_fail: refused for a typo" 'another reason' tests/compile_fail.sh
fresh && rm tests/compile_fail/*
refused "compile_fail: nothing to compile" 'no such file' tests/compile_fail.sh

cd / || exit 1
echo "check_scripts: $((count - failed)) of $count as expected"
[ "$failed" -eq 0 ]
