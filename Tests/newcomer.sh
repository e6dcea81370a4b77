#!/usr/bin/env bash
# What a newcomer does: every command that the README shows, taken from it and run, with what it prints looked at. Run it
# in a fresh clone; it installs to a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
export PATH=$work/prefix/bin:$PATH

# The lines of the README's shell blocks, less their comments, one per line.
mapfile -t commands < <(awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on && NF' README.md | sed 's/  *#.*$//')
model=$(Models/fetch.sh)
cp "$model" "$work/MODEL.gguf"
printf '{"prompt": "Name a fruit."}\n{"prompt": "Name a bird."}\n' >"$work/PROMPTS.jsonl"
echo secret >"$work/KEYS"

fail() {
    echo "newcomer: $1" >&2
    [ ! -e "$work/out" ] || cat "$work/out" >&2
    exit 1
}

# expect TEXT: what the last command printed has it.
expect() { grep -qE -- "$1" "$work/out" || fail "'$command' does not say '$1'"; }

run() { (cd "$1" && shift && bash -c "$1") >"$work/out" 2>&1 </dev/null || fail "'$command' failed"; }

seen=0
for command in "${commands[@]}"; do
    echo "$command"
    seen=$((seen + 1))
    case $command in
    "make demo") run . "$command" && expect 'times as fast' && expect 'Next:' ;;
    "make install"*)
        run . "make install PREFIX=$work/prefix" && expect 'share/man/man1/speculate.1'
        [ -x "$work/prefix/bin/speculate" ] || fail "nothing is installed"
        ;;
    "speculate chat")
        printf 'My name is Ada.\n/system Be brief.\n/exit\n' | (cd "$work" && speculate chat) >"$work/out" 2>&1 || fail "'$command' failed"
        expect 'Ada' && expect 'the system message is changed'
        ;;
    "speculate serve")
        (cd "$work" && exec speculate serve) >"$work/serve.out" 2>&1 &
        server=$!
        for _ in $(seq 100); do curl -sf http://localhost:8080/health >"$work/out" && break || sleep 0.2; done
        expect '"ok"'
        curl -sf http://localhost:8080/ >"$work/out" && expect '<title>Speculate</title>'
        ;;
    "curl "*) run "$work" "$command" && expect '"role":"assistant"' ;;
    "speculate serve --port"*)
        kill "$server" && wait "$server" || fail "the service did not end well"
        (cd "$work" && exec $command) >"$work/serve.out" 2>&1 &
        server=$!
        for _ in $(seq 100); do curl -sf http://localhost:8080/health >"$work/out" && break || sleep 0.2; done
        curl -s http://localhost:8080/v1/models >"$work/out" && expect 'no API key'
        curl -s -H 'Authorization: Bearer secret' http://localhost:8080/v1/models >"$work/out" && expect 'max_model_len'
        kill "$server" && wait "$server" || fail "the service did not end well"
        # The request after it is shown without a key.
        (cd "$work" && exec speculate serve) >"$work/serve.out" 2>&1 &
        server=$!
        for _ in $(seq 100); do curl -sf http://localhost:8080/health >"$work/out" && break || sleep 0.2; done
        ;;
    "speculate draft"*) run "$work" "$command" && expect 'pass 2' && expect 'accepted' ;;
    "speculate inspect"*) run "$work" "$command" && expect 'temperature 0.2' ;;
    "speculate import"*)
        PYTHONPATH=Tests/Server python3 -c "import pathlib, sys, import_folders; import_folders.build('tiny-qwen3', pathlib.Path(sys.argv[1]))" "$work"
        mv "$work/tiny-qwen3" "$work/FOLDER"
        run "$work" "$command" && expect 'FOLDER-Q8_0\.gguf'
        ;;
    "speculate bench"*) run "$work" "$command" && expect 'adaptive' && expect 'tokens/s' ;;
    "speculate batch"*)
        run "$work" "$command"
        [ "$(grep -c '"text"' "$work/ANSWERS.jsonl")" = 2 ] || fail "'$command' has not answered both"
        ;;
    "speculate "*"Photosynthesis"*) run "$work" "$command" && expect 'energy needed to sustain life\.' ;;
    "speculate "*"black hole"*) run "$work" "$command" && expect 'including light and matter, can escape\.' ;;
    "speculate "*"lighthouse"*) run "$work" "$command" && expect 'unyielding pursuit of the unknown\.' ;;
    "speculate "*) run "$work" "$command" && expect 'tokens/s, ended by' ;;
    *) fail "'$command' is not known to this script" ;;
    esac
done
[ "$seen" -ge 12 ] || fail "only $seen commands were found"

# The library's lines, in a package as a user makes one.
command="the README"
cp README.md "$work/out"
expect '\.product\(name: "Speculate", package: "speculate"\)'
mkdir -p "$work/package/Sources/App"
cat >"$work/package/Package.swift" <<PACKAGE
// swift-tools-version: 6.2
import PackageDescription
let package = Package(
    name: "App", platforms: [.macOS(.v15)], dependencies: [.package(name: "speculate", path: "$PWD")],
    targets: [.executableTarget(name: "App", dependencies: [.product(name: "Speculate", package: "speculate")])])
PACKAGE
awk '/^```swift$/ { on = 1; next } /^```/ { on = 0 } on' README.md |
    sed "s|SmolLM2-135M-Instruct.Q4_1.gguf|$model|" >"$work/package/Sources/App/main.swift"
command="swift run App"
echo "$command"
run "$work/package" "swift run --scratch-path '$PWD/.build/newcomer' App" && expect ' the '
echo "newcomer: $seen commands and the library's lines do what the README says"
