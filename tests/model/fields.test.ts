import { describe, expect, it } from 'vitest';
import { Fields } from '../../dist/src/model/fields.js';

const fields = (values: object) => Fields.of('config.json', values);

describe('the fields of a configuration', () => {
  it('are absent where they are null, or only inherited', () => {
    const found = fields({ nothing: null });
    expect([found.raw('nothing'), found.raw('constructor'), found.raw('other')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([found.size('nothing', 5), found.flag('other'), found.text('other'), found.object('other')]).toEqual([
      5,
      null,
      null,
      null,
    ]);
    expect(fields(JSON.parse('{"__proto__": 3}')).size('__proto__')).toBe(3);
  });

  it('take a list of equal sizes for one size', () => {
    expect(fields({ sizes: [7, 7, 7] }).size('sizes')).toBe(7);
    expect(() => fields({ sizes: [7, 8] }).size('sizes')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('name the object that they are nested in', () => {
    const inner = fields({ outer: { size: 'big' } }).object('outer')!;
    expect(() => inner.size('size')).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        message: expect.stringMatching(/^config.json, "outer": "size" is "big"/),
      }),
    );
  });

  it.each<[string, (of: Fields) => unknown]>([
    ['0 as a size', (of) => of.size('zero')],
    ['a fraction as a size', (of) => of.size('fraction')],
    ['a size that is missing', (of) => of.size('missing')],
    ['0 as a positive number', (of) => of.positive('zero')],
    ['text as a positive number', (of) => of.positive('text')],
    ['0 as a flag', (of) => of.flag('zero')],
    ['a number as text', (of) => of.text('fraction')],
    ['a list as an object', (of) => of.object('list')],
  ])('are CORRUPT with %s', (_, read) => {
    expect(() => read(fields({ zero: 0, fraction: 1.5, text: 'x', list: [] }))).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    );
  });
});
