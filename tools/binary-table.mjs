import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { inspectBinary } from './inspect-binary.mjs';

/** What each system asks for besides. */
const ASKS = {
  ELF: ({ glibc }) => (glibc === null ? 'musl' : `glibc ${glibc}`),
  'Mach-O': ({ minimum, signed }) => `macOS ${minimum}, ${signed ? 'signed' : 'not signed'}`,
  PE: () => 'Windows 10',
};

function row(path) {
  const bytes = readFileSync(path);
  const found = inspectBinary(bytes);
  return [
    `${basename(dirname(path))}/${basename(path)}`,
    (bytes.length / 1e6).toFixed(2),
    (gzipSync(bytes, { level: 9 }).length / 1e6).toFixed(2),
    ASKS[found.format](found),
    found.needs.map((name) => basename(name)).join(', '),
    createHash('sha256').update(bytes).digest('hex').slice(0, 12),
  ];
}

/** A table in Markdown of the addons at these paths. */
export function binaryTable(paths) {
  const rows = [['addon', 'MB', 'packed', 'asks for', 'libraries', 'SHA-256'], Array(6).fill('---'), ...paths.map(row)];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
