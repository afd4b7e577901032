import type { HuggingFaceVocabulary } from '../import/checkpoint.js';
import { endOfTurnIds } from './end-of-turn.js';
import { isRecord, records } from './json-shape.js';
import type { StoredText } from './stored-text.js';

/**
 * tokenizer.json is kept as it is. Which tokens begin and end a text is said by tokenizer_config.json, else by
 * tokenizer.json's post-processor, else by config.json.
 */
export function textFromHuggingFace(vocabulary: HuggingFaceVocabulary): StoredText {
  const { tokenizer, config } = vocabulary;
  const model = isRecord(tokenizer.model) ? tokenizer.model : {};
  const vocab = isRecord(model.vocab) ? model.vocab : {};
  const added = new Map(records(tokenizer.added_tokens).map(({ content, id }) => [content, id]));
  const idOf = (token: unknown): number | null => {
    const content = isRecord(token) ? token.content : token;
    if (typeof content !== 'string') return null;
    const id = added.get(content) ?? (Object.hasOwn(vocab, content) ? vocab[content] : null);
    return typeof id === 'number' ? id : null;
  };

  const bosId = idOf(config.bos_token) ?? vocabulary.bosId;
  const eosIds = [idOf(config.eos_token), ...vocabulary.eosIds, ...endOfTurnIds(idOf)].filter((id) => id !== null);
  const around = tokensAround(tokenizer.post_processor);
  const sentencePiece = model.byte_fallback === true;
  // OPT goes by RoBERTa's tokenizer.json but has a BOS of its own: a post-processor that begins with some token asks
  // for a
  // beginning, the model says which. Its end is believed only where its beginning is the model's.
  const addBos = asFlag(config.add_bos_token) ?? (around ? around.before !== null : sentencePiece);
  const addEos =
    asFlag(config.add_eos_token) ??
    (around !== null &&
      around.after !== null &&
      eosIds.includes(around.after) &&
      (around.before === null || around.before === bosId));
  return {
    tokenizer,
    chatTemplate: vocabulary.chatTemplate,
    generationConfig: vocabulary.generationConfig,
    text: {
      bosId,
      eosIds: [...new Set(eosIds)],
      addBos: addBos && bosId !== null,
      addEos: addEos && eosIds.length > 0,
    },
  };
}

const asFlag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);

/** What a post-processor puts before and after a single text; null where there is none that adds tokens. */
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

/** `["</s>", 2]` */
const idInPair = (pair: unknown): number | null =>
  Array.isArray(pair) && typeof pair[1] === 'number' ? pair[1] : null;
