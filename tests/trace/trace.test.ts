import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Packr } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { TraceWriter } from '../../dist/src/trace/trace-writer.js';

const LAYERS = [
  { units: 9, unitBytes: 100, slotBytes: 128 },
  { units: 16, unitBytes: 200, slotBytes: 256 },
];
const HEADER = { model: 'm', selector: 'gate', layers: LAYERS };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-trace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `${files++}.trace`);

function ask(writer: TraceWriter, units: number[][], tokens: number) {
  units.forEach((asked, layer) => {
    // As in the engine, what follows `count` is left over from before.
    writer.ask(layer, Uint32Array.of(...asked, 3, 5), asked.length, tokens);
  });
}

/** One prompt chunk and two generated tokens. */
function recorded(): string {
  const path = newPath();
  const writer = new TraceWriter(path, HEADER);
  const passes: [number[][], number][] = [
    [[[0, 8], [15]], 7],
    [[[], [0, 1, 2]], 1],
    [[[3], [14, 15]], 1],
  ];
  for (const [index, [units, tokens]] of passes.entries()) {
    if (index === 1) writer.endPrompt();
    ask(writer, units, tokens);
    writer.endPass();
  }
  writer.close();
  return path;
}

const plain = (path: string) => {
  const { passes, ...rest } = readTrace(path);
  return { ...rest, passes: passes.map((pass) => ({ ...pass, units: pass.units.map((units) => [...units]) })) };
};

describe('a trace', () => {
  it('comes back as it was recorded', () => {
    expect(plain(recorded())).toEqual({
      ...HEADER,
      tornBytes: 0,
      passes: [
        { phase: 0, tokens: 7, units: [[0, 8], [15]] },
        { phase: 1, tokens: 1, units: [[], [0, 1, 2]] },
        { phase: 1, tokens: 1, units: [[3], [14, 15]] },
      ],
    });
  });

  it('that was cut off anywhere keeps its whole passes', () => {
    const whole = readFileSync(recorded());
    const path = newPath();
    const seen = new Set<number>();
    for (let length = whole.length - 1; length > 0; length--) {
      writeFileSync(path, whole.subarray(0, length));
      let passes = -1;
      try {
        const trace = readTrace(path);
        passes = trace.passes.length;
        expect(trace.tornBytes).toBeLessThan(30);
      } catch (error) {
        expect(error).toMatchObject({ code: 'CORRUPT' });
      }
      seen.add(passes);
    }
    // Two passes, one, none, and then not even a header.
    expect([...seen]).toEqual([2, 1, 0, -1]);
  });

  it('leaves out a pass that did not reach its last layer', () => {
    const path = newPath();
    const writer = new TraceWriter(path, HEADER);
    writer.endPrompt();
    writer.ask(0, Uint32Array.of(1, 2, 3), 3, 1);
    // The work was aborted here; a later pass goes on.
    ask(writer, [[7], [7]], 1);
    writer.endPass();
    writer.ask(0, Uint32Array.of(1, 2, 3), 3, 1);
    writer.close();
    expect(plain(path).passes).toEqual([{ phase: 1, tokens: 1, units: [[7], [7]] }]);
  });

  it('without a single pass leaves no file behind', () => {
    const path = newPath();
    new TraceWriter(path, HEADER).close();
    expect(existsSync(path)).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('that cannot be written to its end leaves no file behind', () => {
    const path = newPath();
    const module = new URL('../../dist/src/trace/trace-writer.js', import.meta.url).href;
    const script = `
      import { TraceWriter } from ${JSON.stringify(module)};
      const writer = new TraceWriter(${JSON.stringify(path)}, ${JSON.stringify(HEADER)});
      try {
        for (let pass = 0; pass < 1000; pass++) writer.endPass();
      } catch (error) {
        process.stdout.write(error.code);
      }
      writer.close();`;
    // A file may have so many blocks, and no more: a system says of that what it says of a full disk.
    const limited = 'ulimit -f 2; exec "$0" --input-type=module -e "$1"';
    expect(execFileSync('sh', ['-c', limited, process.execPath, script], { encoding: 'utf8' })).toBe('DISK_FULL');
    expect(existsSync(path)).toBe(false);
  });

  it('is never written over a file that is there', () => {
    const path = newPath();
    writeFileSync(path, 'precious');
    expect(() => new TraceWriter(path, HEADER)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('in a folder that is not there is NOT_WRITABLE', () => {
    const path = join(folder, 'no', 'such', 'folder');
    expect(() => new TraceWriter(path, HEADER)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
  });
});

describe('a damaged trace', () => {
  const packr = new Packr({ useRecords: false });
  const header = { format: 'flashrow-trace', version: 1, ...HEADER };
  const bits = (...bytes: number[]) => Buffer.from(bytes);
  const read = (...values: unknown[]) => {
    const path = newPath();
    writeFileSync(path, Buffer.concat(values.map((value) => packr.pack(value))));
    return readTrace(path);
  };

  it('reads where it is whole', () => {
    expect(read(header, [1, 1, bits(1, 1, 0, 128)]).passes[0].units.map((units) => [...units])).toEqual([[0, 8], [15]]);
  });

  it.for<[string, unknown[]]>([
    ['another header', [{ ...header, format: 'gguf' }]],
    ['no layers', [{ ...header, layers: [] }]],
    ['a layer without units', [{ ...header, layers: [{ units: 0, unitBytes: 1, slotBytes: 1 }] }]],
    ['more units than any model', [{ ...header, layers: [{ units: 2 ** 40, unitBytes: 1, slotBytes: 1 }] }]],
    ['slots smaller than units', [{ ...header, layers: [{ units: 8, unitBytes: 9, slotBytes: 8 }] }]],
    ['a pass that is none', [header, { phase: 1 }]],
    ['an unknown phase', [header, [2, 1, bits(0, 0, 0, 0)]]],
    ['two tokens generated at once', [header, [1, 2, bits(0, 0, 0, 0)]]],
    ['too few bitmaps', [header, [1, 1, bits(0, 0, 0)]]],
    ['a unit beyond the layer', [header, [1, 1, bits(0, 2, 0, 0)]]],
    ['no bytes', []],
  ])('with %s is CORRUPT', ([, values]) => {
    expect(() => read(...values)).toThrowError(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it('of a newer version is UNSUPPORTED', () => {
    expect(() => read({ ...header, version: 2 })).toThrowError(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('with a length that swallows many passes is CORRUPT, not merely cut off', () => {
    const pass = packr.pack([1, 1, bits(0, 0, 0, 0)]);
    const swallowing = Buffer.from(pass);
    // The length of the binary data: 4 becomes 200.
    swallowing[swallowing.indexOf(4)] = 200;
    const path = newPath();
    writeFileSync(path, Buffer.concat([packr.pack(header), swallowing, ...Array(10).fill(pass)]));
    expect(() => readTrace(path)).toThrowError(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it('that is not there is NOT_FOUND', () => {
    expect(() => readTrace(join(folder, 'absent'))).toThrowError(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});
