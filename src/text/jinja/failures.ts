/** The template itself refuses: it called `raise_exception`. */
export class Refusal extends Error {}

/** The template uses something of Jinja that is not built here. The message names it. */
export class Unsupported extends Error {}

/** The template takes more than a render may cost. */
export class TooMuch extends Unsupported {}

/** What Jinja fails on too: an operation on values of the wrong kind, or on one that is not there. */
export class Failure extends Error {}

/** A list of content parts was read as a text. */
export class ReadAsText extends Error {
  readonly parts: object;

  constructor(parts: object) {
    super('content in parts was read as a text');
    this.parts = parts;
  }
}
