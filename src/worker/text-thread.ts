import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { checkIds, checkLength } from '../contract/check-ids.js';
import type { Call, Reply, TextMethods } from '../contract/protocol.js';
import { ChatPrompts } from '../engine/chat-prompts.js';
import { encodePrompt } from '../engine/pictures/encode-prompt.js';
import { FlashrowError } from '../errors.js';
import { answerGrammar } from '../grammar/response-format.js';
import { TOKENIZER_FILE } from '../store/manifest.js';
import { openStore } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import { idOfToken } from '../text/id-of-token.js';
import type { Steps } from '../text/steps.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { shareVocabulary } from '../text/vocabulary-table.js';
import { checkTokens } from '../vision/fitting.js';
import { openVision } from '../vision/open-vision.js';
import type { VisionModel } from '../vision/vision-model.js';
import { toShape } from './failure-shape.js';

/** The thread that does what concerns text while the engine is busy. A call that takes long lets others pass it. */
const port = parentPort!;
let text: { tokenizer: Tokenizer; prompts: ChatPrompts; vocabSize: number; vision: VisionModel | null } | null = null;
/** The store that was opened. */
let store: { path: string; cacheDir: string | undefined } | null = null;

port.on('message', async (call: Call<TextMethods>) => {
  const { id } = call;
  try {
    port.postMessage({ id, result: await perform(call) } satisfies Reply);
  } catch (error) {
    port.postMessage({ id, error: toShape(error, { isMixture: false, store }) } satisfies Reply);
  }
});

function perform(call: Call<TextMethods>): unknown {
  switch (call.method) {
    case 'open':
      return open(call.args);
    case 'encode': {
      const { tokenizer, vision } = opened();
      const { text, contextSize } = call.args;
      if (contextSize !== null) checkLength(text, contextSize, tokenizer.longestToken);
      return inTurns(encodePrompt(call.args, tokenizer, vision));
    }
    case 'checkFormat':
      answerGrammar(call.args.format);
      return null;
    case 'decode':
      checkIds(call.args.ids, opened().vocabSize);
      return opened().tokenizer.decode(call.args.ids);
    case 'render':
      return opened().prompts.render(call.args);
    case 'count':
      return inTurns(opened().prompts.count(call.args));
    case 'converse':
      return inTurns(opened().prompts.encode(call.args));
    case 'reconsider':
      return inTurns(opened().prompts.reconsider(call.args.turn));
    case 'answered':
      opened().prompts.answered(call.args.turn, call.args);
      return null;
  }
}

/** How long a call holds the thread, ms, but for single steps that take longer. */
const TURN_MS = 20;

async function inTurns<Result>(work: Steps<Result>): Promise<Result> {
  for (;;) {
    const until = performance.now() + TURN_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < until);
    await setImmediate();
  }
}

function open({
  store: path,
  cacheDir,
  vision: visionPath,
}: TextMethods['open']['args']): TextMethods['open']['result'] {
  store = { path, cacheDir };
  const opening = openStore(path);
  const { vocabSize } = opening.spec;
  const tokenizer = loadTokenizer(opening.readTokenizer(), opening.text, join(path, TOKENIZER_FILE));
  const ids = (token: string) => idOfToken(token, tokenizer);
  const vision = visionPath === null ? null : openVision(visionPath, ids);
  if (vision && tokenizer.idsOnly === null) checkTokens(visionPath!, vision, ids);
  const prompts = new ChatPrompts(tokenizer, () => opening.readChatTemplate() ?? vision?.chatTemplate ?? null, vision);
  text = { tokenizer, vocabSize, prompts, vision };
  return {
    vocabulary: shareVocabulary(tokenizer, vocabSize),
    image: vision && { token: vision.imageToken, id: vision.imageTokenId },
  };
}

function opened(): NonNullable<typeof text> {
  if (!text) throw new FlashrowError('ABORTED', 'the model has been disposed');
  return text;
}
