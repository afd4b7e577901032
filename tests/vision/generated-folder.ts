/** CRC-32 of a text, bit by bit. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Tensors whose values come from their names, as `weights` of tests/golden/gemma3_vision.py makes them. */
export class GeneratedFolder {
  readonly #tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>();

  add(name: string, shape: readonly number[], scale = 1, offset = 0): Float32Array {
    let state = crc32(name);
    const values = Float32Array.from({ length: shape.reduce((product, size) => product * size) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state / 2 ** 32 - 0.5) * scale + offset;
    });
    this.#tensors.set(name, { shape, values });
    return values;
  }

  /** Changes the shapes of some tensors, whose values stay. */
  reshape(names: RegExp, change: (shape: readonly number[]) => readonly number[]): void {
    for (const [name, tensor] of this.#tensors)
      if (names.test(name)) this.#tensors.set(name, { ...tensor, shape: change(tensor.shape) });
  }

  addMatrix(name: string, rows: number, columns: number): void {
    this.add(`${name}.weight`, [rows, columns], 3.4 / Math.sqrt(columns));
  }

  addLinear(name: string, rows: number, columns: number): void {
    this.addMatrix(name, rows, columns);
    this.add(`${name}.bias`, [rows], 0.2);
  }

  /** A layer norm. */
  addNorm(name: string, width: number): void {
    this.add(`${name}.weight`, [width], 1, 1);
    this.add(`${name}.bias`, [width], 0.2);
  }

  safetensors(): Buffer {
    let end = 0;
    const header = Object.fromEntries(
      [...this.#tensors].map(([name, { shape, values }]) => {
        const start = end;
        end += values.byteLength;
        return [name, { dtype: 'F32', shape, data_offsets: [start, end] }];
      }),
    );
    const json = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    const data = [...this.#tensors.values()].map(({ values }) => Buffer.from(values.buffer));
    return Buffer.concat([prefix, json, ...data]);
  }
}
