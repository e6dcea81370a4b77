#!/bin/sh
# install.sh PREFIX: the built program with its completions and its manual page.
set -eu
cd "$(dirname "$0")/.."
prefix=$1
program=.build/release/speculate
manual=.build/plugins/GenerateManual/outputs/CLI/speculate.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

place() {
    mkdir -p "$(dirname "$prefix/$2")"
    install -m "$3" "$1" "$prefix/$2"
    echo "$prefix/$2"
}

strip -o "$work/speculate" "$program"
for shell in bash zsh fish; do "$program" --generate-completion-script $shell >"$work/$shell"; done
place "$work/speculate" bin/speculate 755
place "$manual" share/man/man1/speculate.1 644
place "$work/bash" share/bash-completion/completions/speculate 644
place "$work/zsh" share/zsh/site-functions/_speculate 644
place "$work/fish" share/fish/vendor_completions.d/speculate.fish 644
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "$prefix/bin is not on the PATH; add it to call 'speculate' by its name" ;;
esac
