#!/usr/bin/env bash
# Installs the packed package with each package manager into an empty folder, and runs the shipped model from there.
# Prints a table in Markdown: exit code, seconds, MB of node_modules (what its files hold), the kernels that run, and what was warned of.
# Needs the npm registry.
#
#   tests/package-managers.sh [TARBALL]        without one the package is packed first
set -uo pipefail
cd "$(dirname "$0")/.."
model=$PWD/weights/tales
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tarball=${1:-}
if [ -z "$tarball" ]; then tarball=$work/$(npm pack --silent --pack-destination "$work" | tail -1); fi
tarball=$(realpath "$tarball")

echo '| manager | exit | s | MB | kernels | warned |'
echo '|---|---|---|---|---|---|'
install() { # name, command
  local folder=$work/$1 began ended status size kernels warned
  mkdir "$folder"
  cd "$folder" || exit
  echo '{ "name": "app", "version": "1.0.0", "private": true }' >package.json
  if [ "$1" = yarn4 ]; then
    printf 'nodeLinker: node-modules\nenableTelemetry: false\n' >.yarnrc.yml
    touch yarn.lock
  fi
  began=$(date +%s)
  npx --yes $2 >log.txt 2>&1
  status=$?
  ended=$(date +%s)
  size=$(du -sm --apparent-size node_modules 2>/dev/null | cut -f1)
  warned=$(grep -iE 'warn|error|ignored|blocked' log.txt | head -3 | tr '\n|' '; ')
  kernels=$(node node_modules/flashrow/dist/src/cli/main.js run "$model" --memory 8MB \
    --context 64 --prompt Once --max-tokens 4 --json 2>/dev/null | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).receipt.kernels' 2>/dev/null)
  echo "| $1 | $status | $((ended - began)) | ${size:-0} | ${kernels:-none} | ${warned:-nothing} |"
}
install npm10 "npm@10 install $tarball"
install npm11 "npm@11 install $tarball"
install npm12 "npm@12 install $tarball"
install pnpm10 "pnpm@10 add $tarball"
install pnpm12 "pnpm@12 add $tarball"
install yarn1 "yarn@1.22.22 add file:$tarball"
install yarn4 "@yarnpkg/cli-dist@4 add flashrow@file:$tarball"
install bun "bun@1.4 add $tarball"
