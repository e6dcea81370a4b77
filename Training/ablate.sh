#!/bin/sh
# One part of the recipe changed at a time, each trained alike and briefly, then measured on held-out prompts: the table
# "One thing changed at a time" of RESULTS.md. Continues where it was interrupted.
set -eu

verifier=$1
corpus=$2
work=$3
steps=${4:-150}
cd "$(dirname "$0")"
root=$(cd .. && pwd)
mkdir -p "$work"

ablate() {
    name=$1
    shift
    out=$work/$name
    [ -e "$out/evaluation/evaluation.json" ] && return
    .venv/bin/python -m speculate_training train --verifier "$verifier" --corpus "$corpus" --out "$out" \
        --stages N:0.4,B:0.6 --steps "$steps" --save-every 9999 "$@" >"$work/$name.log" 2>&1
    mkdir -p "$out/evaluation"
    cp "$work"/answers/* "$out/evaluation/" 2>/dev/null || true  # The verifier's answers are the same for all.
    .venv/bin/python -m speculate_training export --verifier "$verifier" --drafter "$out/checkpoint.pt" \
        --out "$out/drafter.gguf" >>"$work/$name.log" 2>&1
    .venv/bin/python -m speculate_training evaluate --verifier "$verifier" --drafter "$out/drafter.gguf" \
        --prompts "$root/Tests/Fixtures/prompts.jsonl" --out "$out/evaluation" \
        --engine "$root/.build/release/speculate" --temperatures 0,1 --passes 1 >>"$work/$name.log"
    mkdir -p "$work/answers"
    cp -n "$out"/evaluation/held-out-* "$work/answers/"
    printf '%s: ' "$name"
    tail -2 "$work/$name.log" | tr '\n' ' '
    echo
}

ablate base --cache "$work/states"
ablate layers-1 --layers 1 --cache "$work/states"
ablate layers-3 --layers 3 --cache "$work/states"
ablate vocabulary-16384 --vocabulary 16384 --cache "$work/states"
ablate no-markov --rank 0 --cache "$work/states"
ablate kl --mix kl=1 --cache "$work/states"
ablate tv --mix kl=0,tv=1 --cache "$work/states"
ablate anchors-24 --anchors 24 --cache "$work/states"
ablate random-start --no-start --cache "$work/states"
ablate taps-3 --taps 1,15,29 --cache "$work/states-3"
