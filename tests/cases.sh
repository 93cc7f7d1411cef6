#!/bin/sh
# The rule files that lie in tests/vectors, and that tests/run_cases can fail: a frame that says
# yes to everything would hide every mistake of the product.
srcdir=${srcdir:-.}
run=tests/run_cases
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0

# expect_failure NAME TEXT: the file in $work/case.json must fail, and the output must hold TEXT.
expect_failure() {
    out=$($run "$work/case.json" 2>&1) && {
        echo "$1: passed, but must fail"
        status=1
    }
    case $out in
    *"$2"*) ;;
    *)
        echo "$1: '$2' is missing in: $out"
        status=1
        ;;
    esac
}

printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"00","expect":{"demux":"dtls"}}]}' >"$work/case.json"
expect_failure "wrong value" 'demux: expected "dtls" got "stun"'
printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"00","expect":{"demux":null}}]}' >"$work/case.json"
expect_failure "reported although it must be absent" '0 passed, 1 failed'
printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"00","expect":{"other":1}}]}' >"$work/case.json"
expect_failure "not reported" 'other: expected 1 got nothing'
printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"00","expect":{}}]}' >"$work/case.json"
expect_failure "nothing expected" 'nothing is expected'
printf '%s' '{"cases":[{"id":"a","kind":"nonsense","hex":"00","expect":{"a":1}}]}' >"$work/case.json"
expect_failure "unknown kind" 'no handler'
printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"0","expect":{"demux":"stun"}}]}' >"$work/case.json"
expect_failure "broken hex" 'cannot be run'
printf '%s' '{"cases":[]}' >"$work/case.json"
expect_failure "no cases" 'holds no cases'
printf '%s' '{"cases":[' >"$work/case.json"
expect_failure "no JSON" '0 passed, 0 failed'
rm "$work/case.json"
expect_failure "no file" 'cannot be read'
# A number that only 64 bits hold, and text that looks like one, are read as they are.
printf '%s' '{"cases":[{"id":"a","kind":"demux","hex":"00","n":[18446744073709551615,-9223372036854775808,1e30],"expect":{"demux":"stun"}}]}' >"$work/case.json"
$run "$work/case.json" | grep -q '^1 passed, 0 failed$' || {
    echo "big numbers: refused"
    status=1
}

$run "$srcdir"/tests/vectors/*_cases_public.json || status=1
exit $status
