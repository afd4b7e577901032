import { checkPrompt, checkWritten } from '../contract/check-ids.js';
import { withoutEyes } from '../contract/check-pictures.js';
import type { TokenizeOptions } from '../contract/generate-options.js';
import type { ModelInfo } from '../contract/model-info.js';
import type {
  ArgumentsOf,
  Conversation,
  EngineResult,
  PictureFile,
  ResultOf,
  TextMethods,
} from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import type { ResponseFormat } from '../grammar/response-format.js';
import type { AnswerForm } from '../text/dialects/dialects.js';
import { atCallSite, callSite } from './caller-stack.js';
import type { ModelThreads } from './model-threads.js';
import { type GivenImage, givenImages } from './pictures/images.js';

/** A prompt on its way to the engine. */
export interface Prompt {
  /** Its ids, checked: they are in the vocabulary, and fit the context. */
  readonly ids: Promise<readonly number[]>;
  /** Its pictures, in order. */
  readonly pictures: Promise<readonly PictureFile[]>;
  /** How the answer is written; null where that is not known. */
  readonly form: Promise<AnswerForm | null>;
  /** What was given and changed nothing, each in a sentence. */
  readonly warnings: Promise<readonly string[]>;
  /** The ids again, when the turn has come. Those of a conversation may be better known by then. */
  latest(): Promise<readonly number[]>;
  /** Takes note of the answer. */
  answered(answer: EngineResult): void;
}

/** What the text thread does for a model. No call of it waits for the engine. */
export class Prompts {
  readonly #threads: ModelThreads;
  readonly #info: ModelInfo;

  constructor(threads: ModelThreads, info: ModelInfo) {
    this.#threads = threads;
    this.#info = info;
  }

  /** A call of the text thread. Throws ABORTED once the model is disposed of. */
  async send<Name extends keyof TextMethods>(
    method: Name,
    args: ArgumentsOf<TextMethods, Name>,
  ): Promise<ResultOf<TextMethods, Name>> {
    const site = callSite(this.send);
    const disposed = () => atCallSite(new FlashrowError('ABORTED', 'the model has been disposed'), site);
    if (this.#threads.disposed) throw disposed();
    try {
      return await this.#threads.text.send(method, args, { site });
    } catch (error) {
      throw this.#threads.disposed ? disposed() : error;
    }
  }

  /** `contextSize`: the most ids that are of use; more may be CONTEXT_OVERFLOW at once. */
  encode(
    text: string,
    { addSpecial = true, parseSpecial = this.#info.vision !== null, images, regions }: TokenizeOptions,
    contextSize: number | null = null,
    files = this.#read(givenImages(images, regions)),
  ): Promise<number[]> {
    return using(files, (pictures) =>
      this.send('encode', { text, addSpecial, parseSpecial, contextSize, pictures: sizesOf(pictures) }),
    );
  }

  /** What `use` makes of pictures. Rejects with UNSUPPORTED where there are some and the model has no eyes. */
  withPictures<T>(images: readonly GivenImage[], use: (files: readonly PictureFile[]) => Promise<T>): Promise<T> {
    return using(this.#read(images), use);
  }

  /** What `use` makes of a conversation with the sizes of its pictures. */
  withSizes<T>(
    conversation: Conversation,
    images: readonly GivenImage[],
    use: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    return this.withPictures(images, (files) => use({ ...conversation, pictures: sizesOf(files) }));
  }

  /** Reads pictures; null where there are none. */
  #read(images: readonly GivenImage[]): Files {
    if (images.length === 0) return null;
    if (this.#info.vision === null) return handled(Promise.reject(withoutEyes()));
    // Most apps never need the decoders.
    return handled(import('./pictures/read-images.js').then(({ readImages }) => readImages(images)));
  }

  /** Rejects where a format cannot be kept. */
  checkFormat(format: ResponseFormat): Promise<null> {
    return handled(format.type === 'text' ? Promise.resolve(null) : this.send('checkFormat', { format }));
  }

  ofText(text: string, parseSpecial: boolean | undefined, images: readonly GivenImage[]): Prompt {
    const files = this.#read(images);
    return this.#fixed(this.encode(text, { parseSpecial }, this.#info.contextSize, files), files, checkWritten);
  }

  ofIds(ids: readonly number[], images: readonly GivenImage[]): Prompt {
    return this.#fixed(Promise.resolve([...ids]), this.#read(images));
  }

  ofConversation(conversation: Conversation, images: readonly GivenImage[]): Prompt {
    const files = this.#read(images);
    const { contextSize } = this.#info;
    const encoded = using(files, (pictures) =>
      this.send('converse', { ...conversation, pictures: sizesOf(pictures), contextSize }),
    );
    const ids = this.#checked(
      encoded.then((told) => told.ids),
      checkWritten,
    );
    return {
      ids,
      pictures: files ?? NO_PICTURES,
      form: handled(encoded.then((told) => told.form)),
      warnings: handled(encoded.then((told) => told.warnings)),
      latest: async () => {
        const { turn } = await encoded;
        const better = await this.send('reconsider', { turn });
        return better === null ? ids : this.#checked(Promise.resolve(better));
      },
      answered: ({ text, tokens }) => {
        // Sent before the caller has the answer, so ahead of a conversation that goes on from it.
        encoded.then(({ turn }) => this.send('answered', { turn, text, tokens })).catch(() => {});
      },
    };
  }

  #fixed(encoded: Promise<readonly number[]>, files: Files, check?: CheckIds): Prompt {
    const ids = this.#checked(encoded, check);
    return {
      ids,
      pictures: files ?? NO_PICTURES,
      form: Promise.resolve(null),
      warnings: Promise.resolve([]),
      latest: () => ids,
      answered: () => {},
    };
  }

  /** `check` comes before what is checked of all ids. */
  async #checked(encoded: Promise<readonly number[]>, check?: CheckIds): Promise<readonly number[]> {
    const site = callSite(this.#checked);
    const ids = await encoded;
    try {
      check?.(ids);
      checkPrompt(ids, this.#info.vocabSize, this.#info.contextSize);
    } catch (error) {
      throw atCallSite(error, site);
    }
    return ids;
  }
}

/** Pictures that are read; null where there are none. */
type Files = Promise<readonly PictureFile[]> | null;

const NO_PICTURES: Promise<readonly PictureFile[]> = Promise.resolve([]);

/** What `use` makes of pictures, once they are read. Without any it runs at once: calls keep their order. */
function using<T>(files: Files, use: (files: readonly PictureFile[]) => Promise<T>): Promise<T> {
  if (files === null) return use([]);
  const site = callSite(using);
  return files.then(use).catch((error) => {
    throw atCallSite(error, site);
  });
}

const sizesOf = (files: readonly PictureFile[]) =>
  files.map(({ width, height, regions }) => ({ width, height, regions }));

type CheckIds = (ids: readonly number[]) => void;

/** A promise whose failure is told elsewhere. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
