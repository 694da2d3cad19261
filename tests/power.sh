#!/usr/bin/env bash
# Simulated power cuts on SQLite: unsynced writes dropped, kept or torn by lot; acknowledged rows lost must be 0. Records
# one run under strace, cuts it 1,000 times. Ends with 77 where a process cannot be traced.
#
#   tests/power.sh
#   TOWNKEEPER_CUTS=100 TOWNKEEPER_SEED=7 tests/power.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if ! strace -o /dev/null true 2>/dev/null; then
    echo "skipped: strace is not installed, or may not trace here" >&2
    exit 77
fi
export TOWNKEEPER_CUTS="${TOWNKEEPER_CUTS:-1000}"
cargo test -q -p townkeeper-store --test power -- --ignored --exact --nocapture \
    nothing_acknowledged_is_lost_when_the_power_goes
