import { ask, eventsOf, ServerFailure } from './server.js';

/** The model as it was loaded; sizes are bytes. */
export interface LoadedModel {
  model: string;
  selector: string;
  cachePolicy: string;
  kernels: string;
  exact: boolean;
  contextSize: number;
  hasTemplate: boolean;
  budgetBytes: number;
  residentBytes: number;
  scratchBytes: number;
  cacheBytes: number;
  memoryBytes: number;
  minimumBytes: number;
  ffnBytes: number;
  cachedShare: number;
  layers: { units: number; bundles: number }[];
}

/** What the model did since the sample before. */
export interface Sample {
  ms: number;
  passes: number;
  tokens: number;
  bundlesHit: number;
  bundlesMissed: number;
  payloadBytesRead: number;
  deviceBytesRead: number;
  readWaitMs: number;
  ffnMs: number;
  denseMs: number;
  otherMs: number;
  stateBytes: number;
  memoryBytes: number;
  /** Bitmaps, a bit for each unit. */
  layers: { asked: Uint8Array; read: Uint8Array }[];
}

export interface ActivityListener {
  /** Null while the model is not loaded. */
  onModel(model: LoadedModel | null): void;
  onSample(sample: Sample): void;
  /** The key is missing or wrong; nothing more will come. */
  onRefused(failure: ServerFailure): void;
}

/** Wait before the server is asked again, ms. */
const RETRY_MS = 2000;

/** Looks at a model until the signal ends it, and connects again where the connection breaks. */
export async function watch(model: string, signal: AbortSignal, listener: ActivityListener): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await ask(`/activity?model=${encodeURIComponent(model)}`, { signal });
      for await (const { name, data } of eventsOf(response)) {
        if (name === 'model') listener.onModel(data as LoadedModel);
        else if (name === 'unloaded') listener.onModel(null);
        else if (name === 'sample') listener.onSample(decoded(data as EncodedSample));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerFailure && error.status >= 400 && error.status < 500) {
        listener.onRefused(error);
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

type EncodedSample = Omit<Sample, 'layers'> & { layers: { asked: string; read: string }[] };

const decoded = (sample: EncodedSample): Sample => ({
  ...sample,
  layers: sample.layers.map(({ asked, read }) => ({ asked: bytesOf(asked), read: bytesOf(read) })),
});

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
