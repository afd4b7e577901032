import { ATTRIBUTE, EXTERNAL, FLOAT, ModelProto } from './schema.js';

type Attribute = { name: string; type: number; i?: number; f?: number };

export const int = (name: string, i: number): Attribute => ({ name, type: ATTRIBUTE.int, i });
export const float = (name: string, f: number): Attribute => ({ name, type: ATTRIBUTE.float, f });

/** The place of an initializer's bytes. `file` is a path inside the folder that the session looks in. */
export interface ExternalData {
  file: string;
  offset: number;
  bytes: number;
}

/** Collects one graph and writes it as an ONNX model. Every input and output is f32 [tokens, width]. */
export class OnnxGraph {
  readonly name: string;
  /** The width of each input and output, by name. */
  readonly widths = new Map<string, number>();
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];

  constructor(name: string) {
    this.name = name;
  }

  input(name: string, width: number): string {
    this.widths.set(name, width);
    this.#inputs.push(rows(name, width));
    return name;
  }

  output(name: string, width: number): void {
    this.widths.set(name, width);
    this.#outputs.push(rows(name, width));
  }

  node(
    opType: string,
    name: string,
    input: string[],
    output: string[],
    attribute: Attribute[] = [],
    domain = '',
  ): void {
    this.#nodes.push({ opType, name, input, output, attribute, domain });
  }

  /** Adds an f32 tensor, with its bytes in the model or in a file beside it; returns its name. */
  initializer(name: string, dims: readonly number[], data: Uint8Array | ExternalData): string {
    const tensor = { name, dims, dataType: FLOAT };
    if (data instanceof Uint8Array) {
      this.#initializers.push({ ...tensor, rawData: data });
    } else {
      const externalData = [
        { key: 'location', value: data.file },
        { key: 'offset', value: String(data.offset) },
        { key: 'length', value: String(data.bytes) },
      ];
      this.#initializers.push({ ...tensor, externalData, dataLocation: EXTERNAL });
    }
    return name;
  }

  /** The bytes of the whole model. */
  encode(): Uint8Array {
    return ModelProto.encode({
      irVersion: 10,
      producerName: 'flashrow',
      opsetImport: [
        { domain: '', version: 21 },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: this.name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    }).finish();
  }
}

const rows = (name: string, width: number) => ({
  name,
  type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimParam: 'tokens' }, { dimValue: width }] } } },
});
