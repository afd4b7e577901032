import { readFileSync } from 'node:fs';
import { Unpackr } from '#msgpackr';
import { FlashrowError } from '../errors.js';
import {
  askedBytes,
  bitmapsOf,
  DECODE,
  MAX_UNITS,
  PROMPT,
  TRACE_FORMAT,
  TRACE_VERSION,
  type Trace,
  type TraceHeader,
  type TraceLayer,
  type TracePass,
} from './trace.js';
import { parseRoutes } from './trace-routes.js';

const unpackr = new Unpackr({ useRecords: false });

/** A pass in MessagePack has at most so many bytes around its bitmaps. */
const PASS_FRAME_BYTES = 16;

/**
 * Reads a trace that `run --trace` recorded, or a CSV of expert routes. Throws NOT_FOUND, IO, UNSUPPORTED (a newer
 * version) or CORRUPT (names the offset, or the line). A last pass that was cut off is left out and shows in
 * `tornBytes`.
 */
export function readTrace(path: string): Trace {
  const bytes = readWhole(path);
  try {
    // A MessagePack map begins with a byte that is no ASCII character.
    return bytes[0] < 0x80 ? parseRoutes(bytes.toString('latin1')) : parseTrace(bytes);
  } catch (error) {
    if (!(error instanceof FlashrowError)) throw error;
    throw new FlashrowError(error.code, `${path}: ${error.message}`, { path, ...error.details }, { cause: error });
  }
}

function readWhole(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new FlashrowError('NOT_FOUND', `${path}: there is no such trace`, { path });
    throw new FlashrowError('IO', `cannot read the trace ${path}: ${message}`, { path, errno: code }, { cause: error });
  }
}

function parseTrace(bytes: Buffer): Trace {
  const { values, end } = decode(bytes);
  const header = checkHeader(values[0]?.value);
  const passes = values.slice(1).map(({ value, start }) => checkPass(value, header.layers, start));
  const tornBytes = bytes.length - end;
  if (tornBytes >= askedBytes(header.layers) + PASS_FRAME_BYTES) throw damaged(end, 'its last pass is too long');
  return { ...header, passes, tornBytes };
}

/** The complete MessagePack values in `bytes`, and where the last one ends. */
function decode(bytes: Buffer): { values: { value: unknown; start: number }[]; end: number } {
  const values: { value: unknown; start: number }[] = [];
  try {
    unpackr.unpackMultiple(bytes, (value, start) => {
      values.push({ value, start: start ?? 0 });
    });
    return { values, end: bytes.length };
  } catch (error) {
    const { incomplete, lastPosition = 0 } = error as { incomplete?: boolean; lastPosition?: number };
    if (!incomplete) throw damaged(lastPosition, 'it is not MessagePack');
    return { values, end: lastPosition };
  }
}

function checkHeader(value: unknown): TraceHeader {
  const { format, version, model, selector, layers } = (value ?? {}) as Record<string, unknown>;
  if (format !== TRACE_FORMAT) throw damaged(0, 'it does not begin with the header of a trace');
  if (version !== TRACE_VERSION) {
    const message = `this trace has version ${String(version)}, and only version ${TRACE_VERSION} can be read here; record it again`;
    throw new FlashrowError('UNSUPPORTED', message, { version });
  }
  if (typeof model !== 'string' || typeof selector !== 'string' || !Array.isArray(layers) || layers.length === 0)
    throw damaged(0, 'its header lacks the model, the selector or the layers');
  const checked = layers.map(checkLayer);
  if (checked.reduce((sum, { units }) => sum + units, 0) > MAX_UNITS)
    throw damaged(0, 'its layers are too large together');
  return { model, selector, layers: checked };
}

function checkLayer(value: unknown, layer: number): TraceLayer {
  const { units, unitBytes, slotBytes } = (value ?? {}) as Record<string, unknown>;
  if (!isCount(units) || !isCount(unitBytes) || !isCount(slotBytes) || slotBytes < unitBytes)
    throw damaged(0, `layer ${layer} of its header has an impossible size`);
  return { units, unitBytes, slotBytes };
}

function checkPass(value: unknown, layers: readonly TraceLayer[], offset: number): TracePass {
  const [phase, tokens, asked] = Array.isArray(value) && value.length === 3 ? value : [];
  if ((phase !== PROMPT && phase !== DECODE) || !isCount(tokens) || (phase === DECODE && tokens !== 1))
    throw damaged(offset, 'this is not a pass');
  if (!(asked instanceof Uint8Array) || asked.length !== askedBytes(layers))
    throw damaged(offset, 'the bitmaps of this pass do not fit the layers');
  const units = bitmapsOf(layers, asked).map((bitmap, layer) => unitsOf(layers[layer], bitmap, offset));
  return { phase, tokens, units };
}

function unitsOf({ units }: TraceLayer, bitmap: Uint8Array, offset: number): Uint32Array {
  const asked: number[] = [];
  for (let byte = 0; byte < bitmap.length; byte++) {
    for (let bits = bitmap[byte]; bits !== 0; bits &= bits - 1) asked.push(byte * 8 + 31 - Math.clz32(bits & -bits));
  }
  if (asked.length > 0 && asked[asked.length - 1] >= units)
    throw damaged(offset, 'it asks for a unit that the layer does not have');
  return Uint32Array.from(asked);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

const damaged = (offset: number, reason: string) =>
  new FlashrowError('CORRUPT', `the trace is damaged at byte ${offset}: ${reason}; record it again`, { offset });
