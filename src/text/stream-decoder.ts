/** Turns the bytes of tokens into text. A character that two tokens share is held until its last byte. */
export class StreamDecoder {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The characters that `bytes` completes. Invalid UTF-8 becomes U+FFFD. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** The rest: U+FFFD where a character was never completed. */
  end(): string {
    return this.#decoder.decode();
  }
}
