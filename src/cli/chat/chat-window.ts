import { FlashrowError } from '../../errors.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { formatCount } from '../output/format.js';

/** The share of the context that is kept for the answer, where `maxTokens` asks for no less. */
const ANSWER_SHARE = 1 / 4;
/** Where turns have to leave, so many do that the others fill this share: else one would leave at every message. */
const KEPT_SHARE = 1 / 2;

export interface ChatWindowOptions {
  /** Tokens. */
  contextSize: number;
  /** Tokens of a conversation, as the template writes it out. */
  count: (messages: readonly ChatMessage[]) => Promise<number>;
}

/** The messages that fit, and how many turns have just left. */
export interface FittedMessages {
  messages: readonly ChatMessage[];
  left: number;
}

/**
 * The part of a conversation that the model is given: the system message, and the turns that fit the context together
 * with an answer. A turn is a message of the user and what follows it. Turns that have left do not come back, so that
 * the state of those that remain is used again.
 */
export class ChatWindow {
  readonly #options: ChatWindowOptions;
  /** Turns that have left. */
  #left = 0;

  constructor(options: ChatWindowOptions) {
    this.#options = options;
  }

  /** Begins anew, for another conversation. */
  reset(): void {
    this.#left = 0;
  }

  /**
   * The part of `messages` that fits, with room for an answer: of `maxTokens`, or of a quarter of the context where
   * that is less. `begun`: tokens of the answer that are there already. Throws CONTEXT_OVERFLOW where the last turn
   * does not fit alone, with nothing changed, and what `count` throws.
   */
  async fit(messages: readonly ChatMessage[], maxTokens = Infinity, begun = 0): Promise<FittedMessages> {
    const { contextSize, count } = this.#options;
    const room = Math.min(maxTokens, Math.floor(contextSize * ANSWER_SHARE));
    const { system, turns } = inTurns(messages);
    const last = Math.max(0, turns.length - 1);
    const from = Math.min(this.#left, last);
    const after = (left: number) => [...system, ...turns.slice(left).flat()];
    const tokens = async (left: number) => (await count(after(left))) + begun;
    if ((await tokens(from)) + room <= contextSize) return { messages: after(from), left: 0 };
    // The fewest turns that have to go: what remains gets shorter with each.
    let [low, high] = [Math.min(from + 1, last), last];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((await tokens(middle)) <= contextSize * KEPT_SHARE) high = middle;
      else low = middle + 1;
    }
    const least = await tokens(low);
    if (least > contextSize) throw tooLong(least, contextSize, begun);
    this.#left = low;
    return { messages: after(low), left: low - from };
  }
}

/** The system messages in front, and the turns. What stands before the first message of the user goes with it. */
function inTurns(messages: readonly ChatMessage[]): { system: ChatMessage[]; turns: ChatMessage[][] } {
  const first = messages.findIndex(({ role }) => role !== 'system');
  const end = first < 0 ? messages.length : first;
  const turns: ChatMessage[][] = [];
  let hasUser = true;
  for (const message of messages.slice(end)) {
    if (turns.length === 0 || (message.role === 'user' && hasUser)) {
      turns.push([]);
      hasUser = false;
    }
    hasUser ||= message.role === 'user';
    turns[turns.length - 1].push(message);
  }
  return { system: messages.slice(0, end), turns };
}

function tooLong(tokens: number, contextSize: number, begun: number): FlashrowError {
  const what =
    begun > 0
      ? `the answer and its message make ${formatCount(tokens)} tokens, which fill`
      : `this message alone makes ${formatCount(tokens)} tokens, which do not fit`;
  const advice =
    begun > 0 ? 'ask for the rest, or begin again with a higher --context' : 'shorten it, or raise --context';
  const message = `${what} the context of ${formatCount(contextSize)}; ${advice}`;
  return new FlashrowError('CONTEXT_OVERFLOW', message, { tokens, contextSize });
}
