/*
 * What torch.save writes of a state dict, read without running anything: an interpreter of those of pickle's opcodes
 * that it uses (Python's pickletools.py describes them), which knows a handful of names and calls nothing else.
 */

/** A name that a pickle refers to. */
export class PickleName {
  readonly name: string;

  constructor(module: string, name: string) {
    this.name = `${module}.${name}`;
  }
}

/** What a name was called with. Nothing was called. */
export class PickleCall {
  readonly name: PickleName;
  readonly args: readonly PickleValue[];

  constructor(name: PickleName, args: readonly PickleValue[]) {
    this.name = name;
    this.args = args;
  }
}

/** What stands for bytes elsewhere in the file. */
export class PickleReference {
  readonly value: PickleValue;

  constructor(value: PickleValue) {
    this.value = value;
  }
}

export type PickleValue =
  | string
  | number
  | boolean
  | null
  | PickleValue[]
  | PickleName
  | PickleCall
  | PickleReference
  | Map<PickleValue, PickleValue>;

/** Why a pickle cannot be read, as the end of a sentence that begins with its file. */
export class PickleProblem extends Error {
  /** True where it is sound, and holds what is not read here. */
  readonly isForeign: boolean;

  constructor(problem: string, isForeign = false) {
    super(problem);
    this.isForeign = isForeign;
  }
}

/** Reads a pickle. `isKnown` says which names it may refer to. Throws PickleProblem. */
export const readPickle = (bytes: Uint8Array, isKnown: (name: string) => boolean): PickleValue =>
  new PickleReader(bytes, isKnown).read();

const utf8 = new TextDecoder('utf-8', { fatal: true });

class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isKnown: (name: string) => boolean;
  readonly #memo = new Map<number, PickleValue>();
  /** The stacks below each mark. */
  readonly #marked: PickleValue[][] = [];
  #stack: PickleValue[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, isKnown: (name: string) => boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isKnown = isKnown;
  }

  read(): PickleValue {
    for (;;) {
      const code = this.uint(1);
      if (code === STOP) return this.pop();
      const step = STEPS.get(code);
      if (step === undefined)
        throw new PickleProblem(`has a pickle with the opcode 0x${code.toString(16)}, which no state dict needs`, true);
      step(this);
    }
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    return value === undefined ? this.fail() : value;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    return value === undefined ? this.fail() : value;
  }

  mark(): void {
    this.#marked.push(this.#stack);
    this.#stack = [];
  }

  /** What was pushed since the mark. */
  popMark(): PickleValue[] {
    const items = this.#stack;
    this.#stack = this.#marked.pop() ?? this.fail();
    return items;
  }

  /** The last `count` values in the order in which they were pushed. */
  take(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  /** Remembers the top under a number, the next one where it is left out. */
  keep(place = this.#memo.size): void {
    this.#memo.set(place, this.top());
  }

  kept(place: number): PickleValue {
    const value = this.#memo.get(place);
    return value === undefined ? this.fail() : value;
  }

  slice(bytes: number): Uint8Array {
    const from = this.#at;
    if (from + bytes > this.#bytes.length) this.fail();
    this.#at += bytes;
    return this.#bytes.subarray(from, this.#at);
  }

  uint(bytes: 1 | 2 | 4): number {
    const at = this.#at;
    this.slice(bytes);
    return bytes === 1
      ? this.#view.getUint8(at)
      : bytes === 2
        ? this.#view.getUint16(at, true)
        : this.#view.getUint32(at, true);
  }

  int32(): number {
    return this.uint(4) | 0;
  }

  /** A whole number in two's complement. Sizes and offsets are safe integers. */
  long(bytes: number): number {
    let value = 0n;
    for (const [place, byte] of this.slice(bytes).entries()) value |= BigInt(byte) << BigInt(8 * place);
    const number = Number(BigInt.asIntN(8 * bytes, value));
    return Number.isSafeInteger(number) ? number : this.fail();
  }

  text(bytes: number): string {
    try {
      return utf8.decode(this.slice(bytes));
    } catch {
      return this.fail();
    }
  }

  /** Up to a line feed, which is left out. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) this.fail();
    const text = Buffer.from(this.slice(end - this.#at)).toString('latin1');
    this.#at++;
    return text;
  }

  name(module: PickleValue, name: PickleValue): PickleName {
    if (typeof module !== 'string' || typeof name !== 'string') return this.fail();
    if (this.#isKnown(`${module}.${name}`)) return new PickleName(module, name);
    const shown = JSON.stringify(`${module}.${name}`.slice(0, 80));
    throw new PickleProblem(`refers to ${shown}, which is no part of tensors; nothing of it was run`, true);
  }

  /** An ordered dict begins empty, as a dict here does. Nothing else is more than noted. */
  call(name: PickleValue, args: PickleValue): PickleValue {
    if (!(name instanceof PickleName) || !Array.isArray(args)) return this.fail();
    return name.name === 'collections.OrderedDict' && args.length === 0 ? new Map() : new PickleCall(name, args);
  }

  /** Puts pairs into the dict on top. */
  setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2 !== 0) this.fail();
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.fail();
    for (const item of items) list.push(item);
  }

  fail(): never {
    throw new PickleProblem(`has a pickle that is damaged at byte ${this.#at}`);
  }
}

const STOP = 0x2e;

type Step = (reader: PickleReader) => void;

/** Opcodes by their byte, in groups as pickletools.py has them. */
const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  // PROTO, FRAME
  [0x80, (reader) => reader.slice(1)],
  [0x95, (reader) => reader.slice(8)],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (reader) => reader.push(null)],
  [0x88, (reader) => reader.push(true)],
  [0x89, (reader) => reader.push(false)],
  // BININT, BININT1, BININT2, LONG1
  [0x4a, (reader) => reader.push(reader.int32())],
  [0x4b, (reader) => reader.push(reader.uint(1))],
  [0x4d, (reader) => reader.push(reader.uint(2))],
  [0x8a, (reader) => reader.push(reader.long(reader.uint(1)))],
  // BINUNICODE, SHORT_BINUNICODE
  [0x58, (reader) => reader.push(reader.text(reader.uint(4)))],
  [0x8c, (reader) => reader.push(reader.text(reader.uint(1)))],
  // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, MARK
  [0x7d, (reader) => reader.push(new Map())],
  [0x5d, (reader) => reader.push([])],
  [0x29, (reader) => reader.push([])],
  [0x28, (reader) => reader.mark()],
  // TUPLE, TUPLE1, TUPLE2, TUPLE3
  [0x74, (reader) => reader.push(reader.popMark())],
  [0x85, (reader) => reader.push(reader.take(1))],
  [0x86, (reader) => reader.push(reader.take(2))],
  [0x87, (reader) => reader.push(reader.take(3))],
  // SETITEM, SETITEMS, APPEND, APPENDS
  [0x73, (reader) => reader.setItems(reader.take(2))],
  [0x75, (reader) => reader.setItems(reader.popMark())],
  [0x61, (reader) => reader.append(reader.take(1))],
  [0x65, (reader) => reader.append(reader.popMark())],
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  [0x71, (reader) => reader.keep(reader.uint(1))],
  [0x72, (reader) => reader.keep(reader.uint(4))],
  [0x94, (reader) => reader.keep()],
  [0x68, (reader) => reader.push(reader.kept(reader.uint(1)))],
  [0x6a, (reader) => reader.push(reader.kept(reader.uint(4)))],
  // GLOBAL, STACK_GLOBAL
  [0x63, (reader) => reader.push(reader.name(reader.line(), reader.line()))],
  [0x93, (reader) => reader.push(reader.name(...(reader.take(2) as [PickleValue, PickleValue])))],
  // REDUCE, BINPERSID
  [0x52, (reader) => reader.push(reader.call(...(reader.take(2) as [PickleValue, PickleValue])))],
  [0x51, (reader) => reader.push(new PickleReference(reader.pop()))],
  // BUILD: what it would set on a dict, such as the versions of its modules, is no tensor.
  [0x62, (reader) => reader.pop()],
]);
