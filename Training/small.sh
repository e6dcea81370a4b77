#!/bin/sh
# The whole pipeline at a small size: the verifier answers, a drafter is trained, measured and exported.
# Every step continues where it was interrupted.
set -eu

verifier=$1
prompts=$2
work=$3
cd "$(dirname "$0")"
root=$(cd .. && pwd)
case $prompts in /*) ;; *) prompts=$root/$prompts ;; esac
case $work in /*) ;; *) work=$root/$work ;; esac
run() { .venv/bin/python -m speculate_training "$@"; }

[ -e "$work/corpus.npz" ] || run respond --verifier "$verifier" --prompts "$prompts" --out "$work" \
    --engine "$root/.build/release/speculate" --count 700 --own 300 --max-tokens 96 --cache "$work/states"
run train --verifier "$verifier" --corpus "$work/corpus.npz" --out "$work/run" --steps 100 --save-every 120 \
    --cache "$work/states"
run export --verifier "$verifier" --drafter "$work/run/checkpoint.pt" --out "$work/drafter.gguf"
run evaluate --verifier "$verifier" --drafter "$work/drafter.gguf" --prompts "$root/Tests/Fixtures/prompts.jsonl" \
    --out "$work/evaluation" --engine "$root/.build/release/speculate" --count 40 --temperatures 0 --passes 1,2
tau=$(.venv/bin/python -c 'import json, sys; print("%.2f" % max(json.load(open(sys.argv[1]))["T=0 n=1"]["all"]["tau"]))' \
    "$work/evaluation/evaluation.json")
echo "$work/drafter.gguf: τ $tau (1.0 is plain decoding; the included drafter has 2.11 on these prompts). Try it with speculate --drafter"
