import { join } from 'node:path';
import { generateSettings } from '../../dist/src/api/generate-settings.js';
import type { Methods } from '../../dist/src/contract/protocol.js';
import type { DraftSource, OtherTokens } from '../../dist/src/draft/draft-source.js';
import type { createSpeculation } from '../../dist/src/engine/drafts/create-speculation.js';
import { Speculation } from '../../dist/src/engine/drafts/speculation.js';
import type { ModelHost } from '../../dist/src/engine/model-host.js';
import { openHost } from '../../dist/src/engine/open-host.js';
import type { PlanOptions } from '../../dist/src/plan/model-options.js';
import type { Plan } from '../../dist/src/plan/plan.js';
import { TOKENIZER_FILE } from '../../dist/src/store/manifest.js';
import { openStore } from '../../dist/src/store/reader.js';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import { shareVocabulary, type VocabularyTable } from '../../dist/src/text/vocabulary-table.js';
import { prepare } from '../../dist/src/worker/file-work.js';
import { random } from './random.js';

type Settings = Methods['generate']['args']['settings'];

const SETTINGS: Settings = generateSettings({ maxTokens: 40, seed: 1, ignoreEos: true });

/** What a draft of a test says, pass by pass. */
export interface Script {
  /** The text that would come. */
  right: readonly number[];
  /** The chance that a foretold token is the right one, 0 to 1. */
  accuracy: number;
  /** Seeds the lengths and the mistakes. */
  seed: number;
  /** Tokens that are foretold at most. */
  most: number;
  /** Tokens named in the place of each; of a wrong one, half of the time one of them is right. Default none. */
  others?: number;
}

/** A model in this thread, whose draft is told by the test how often it is right. */
export class DraftingHost {
  readonly #host: ModelHost;
  readonly #vocabulary: VocabularyTable;
  readonly #draft: ScriptedDraft;

  private constructor(host: ModelHost, vocabulary: VocabularyTable, draft: ScriptedDraft) {
    this.#host = host;
    this.#vocabulary = vocabulary;
    this.#draft = draft;
  }

  /** `speculate`: another draft than the scripted one. */
  static async open(source: string, options: PlanOptions, speculate?: typeof createSpeculation): Promise<DraftingHost> {
    const { store } = await prepare(
      { source, options: { ...options, draft: undefined } },
      new AbortController().signal,
      () => {},
    );
    const opened = openStore(store);
    const tokenizer = loadTokenizer(opened.readTokenizer(), opened.text, join(store, TOKENIZER_FILE));
    const draft = new ScriptedDraft(opened.spec.vocabSize);
    const host = await openHost(
      { store, options, anonymousBefore: 0 },
      () => false,
      () => {},
      undefined,
      speculate ??
        ((_selector, _settings, _spec, { takesOthers }) =>
          new Speculation({ sources: [draft], governor: draft.governor, takesOthers, now: () => 0 })),
    );
    return new DraftingHost(host, shareVocabulary(tokenizer, opened.spec.vocabSize), draft);
  }

  get plan(): Plan {
    return this.#host.plan;
  }

  get vocabSize(): number {
    return this.#host.info.vocabSize;
  }

  /** Writes an answer; without a script without drafts. */
  write(prompt: readonly number[], settings: Partial<Settings>, script: Script | null) {
    if (script) this.#draft.script = script;
    return this.#host.generate(
      {
        prompt,
        pictures: [],
        settings: { ...SETTINGS, ...settings, drafts: script !== null },
        vocabulary: this.#vocabulary,
        form: null,
        progress: false,
      },
      () => false,
      () => {},
    );
  }

  dispose(): Promise<void> {
    return this.#host.dispose();
  }
}

/** The part of a governor that a test has no use for. */
const RESTING = {
  chosen: 0,
  place: (index: number) => index,
  rank: () => 0,
  ran: () => {},
  seen: () => {},
  givesBack: false,
  gaveBack: () => {},
  rested: () => {},
  watched: () => {},
  takes: () => false,
  took: () => {},
};

/** Foretells what its script says, as many tokens as chance has it. */
class ScriptedDraft implements DraftSource {
  readonly name = 'lookup';
  readonly usualShares = [0.5];
  readonly tokenMs = 0;
  readonly catchUpMs = 0;
  readonly isReady = true;
  readonly certainty = 0;
  readonly lacking = 0;
  readonly leftOut = 0;
  readonly others: OtherTokens = { ids: [], certainties: [] };
  id = 0;
  script: Script = { right: [], accuracy: 1, seed: 1, most: 7 };
  readonly #vocabSize: number;
  #random = random(1);
  /** Tokens of the answer, and those that were foretold after them. */
  #written = 0;
  #foretold = 0;
  #wanted = 0;
  /** Tokens that the pass has room for; and those that it verifies, each a place and a rank. */
  #room = 0;
  readonly #nodes: [number, number][] = [];

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  begin(): void {
    this.#random = random(this.script.seed);
    this.#written = 0;
  }

  end(): void {}

  async catchUp(): Promise<number> {
    return 0;
  }

  push(): void {
    this.#written++;
    this.#foretold = 0;
  }

  foretell(): boolean {
    const right = this.script.right[this.#written + this.#foretold];
    if (right === undefined) return false;
    this.#foretold++;
    const any = () => Math.floor(this.#random() * this.#vocabSize);
    this.id = this.#random() < this.script.accuracy ? right : any();
    const { others = 0 } = this.script;
    this.others.ids.length = 0;
    this.others.certainties.length = 0;
    for (let i = 0; i < others; i++) this.others.certainties[this.others.ids.push(any()) - 1] = 0;
    if (others > 0 && this.id !== right && this.#random() < 0.5)
      this.others.ids[Math.floor(this.#random() * others)] = right;
    return true;
  }

  readonly governor = {
    begin: () => {},
    affordable: () => 0,
    caughtUp: () => {},
    open: (most: number) => {
      this.#room = Math.min(most, 15);
      this.#wanted = Math.floor(this.#random() * (Math.min(most, this.script.most) + 1));
      this.#nodes.length = 0;
    },
    asks: () => this.#foretold < this.#wanted,
    foretold: (_source: number, _certainty: number, others: readonly number[]) => {
      for (let rank = 0; rank <= others.length; rank++) this.#nodes.push([this.#foretold - 1, rank]);
      // Those that follow each other go first: the room may be too small for all others.
      this.#nodes.sort(([, one], [, other]) => Number(one > 0) - Number(other > 0));
    },
    close: () => {
      // Now and then the last one in a row is less likely than those beside it, and does not go.
      const last = this.#nodes.findLastIndex(([, rank]) => rank === 0);
      if (last >= 0 && this.#nodes.length > last + 1 && this.#random() < 0.4) this.#nodes.splice(last, 1);
      return Math.min(this.#room, this.#nodes.length);
    },
    ...RESTING,
    place: (index: number) => this.#nodes[index][0],
    rank: (index: number) => this.#nodes[index][1],
  };
}

/** A governor that has `most` tokens foretold for each pass, and all of them verified. */
export function eagerGovernor(most: number): ConstructorParameters<typeof Speculation>[0]['governor'] {
  let wanted = 0;
  let foretold = 0;
  return {
    ...RESTING,
    begin: () => {},
    affordable: (tokens) => tokens,
    caughtUp: () => {},
    open: (room) => {
      wanted = Math.min(room, most);
      foretold = 0;
    },
    asks: () => foretold < wanted,
    foretold: () => void foretold++,
    close: () => foretold,
  };
}
