import type { FlashrowError } from '../errors.js';

/** How to reach a hub. */
export interface HubOptions {
  /** An http or https URL without a slash at its end, such as https://huggingface.co. */
  endpoint: string;
  /** A user's token, for repositories that are not open to all; null for none. */
  token: string | null;
  /** Branch, tag or commit. */
  revision: string;
  /** ms without a byte after which a connection is tried anew. */
  stallMs: number;
  /** Called before each wait for another try. */
  onWait: (failure: FlashrowError, ms: number) => void;
}
