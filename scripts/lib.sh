# Shared by the bash scripts beside it: how they speak, fail, build, and run things within a limit.
# Source it; do not run it. Each caller sets `program` (its name in messages) first.
# shellcheck shell=bash

say() {
    printf '%s: %s\n' "$program" "$*"
}

die() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
}

# tail_of LOG [LINES]: the end of a log, marked as a quotation.
tail_of() {
    tail -n "${2:-30}" "$1" | sed 's/^/    | /' >&2
}

# step WHAT LOG COMMAND...: runs the command with its output in LOG; a failure shows the end of LOG.
# Prints a line before and the seconds after, so a long step is never a silent one.
step() {
    local what=$1 log=$2 began=$SECONDS
    shift 2
    say "$what ..."
    if "$@" >"$log" 2>&1 </dev/null; then
        say "$what: done in $((SECONDS - began)) s"
        return 0
    fi
    say "$what: FAILED after $((SECONDS - began)) s" >&2
    tail_of "$log"
    return 1
}

# Where scripts/deps puts what it builds, and configure looks for it.
deps_dir() {
    [ -n "${HAWSER_DEPS:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
        die "set HOME or HAWSER_DEPS: where should what is built for Hawser go?"
    local dir=${HAWSER_DEPS:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/hawser}
    case $dir in
    /*) echo "$dir" ;;
    *) die "HAWSER_DEPS must be an absolute path, not '$dir'" ;;
    esac
}

jobs_count() {
    nproc 2>/dev/null || echo 1
}

# bounded SECONDS COMMAND...: in a process group of its own, so that a limit, an interrupt or the
# script's end takes the command's children along. Callers have `trap end_bounded EXIT`.
bounded_group=
bounded() {
    local limit=$1 status
    shift
    set -m
    timeout -k 10 "$limit" "$@" </dev/null 3>&- &
    bounded_group=$!
    set +m
    wait "$bounded_group"
    status=$?
    bounded_group=
    [ "$status" -ne 124 ] || echo "not done within $limit s: ended"
    return "$status"
}

end_bounded() {
    [ -z "$bounded_group" ] || kill -TERM -- "-$bounded_group" 2>/dev/null
    bounded_group=
}

# configured BUILD_DIR LOG_DIR ARGUMENT...: a folder of the source tree, configured out of tree with
# exactly these arguments and the wolfSSL that is there now. Does nothing when it is already so.
configured() {
    local build=$1 logs=$2 want have log
    shift 2
    want="$* wolfssl=$(cat "$(deps_dir)/wolfssl/hawser-stamp" 2>/dev/null) CC=${CC:-} CFLAGS=${CFLAGS:-}"
    have=$(cat "$build/.configured-as" 2>/dev/null)
    [ ! -f config.status ] ||
        die "this tree is configured in place; run 'make distclean' first (builds go into $build/)"
    if [ ! -x configure ]; then
        step "bootstrap" "$logs/bootstrap.log" ./bootstrap || die "autoreconf failed"
    fi
    [ "$want" != "$have" ] || [ ! -f "$build/config.status" ] || return 0
    mkdir -p "$build" || die "cannot make the folder $build"
    rm -f "$build/.configured-as"
    log=$logs/configure-$(basename "$build").log
    # Objects made with other flags or another wolfSSL are stale, and make cannot know it.
    if [ -f "$build/Makefile" ] && [ "$want" != "$have" ]; then
        make -C "$build" clean >"$log" 2>&1 </dev/null || rm -rf "${build:?}"/*
    fi
    step "configure in $build/" "$log" bounded 600 env -C "$build" ../configure "$@" ||
        die "configure failed; see $build/config.log"
    echo "$want" >"$build/.configured-as"
}
