import { Counter, Gauge, Registry } from 'prom-client';
import type { GenerationResult } from '../index.js';
import type { ModelPool } from './model-pool.js';

/** What a server counts: llama-server's names with a prefix of our own, and what streaming costs. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #counters: Readonly<Record<string, Counter<'model'>>>;

  constructor(pool: ModelPool) {
    const counter = (name: string, help: string) =>
      new Counter({ name: `flashrow_${name}`, help, labelNames: ['model'], registers: [this.#registry] });
    this.#counters = {
      answers: counter('answers_total', 'Answers that were written'),
      promptTokens: counter('prompt_tokens_total', 'Tokens of prompts that ran'),
      cachedTokens: counter('prompt_tokens_cached_total', 'Tokens of prompts whose state was there already'),
      tokens: counter('tokens_predicted_total', 'Tokens that were generated'),
      bytes: counter('payload_bytes_read_total', 'Bytes of bundles that were read'),
      hits: counter('bundles_hit_total', 'Bundles that were in memory'),
      misses: counter('bundles_missed_total', 'Bundles that were read'),
    };
    // A counter that is missing until its first answer cannot be told from one that is not there at all.
    for (const { name: model } of pool.models)
      for (const counted of Object.values(this.#counters)) counted.inc({ model }, 0);
    const gauge = (name: string, help: string, of: (at: ModelPool['models'][number]) => number) => {
      new Gauge({
        name: `flashrow_${name}`,
        help,
        labelNames: ['model'],
        registers: [this.#registry],
        collect() {
          for (const pooled of pool.models) this.set({ model: pooled.name }, of(pooled));
        },
      });
    };
    gauge('requests_processing', 'Requests that are being answered', ({ queue }) => queue.running);
    gauge('requests_deferred', 'Requests that wait for their turn', ({ queue }) => queue.waiting);
    gauge('model_loaded', '1 where the model is loaded', ({ model }) => (model ? 1 : 0));
    gauge('budget_bytes', 'Budget of the loaded model', ({ model }) => model?.plan.budgetBytes ?? 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  answered(model: string, { usage, receipt }: GenerationResult): void {
    const { answers, promptTokens, cachedTokens, tokens, bytes, hits, misses } = this.#counters;
    answers.inc({ model });
    promptTokens.inc({ model }, usage.prompt - usage.cached);
    cachedTokens.inc({ model }, usage.cached);
    tokens.inc({ model }, usage.completion);
    bytes.inc({ model }, receipt.payloadBytesRead.prefill + receipt.payloadBytesRead.decode);
    hits.inc({ model }, receipt.bundlesHit);
    misses.inc({ model }, receipt.bundlesMissed);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
