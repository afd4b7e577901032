/** A box that an answer names: what it is said of, and its corners in pixels. */
export interface GroundedBox {
  /** The words before it, up to the box before or the beginning of the sentence. */
  text: string;
  /** Left, top, right, bottom. */
  box: [number, number, number, number];
}

const BOX = /\[(\d+), (\d+), (\d+), (\d+)\]/g;
/** Ferret counts both sides of a picture in thousandths. */
const WHOLE = 1000;

/**
 * The boxes in an answer of Ferret's, in order: `a dog [100, 200, 500, 600]` of a picture of 2000 x 1000 pixels is
 * `{ text: 'a dog', box: [200, 200, 1000, 600] }`. Several boxes after one another are of the same words.
 */
export function boxesIn(answer: string, { width, height }: { width: number; height: number }): GroundedBox[] {
  const boxes: GroundedBox[] = [];
  let from = 0;
  for (const match of answer.matchAll(BOX)) {
    const before = answer.slice(from, match.index);
    const words = before
      .split(/[.;:!?\n]/)
      .at(-1)!
      .replace(/^[\s,]+|\s+$/g, '');
    const [left, top, right, bottom] = match.slice(1).map(Number);
    const across = (value: number) => (value * width) / WHOLE;
    const down = (value: number) => (value * height) / WHOLE;
    boxes.push({
      text: words === '' && boxes.length > 0 ? boxes.at(-1)!.text : words,
      box: [across(left), down(top), across(right), down(bottom)],
    });
    from = match.index + match[0].length;
  }
  return boxes;
}
