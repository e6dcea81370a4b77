#!/bin/sh
# Answers, training, export and evaluation on one GPU, one after another, within MINUTES (25) in all; nothing is fetched.
#   gpu.sh VERIFIER PROMPTS HELD-OUT FOLDER [more arguments of `train`, as --weights Models/….drafter.gguf]
# SIZE=tiny does the same with a few prompts in two minutes, to see on a CPU that it works.
set -eu

[ $# -ge 4 ] || { echo "usage: gpu.sh VERIFIER PROMPTS HELD-OUT FOLDER [train's arguments]" >&2; exit 64; }
verifier=$1 prompts=$2 held_out=$3 work=$4
shift 4
for file in "$verifier" "$prompts" "$held_out"; do
    [ -e "$file" ] || { echo "gpu.sh: there is no file $file" >&2; exit 66; }
done
python=${PYTHON:-$(dirname "$0")/.venv/bin/python}
run() { "$python" -m speculate_training "$@"; }
case ${SIZE:-full} in
full) minutes=${MINUTES:-25} count=200000 answer=160 tokens="--tokens 32768 --updates 4" tested=1000 ;;
tiny) minutes=${MINUTES:-2} count=24 answer=24 tokens="--tokens 512" tested=6 ;;
*) echo "gpu.sh: SIZE is ${SIZE}, expected full or tiny" >&2; exit 64 ;;
esac

# The shares of the time: 35 % for answers, up to 83 % for training, the rest for the file and its evaluation.
began=$(date +%s)
at() { echo $((began + minutes * 60 * $1 / 100)); }
left() { now=$(date +%s); [ "$now" -lt "$(at "$1")" ] && echo $(($(at "$1") - now)) || echo 1; }

[ -e "$work/corpus.npz" ] || run respond --verifier "$verifier" --prompts "$prompts" --out "$work" --count $count \
    --own 0 --max-tokens $answer --seconds "$(left 35)"

# Started again, it goes on with the time that it had at first.
[ -e "$work/seconds" ] || left 83 >"$work/seconds"
# shellcheck disable=SC2086 # The sizes are several words.
run train --verifier "$verifier" --corpus "$work/corpus.npz" --out "$work/run" --save-every 60 $tokens \
    --seconds "$(cat "$work/seconds")" "$@"

run export --verifier "$verifier" --drafter "$work/run/checkpoint.pt" --out "$work/drafter.gguf"
run compare --verifier "$verifier" --drafters "$work/drafter.gguf" --prompts "$held_out" --out "$work/evaluation" \
    --count $tested --max-tokens $((answer < 128 ? answer : 128)) --passes 1,2,4
echo "$work/drafter.gguf after $(($(date +%s) - began)) seconds"
