/** Bytes of tokens to text, whole characters only: a character that tokens cut in two is held until its last byte. */
export class StreamDecoder {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The characters that `bytes` complete; invalid UTF-8 becomes U+FFFD. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** What is left: U+FFFD where a character was never completed. */
  end(): string {
    return this.#decoder.decode();
  }
}
