import { readFileSync } from 'node:fs';

/** The rows of a two-dimensional little-endian float32 .npy file (NumPy's format, version 1). */
export function readNpyRows(path: string): Float32Array[] {
  const bytes = readFileSync(path);
  const dataStart = 10 + bytes.readUInt16LE(8);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, dataStart));
  if (!shape || !bytes.toString('latin1', 10, dataStart).includes("'<f4'"))
    throw new Error(`${path}: not a float32 matrix`);
  const [rows, columns] = [Number(shape[1]), Number(shape[2])];
  const at = (row: number, column: number) => bytes.readFloatLE(dataStart + 4 * (row * columns + column));
  return Array.from({ length: rows }, (_, row) =>
    Float32Array.from({ length: columns }, (_, column) => at(row, column)),
  );
}
