#!/usr/bin/env bash
# `kill -9` 1,000 times, at random and at every fault point, on the web, Telegram and Discord; then what came of it, as a
# table for docs/numbers.md. Ends with the tests' own exit code.
#
#   tests/kill.sh                            1,000 kills, a new seed
#   TOWNKEEPER_KILLS=100 tests/kill.sh       fewer
#   TOWNKEEPER_SEED=7 tests/kill.sh          the plan of that seed again
set -euo pipefail
cd "$(dirname "$0")/.."

export TOWNKEEPER_KILLS="${TOWNKEEPER_KILLS:-1000}"
export TOWNKEEPER_SEED="${TOWNKEEPER_SEED:-$((RANDOM * 32768 + RANDOM))}"

LOG="$(mktemp)"

table() {
    echo
    echo "TOWNKEEPER_KILLS=$TOWNKEEPER_KILLS TOWNKEEPER_SEED=$TOWNKEEPER_SEED tests/kill.sh"
    echo
    echo "| test | kills | web requests | streams resumed | Telegram updates | Discord events | accepted | lost | doubled | other breaches | unknown | of these seen |"
    echo "|---|---|---|---|---|---|---|---|---|---|---|---|"
    grep -a 'kills|' "$LOG" | sed 's/.*kills|/|/' | sort -u | awk -F ' *[|] *' '
        { print; for (i = 3; i <= 13; i++) sum[i] += $i }
        END { printf "| **all** |"; for (i = 3; i <= 13; i++) printf " **%d** |", sum[i]; print "" }'
}

trap 'table; rm -f "$LOG"' EXIT
cargo nextest run -p townkeeper --features faults --test golden --no-fail-fast --cargo-quiet \
    --success-output final --failure-output final --status-level fail --show-progress none kill:: 2>&1 |
    tee "$LOG" | grep -a --line-buffered -v '^ *$' | grep -a --line-buffered -v 'taken up too often'
