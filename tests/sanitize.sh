#!/usr/bin/env bash
# The native tests and a generation, with the addon under AddressSanitizer and UndefinedBehaviorSanitizer: in a copy, so that the build here stays.
# Leaks are not looked for: V8 frees nothing at exit. Needs g++ and a built dist/.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# With their times: the bundle of the threads is told from an old one by them.
cp -rp package.json tsconfig.json vitest.config.ts dist native-bridge tests "$work"
mkdir "$work/weights"
cp -rp weights/tales "$work/weights"
rm -rf "$work/native-bridge/build" "$work/native-bridge/prebuilds"
ln -s "$PWD/node_modules" "$work/node_modules"
cd "$work"

compiler="g++ -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
CXX="$compiler" node native-bridge/build.mjs
test -f native-bridge/build/flashrow.node

export LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
# Sanitizers see nothing of the twin in TypeScript.
export FLASHROW_NATIVE_ALONE=1
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
node_modules/.bin/vitest run tests/native-bridge "$@"
for memory in 5.6MB 16MB; do
  node dist/src/cli/main.js run weights/tales --prompt 'Once upon a time' --max-tokens 40 --memory "$memory" --context 256
done
