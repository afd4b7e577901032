import { createRequire } from 'node:module';

const { symbols } = createRequire(import.meta.url)('node-api-headers');
const NODE_API = 9;

/**
 * A C++ source for Windows that finds the functions of Node-API when the addon is loaded: in the running program,
 * whatever its name is (node.exe, electron.exe, a single executable), or in a library that it has loaded. A list of
 * imports, as the linker writes it, would ask for node.exe alone. A call of such a function reads the variable
 * `__imp_NAME`.
 */
export function nodeImports() {
  const { js_native_api_symbols, node_api_symbols } = symbols[`v${NODE_API}`];
  const names = [...js_native_api_symbols, ...node_api_symbols].sort();
  return `#include <windows.h>

extern "C" {
${names.map((name) => `FARPROC __imp_${name};`).join('\n')}
}

namespace {

struct Import {
  const char* name;
  FARPROC* at;
};

const Import kImports[] = {
${names.map((name) => `  {"${name}", &__imp_${name}},`).join('\n')}
};

__attribute__((constructor)) void findImports() {
  const HMODULE places[] = {GetModuleHandleW(nullptr), GetModuleHandleW(L"node.dll"), GetModuleHandleW(L"libnode.dll")};
  for (const Import& import : kImports) {
    for (const HMODULE place : places) {
      if (*import.at == nullptr && place != nullptr) *import.at = GetProcAddress(place, import.name);
    }
  }
}

}  // namespace
`;
}
