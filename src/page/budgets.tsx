import { useState } from 'preact/hooks';
import type { LoadedModel } from './activity.js';
import { bytes, digits, percent, perSecond } from './figures.js';
import { type Forecast, forecastFor } from './use-forecast.js';

/** Steps of the slider. */
const STEPS = 40;

/** What another budget would give, as the plan expects it. */
export function Budgets({ model, loaded, now }: { model: string; loaded: LoadedModel; now: Forecast | null }) {
  const [step, setStep] = useState<number | null>(null);
  const [both, setBoth] = useState<{ own: Forecast; other: Forecast } | null>(null);
  const [failure, setFailure] = useState('');
  if (now === null) return <p class="faint">What other budgets would give is being measured …</p>;
  const { minimumBytes, mostBytes } = now;
  // Even steps of the logarithm: small budgets differ more.
  const ratio = Math.max(1.01, mostBytes / minimumBytes);
  const budgetAt = (at: number) => Math.ceil(minimumBytes * ratio ** (at / STEPS));
  const own = Math.round((STEPS * Math.log(loaded.budgetBytes / minimumBytes)) / Math.log(ratio));
  const at = step ?? Math.min(STEPS, Math.max(0, own));
  const look = async (wanted: number) => {
    setFailure('');
    try {
      // What was seen meanwhile is replayed with both.
      const own = await forecastFor(model);
      setBoth({ own, other: await forecastFor(model, budgetAt(wanted)) });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  const asked = step === null ? loaded.budgetBytes : budgetAt(at);
  return (
    <figure class="budgets">
      <figcaption>
        <label for="budget">
          What would another budget give? <b>{bytes(asked)}</b>
        </label>
      </figcaption>
      <input
        id="budget"
        type="range"
        min={0}
        max={STEPS}
        value={at}
        aria-valuetext={bytes(asked)}
        onInput={(event) => setStep(event.currentTarget.valueAsNumber)}
        onChange={(event) => void look(event.currentTarget.valueAsNumber)}
      />
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">this one</th>
            {both && <th scope="col">the other</th>}
          </tr>
        </thead>
        <tbody>
          {ROWS.map(({ name, of }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{of(both?.own ?? now)}</td>
              {both && <td>{of(both.other)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {both?.other.obstacle && <p class="faint small">{both.other.obstacle}</p>}
      {failure !== '' && <p class="failure">{failure}</p>}
      <p class="faint small">
        A forecast, from the speed of the disk ({perSecond(now.diskBytesPerSecond ?? 0)}), of the kernels, and of
        earlier runs. The replay says what the cache would have read for a token of the last answers that this page has
        seen.
      </p>
    </figure>
  );
}

const ROWS: { name: string; of: (forecast: Forecast) => string }[] = [
  { name: 'Budget', of: ({ budgetBytes }) => bytes(budgetBytes) },
  {
    name: 'Tokens/s',
    of: ({ fits, tokensPerSecond }) => (fits && tokensPerSecond !== null ? digits(tokensPerSecond) : 'does not fit'),
  },
  { name: 'Read for a token', of: ({ bytesPerToken }) => bytes(bytesPerToken) },
  { name: 'Held by the cache', of: ({ cachedShare }) => percent(cachedShare) },
  { name: 'Replay: read for a token', of: ({ replay }) => (replay ? bytes(replay.bytesPerToken) : '–') },
  { name: 'Replay: found in memory', of: ({ replay }) => (replay ? percent(replay.hitRate) : '–') },
];
