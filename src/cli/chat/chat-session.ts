import { withoutEyes } from '../../contract/check-pictures.js';
import type { GenerateOptions, TemplateOptions } from '../../contract/generate-options.js';
import type { Generation, GenerationResult } from '../../contract/generation.js';
import type { Model } from '../../contract/model.js';
import { FlashrowError } from '../../errors.js';
import type { ContentPart, RegionInput } from '../../text/chat-message.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { withoutRegions } from '../../vision/markers.js';
import { messageAbout } from '../options/image-option.js';
import type { ChatSettings } from './chat-settings.js';
import { ChatWindow } from './chat-window.js';
import { openPrompt } from './open-prompt.js';
import { loadChat, saveChat, typedPath } from './saved-chat.js';

/** The conversation as `--json` prints it. */
export interface ChatRecord {
  messages: ChatMessage[];
  turns: GenerationResult[];
}

/** Shows an answer as it comes. */
export type ShowAnswer = (
  begin: (follow: Pick<GenerateOptions, 'onProgress'>) => Generation,
) => Promise<GenerationResult>;

interface SessionParts {
  model: Model;
  /** What the program was given, for saved conversations. */
  source: string;
  template: TemplateOptions;
  settings: ChatSettings;
  showAnswer: ShowAnswer;
  /** Told how many of the oldest turns have left the window. */
  onLeft: (turns: number) => void;
}

/** A conversation with a model: its messages, and what can be done with them. What fails changes nothing. */
export class ChatSession {
  readonly record: ChatRecord = { messages: [], turns: [] };
  readonly #parts: SessionParts;
  readonly #window: ChatWindow;
  /** The ids of the last answer, where it was cut off. */
  #cutOff: readonly number[] | null = null;
  /** Files of pictures for the next message. */
  #pictures: readonly string[] = [];
  /** Regions that the next message is about. */
  #regions: readonly RegionInput[] = [];

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { model, template } = parts;
    const { contextSize } = model.info;
    this.#window = new ChatWindow({ contextSize, count: (messages) => model.countTokens(messages, template) });
  }

  get system(): string | null {
    const [first] = this.record.messages;
    return first?.role === 'system' ? textOf(first) : null;
  }

  /** Tokens of context that the last answer left in use. */
  get tokensInUse(): number {
    const last = this.record.turns.at(-1);
    if (last === undefined || this.record.messages.at(-1)?.role !== 'assistant') return 0;
    return last.usage.prompt + last.usage.completion;
  }

  /** Throws what the first answer would where the template is missing, or refuses the system message. */
  check(): Promise<void> {
    return this.#try(this.record.messages);
  }

  /** Sends a message. Throws CONTEXT_OVERFLOW where it does not fit the context, and what `chat` throws. */
  async ask(text: string): Promise<void> {
    const content = messageAbout(text, this.#pictures, this.#regions);
    await this.#answer([...this.record.messages, { role: 'user', content }]);
    this.#pictures = [];
    this.#regions = [];
  }

  /** Has the next message show pictures, in order. Throws UNSUPPORTED where the model takes none. */
  show(...files: readonly string[]): void {
    if (files.length > 0 && this.#parts.model.info.vision === null) throw withoutEyes();
    this.#pictures = [...this.#pictures, ...files];
  }

  /**
   * Has the next message be about a region of the last picture. Throws UNSUPPORTED where the model takes none,
   * BAD_USAGE where there is no picture.
   */
  point(region: RegionInput): void {
    if (!this.#parts.model.info.vision?.regions) throw withoutRegions();
    if (this.lastPicture === null)
      throw new FlashrowError('BAD_USAGE', 'there is no picture yet that a region could be of; show one first');
    this.#regions = [...this.#regions, region];
  }

  /** The file of the picture that was shown last, by the next message or by one before; null where there is none. */
  get lastPicture(): string | null {
    const shown = this.record.messages.flatMap(({ content }) =>
      Array.isArray(content) ? (content as readonly ContentPart[]).flatMap(({ image }) => (image as string) ?? []) : [],
    );
    return [...shown, ...this.#pictures].at(-1) ?? null;
  }

  /** Answers the last message again. Throws BAD_USAGE where there is none. */
  retry(): Promise<void> {
    const last = this.record.messages.findLastIndex(({ role }) => role === 'user');
    if (last < 0) throw new FlashrowError('BAD_USAGE', 'there is no message to answer yet');
    return this.#answer(this.record.messages.slice(0, last + 1));
  }

  /** Goes on with an answer that was cut off. Throws BAD_USAGE where none was. */
  async goOn(): Promise<void> {
    const { messages } = this.record;
    const begun = this.#cutOff;
    const last = messages.at(-1);
    if (begun === null || last?.role !== 'assistant')
      throw new FlashrowError('BAD_USAGE', 'there is no answer that was cut off');
    if (messages.some(({ content }) => typeof content !== 'string'))
      throw new FlashrowError(
        'BAD_USAGE',
        'an answer in a conversation with pictures cannot be gone on with; ask again',
      );
    const { model, template, settings, showAnswer } = this.#parts;
    const before = await this.#fit(messages.slice(0, -1), begun.length);
    const prompt = [...(await openPrompt(model, before, template)), ...begun];
    const result = await showAnswer((follow) => model.generate(prompt, { ...settings.allOptions, ...follow }));
    const tokens = [...begun, ...result.tokens];
    // Where the cut was inside a character, the two texts do not make the whole one.
    const cut = textOf(last).endsWith('\ufffd');
    const text = cut ? await model.detokenize(tokens) : textOf(last) + result.text;
    this.#keep(messages.slice(0, -1), text, result, tokens);
  }

  /** Sets the system message, or takes it away. Throws where the template refuses it. */
  async setSystem(content: string | null): Promise<void> {
    const others = this.record.messages.slice(this.system === null ? 0 : 1);
    const messages = content === null ? others : [{ role: 'system', content }, ...others];
    await this.#try(messages);
    this.record.messages = messages;
  }

  /** Forgets everything but the system message. */
  clear(): void {
    this.#begin(this.record.messages.slice(0, this.system === null ? 0 : 1));
  }

  /** Writes the conversation to a file, and returns its path. Throws as `saveChat` does. */
  save(file: string): string {
    const path = typedPath(file);
    saveChat(path, { model: this.#parts.source, messages: this.record.messages });
    return path;
  }

  /** Goes on with a conversation that was saved. Throws as `loadChat` does, and where the template refuses it. */
  async load(file: string): Promise<void> {
    const { messages } = loadChat(typedPath(file));
    await this.#try(messages);
    this.#begin(messages);
  }

  #begin(messages: ChatMessage[]): void {
    this.record.messages = messages;
    // They would be of another picture, or of none.
    this.#regions = [];
    this.#window.reset();
    this.#cutOff = null;
  }

  async #try(messages: readonly ChatMessage[]): Promise<void> {
    const { model, template } = this.#parts;
    const asked = messages.at(-1)?.role === 'user' ? messages : [...messages, { role: 'user', content: 'Hello' }];
    await model.countTokens(asked, template);
  }

  async #answer(messages: readonly ChatMessage[]): Promise<void> {
    const { model, template, settings, showAnswer } = this.#parts;
    const fitting = await this.#fit(messages);
    const result = await showAnswer((follow) => model.chat(fitting, { ...settings.options, ...template, ...follow }));
    this.#keep(messages, result.text, result, result.tokens);
  }

  async #fit(messages: readonly ChatMessage[], begun = 0): Promise<readonly ChatMessage[]> {
    const { maxTokens } = this.#parts.settings.options;
    const fitted = await this.#window.fit(messages, maxTokens, begun);
    if (fitted.left > 0) this.#parts.onLeft(fitted.left);
    return fitted.messages;
  }

  #keep(messages: readonly ChatMessage[], content: string, result: GenerationResult, tokens: readonly number[]): void {
    this.record.messages = [...messages, { role: 'assistant', content }];
    this.record.turns.push(result);
    this.#cutOff = result.finishReason === 'stop' ? null : tokens;
  }
}

/** The text of a message that is no message with pictures. */
const textOf = ({ content }: ChatMessage): string => content as string;
