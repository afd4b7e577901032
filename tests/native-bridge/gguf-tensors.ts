/**
 * Tensors of a GGUF file by name: GGML's type id and the bytes from the tensor's start on (the next tensor's may
 * follow).
 */
export type GgufTensors = Map<string, { ggmlType: number; bytes: Uint8Array }>;

const SCALAR_BYTES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const [STRING, ARRAY] = [8, 9];

/** As much of the GGUF specification as it takes to find the tensors. */
export function readGgufTensors(file: Buffer): GgufTensors {
  let at = 8;
  /** Where the next `bytes` begin; moves past them. */
  const take = (bytes: number) => {
    at += bytes;
    return at - bytes;
  };
  const u32 = () => file.readUInt32LE(take(4));
  const u64 = () => Number(file.readBigUInt64LE(take(8)));
  const text = () => {
    const length = u64();
    const from = take(length);
    return file.toString('utf8', from, from + length);
  };
  let alignment = 32;
  const skipValue = (type: number): void => {
    if (type === STRING) text();
    else if (type === ARRAY) {
      const element = u32();
      for (let left = u64(); left > 0; left--) skipValue(element);
    } else take(SCALAR_BYTES[type]);
  };

  const numTensors = u64();
  for (let left = u64(); left > 0; left--) {
    const key = text();
    const type = u32();
    if (key === 'general.alignment') alignment = file.readUInt32LE(at);
    skipValue(type);
  }
  const entries = Array.from({ length: numTensors }, () => {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    return { name, count: shape.reduce((a, b) => a * b, 1), ggmlType: u32(), offset: u64() };
  });
  const data = Math.ceil(at / alignment) * alignment;
  return new Map(
    entries.map(({ name, count, ggmlType, offset }) => {
      const end = ggmlType === 0 ? data + offset + 4 * count : file.length;
      return [name, { ggmlType, bytes: file.subarray(data + offset, end) }];
    }),
  );
}
