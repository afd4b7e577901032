import { resolve } from 'node:path';
import type { BundleGeometry } from '../../native-bridge/bridge.js';
import type { RowFormat } from '../../native-bridge/formats.js';
import type { ModelSpec } from '../model/spec.js';
import type { TextSpec } from '../model/text-spec.js';

/** The draft format. 1 is reserved for the frozen one. A reader refuses any newer version. */
export const FORMAT_VERSION = 0;

export const MANIFEST_FILE = 'manifest.msgpack';
export const ROWS_FILE = 'rows.bin';
export const RESIDENT_FILE = 'resident.bin';
export const TOKENIZER_FILE = 'tokenizer.json';
export const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
export const GENERATION_CONFIG_FILE = 'generation_config.json';
/** The checkpoints that are known to hold what the store was made of (known-sources.ts). */
export const SOURCES_FILE = 'sources.json';
/** All files that conversion may write into a store's folder. Any other file came later. */
export const CONVERTED_FILES = [
  MANIFEST_FILE,
  ROWS_FILE,
  RESIDENT_FILE,
  TOKENIZER_FILE,
  CHAT_TEMPLATE_FILE,
  GENERATION_CONFIG_FILE,
  SOURCES_FILE,
] as const;

/**
 * A tensor of the resident half: contiguous rows in resident.bin, at a multiple of 4096 bytes, or in a file of the
 * checkpoint.
 */
export interface ResidentTensor {
  name: string;
  /** [rows, columns], or [length]. */
  shape: number[];
  format: RowFormat;
  /** Index into `Manifest.files`. */
  file: number;
  offset: number;
  bytes: number;
  /** CRC-32C of its bytes; null in an external file. */
  checksum: number | null;
  /** What the matrix's products are multiplied by. Default: nothing. */
  factor?: number;
}

/** One layer's bundles. Extents refer to `Manifest.files` by index. Checksums are null for external files. */
export type LayerBundles = BundleGeometry;

/** A checkpoint's file that the store reads in place, in its state when the store was made. */
export interface ExternalFile {
  /** Absolute. */
  path: string;
  mtimeMs: number;
  headerBytes: number;
  /** Hex SHA-256 of its header, the first `headerBytes` bytes. */
  digest: string;
}

/** A file in the store's folder, with its CRC-32C, or an external one. */
export type StoreFile =
  | { name: string; bytes: number; checksum: number; external: null }
  | { name: string; bytes: number; checksum: null; external: ExternalFile };

export interface RequantizedTensor {
  tensor: string;
  from: string;
  to: string;
  /** The root of (sum of squared errors / sum of the original's squares). */
  relativeError: number;
}

export interface Manifest {
  formatVersion: number;
  spec: ModelSpec;
  text: TextSpec;
  /** Files of the store without the manifest, and external ones. rows.bin is missing where it would be empty. */
  files: StoreFile[];
  resident: ResidentTensor[];
  layers: LayerBundles[];
  source: {
    name: string;
    bytes: number;
    /** `Checkpoint.digest`, which is quick to compute and looks at a sample of the weights. */
    digest: string;
    /** `contentDigest` of all that was copied; null where an earlier flashrow made the store. */
    content: string | null;
  };
  requantized: RequantizedTensor[];
}

/** The file of that name in the store's own folder. */
export const storedFile = ({ files }: Pick<Manifest, 'files'>, name: string): StoreFile | undefined =>
  files.find((file) => file.name === name && file.external === null);

/** The folder of an unfinished conversion. */
export const partialPath = (destination: string) => `${resolve(destination)}.partial`;
