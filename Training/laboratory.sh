#!/bin/sh
# The diffusion laboratory at a small size: the verifier answers, every process is trained alike and measured.
#   laboratory.sh VERIFIER PROMPTS FOLDER [more arguments of `laboratory`]
# Every step continues where it was interrupted.
set -eu

[ $# -ge 3 ] || { echo "usage: laboratory.sh VERIFIER PROMPTS FOLDER [laboratory's arguments]" >&2; exit 64; }
verifier=$1 prompts=$2 work=$3
shift 3
cd "$(dirname "$0")"
root=$(cd .. && pwd)
case $prompts in /*) ;; *) prompts=$root/$prompts ;; esac
case $work in /*) ;; *) work=$root/$work ;; esac
engine=$root/.build/release/speculate
run() { .venv/bin/python -m speculate_training "$@"; }

[ -e "$work/corpus.npz" ] || run respond --verifier "$verifier" --prompts "$prompts" --out "$work" --engine "$engine" \
    --count 700 --own 300 --max-tokens 96 --cache "$work/states"
set -- laboratory --verifier "$verifier" --corpus "$work/corpus.npz" --cache "$work/states" --engine "$engine" \
    --out "$work" "$@"
first='' second=''
trap 'kill $first $second 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Two processes of one thread each are quicker than one of two.
.venv/bin/python -m speculate_training "$@" --export --threads 1 --share 1/2 &
first=$!
.venv/bin/python -m speculate_training "$@" --export --threads 1 --share 2/2 &
second=$!
wait $second
second=
wait $first
first=
run "$@" --engine-only  # Nothing runs beside it.
echo "$work: laboratory.json, TABLES.md and pictures"
