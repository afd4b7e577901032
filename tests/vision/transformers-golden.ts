import { readFileSync } from 'node:fs';

/** By PyTorch and transformers: tests/golden/transformers_vision.py says which versions. */
export const transformersGolden: {
  gemma3: { features: number[]; cases: { ids: number[]; lnp: number[][] }[] };
  ferret: { features: number[]; lnp: number[][] };
  qwen3vl: {
    vision: Record<string, number> & { deepstack_visual_indexes: number[] };
    text: Record<string, number> & { rope_scaling: { mrope_section: number[] } };
    ids: Record<string, number>;
    processor: Record<string, number>;
    pictures: [width: number, height: number][];
    seen: {
      grid: number[];
      pixels: number[];
      shape: number[];
      first: number[];
      last: number[];
      mean: number;
      std: number;
    }[];
    cases: { pictures: number[]; ids: number[]; lnp: number[][]; then: number[] }[];
  };
} = JSON.parse(readFileSync(new URL('../golden/transformers-vision.json', import.meta.url), 'utf8'));
