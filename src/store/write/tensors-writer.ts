import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import type { FileState } from '../../disk/file-state.js';
import type { Checkpoint, CheckpointTensor } from '../../import/checkpoint.js';
import { expertsOf } from '../../model/feed-forward.js';
import { residentOfLayer, tensorsBeforeLayers } from '../../model/resident-tensors.js';
import type { ModelSpec } from '../../model/spec.js';
import { type LayerTensor, layerTensor } from '../../model/tensor-names.js';
import type { TextSpec } from '../../model/text-spec.js';
import { pinFile } from '../external.js';
import { isInPlace, type StoreLayout } from '../layout.js';
import {
  FORMAT_VERSION,
  type Manifest,
  RESIDENT_FILE,
  type RequantizedTensor,
  ROWS_FILE,
  type StoreFile,
} from '../manifest.js';
import { type FeedForwardTensors, writeLayer } from './bundle-writer.js';
import { expertMatrix } from './expert-matrix.js';
import { Journal, type JournalEntry, readJournal } from './journal.js';
import { OutputFile, type Written } from './output-file.js';
import { writeResident } from './resident-writer.js';
import { SourceReader } from './source-reader.js';
import type { WorkFolder } from './work-folder.js';
import type { WriteProgress } from './write-progress.js';

export interface TensorsOptions {
  stored: { text: TextSpec };
  crc32c: Crc32c;
  signal?: AbortSignal;
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
}

/** One resumable piece of work: some resident tensors, and at most one layer. */
interface Step {
  resident: StoreLayout['resident'];
  layer: number | null;
}

/**
 * Writes rows.bin (if the layout has one) and resident.bin. Continues where an earlier run ended with the source's
 * files in the same `states`. Returns the manifest, which lists only these files and the external ones so far.
 */
export async function writeTensors(
  checkpoint: Checkpoint,
  layout: StoreLayout,
  states: readonly FileState[],
  folder: WorkFolder,
  options: TensorsOptions,
): Promise<Manifest> {
  const { crc32c, signal, onProgress } = options;
  const key = workKey(checkpoint, layout, states);
  const left = readJournal(folder.journal, crc32c);
  const resumes = left.key === key && folder.holds(left.done.at(-1));
  if (!resumes) folder.clear();
  const done = resumes ? left.done : [];
  const external = pinSources(checkpoint, layout);
  const nothing: Written = { bytes: 0, checksum: 0 };
  const { rows: rowsDone, resident: residentDone } = done.at(-1) ?? { rows: nothing, resident: nothing };

  const opened: { close(): Promise<void> | void }[] = [];
  const closing = <T extends { close(): Promise<void> | void }>(file: T): T => {
    opened.push(file);
    return file;
  };
  // A step's data is synced while the next step is written. The journal gets its entry after that.
  let settling: Promise<void> = Promise.resolve();
  try {
    const source = closing(new SourceReader());
    const begun = resumes ? Journal.resume(folder.journal, left, crc32c) : Journal.begin(folder.journal, key, crc32c);
    const journal = closing(await begun);
    const hasRows = layout.rowsBytes > 0;
    const rows = hasRows ? closing(await OutputFile.open(join(folder.store, ROWS_FILE), rowsDone, crc32c)) : null;
    const resident = closing(await OutputFile.open(join(folder.store, RESIDENT_FILE), residentDone, crc32c));
    const progress: WriteProgress = {
      signal,
      onPiece: () =>
        onProgress?.({ bytes: (rows?.written.bytes ?? 0) + resident.written.bytes, totalBytes: layout.bytes }),
    };
    for (const step of steps(checkpoint.spec, layout).slice(done.length)) {
      const entry = await writeStep(step, checkpoint, layout, { source, rows, resident }, crc32c, progress);
      done.push(entry);
      await settling;
      settling = Promise.all([rows?.sync(), resident.sync()]).then(() => journal.append(entry));
      // The `await` above or below throws the failure, maybe a whole step later.
      settling.catch(() => {});
    }
    // The last padding came after the last report.
    progress.onPiece();
  } finally {
    try {
      await settling;
    } finally {
      for (const file of opened) await file.close();
    }
  }
  return assemble(checkpoint, layout, options.stored.text, done, external);
}

async function writeStep(
  step: Step,
  checkpoint: Checkpoint,
  layout: StoreLayout,
  files: { source: SourceReader; rows: OutputFile | null; resident: OutputFile },
  crc32c: Crc32c,
  progress: WriteProgress,
): Promise<JournalEntry> {
  const residentChecksums: (number | null)[] = [];
  const requantized: RequantizedTensor[] = [];
  let bundleChecksums: Uint8Array | null = null;
  for (const target of step.resident) {
    if (layout.files[target.file].source !== null) {
      residentChecksums.push(null);
      continue;
    }
    const tensor = checkpoint.tensors.get(target.name)!;
    const written = await writeResident(files.source, tensor, target, files.resident, crc32c, progress);
    residentChecksums.push(written.checksum);
    if (written.requantized !== null) requantized.push(written.requantized);
  }
  const geometry = step.layer === null ? null : layout.layers[step.layer];
  if (geometry !== null && files.rows !== null && !isInPlace(layout, geometry)) {
    const networks = feedForward(checkpoint, step.layer!);
    const written = await writeLayer(files.source, networks, geometry, files.rows, crc32c, progress);
    bundleChecksums = new Uint8Array(written.checksums.buffer);
    requantized.push(...written.requantized);
  }
  const rows = files.rows?.written ?? { bytes: 0, checksum: 0 };
  return { rows, resident: files.resident.written, residentChecksums, bundleChecksums, requantized };
}

/** The steps: tensors before the layers, then each layer with its resident tensors, then final norm and head. */
function steps(spec: ModelSpec, { resident, layers }: StoreLayout): Step[] {
  let at = 0;
  const next = (count: number) => {
    at += count;
    return resident.slice(at - count, at);
  };
  return [
    { resident: next(tensorsBeforeLayers(spec).length), layer: null },
    ...layers.map((_, layer) => ({ resident: next(residentOfLayer(spec, layer).length), layer })),
    { resident: next(resident.length - at), layer: null },
  ];
}

/** The networks of a layer: one, or one per expert. */
function feedForward(checkpoint: Checkpoint, layer: number): FeedForwardTensors[] {
  const { gated } = checkpoint.spec;
  const experts = expertsOf(checkpoint.spec, layer);
  const tensor = (name: LayerTensor): CheckpointTensor => checkpoint.tensors.get(layerTensor(layer, name))!;
  const whole = { gate: gated ? tensor('gate') : null, up: tensor('up'), down: tensor('down') };
  if (experts === null) return [whole];
  return Array.from({ length: experts.numExperts }, (_, expert) => ({
    gate: whole.gate && expertMatrix(whole.gate, expert),
    up: expertMatrix(whole.up, expert),
    down: expertMatrix(whole.down, expert),
  }));
}

/** The checkpoint's files that hold layers, in their state before any weight is read. */
function pinSources(checkpoint: Checkpoint, { files }: StoreLayout): StoreFile[] {
  const kept = files.flatMap(({ source }) => (source === null ? [] : [source]));
  return kept.map((path) => pinFile(checkpoint.files.find((file) => file.path === path)!));
}

/** A conversion resumes only with the same key: the source (the states of its files included) and the layout. */
function workKey(checkpoint: Checkpoint, layout: StoreLayout, states: readonly FileState[]): string {
  const what = JSON.stringify([FORMAT_VERSION, checkpoint.digest, states, layout]);
  return createHash('sha256').update(what).digest('hex');
}

function assemble(
  checkpoint: Checkpoint,
  layout: StoreLayout,
  text: TextSpec,
  done: JournalEntry[],
  external: StoreFile[],
): Manifest {
  const { rows, resident } = done[done.length - 1];
  const checksums = done.flatMap((entry) => entry.residentChecksums);
  // The step of the embedding comes before the first layer's.
  const bundles = (layer: number) => done[1 + layer].bundleChecksums;
  return {
    formatVersion: FORMAT_VERSION,
    spec: checkpoint.spec,
    text,
    files: [
      ...(layout.rowsBytes > 0 ? [{ name: ROWS_FILE, ...rows, external: null }] : []),
      { name: RESIDENT_FILE, ...resident, external: null },
      ...external,
    ],
    resident: layout.resident.map((tensor, index) => ({ ...tensor, checksum: checksums[index] })),
    layers: layout.layers.map((layer, index) => {
      const checksums = bundles(index);
      return { ...layer, checksums: checksums && new Uint32Array(new Uint8Array(checksums).buffer) };
    }),
    source: {
      name: basename(checkpoint.path),
      bytes: checkpoint.files.reduce((sum, file) => sum + file.bytes, 0),
      digest: checkpoint.digest,
      content: null,
    },
    requantized: done.flatMap((entry) => entry.requantized),
  };
}
