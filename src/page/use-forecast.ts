import { useEffect, useState } from 'preact/hooks';
import type { LoadedModel } from './activity.js';
import { ask } from './server.js';

/** What a budget is expected to give; sizes are bytes. */
export interface Forecast {
  fits: boolean;
  obstacle: string | null;
  minimumBytes: number;
  mostBytes: number;
  budgetBytes: number;
  cachedShare: number;
  bytesPerToken: number;
  tokensPerSecond: number | null;
  diskBytesPerSecond: number | null;
  basis: string;
  /** What its cache would have read of what was just seen; null where nothing was. */
  replay: { tokens: number; hitRate: number; bytesPerToken: number } | null;
}

/** The forecast for a budget; without one, for the model's own. */
export async function forecastFor(model: string, memory?: number, signal?: AbortSignal): Promise<Forecast> {
  const query = new URLSearchParams({ model, ...(memory === undefined ? {} : { memory: String(Math.round(memory)) }) });
  return (await ask(`/forecast?${query}`, { signal })).json() as Promise<Forecast>;
}

/** The forecast for the budget that a model has, once it is loaded; null before it is there. */
export function useForecast(model: string, loaded: LoadedModel | null): Forecast | null {
  const [forecast, setForecast] = useState<Forecast | null>(null);
  useEffect(() => {
    setForecast(null);
    if (loaded === null) return;
    const leaving = new AbortController();
    forecastFor(model, undefined, leaving.signal).then(setForecast, () => {});
    return () => leaving.abort();
  }, [model, loaded]);
  return forecast;
}
