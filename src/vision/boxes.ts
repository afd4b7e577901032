/** A box that an answer names: what it is said of, and its corners in pixels. */
export interface GroundedBox {
  /** The words before it, up to the box before or the beginning of the sentence. */
  text: string;
  /** Left, top, right, bottom. */
  box: [number, number, number, number];
}

const BOX = /\[(\d+), (\d+), (\d+), (\d+)\]/;
const ENDS_SENTENCE = /[.;:!?\n]/;
/** Ferret counts both sides of a picture in thousandths. */
const WHOLE = 1000;

/** Reads boxes out of an answer as it comes. */
export class BoxReader {
  readonly #size: { width: number; height: number };
  /** What has come since the last box, as far as it may belong to the next one. */
  #text = '';
  /** The words of the box before. */
  #words = '';

  /** `size`: pixels of the picture. */
  constructor(size: { width: number; height: number }) {
    this.#size = size;
  }

  /** The boxes that are whole with this much more of the answer. */
  push(text: string): GroundedBox[] {
    const boxes: GroundedBox[] = [];
    this.#text += text;
    for (let found = BOX.exec(this.#text); found; found = BOX.exec(this.#text)) {
      const words = sentence(this.#text.slice(0, found.index)).replace(/^[\s,]+|\s+$/g, '');
      if (words !== '') this.#words = words;
      boxes.push({ text: this.#words, box: this.#pixels(found.slice(1).map(Number)) });
      this.#text = this.#text.slice(found.index + found[0].length);
    }
    this.#text = sentence(this.#text);
    return boxes;
  }

  #pixels([left, top, right, bottom]: number[]): GroundedBox['box'] {
    const across = (value: number) => (value * this.#size.width) / WHOLE;
    const down = (value: number) => (value * this.#size.height) / WHOLE;
    return [across(left), down(top), across(right), down(bottom)];
  }
}

const sentence = (text: string): string => text.split(ENDS_SENTENCE).at(-1)!;

/**
 * The boxes in an answer of Ferret's, in order: `a dog [100, 200, 500, 600]` of a picture of 2000 x 1000 pixels is
 * `{ text: 'a dog', box: [200, 200, 1000, 600] }`. Several boxes after one another are of the same words.
 */
export const boxesIn = (answer: string, size: { width: number; height: number }): GroundedBox[] =>
  new BoxReader(size).push(answer);
