import { describe, expect, it } from 'vitest';
import { expandChat, expandPrompt } from '../../dist/src/vision/markers.js';

const vision = {
  marker: '<pic>',
  expand: ({ width, height }: { width: number; height: number }) => `[${width}x${height}]`,
};
const [one, two] = [
  { width: 1, height: 2 },
  { width: 3, height: 4 },
];

describe('markers in a prompt', () => {
  it('become what stands for each picture, in order', () => {
    expect(expandPrompt('a <pic> b <pic>', [one, two], vision, '')).toBe('a [1x2] b [3x4]');
    expect(expandPrompt('a <image> b <image>', [one, two], vision, '')).toBe('a [1x2] b [3x4]');
    expect(expandPrompt('a', [], vision, '')).toBe('a');
  });

  it('stand at the beginning where there are none', () => {
    expect(expandPrompt('a', [one, two], vision, '')).toBe('[1x2]\n[3x4]\na');
    expect(expandPrompt('<s>a', [one], vision, '<s>')).toBe('<s>[1x2]\na');
  });

  it('are as many as the pictures', () => {
    expect(() => expandPrompt('<pic>', [], vision, '')).toThrow(/has one <pic>, and no picture was given/);
    expect(() => expandPrompt('<pic>', [one, two], vision, '')).toThrow(/has one <pic>, and 2 pictures/);
    expect(() => expandPrompt('<image><image>', [one], vision, '')).toThrow(/has 2 <image>, and one picture/);
    expect(() => expandChat('no place', [one], vision)).toThrow(/has 0 <pic> for one picture/);
    expect(expandChat('<pic>', [one], vision)).toBe('[1x2]');
  });
});
