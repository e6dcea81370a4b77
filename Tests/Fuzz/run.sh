#!/bin/sh
# Fuzzes the loading of verifiers and drafters, and completion with what loads, for so many minutes on all cores. What it
# finds goes to .build/fuzz/findings, and makes the exit status 1; what it learns, to .build/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
minutes=${1:-5}
scratch=.build/fuzz
findings=$scratch/findings
log=$scratch/log.txt

# Instruments Swift and C for libFuzzer, and for memory errors both, for undefined behaviour C alone.
undefined=bounds,shift,signed-integer-overflow,integer-divide-by-zero,null,return,unreachable,bool,float-cast-overflow
swift build -c release --product Fuzz --scratch-path $scratch --sanitize=address \
    -Xswiftc -sanitize=fuzzer -Xswiftc -DFUZZING -Xswiftc -use-ld=lld \
    -Xcc -fsanitize-coverage=inline-8bit-counters,pc-table -Xcc -fsanitize=$undefined -Xcc -fno-sanitize-recover=$undefined

rm -rf $findings
mkdir -p $scratch/corpus $findings
FUZZ_FOLDER=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/fuzz.XXXXXX")
trap 'rm -rf "$FUZZ_FOLDER"' EXIT INT TERM
export FUZZ_FOLDER SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0

# A trial takes milliseconds: 2 s is a hang, and 1 GB more than any of them needs.
started=$(date +%s)
$scratch/release/Fuzz $scratch/corpus Tests/Fuzz/Corpus -fork="$(getconf _NPROCESSORS_ONLN)" \
    -max_total_time="$(awk "BEGIN { print int($minutes * 60) }")" -max_len=80 -len_control=0 -timeout=2 -rss_limit_mb=1500 \
    -detect_leaks=0 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -artifact_prefix=$findings/ >$log 2>&1 || true
seconds=$(($(date +%s) - started))

tried=$(sed -n 's/^#\([0-9]*\): cov.*/\1/p' $log | tail -n 1)
found=$(find $findings -type f | wc -l)
echo "fuzz: ${tried:-0} trials in $seconds s, $((${tried:-0} / (seconds > 0 ? seconds : 1))) a second; $found findings"
[ "$found" = 0 ] || {
    echo "fuzz: they are in $findings; 'swift run Fuzz FILE' tries one again"
    exit 1
}
[ "${tried:-0}" -gt 0 ] || { tail -n 20 $log && exit 1; }
