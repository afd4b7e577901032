import { rowBytes } from '../../native-bridge/formats.js';
import { openBridge } from '../../native-bridge/index.js';
import { headName, tensorNamed } from '../dense/check-tensors.js';
import { mostTakenBack } from '../mixers/state-size.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import { forecast } from './forecast.js';
import type { Outline } from './outline.js';
import type { Plan } from './plan.js';
import type { PlannedModel } from './plan-outline.js';
import { type GivenSpeeds, isGiven } from './probes.js';
import { earlierRuns, shareInMemory, weightBytes } from './speeds/run-speeds.js';

/** A message of a few sentences. */
const DEFAULT_PROMPT_TOKENS = 128;

export interface ForecastOptions {
  cacheDir: string;
  /** Tokens of the prompt that the first token waits for; default 128, or the context where that is less. */
  promptTokens: number | undefined;
  /** Speeds of another machine, in the place of this one's. */
  speeds: GivenSpeeds;
  /** Figures of this call, so that several plans go by the same. */
  known: Map<string, number>;
}

/** The same plan with a forecast, unless it does not fit. It reads up to 72 MB of the model's file. */
export function withForecast(planned: PlannedModel, outline: Outline, options: ForecastOptions): Plan {
  const { plan, allocation, settings } = planned;
  if (!plan.fits) return { ...plan, forecast: { ...plan.forecast, basis: 'the plan does not fit' } };
  const { spec, probePath, sample, storePath } = outline;
  const { cacheDir, speeds, known } = options;
  const bridge = openBridge({ threads: settings.threads });
  try {
    const { selector, cachePolicy } = plan;
    const promptTokens = Math.min(options.promptTokens ?? DEFAULT_PROMPT_TOKENS, plan.contextSize);
    const [cachedShare, memoryBytes] = [shareInMemory(plan), weightBytes(plan)];
    const kind = { store: storePath, selector, cachePolicy, cachedShare, memoryBytes };
    return {
      ...plan,
      forecast: forecast({
        ...{ bridge, sample, allocation, cacheDir, speeds, known },
        path: probePath,
        experts: spec.experts !== null,
        denseBytes: plan.residentBytes + plan.denseStreamedBytes,
        headBytes: headBytes(outline),
        draftBytes: planned.settings.draft === 'off' ? null : plan.draftBytes,
        mostTakenBack: mostTakenBack(spec),
        promptTokens,
        chunkTokens: prefillChunk(spec),
        earlier: isGiven(speeds)
          ? null
          : earlierRuns(cacheDir, { ...kind, kernels: bridge.isa, threads: settings.threads }, promptTokens),
      }),
    };
  } finally {
    bridge.dispose();
  }
}

function headBytes({ spec, tensors }: Outline): number {
  const { shape, format } = tensorNamed(tensors, headName(spec));
  return shape[0] * rowBytes(format, shape[1]);
}
