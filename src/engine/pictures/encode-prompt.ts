import { withoutEyes } from '../../contract/check-pictures.js';
import type { PictureSize } from '../../contract/protocol.js';
import { encodeMarked } from '../../text/encode-marked.js';
import { mark } from '../../text/jinja/marks.js';
import type { Steps } from '../../text/steps.js';
import type { Tokenizer } from '../../text/tokenizer.js';
import { expandPrompt, markedBesideMarkers, type PromptEyes } from '../../vision/markers.js';

/** A prompt that is no conversation. */
interface RawPrompt {
  text: string;
  addSpecial: boolean;
  parseSpecial: boolean;
  pictures: readonly PictureSize[];
}

/**
 * The ids of a prompt, those of pictures included. Where special tokens are plain text, only markers count.
 * With pictures, BOS comes once, as many prompts have it written. Throws BAD_USAGE where markers and pictures are not
 * as many, UNSUPPORTED for pictures without eyes.
 */
export function* encodePrompt(
  { text, addSpecial, parseSpecial, pictures }: RawPrompt,
  tokenizer: Tokenizer,
  vision: PromptEyes | null,
): Steps<number[]> {
  if (vision === null && pictures.length > 0) throw withoutEyes();
  const addBos = addSpecial && tokenizer.addBos;
  const options = { addBos, addEos: false };
  // Without pictures a marker is one of the special tokens that are plain text.
  if (vision === null || (!parseSpecial && pictures.length === 0))
    return yield* tokenizer.encoding(text, { ...options, parseSpecial });
  if (!parseSpecial) {
    const marked = expandPrompt(markedBesideMarkers(text, vision, mark), pictures, vision, '');
    yield;
    const own = yield* encodeMarked(marked, '', tokenizer);
    return addBos && tokenizer.bosId !== null ? [tokenizer.bosId, ...own] : own;
  }
  const begin = tokenizer.bosId === null ? '' : tokenizer.token(tokenizer.bosId);
  const expanded = expandPrompt(text, pictures, vision, begin);
  yield;
  const ids = yield* tokenizer.encoding(expanded, { ...options, parseSpecial });
  return addBos && ids.length > 1 && ids[0] === tokenizer.bosId && ids[1] === ids[0] ? ids.slice(1) : ids;
}
