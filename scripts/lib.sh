# Shared by the bash scripts beside it: how they speak, fail, and run a step. Source it; do not run it.
# Each caller sets `program` (its name in messages) first.

say() {
    printf '%s: %s\n' "$program" "$*"
}

die() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
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
    tail -n 30 "$log" | sed 's/^/    | /' >&2
    return 1
}
