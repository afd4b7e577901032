import type { FlashrowError } from '../errors.js';

/** How to reach a hub. */
export interface HubOptions {
  /** An http or https URL without a slash at its end, such as https://huggingface.co. */
  endpoint: string;
  /** Of a user, for repositories that are not open to all. */
  token: string | null;
  /** Branch, tag or commit. */
  revision: string;
  /** ms without a byte after which a connection is tried anew. */
  stallMs: number;
  /** Told before each wait for another try. */
  onWait: (failure: FlashrowError, ms: number) => void;
}
