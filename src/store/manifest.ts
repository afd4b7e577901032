import type { BundleGeometry } from '../../native-bridge/bridge.js';
import type { RowFormat } from '../../native-bridge/formats.js';
import type { ModelSpec } from '../model/spec.js';

/** The draft format; 1 is kept for the frozen one. A reader refuses anything newer than what it knows. */
export const FORMAT_VERSION = 0;

export const MANIFEST_FILE = 'manifest.msgpack';
export const ROWS_FILE = 'rows.bin';
export const RESIDENT_FILE = 'resident.bin';
export const TOKENIZER_FILE = 'tokenizer.json';
export const CHAT_TEMPLATE_FILE = 'chat_template.jinja';

/** What the text side needs beyond tokenizer.json. */
export interface TextSpec {
  bosId: number | null;
  /** Any of these ends a generation. */
  eosIds: number[];
  addBos: boolean;
  addEos: boolean;
}

/** A tensor of the resident half, contiguous rows in resident.bin, at a multiple of 4096. */
export interface ResidentTensor {
  name: string;
  /** [rows, columns], or [length]. */
  shape: number[];
  format: RowFormat;
  offset: number;
  bytes: number;
  /** CRC-32C of its bytes. */
  checksum: number;
}

/** One layer's bundles: extents refer to `Manifest.files` by index. */
export type LayerBundles = BundleGeometry;

export interface RequantizedTensor {
  tensor: string;
  from: string;
  to: string;
  /** Root of summed squared error over summed squares of the original. */
  relativeError: number;
}

/** A file that is streamed from where it was found: its state then, which it must still be in. */
export interface ExternalFile {
  /** Absolute. */
  path: string;
  modifiedMs: number;
  headerBytes: number;
  /** Hex SHA-256 of its first `headerBytes`. */
  headerDigest: string;
}

export interface StoreFile {
  /** In the store's folder, unless it is external. */
  name: string;
  bytes: number;
  /** CRC-32C; 0 for external files. */
  checksum: number;
  external: ExternalFile | null;
}

export interface Manifest {
  formatVersion: number;
  spec: ModelSpec;
  text: TextSpec;
  /** Files of the store besides the manifest itself. */
  files: StoreFile[];
  resident: ResidentTensor[];
  layers: LayerBundles[];
  source: { name: string; bytes: number; digest: string };
  requantized: RequantizedTensor[];
}
