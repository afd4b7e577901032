import { useState } from 'preact/hooks';
import type { LoadedModel } from './activity.js';
import { bytes, digits, percent, perSecond } from './figures.js';
import { type Forecast, forecastFor } from './use-forecast.js';

/** Steps of the slider. */
const STEPS = 40;

/** What another budget would give, as the plan expects it. */
export function Budgets({ model, loaded, now }: { model: string; loaded: LoadedModel; now: Forecast | null }) {
  const [step, setStep] = useState<number | null>(null);
  const [other, setOther] = useState<Forecast | null>(null);
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
      setOther(await forecastFor(model, budgetAt(wanted)));
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
            <th>budget</th>
            <th>tokens/s</th>
            <th>read for a token</th>
            <th>cached</th>
          </tr>
        </thead>
        <tbody>
          <Row name="this one" forecast={now} />
          {other && <Row name="the other" forecast={other} />}
        </tbody>
      </table>
      {other?.obstacle && <p class="faint small">{other.obstacle}</p>}
      {failure !== '' && <p class="failure">{failure}</p>}
      <p class="faint small">
        A forecast, from the speed of the disk ({perSecond(now.diskBytesPerSecond ?? 0)}), of the kernels, and of
        earlier runs.
      </p>
    </figure>
  );
}

function Row({ name, forecast }: { name: string; forecast: Forecast }) {
  const { budgetBytes, tokensPerSecond, bytesPerToken, cachedShare, fits } = forecast;
  return (
    <tr>
      <td>
        {name}: {bytes(budgetBytes)}
      </td>
      <td>{fits && tokensPerSecond !== null ? digits(tokensPerSecond) : 'does not fit'}</td>
      <td>{bytes(bytesPerToken)}</td>
      <td>{percent(cachedShare)}</td>
    </tr>
  );
}
