#!/bin/sh
# quietly.sh LABEL COMMAND...: runs the command and shows one line of it; all it said, where it fails.
set -u

label=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'kill "$work" 2>/dev/null; exit 130' INT TERM
begin=$(date +%s)
"$@" >"$log" 2>&1 &
work=$!
if [ -t 2 ]; then
    while kill -0 "$work" 2>/dev/null; do
        last=$(tail -n 1 "$log" | cut -c 1-60)
        printf '\r\033[K%s: %ss  %s' "$label" "$(($(date +%s) - begin))" "$last" >&2
        sleep 1
    done
    printf '\r\033[K' >&2
else
    echo "$label ..." >&2
fi
wait "$work"
status=$?
if [ "$status" != 0 ]; then
    cat "$log" >&2
    echo "$label: failed after $(($(date +%s) - begin)) s" >&2
    exit "$status"
fi
echo "$label: done in $(($(date +%s) - begin)) s" >&2
