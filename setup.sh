#!/bin/sh
# Installs what a build needs and a fresh Debian machine lacks; with 'tests', what the tests need too. Does nothing where
# everything is there.
set -eu

command -v swift >/dev/null || {
    echo "setup: no 'swift' on the PATH; Speculate needs Swift 6.2 or later: https://www.swift.org/install" >&2
    exit 1
}
[ "$(uname -s)" = Linux ] || exit 0
cd "$(dirname "$0")"

missing=
python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3 python3-pip"
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
# The HTTP client unpacks with it.
[ -e /usr/include/zlib.h ] || missing="$missing zlib1g-dev"
# Drafters learn with it, and it is the reference that products are compared with.
pkg-config --exists openblas 2>/dev/null || [ -e /usr/include/cblas.h ] || ls /usr/include/*/cblas.h >/dev/null 2>&1 ||
    missing="$missing libopenblas-dev"
command -v pkg-config >/dev/null || missing="$missing pkg-config"
nginx=no
if [ "${1:-}" = tests ]; then
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || [ -x .build/nginx/usr/sbin/nginx ] || nginx=yes
fi
[ -n "$missing" ] || [ "$nginx" = yes ] || exit 0

if [ -n "$missing" ] && [ "$(id -u)" != 0 ]; then
    echo "setup: these packages are missing:$missing; as root, run: apt-get install$missing" >&2
    exit 1
fi
[ "$(id -u)" != 0 ] || apt-get update -qq >&2
if [ -n "$missing" ]; then
    echo "setup: installing$missing" >&2
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ "$nginx" = yes ]; then
    # Installed, it would become a service of this machine: its program alone, in a folder of the build.
    echo "setup: unpacking nginx to .build/nginx" >&2
    mkdir -p .build/nginx
    (cd .build/nginx && apt-get download -qq nginx >&2 && dpkg -x nginx_*.deb . && rm nginx_*.deb)
fi
