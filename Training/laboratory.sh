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
laboratory() {
    run laboratory --verifier "$verifier" --corpus "$work/corpus.npz" --cache "$work/states" --engine "$engine" \
        --out "$work" "$@"
}
# Two processes of one thread each are quicker than one of two.
laboratory "$@" --export --threads 1 --share 1/2 &
first=$!
laboratory "$@" --export --threads 1 --share 2/2 || { kill $first; exit 1; }
wait $first
laboratory "$@" --engine-only  # Nothing runs beside it.
echo "$work: laboratory.json, tables.md, bound.svg, quality.svg, passes.svg; see Training/LABORATORY.md"
