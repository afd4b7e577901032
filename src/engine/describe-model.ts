import type { ModelDescription } from '../contract/model-info.js';
import type { Checkpoint } from '../import/checkpoint.js';
import type { ModelSpec } from '../model/spec.js';
import type { StoreLayout } from '../store/layout.js';
import { countParameters } from '../store/parameters.js';
import type { Store } from '../store/reader.js';
import { storedText } from '../text/vocabulary-text.js';
import { samplingDefaults } from './sampling-defaults.js';

export const describeStore = (store: Store): ModelDescription => ({
  ...fromSpec(store.spec),
  parameters: countParameters(store.layers, store.tensors.values()),
  chatTemplate: store.readChatTemplate(),
  samplingDefaults: samplingDefaults(store.readGenerationConfig()).defaults,
});

/** What the store would be that a checkpoint converts to. `layout`: of that store. */
export function describeCheckpoint(
  { spec, vocabulary }: Checkpoint,
  { layers, resident }: Pick<StoreLayout, 'layers' | 'resident'>,
): ModelDescription {
  const { chatTemplate, generationConfig } = storedText(vocabulary);
  return {
    ...fromSpec(spec),
    parameters: countParameters(layers, resident),
    chatTemplate,
    samplingDefaults: samplingDefaults(generationConfig).defaults,
  };
}

const fromSpec = ({ name, architecture, contextLength, vocabSize, numLayers, experts }: ModelSpec) => ({
  ...{ name, architecture, contextLength, vocabSize },
  layers: numLayers,
  experts: experts?.numExperts ?? 0,
});
