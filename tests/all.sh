#!/usr/bin/env bash
# Every gate, in order. The first that fails ends the run with its name; a table of seconds and of the most memory held
# closes it either way. What cannot be checked on this machine stands there as skipped, never as ok.
# Needs a Rust toolchain with rustup's cargo; installs by name whatever else is missing (Debian packages, cargo tools, one npm package).
#
#   tests/all.sh              everything
#   tests/all.sh fmt clippy   only these stages
#   tests/all.sh --list       their names
#
# What it measured is left as JSON too, for `townkeeper scorecard --ci`: in $TOWNKEEPER_CI_FILE, else in ci.json beside
# the build's results.
set -euo pipefail
cd "$(dirname "$0")/.."

NEXTEST=0.9.143
DENY=0.20.2
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

# --- the stages ---

stage_tools() {
    local missing=()
    command -v cc >/dev/null || missing+=(build-essential)
    command -v chromium >/dev/null || missing+=(chromium)
    command -v chromedriver >/dev/null || missing+=(chromium-driver)
    command -v strace >/dev/null || missing+=(strace)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
    packages "${missing[@]}"
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
    cargo nextest --version >/dev/null 2>&1 || tool cargo-nextest "$NEXTEST"
}

stage_fmt() { cargo fmt --all --check; }

stage_clippy() { cargo clippy -q --workspace --all-targets --features faults,bench -- -D warnings; }

# The golden path, the kills and the browser are among these. `faults` compiles the places at which a test may kill.
stage_tests() {
    cargo nextest run --workspace --features faults --no-fail-fast --cargo-quiet \
        --status-level fail --final-status-level slow --show-progress none 2>&1 | tee "$SCRATCH/tests"
}

# What strangers write, against what reads it: every test called `fuzz_…` in any crate, each so long.
stage_fuzz() {
    TOWNKEEPER_FUZZ_SECONDS="${TOWNKEEPER_FUZZ_SECONDS:-60}" cargo nextest run --workspace --features faults \
        -E 'test(/(^|::)fuzz_/)' --no-fail-fast --cargo-quiet --status-level fail --final-status-level slow --show-progress none
}

# The Telegram adapter against a Bot API that others wrote.
stage_foreign() {
    local code=0
    tests/foreign_telegram.sh || code=$?
    [ "$code" -eq 77 ] || return "$code"
    skip "telegram-test-api cannot be had from npm here: the Telegram adapter meets our own fake alone"
}

# What was just built, on a machine that has nothing else.
stage_bare() {
    local code=0
    tests/bare.sh "${CARGO_TARGET_DIR:-target}/debug/townkeeper" | tee "$SCRATCH/bare" || code=$?
    NOTE="$(sed -n 's/^ok: //p' "$SCRATCH/bare")"
    [ "$code" -eq 77 ] || return "$code"
    skip "a bare machine needs root, for chroot"
}

# A hundred power cuts; tests/power.sh makes a thousand.
stage_power() {
    local code=0
    TOWNKEEPER_CUTS="${TOWNKEEPER_CUTS:-100}" tests/power.sh || code=$?
    [ "$code" -eq 77 ] || return "$code"
    skip "no process can be traced here: power cuts are not simulated"
}

# By itself, a crate must ask for every feature it uses: in the workspace, another may have asked for it.
stage_alone() {
    local manifest
    for manifest in adapters/*/Cargo.toml src/providers/Cargo.toml src/client/Cargo.toml; do
        cargo check -q -p "$(sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -n 1)"
    done
}

stage_lean() { cargo check -q -p townkeeper --no-default-features; }

# The Matrix SDK is half of a build, so it is a feature of its own; here its pins are proven to agree with ours.
stage_matrix() { cargo check -q -p townkeeper --features matrix; }

# With private items: the readers are those who work on it, and every link in a comment is to lead somewhere.
stage_docs() {
    RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" \
        cargo doc -q --workspace --no-deps --features faults,bench --document-private-items
}

stage_deny() {
    if ! cargo deny --version >/dev/null 2>&1 && ! tool cargo-deny "$DENY"; then
        skip "cargo-deny cannot be installed here: licences, bans, sources and advisories are not checked"
        return
    fi
    cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
    # Never fetched from here: a gate that depends on another's server fails for reasons that are not ours.
    if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/.git" >/dev/null; then
        cargo deny --offline --log-level error check --hide-inclusion-graph advisories
    else
        skip "advisories: no database on this machine (\`cargo deny fetch db\` brings it); licences, bans and sources are ok"
    fi
}

STAGES=(tools fmt clippy tests fuzz foreign bare power alone lean matrix docs deny)

# --- what they stand on ---

# Debian packages, by name.
packages() {
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "please install (Debian's names): $*"
        return 1
    fi
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo -n)
    echo "installing: $*"
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# A cargo subcommand, built beside the workspace's own results, so that neither rebuilds the other.
tool() {
    echo "installing: $1 $2 (takes some minutes, once)"
    CARGO_TARGET_DIR="$SCRATCH/tool" cargo install -q --locked "$1" --version "$2"
}

now() { date +%s; }

# The most memory that all processes of this session held together, in MiB, by looking once a second.
watch_memory() {
    local peak=0 held session
    session="$(ps -o sid= -p $$ | tr -d ' ')"
    while sleep 1; do
        held="$(ps -e -o sid=,rss= | awk -v s="$session" '$1 == s { sum += $2 } END { print int(sum / 1024) }')"
        [ "$held" -le "$peak" ] || { peak="$held" && echo "$peak" >"$SCRATCH/memory"; }
    done
}

# Begins, and ends, watching a stage.
watch() {
    echo 0 >"$SCRATCH/memory"
    watch_memory &
    WATCHER=$!
}
unwatch() {
    [ -z "$WATCHER" ] || { kill "$WATCHER" && wait "$WATCHER"; } 2>/dev/null || true
    WATCHER=""
    cat "$SCRATCH/memory"
}

# Says what this stage leaves unchecked, and why: its row then says so instead of ok.
skip() {
    echo "skipped: $1"
    SKIPPED="$1"
}

# Keeps a stage's figures: its name, what came of it, seconds, MiB and a note. No memory was seen of what ends in a second.
keep() {
    local peak="$4" note
    [ "$peak" -gt 0 ] || peak=null
    note="$(printf '%s' "$5" | sed 's/[\\"]/\\&/g' | tr -d '[:cntrl:]')"
    MEASURED+=("$(printf '{"stage":"%s","result":"%s","seconds":%s,"peak_mib":%s,"note":"%s"}' "$1" "$2" "$3" "$peak" "$note")")
}

# Leaves all of them for the scorecard.
leave() {
    local file="${TOWNKEEPER_CI_FILE:-${CARGO_TARGET_DIR:-target}/ci.json}" commit IFS=,
    commit="$(git rev-parse --short HEAD 2>/dev/null || true)"
    mkdir -p "$(dirname "$file")"
    printf '{"commit":"%s","began":%s,"stages":[%s]}\n' "$commit" "$STARTED" "${MEASURED[*]}" >"$file"
}

TABLE=()
MEASURED=()
STARTED="$(now)"
NOTE=""
SKIPPED=""
CURRENT=""
BEGAN=0
WATCHER=""

report() {
    local code=$?
    if [ -n "$CURRENT" ]; then
        unwatch >"$SCRATCH/peak"
        keep "$CURRENT" failed $(($(now) - BEGAN)) "$(cat "$SCRATCH/peak")" ""
        TABLE+=("$(printf '%-8s %5ss %6s MiB  FAILED' "$CURRENT" $(($(now) - BEGAN)) "$(cat "$SCRATCH/peak")")")
    fi
    leave || echo "the figures of this run could not be kept" >&2
    echo
    [ ${#TABLE[@]} -eq 0 ] || printf '%s\n' "${TABLE[@]}"
    # The runner's own last word, where everybody looks.
    if [ -f "$SCRATCH/tests" ]; then grep -aE 'Summary \[' "$SCRATCH/tests" | tail -n 1 || true; fi
    [ -z "$CURRENT" ] || echo "failed: $CURRENT"
    rm -rf "$SCRATCH"
    exit "$code"
}

main() {
    if [ "${1:-}" = --list ]; then
        printf '%s\n' "${STAGES[@]}"
        return
    fi
    [ $# -gt 0 ] || set -- "${STAGES[@]}"
    local stage
    for stage in "$@"; do
        if ! declare -F "stage_$stage" >/dev/null; then
            echo "no such stage: $stage; there are: ${STAGES[*]}" >&2
            exit 2
        fi
    done
    SCRATCH="$(mktemp -d)"
    trap report EXIT
    for stage in "$@"; do
        echo "== $stage"
        CURRENT="$stage"
        BEGAN="$(now)"
        SKIPPED=""
        NOTE=""
        watch
        "stage_$stage"
        unwatch >"$SCRATCH/peak"
        if [ -n "$SKIPPED" ]; then
            keep "$stage" skipped $(($(now) - BEGAN)) "$(cat "$SCRATCH/peak")" "$SKIPPED"
        else
            keep "$stage" ok $(($(now) - BEGAN)) "$(cat "$SCRATCH/peak")" "$NOTE"
        fi
        TABLE+=("$(printf '%-8s %5ss %6s MiB  %s' "$stage" $(($(now) - BEGAN)) "$(cat "$SCRATCH/peak")" \
            "${SKIPPED:+skipped: }${SKIPPED:-ok}")")
        CURRENT=""
    done
}

main "$@"
