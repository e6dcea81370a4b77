#!/bin/sh
# Answers, training, export and evaluation on one GPU, one after another, within MINUTES (25) in all; nothing is fetched.
#   gpu.sh VERIFIER PROMPTS HELD-OUT FOLDER [more arguments of `train`, as --weights Models/….drafter.gguf]
# SIZE=tiny does the same with a few prompts and steps, to see on a CPU that it works.
set -eu

[ $# -ge 4 ] || { echo "usage: gpu.sh VERIFIER PROMPTS HELD-OUT FOLDER [train's arguments]" >&2; exit 64; }
verifier=$1 prompts=$2 held_out=$3 work=$4
shift 4
for file in "$verifier" "$prompts" "$held_out"; do
    [ -e "$file" ] || { echo "gpu.sh: there is no file $file" >&2; exit 66; }
done
minutes=${MINUTES:-25}
python=${PYTHON:-$(dirname "$0")/.venv/bin/python}
run() { "$python" -m speculate_training "$@"; }
# The shares of the time: 35 % for answers, up to 85 % for training, the rest for the file and its evaluation.
began=$(date +%s)
at() { echo $((began + minutes * 60 * $1 / 100)); }
left() { now=$(date +%s); [ "$now" -lt "$(at "$1")" ] && echo $(($(at "$1") - now)) || echo 1; }

case ${SIZE:-full} in
full) count=200000 answer=160 tokens="--tokens 32768 --updates 4" probe=50 most=1000000 tested=1000 ;;
tiny) count=24 answer=24 tokens="--tokens 512" probe=4 most=8 tested=6 ;;
*) echo "gpu.sh: SIZE is ${SIZE}, expected full or tiny" >&2; exit 64 ;;
esac

[ -e "$work/corpus.npz" ] || run respond --verifier "$verifier" --prompts "$prompts" --out "$work" --count $count \
    --own 0 --max-tokens $answer --seconds "$(left 35)"

# A few steps say how many there is time for. Then the same run goes on, its schedule that long.
train() {
    # shellcheck disable=SC2086 # The sizes are several words.
    run train --verifier "$verifier" --corpus "$work/corpus.npz" --out "$work/run" --save-every 60 $tokens "$@"
}
[ -e "$work/steps" ] || {
    train --steps $most --stop-after $probe "$@"
    "$python" - "$work/run/train.csv" "$(left 83)" $most >"$work/steps" <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
first, last = rows[0 if len(rows) > 1 else -1], rows[-1]
steps, seconds = int(last["step"]), float(last["seconds"])
if len(rows) > 1:  # The first rows' steps also compile.
    steps, seconds = steps - int(first["step"]), seconds - float(first["seconds"])
print(max(int(last["step"]) + 1, min(int(sys.argv[3]), int(last["step"]) + int(float(sys.argv[2]) / seconds * steps))))
END
}
train --steps "$(cat "$work/steps")" "$@"

run export --verifier "$verifier" --drafter "$work/run/checkpoint.pt" --out "$work/drafter.gguf"
run compare --verifier "$verifier" --drafters "$work/drafter.gguf" --prompts "$held_out" --out "$work/evaluation" \
    --count $tested --max-tokens $((answer < 128 ? answer : 128)) --passes 1,2,4
echo "$work/drafter.gguf after $(($(date +%s) - began)) seconds"
