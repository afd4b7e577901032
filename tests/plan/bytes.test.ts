import { describe, expect, it } from 'vitest';
import { parseBytes } from '../../dist/src/plan/bytes.js';

describe('parseBytes', () => {
  it.each([
    ['500000000', 500_000_000],
    ['0', 0],
    ['1.5GiB', 1_610_612_736],
    ['2GB', 2_000_000_000],
    ['64 MiB', 67_108_864],
    ['12kb', 12_000],
  ])('reads %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', 'lots', '-1', '1.5.2GB', '3 parsecs', '1e400', '99999999999999999999'])(
    'refuses "%s" as bad usage',
    (text) => {
      expect(() => parseBytes(text)).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
    },
  );
});
