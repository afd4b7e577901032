/**
 * What the header of a shared library says, of Linux (ELF), macOS (Mach-O) or Windows (PE): `{ format, arch, needs }`,
 * with the libraries it needs, and what that system asks for besides. Formats: elf(5) and the System V ABI,
 * mach-o/loader.h of the Darwin sources, "PE Format" of Microsoft.
 */
export function inspectBinary(bytes) {
  if (bytes.readUInt32BE(0) === 0x7f454c46) return inspectElf(bytes);
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return inspectMachO(bytes);
  if (bytes.toString('latin1', 0, 2) === 'MZ') return inspectPe(bytes);
  throw new Error('neither ELF nor Mach-O nor PE');
}

function textAt(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}

const long = (bytes, at) => Number(bytes.readBigUInt64LE(at));

/** "2.9" before "2.17". */
const byVersion = (a, b) => a.localeCompare(b, 'en', { numeric: true });

function inspectElf(bytes) {
  const [table, size, count] = [long(bytes, 40), bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
  const sections = Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      at: long(bytes, at + 24),
      bytes: long(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    };
  });
  const [DYNAMIC, DYNSYM, VERNEED] = [6, 11, 0x6ffffffe].map((type) => sections.find((each) => each.type === type));
  const needs = [];
  for (let at = DYNAMIC.at; at < DYNAMIC.at + DYNAMIC.bytes; at += 16)
    if (long(bytes, at) === 1) needs.push(textAt(bytes, sections[DYNAMIC.link].at + long(bytes, at + 8)));
  const names = [];
  const [defined, undefinedNames] = [[], []];
  for (let at = DYNSYM.at + 24; at < DYNSYM.at + DYNSYM.bytes; at += 24)
    (bytes.readUInt16LE(at + 6) === 0 ? undefinedNames : defined).push(
      textAt(bytes, sections[DYNSYM.link].at + bytes.readUInt32LE(at)),
    );
  for (let i = 0, at = VERNEED?.at; i < (VERNEED?.info ?? 0); i++, at += bytes.readUInt32LE(at + 12)) {
    let aux = at + bytes.readUInt32LE(at + 8);
    for (let j = 0; j < bytes.readUInt16LE(at + 2); j++, aux += bytes.readUInt32LE(aux + 12))
      names.push(textAt(bytes, sections[VERNEED.link].at + bytes.readUInt32LE(aux + 8)));
  }
  const versions = (prefix) => names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    format: 'ELF',
    arch: { 62: 'x64', 183: 'arm64' }[bytes.readUInt16LE(18)],
    needs,
    exports: defined,
    imports: undefinedNames,
    /** The newest version of glibc that a symbol asks for; null on musl. */
    glibc: versions('GLIBC_').sort(byVersion).at(-1) ?? null,
  };
}

function inspectMachO(bytes) {
  const found = { needs: [], minimum: null, signed: false, exports: [], imports: [] };
  let at = 32;
  for (let i = 0; i < bytes.readUInt32LE(16); i++, at += bytes.readUInt32LE(at + 4)) {
    const command = bytes.readUInt32LE(at) & 0x7fffffff;
    if (command === 0x0c) found.needs.push(textAt(bytes, at + bytes.readUInt32LE(at + 8)));
    if (command === 0x1d) found.signed = bytes.readUInt32LE(at + 12) > 0;
    if (command === 0x32) found.minimum = `${bytes.readUInt16LE(at + 14)}.${bytes[at + 13]}`;
    if (command === 0x02) {
      const [symbols, count, strings] = [8, 12, 16].map((field) => bytes.readUInt32LE(at + field));
      for (let symbol = symbols; symbol < symbols + 16 * count; symbol += 16) {
        const type = bytes[symbol + 4];
        // External, and no symbol for debuggers.
        if ((type & 0x01) === 0 || (type & 0xe0) !== 0) continue;
        const name = textAt(bytes, strings + bytes.readUInt32LE(symbol));
        ((type & 0x0e) === 0 ? found.imports : found.exports).push(name);
      }
    }
  }
  const arch = { 16777228: 'arm64', 16777223: 'x64' }[bytes.readUInt32LE(4)];
  return { format: 'Mach-O', arch, ...found };
}

function inspectPe(bytes) {
  const header = bytes.readUInt32LE(0x3c) + 4;
  const optional = header + 20;
  const first = optional + bytes.readUInt16LE(header + 16);
  /** The place in the file of an address in memory. */
  const placeOf = (address) => {
    for (let i = 0; i < bytes.readUInt16LE(header + 2); i++) {
      const section = first + 40 * i;
      const [size, start, raw] = [8, 12, 20].map((field) => bytes.readUInt32LE(section + field));
      if (address >= start && address < start + size) return address - start + raw;
    }
    throw new Error(`no section holds address ${address}`);
  };
  const directory = (i) => bytes.readUInt32LE(optional + 112 + 8 * i);
  const needs = [];
  if (directory(1) !== 0)
    for (let at = placeOf(directory(1)); bytes.readUInt32LE(at + 12) !== 0; at += 20)
      needs.push(textAt(bytes, placeOf(bytes.readUInt32LE(at + 12))));
  const table = placeOf(directory(0));
  const names = placeOf(bytes.readUInt32LE(table + 32));
  const exports = Array.from({ length: bytes.readUInt32LE(table + 24) }, (_, i) =>
    textAt(bytes, placeOf(bytes.readUInt32LE(names + 4 * i))),
  );
  const arch = { 34404: 'x64', 43620: 'arm64' }[bytes.readUInt16LE(header)];
  return { format: 'PE', arch, needs: needs.sort(), exports, builtAt: bytes.readUInt32LE(header + 4) };
}
