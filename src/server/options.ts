import type { LoadOptions, Source } from '../index.js';

/** A model that a server offers. */
export interface ServedModel {
  /** What requests call it; it may hold slashes. Default the name or the end of the path of `source`. */
  name?: string | undefined;
  /** A path, a name, or a file URL, as `loadModel` takes it. */
  source: Source;
  /** A chat template in Jinja; default the model's own. */
  template?: string | undefined;
  /** Options of its load but `memory`, which all models share. */
  options?: Omit<LoadOptions, 'memory' | 'signal' | 'onProgress' | 'maxQueue'> | undefined;
}

/** How a server serves. */
export interface ServerOptions {
  /** The models, the first of which answers where a request names none. */
  models: readonly (ServedModel | Source)[];
  /**
   * The budget of all models together, as `loadModel` takes it; default that of the first model. With several, each
   * gets an equal share, or its minimum where that is more; one that does not fit beside the others takes the place of
   * those that have been idle longest.
   */
  memory?: LoadOptions['memory'];
  /** The key that requests bring, as `authorization: Bearer KEY` or `x-api-key: KEY`; default none is needed. */
  apiKey?: string | undefined;
  /**
   * Names that the `host` header may have, without port; default those of this machine, and with `apiKey` any. `'any'`
   * takes any: then a web page of somebody else can reach a server that asks for no key.
   */
  hosts?: readonly string[] | 'any' | undefined;
  /** Origins of web pages that may use the server, like `https://app.example`; default the server's own alone. */
  origins?: readonly string[] | undefined;
  /** Bytes of a request's body at most; default 10,000,000. */
  maxBodyBytes?: number | undefined;
  /** Requests of a model that may wait for their turn; one more is 429. Default 64. */
  maxQueue?: number | undefined;
  /** Seconds that an idle model stays loaded; default no limit. */
  keepAliveSeconds?: number | undefined;
  /** Seconds that a request waits for its model to be loaded, before it is 503; default 60. */
  loadSeconds?: number | undefined;
  /** Milliseconds between the signs of life of a stream before its first token; default 5000. */
  pingMs?: number | undefined;
  /**
   * Tokens of reasoning at most in chats whose requests name no limit of their own; default no limit. Then the mark
   * that ends the reasoning is written, and the answer begins.
   */
  maxReasoningTokens?: number | undefined;
  /**
   * Puts what an operator reads in place of the names of options in messages, which stand between backticks, like
   * `hosts`; default they stay. For a program that gives its users other names for them.
   */
  wording?: ((message: string) => string) | undefined;
  /** Told of what goes wrong in a model or in the server itself; default nobody. */
  onError?: ((error: unknown) => void) | undefined;
}
