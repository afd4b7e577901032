import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { OnnxGraph } from './graph.js';
import { loadOnnxRuntime, type OnnxRuntime } from './runtime.js';

/** An input or output [tokens, width], and the buffer that it is bound to. */
interface Port {
  width: number;
  buffer: Float32Array | null;
  tokens: number;
}

/** An ONNX Runtime session over one graph. Its inputs and outputs are bound to the caller's buffers, and stay bound. */
export class OnnxSession {
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #ports = new Map<string, Port>();
  readonly #feeds: Record<string, Tensor> = {};
  readonly #fetches: Record<string, Tensor | null> = {};

  private constructor(runtime: OnnxRuntime, session: InferenceSession, graph: OnnxGraph) {
    this.#runtime = runtime;
    this.#session = session;
    for (const [name, width] of graph.widths) this.#ports.set(name, { width, buffer: null, tokens: 0 });
    for (const name of session.outputNames) this.#fetches[name] = null;
  }

  /** Loads a graph whose external data lies in `folder`. */
  static async load(graph: OnnxGraph, folder: string, threads: number): Promise<OnnxSession> {
    const runtime = await loadOnnxRuntime();
    const session = await runtime.InferenceSession.create(graph.encode(), {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 4,
      extra: { session: { intra_op: { allow_spinning: '0' }, model_external_initializers_file_folder_path: folder } },
    });
    return new OnnxSession(runtime, session, graph);
  }

  /** Reads input `name` from the first `tokens` rows of `buffer` at the next run. */
  feed(name: string, buffer: Float32Array, tokens: number): void {
    if (this.#rebind(name, buffer, tokens)) this.#feeds[name] = this.#tensor(name);
  }

  /** Writes output `name` to the first `tokens` rows of `buffer` at the next run. */
  fetch(name: string, buffer: Float32Array, tokens: number): void {
    if (this.#rebind(name, buffer, tokens)) this.#fetches[name] = this.#tensor(name);
  }

  /** Runs the graph. Resolves to copies of all outputs: ONNX Runtime makes them even where outputs are bound. */
  run(): Promise<InferenceSession.OnnxValueMapType> {
    return this.#session.run(this.#feeds, this.#fetches);
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** Binds `name` to other rows; false if it is bound to them already. */
  #rebind(name: string, buffer: Float32Array, tokens: number): boolean {
    const port = this.#ports.get(name)!;
    if (port.buffer === buffer && port.tokens === tokens) return false;
    port.buffer = buffer;
    port.tokens = tokens;
    return true;
  }

  #tensor(name: string): Tensor {
    const { buffer, tokens, width } = this.#ports.get(name)!;
    return new this.#runtime.Tensor('float32', buffer!.subarray(0, tokens * width), [tokens, width]);
  }
}
