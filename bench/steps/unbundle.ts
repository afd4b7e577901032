import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import { type LayerBundles, MANIFEST_FILE, ROWS_FILE, storedFile } from '../../src/store/manifest.js';
import { encodeManifest } from '../../src/store/manifest-file.js';
import { openStore, type Store } from '../../src/store/reader.js';
import { filesOf } from '../page-cache.js';

const PARTS = ['gate', 'up', 'down'] as const;

/**
 * Makes a store of the same model in which each matrix lies by itself, as in a checkpoint. A neuron then takes two or
 * three reads instead of one. For stores of single neurons. It is a folder beside the store, made once, and shares the
 * file of the resident half.
 */
export function unbundledStore(path: string, log: (line: string) => void): string {
  const folder = `${path}.unbundled`;
  if (existsSync(folder)) return folder;
  log(`writing ${folder}, where each matrix lies by itself`);
  const store = openStore(path);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  for (const file of filesOf(path))
    if (!file.endsWith(ROWS_FILE) && !file.endsWith(MANIFEST_FILE))
      linkSync(file, join(partial, file.slice(path.length + 1)));
  const { layers, bytes, checksum } = writeRows(store, join(partial, ROWS_FILE));
  const files = store.manifest.files.map((file) =>
    file === storedFile(store.manifest, ROWS_FILE) ? { ...file, bytes, checksum } : file,
  );
  writeFileSync(join(partial, MANIFEST_FILE), encodeManifest({ ...store.manifest, files: files as never, layers }));
  renameSync(partial, folder);
  return folder;
}

/** Writes layer by layer, matrix by matrix, row by row. */
function writeRows(store: Store, path: string): { layers: LayerBundles[]; bytes: number; checksum: number } {
  const bridge = openBridge({ threads: 1 });
  const output = openSync(path, 'w');
  let written = 0;
  let checksum = 0;
  try {
    const layers = store.layers.map((layer): LayerBundles => {
      const { numNeurons, extents, parts } = layer;
      const [{ file, offset, stride, bytes: recordBytes }] = extents;
      const present = PARTS.filter((name) => parts[name] !== null);
      const starts = present.map((name) => parts[name]!.offset);
      const sizes = starts.map((start, i) => (starts[i + 1] ?? recordBytes) - start);
      const matrices = sizes.map((size) => Buffer.alloc(size * numNeurons));
      const checksums = new Uint32Array(numNeurons * present.length);
      const input = openSync(store.files[file], 'r');
      try {
        const record = Buffer.alloc(recordBytes);
        for (let neuron = 0; neuron < numNeurons; neuron++) {
          readSync(input, record, 0, recordBytes, offset + neuron * stride);
          sizes.forEach((size, i) => {
            const row = record.subarray(starts[i], starts[i] + size);
            matrices[i].set(row, neuron * size);
            checksums[neuron * present.length + i] = bridge.crc32c(row, 0);
          });
        }
      } finally {
        closeSync(input);
      }
      const places = matrices.map((matrix, i) => {
        const place = { file, offset: written, bytes: sizes[i], stride: sizes[i] };
        for (let done = 0; done < matrix.length; )
          done += writeSync(output, matrix, done, matrix.length - done, written + done);
        written += matrix.length;
        checksum = bridge.crc32c(matrix, checksum);
        return place;
      });
      const at = (name: (typeof PARTS)[number]) => ({ extent: present.indexOf(name), offset: 0 });
      return {
        ...layer,
        extents: places,
        parts: { gate: parts.gate && at('gate'), up: at('up'), down: at('down') },
        segments: sizes.map((bytes, extent) => ({ extent, offset: 0, bytes })),
        checksums,
      };
    });
    fsyncSync(output);
    return { layers, bytes: written, checksum };
  } finally {
    closeSync(output);
    bridge.dispose();
  }
}
