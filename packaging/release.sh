#!/bin/sh
# Plays a demo and keeps what its terminal and its hall wrote, for the test that opens it with every later version.
# No key goes along: neither the terminal's for its certificate nor the hall's.
set -eu
cd "$(dirname "$0")/.."
to=cmd/testdata/releases/$1
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
out/tool/demo --desk "$desk" --out "$desk/demo"
mkdir -p "$to"
sqlite3 "$desk/terminal/journal.db" "VACUUM INTO '$desk/journal.db'"
sqlite3 "$desk/journal.db" "DELETE FROM kept WHERE name NOT IN ('terminal', 'epoch', 'cursor'); VACUUM"
sqlite3 "$desk/hall/hall.db" "VACUUM INTO '$desk/hall.db'"
sqlite3 "$desk/hall.db" "DELETE FROM meta WHERE key = 'console token'; VACUUM"
for f in journal.db hall.db; do gzip -9nc "$desk/$f" >"$to/$f.gz"; done
gzip -9nc "$desk/terminal/twin.jsonl" >"$to/twin.jsonl.gz"
jq .terminal "$desk/demo/ledger.json" >"$to/terminal.json"
jq .hall "$desk/demo/ledger.json" >"$to/hall.json"
ls -l "$to"
