import { describe, expect, it } from 'vitest';
import { parseBytes, parsePercentage } from '../../dist/src/plan/bytes.js';

describe('parseBytes', () => {
  it.each([
    ['500000000', 500_000_000],
    ['0', 0],
    ['1.5GiB', 1_610_612_736],
    ['2GB', 2_000_000_000],
    ['64 MiB', 67_108_864],
    ['12kb', 12_000],
    ['6 GB', 6_000_000_000],
    ['1e9', 1_000_000_000],
    // As docker run --memory, java -Xmx and systemd's MemoryMax read them.
    ['6M', 6_291_456],
    ['6G', 6_442_450_944],
    ['1.5g', 1_610_612_736],
    ['512k', 524_288],
    ['2T', 2_199_023_255_552],
    // As Kubernetes writes powers of 1024.
    ['6Gi', 6_442_450_944],
  ])('reads %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each([
    '',
    'lots',
    '-1',
    '1.5.2GB',
    '3 parsecs',
    '1e400',
    '99999999999999999999',
    '50%',
    '6,5GB',
    '6Gb/s',
    '1 G B',
    '0x10',
    '+5',
    '1e3.5',
  ])('refuses "%s" as bad usage', (text) => {
    expect(() => parseBytes(text)).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
  });
});

it('percentages are above 0 and at most 100', () => {
  expect(['50%', ' 12.5 % ', '100%'].map(parsePercentage)).toEqual([0.5, 0.125, 1]);
  expect(['0%', '100.1%', '50', '%', '-5%', '50%%', '5e1%'].map(parsePercentage)).toEqual(Array(7).fill(null));
});
