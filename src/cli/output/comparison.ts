import type { ComparisonResult } from '../../contract/protocol.js';
import type { Receipt } from '../../contract/receipt.js';
import { formatBytes, formatCount, formatShare, formatTable, plural } from './format.js';

/** The cost and the savings of a selector, for people. */
export function formatComparison({ dense, sparse, topOneAgreement, klDivergence, layers }: ComparisonResult): string {
  const change = sparse.perplexity / dense.perplexity - 1;
  const head = [
    `perplexity ${sparse.perplexity.toFixed(4)} with ${sparse.receipt.selector}, ${dense.perplexity.toFixed(4)} with every row that matters: ${change < 0 ? '' : '+'}${formatShare(change)}`,
    `the likeliest next token is the same for ${formatShare(topOneAgreement)} of ${plural(dense.tokens, 'token')}; divergence ${klDivergence.toPrecision(3)} nats`,
  ].join('\n');
  const perToken = (bytes: number, { tokens }: { tokens: number }) => formatBytes(Math.round(bytes / tokens));
  const runs = formatTable([
    ['', 'read a token', 'bundles asked for', 'cached', 'memory'],
    ...[sparse, dense].map((run) => [
      run.receipt.selector,
      perToken(run.receipt.payloadBytesRead.prefill, run),
      formatCount(Math.round(asked(run.receipt) / run.tokens)),
      formatShare(run.receipt.bundlesHit / Math.max(1, asked(run.receipt))),
      formatBytes(run.receipt.memoryBytes),
    ]),
  ]);
  const table = formatTable([
    ['layer', 'active', 'chosen', 'missed', 'in vain'],
    ...layers.map((layer, index) => [
      String(index),
      formatShare(layer.activeShare),
      formatShare(layer.chosenShare),
      formatShare(layer.falseNegativeRate),
      formatShare(layer.falsePositiveRate),
    ]),
  ]);
  return `${head}\n\n${runs}\n\n${table}`;
}

const asked = ({ bundlesHit, bundlesMissed }: Receipt): number => bundlesHit + bundlesMissed;
