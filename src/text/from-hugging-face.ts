import { shown } from '../errors.js';
import type { HuggingFaceVocabulary } from '../import/checkpoint.js';
import { folderEnds } from './end-tokens.js';
import { isRecord, records } from './json-shape.js';
import type { StoredText } from './stored-text.js';

/**
 * Keeps tokenizer.json as it is. The tokens that begin and end a text come from tokenizer_config.json, else from
 * tokenizer.json's post-processor, else from config.json.
 */
export function textFromHuggingFace(vocabulary: HuggingFaceVocabulary): StoredText {
  const { tokenizer, config } = vocabulary;
  const model = isRecord(tokenizer.model) ? tokenizer.model : {};
  const vocab = isRecord(model.vocab) ? model.vocab : {};
  const addedTokens = records(tokenizer.added_tokens);
  const added = new Map(addedTokens.map(({ content, id }) => [content, id]));
  const special = new Set(addedTokens.filter((token) => token.special === true).map(({ id }) => id));
  const idOf = (token: unknown): number | null => {
    const content = isRecord(token) ? token.content : token;
    if (typeof content !== 'string') return null;
    const id = added.get(content) ?? (Object.hasOwn(vocab, content) ? vocab[content] : null);
    return typeof id === 'number' ? id : null;
  };

  const bosId = idOf(config.bos_token) ?? vocabulary.bosId;
  const named = [idOf(config.eos_token), ...vocabulary.eosIds].filter((id) => id !== null);
  const eosIds = [...named, ...folderEnds(idOf, (id) => special.has(id))];
  const around = tokensAround(tokenizer.post_processor);
  const sentencePiece = model.byte_fallback === true;
  // OPT has RoBERTa's tokenizer.json but its own BOS. So any first token in a post-processor asks for a BOS, and the
  // model says which one. The post-processor's last token counts only where its first token is the model's BOS.
  const addBos = asFlag(config.add_bos_token) ?? (around ? around.before !== null : sentencePiece);
  const addEos =
    asFlag(config.add_eos_token) ??
    (around !== null &&
      around.after !== null &&
      eosIds.includes(around.after) &&
      (around.before === null || around.before === bosId));
  const suppressed = vocabulary.generationConfig?.suppress_tokens;
  const suppressedIds = (Array.isArray(suppressed) ? suppressed : []).filter(
    (id) => Number.isSafeInteger(id) && id >= 0,
  );
  const known = withoutStrangers(tokenizer, addedTokens, vocabulary.vocabSize ?? Number.POSITIVE_INFINITY);
  return {
    tokenizer: known.tokenizer,
    chatTemplate: vocabulary.chatTemplate,
    generationConfig: vocabulary.generationConfig,
    text: {
      bosId,
      eosIds: [...new Set(eosIds)],
      addBos: addBos && bosId !== null,
      addEos: addEos && eosIds.length > 0,
      ...(suppressedIds.length > 0 && { suppressedIds }),
      ...(known.warnings.length > 0 && { warnings: known.warnings }),
    },
  };
}

/** tokenizer.json without the added tokens that the embedding has no row for. Spelled out in a text they are text. */
function withoutStrangers(
  tokenizer: Record<string, unknown>,
  addedTokens: readonly Record<string, unknown>[],
  vocabSize: number,
): { tokenizer: Record<string, unknown>; warnings: string[] } {
  const strangers = addedTokens.filter(({ id }) => typeof id === 'number' && id >= vocabSize);
  if (strangers.length === 0) return { tokenizer, warnings: [] };
  const names = shown(strangers.map(({ content }) => content));
  return {
    tokenizer: { ...tokenizer, added_tokens: addedTokens.filter((token) => !strangers.includes(token)) },
    warnings: [`the model has no embedding for the added tokens ${names}; they are plain text`],
  };
}

const asFlag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);

/** The tokens that a post-processor puts before and after a single text; null where it adds no tokens. */
function tokensAround(processor: unknown): { before: number | null; after: number | null } | null {
  if (!isRecord(processor)) return null;
  switch (processor.type) {
    case 'Sequence':
      return (
        records(processor.processors)
          .map(tokensAround)
          .find((around) => around !== null) ?? null
      );
    case 'RobertaProcessing':
    case 'BertProcessing':
      return { before: idInPair(processor.cls), after: idInPair(processor.sep) };
    case 'TemplateProcessing': {
      const template = records(processor.single);
      const special = isRecord(processor.special_tokens) ? processor.special_tokens : {};
      const idAt = (item: Record<string, unknown> | undefined) => {
        const name = isRecord(item?.SpecialToken) ? item.SpecialToken.id : null;
        const entry = typeof name === 'string' && Object.hasOwn(special, name) ? special[name] : null;
        return isRecord(entry) && Array.isArray(entry.ids) && typeof entry.ids[0] === 'number' ? entry.ids[0] : null;
      };
      return { before: idAt(template[0]), after: idAt(template.at(-1)) };
    }
    default:
      return null;
  }
}

/** The id in a pair such as `["</s>", 2]`. */
const idInPair = (pair: unknown): number | null =>
  Array.isArray(pair) && typeof pair[1] === 'number' ? pair[1] : null;
