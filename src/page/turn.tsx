import type { Cost, Turn, Usage } from './answers.js';
import { bytes, digits, percent, seconds } from './figures.js';
import { PictureView } from './picture.js';
import { visibleText } from './visible-text.js';

/** A message, with its reasoning folded away, and what an answer cost. */
export function TurnView({ turn }: { turn: Turn }) {
  const { role, text, reasoning, state, failure, cost, usage, picture } = turn;
  const boxes = cost?.boxes ?? [];
  return (
    <article class={`turn ${role}`}>
      <h2>{role === 'user' ? 'You' : 'Model'}</h2>
      {reasoning !== '' && (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <div class="text">{visibleText(reasoning)}</div>
        </details>
      )}
      {picture && role === 'user' && <PictureView picture={picture} />}
      <div class="text">{visibleText(text)}</div>
      {picture && boxes.length > 0 && <PictureView {...{ picture, boxes }} />}
      {state === 'waiting' && <p class="faint">The prompt is being read …</p>}
      {state === 'stopped' && <p class="faint">Stopped.</p>}
      {failure !== null && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {endOf(turn) !== '' && <p class="faint small">{endOf(turn)}</p>}
      {cost && <ReceiptView {...{ cost, usage }} />}
    </article>
  );
}

function endOf({ finish }: Turn): string {
  if (finish === 'length') return 'Cut off: the limit of tokens, or the end of the context.';
  if (finish === 'tool_calls') return 'The model calls a tool, and this page has none.';
  return '';
}

function ReceiptView({ cost: { receipt, warnings }, usage }: { cost: Cost; usage: Usage | null }) {
  const { prefillTokensPerSecond, decodeTokensPerSecond, bundlesHit, bundlesMissed, payloadBytesRead } = receipt;
  const asked = bundlesHit + bundlesMissed;
  const read = payloadBytesRead.prefill + payloadBytesRead.decode;
  const speed = decodeTokensPerSecond === null ? '' : `, ${digits(decodeTokensPerSecond)} tokens/s`;
  const tokens = usage === null ? '' : `${usage.completion_tokens} tokens${speed} · `;
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  const rows: [string, string][] = [
    ['Prompt', usage === null ? '' : `${usage.prompt_tokens} tokens, ${cached} of them held already`],
    ['Speed of the prompt', prefillTokensPerSecond === null ? '' : `${digits(prefillTokensPerSecond)} tokens/s`],
    ['Read for the prompt', bytes(payloadBytesRead.prefill)],
    ['Read for the answer', bytes(payloadBytesRead.decode)],
    ['From the disk', bytes(receipt.deviceBytesRead.prefill + receipt.deviceBytesRead.decode)],
    ['Bundles in memory', `${bundlesHit} of ${asked}`],
    ['Memory', bytes(receipt.memoryBytes)],
    ['Waiting for flash', seconds(receipt.readWaitMs)],
    ['Feed-forward', seconds(receipt.ffnMs)],
    ['Dense half', seconds(receipt.denseMs)],
    ['Other', seconds(receipt.otherMs)],
  ];
  return (
    <details class="receipt">
      <summary>
        {tokens}
        {bytes(read)} read{asked > 0 && `, ${percent(bundlesHit / asked)} found in memory`}
      </summary>
      <table>
        <tbody>
          {rows
            .filter(([, value]) => value !== '')
            .map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {warnings.map((warning) => (
        <p key={warning} class="small">
          {warning}
        </p>
      ))}
    </details>
  );
}
