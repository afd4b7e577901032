import { closeSync, openSync, readSync } from 'node:fs';
import { writeFully } from '../disk/write-fully.js';

/** Logits of many tokens, on disk as they come: f32 [tokens, vocabSize]. */
export class LogitSpill {
  private readonly file: number;
  private written = 0;
  private read = 0;
  private readonly row: Float32Array;

  constructor(path: string, vocabSize: number) {
    this.file = openSync(path, 'w+');
    this.row = new Float32Array(vocabSize);
  }

  append(logits: Float32Array): void {
    const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
    writeFully(this.file, bytes, this.written);
    this.written += bytes.length;
  }

  /** The logits of the next token, in the order of appending; valid until the next call. */
  next(): Float32Array {
    const bytes = new Uint8Array(this.row.buffer);
    for (let done = 0; done < bytes.length; )
      done += readSync(this.file, bytes, done, bytes.length - done, this.read + done);
    this.read += bytes.length;
    return this.row;
  }

  close(): void {
    closeSync(this.file);
  }
}
