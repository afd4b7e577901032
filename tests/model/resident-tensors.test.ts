import { describe, expect, it } from 'vitest';
import { residentOfLayer, residentTensors } from '../../dist/src/model/resident-tensors.js';
import type { ModelSpec } from '../../dist/src/model/spec.js';
import { expertsSpec, modelSpec } from '../support/spec.js';

const ofLayer = (change: Partial<ModelSpec>) => Object.fromEntries(residentOfLayer(modelSpec(change)));

/** What a trait adds to a layer of a plain Llama, and what it takes away. */
function difference(change: Partial<ModelSpec>) {
  const [plain, other] = [ofLayer({}), ofLayer(change)];
  const only = (one: object, two: object) => Object.fromEntries(Object.entries(one).filter(([name]) => !(name in two)));
  return { added: only(other, plain), gone: Object.keys(only(plain, other)) };
}

describe('the tensors that stay in memory', () => {
  it('are the embedding, attention and norms of each layer, and the last norm: no feed-forward matrix', () => {
    expect(Object.fromEntries(residentTensors(modelSpec()))).toEqual({
      embedding: [512, 64],
      'layers.0.attentionNorm': [64],
      'layers.0.q': [64, 64],
      'layers.0.k': [32, 64],
      'layers.0.v': [32, 64],
      'layers.0.o': [64, 64],
      'layers.0.ffnNorm': [64],
      'layers.1.attentionNorm': [64],
      'layers.1.q': [64, 64],
      'layers.1.k': [32, 64],
      'layers.1.v': [32, 64],
      'layers.1.o': [64, 64],
      'layers.1.ffnNorm': [64],
      finalNorm: [64],
    });
  });

  it('have the head where it is not the embedding, and a table of learned positions', () => {
    const names = (change: Partial<ModelSpec>) => residentTensors(modelSpec({ numLayers: 1, ...change }));
    expect(names({ tiedEmbeddings: false }).get('head')).toEqual([512, 64]);
    const learned = names({ rotary: null, positionOffset: 2, norm: 'layer' });
    expect(learned.get('positions')).toEqual([514, 64]);
    expect(learned.get('finalNormBias')).toEqual([64]);
  });

  it.each<[string, Partial<ModelSpec>, object, string[]]>([
    ['layer norms have biases', { norm: 'layer' }, { attentionNormBias: [64], ffnNormBias: [64] }, []],
    ['one norm serves both', { parallelNorm: 'shared' }, {}, ['ffnNorm']],
    ['each has its own norm', { parallelNorm: 'own' }, {}, []],
    ['queries have biases', { queryKeyValueBiases: true }, { qBias: [64], kBias: [32], vBias: [32] }, []],
    ['heads are normed', { queryKeyNorm: 'head' }, { qNorm: [16], kNorm: [16] }, []],
    ['all heads are normed together', { queryKeyNorm: 'all' }, { qNorm: [64], kNorm: [32] }, []],
    ['heads have sinks', { attentionSinks: true }, { sinks: [4] }, []],
    ["attention's output has a bias", { outputBias: true }, { oBias: [64] }, []],
    ['outputs are normed', { postNorms: true }, { postAttentionNorm: [64], postFfnNorm: [64] }, []],
    ['the network has biases', { feedForwardBiases: true }, { gateBias: [160], upBias: [160], downBias: [64] }, []],
    [
      'there are several residual streams',
      { residualStreams: { count: 2, rank: 8 } },
      {
        ...{ mixStreamsNorm: [128], mixStreamsDown: [8, 128], mixStreamsUp: [128, 8], mixStreamsShares: [2, 128] },
        ...{ ffnStreamsNorm: [128], ffnStreamsDown: [8, 128], ffnStreamsUp: [128, 8], ffnStreamsShares: [2, 128] },
      },
      ['attentionNorm', 'ffnNorm'],
    ],
    ['it has no gate', { feedForwardBiases: true, gated: false }, { upBias: [160], downBias: [64] }, []],
  ])('differ where %s', (_, change, added, gone) => {
    expect(difference(change)).toEqual({ added, gone });
  });

  it('have the routers of experts, biases expert by expert, and the expert that every token takes', () => {
    const experts = expertsSpec();
    expect(difference({ experts }).added).toEqual({ router: [8, 64] });
    expect(difference({ experts, feedForwardBiases: true }).added).toEqual({
      gateBias: [8 * 24],
      upBias: [8 * 24],
      downBias: [8 * 64],
      router: [8, 64],
      routerBias: [8],
    });
    expect(difference({ experts: { ...experts, sharedIntermediateSize: 40 } }).added).toEqual({
      router: [8, 64],
      sharedRouter: [1, 64],
      sharedGate: [40, 64],
      sharedUp: [40, 64],
      sharedDown: [64, 40],
    });
    expect(difference({ experts: expertsSpec({ sharedIntermediateSize: 40, sharedRouter: false }) }).added).toEqual({
      router: [8, 64],
      sharedGate: [40, 64],
      sharedUp: [40, 64],
      sharedDown: [64, 40],
    });
    expect(difference({ experts: expertsSpec({ selectionBias: true, outputScales: true }) }).added).toEqual({
      router: [8, 64],
      selectionBias: [8],
      expertScales: [8],
    });
    expect(difference({ experts: expertsSpec({ routerInput: 'residual', branchNorms: true }) }).added).toEqual({
      router: [8, 64],
      routerNorm: [64],
      expertsNorm: [64],
      postSharedNorm: [64],
      postExpertsNorm: [64],
    });
    expect(difference({ experts: expertsSpec({ leadingDenseLayers: 1 }) })).toEqual({ added: {}, gone: [] });
  });
});
