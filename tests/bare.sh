#!/usr/bin/env bash
# Install success on a bare machine: a root folder that holds the binary, the libraries it is linked with, and nothing
# else (or a fresh Debian, where debootstrap is installed). In there: init, serve, the first answer, a backup and its
# restore. Prints the seconds from nothing to the first answer. Needs root, for chroot.
#
#   tests/bare.sh                 builds the release first
#   tests/bare.sh PATH/townkeeper that binary
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: chroot needs root" >&2
    exit 77
fi
BINARY="${1:-}"
if [ -z "$BINARY" ]; then
    cargo build -q --release
    BINARY="${CARGO_TARGET_DIR:-target}/release/townkeeper"
fi

ROOT="$(mktemp -d)"
CHROOT="$(PATH="$PATH:/usr/sbin" command -v chroot)"
PID=""
finish() {
    [ -z "$PID" ] || kill "$PID" 2>/dev/null || true
    [ -z "$PID" ] || wait "$PID" 2>/dev/null || true
    rm -rf "$ROOT"
}
trap finish EXIT

if command -v debootstrap >/dev/null && [ -n "${TOWNKEEPER_MIRROR:-}" ]; then
    echo "a fresh Debian from $TOWNKEEPER_MIRROR"
    debootstrap --variant=minbase stable "$ROOT" "$TOWNKEEPER_MIRROR" >/dev/null
else
    echo "an empty root: the binary and its libraries"
    ldd "$BINARY" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$ROOT$(dirname "$library")"
        cp -L "$library" "$ROOT$library"
    done
fi
mkdir -p "$ROOT/bin" "$ROOT/tmp" "$ROOT/home" "$ROOT/dev"
cp "$BINARY" "$ROOT/bin/townkeeper"

inside() { env -i HOME=/home TOWNKEEPER_DATA=/home/data "$CHROOT" "$ROOT" "$@"; }

BEGAN="$(date +%s%N)"
inside /bin/townkeeper init --yes --dir /home/town --provider ollama
inside /bin/townkeeper --config /home/town/townkeeper.toml config show >/dev/null
# Entries are named as from the town's folder; an empty root has no shell to change into it.
sed -i 's|folder = "answers"|folder = "/home/town/answers"|' "$ROOT/home/town/townkeeper.toml"
env -i HOME=/home TOWNKEEPER_DATA=/home/data "$CHROOT" "$ROOT" /bin/townkeeper \
    --config /home/town/townkeeper.toml serve --listen 127.0.0.1:0 >"$ROOT/out" 2>"$ROOT/log" &
PID=$!
for _ in $(seq 100); do
    [ -f "$ROOT/home/data/daemon.url" ] && inside /bin/townkeeper health >/dev/null 2>&1 && break
    sleep 0.1
done
inside /bin/townkeeper ask "how do I migrate from a hardware wallet?" | grep -q "Source: " ||
    { echo "FAILED: no answer"; cat "$ROOT/log"; exit 1; }
ENDED="$(date +%s%N)"
inside /bin/townkeeper --config /home/town/townkeeper.toml doctor --offline
inside /bin/townkeeper --config /home/town/townkeeper.toml backup --to /home/town.backup --plaintext
inside /bin/townkeeper --data /home/again restore /home/town.backup --verify
echo "ok: first answer $(((ENDED - BEGAN) / 1000000)) ms after nothing"
