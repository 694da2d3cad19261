#!/usr/bin/env bash
# The Telegram adapter against a Bot API that others wrote: the npm package telegram-test-api, in a folder of its own that
# goes when it ends. It listens on the loopback alone. Ends with 77 where there is no node, no npm, or no way to the registry.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=4.2.1
FOLDER="$(mktemp -d)"
SERVER=""
finish() {
    local code=$?
    [ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER"; } 2>/dev/null || true
    rm -rf "$FOLDER"
    exit "$code"
}
trap finish EXIT

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "no node or no npm here"
    exit 77
fi
if ! (cd "$FOLDER" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error "telegram-test-api@$VERSION" >npm.log 2>&1); then
    tail -n 5 "$FOLDER/npm.log"
    exit 77
fi

# Port 0 is no setting of theirs (it means 9000), so it is put in behind their back.
cat >"$FOLDER/server.js" <<'JS'
const TelegramServer = require('telegram-test-api');
const server = new TelegramServer({ host: '127.0.0.1' });
server.config.port = 0;
server.start().then(() => console.log(`http://127.0.0.1:${server.server.address().port}`));
JS
(cd "$FOLDER" && exec node server.js >address) &
SERVER=$!
for _ in $(seq 100); do
    [ ! -s "$FOLDER/address" ] || break
    kill -0 "$SERVER" # it may have died
    sleep 0.1
done
FOREIGN_TELEGRAM="$(cat "$FOLDER/address")"
export FOREIGN_TELEGRAM
echo "telegram-test-api $VERSION at $FOREIGN_TELEGRAM"
cargo nextest run -p townkeeper-telegram --run-ignored only --cargo-quiet --show-progress none -E 'test(server_of_others)'
