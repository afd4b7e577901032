import { describe, expect, it } from 'vitest';
import { expertsOf, networkNeurons, streamedNeurons } from '../../dist/src/model/feed-forward.js';
import { expertsSpec, modelSpec } from '../support/spec.js';

describe('the network of a layer', () => {
  const dense = modelSpec({ intermediateSize: 160 });
  const experts = expertsSpec({ leadingDenseLayers: 1 });
  const mixed = modelSpec({ intermediateSize: 160, experts });

  it('is the same in all layers, or experts from some layer on', () => {
    expect([0, 1].map((layer) => streamedNeurons(dense, layer))).toEqual([160, 160]);
    expect([0, 1, 2].map((layer) => streamedNeurons(mixed, layer))).toEqual([160, 192, 192]);
    expect([0, 1].map((layer) => networkNeurons(mixed, layer))).toEqual([160, 24]);
    expect([0, 1].map((layer) => expertsOf(mixed, layer))).toEqual([null, experts]);
  });
});
