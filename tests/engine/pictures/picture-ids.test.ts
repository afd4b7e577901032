import { describe, expect, it } from 'vitest';
import {
  addLayerRows,
  beforePicture,
  giveRows,
  isPictureId,
  pictureIds,
  standIns,
} from '../../../dist/src/engine/pictures/picture-ids.js';

describe('ids of a picture', () => {
  it('are of no vocabulary, fit 32 bits, and are its own', () => {
    const ids = pictureIds('digest', 700);
    expect(ids).toHaveLength(700);
    expect(ids.every((id) => isPictureId(id) && id < 2 ** 32)).toBe(true);
    expect(pictureIds('digest', 700)).toEqual(ids);
    expect(new Set(ids).size).toBe(700);
    const other = new Set(pictureIds('digest2', 700));
    expect(ids.filter((id) => other.has(id)).length).toBeLessThan(2);
  });

  it('are a common prefix of prompts whole, or not at all', () => {
    const [a, b] = [pictureIds('a', 3), pictureIds('b', 2)];
    const ids = [1, 2, ...a, ...b, 7, 8];
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((common) => beforePicture(ids, common))).toEqual([
      0, 1, 2, 2, 2, 5, 5, 7, 8, 9,
    ]);
    // A picture in pieces, with text between them: a piece is whole.
    expect(beforePicture([...a, 5, ...a.slice(1), 6], 5)).toBe(4);
  });

  it('have embeddings of their own', () => {
    const [first, second] = pictureIds('a', 2);
    const given = {
      rows: new Map([
        [first, Float32Array.of(1, 2, 10, 20)],
        [second, Float32Array.of(3, 4, 30, 40)],
      ]),
      standIn: 9,
      deepstack: 1,
    };
    const ids = [5, first, second, 6];
    expect(standIns(ids, given)).toEqual([5, 9, 9, 6]);
    expect(standIns(ids, null)).toBe(ids);
    const x = new Float32Array(8);
    giveRows(ids, given, x, 2);
    expect([...x]).toEqual([0, 0, 1, 2, 3, 4, 0, 0]);
    addLayerRows(ids, given, 0, x, 2);
    expect([...x]).toEqual([0, 0, 11, 22, 33, 44, 0, 0]);
  });
});
