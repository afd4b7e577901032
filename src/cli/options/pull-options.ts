import type { HubOptions } from '../../hub/hub-options.js';
import { badValue, decimal, type OptionParser } from './option-values.js';

export interface HubFlags {
  revision: string;
  token?: string;
  endpoint?: string;
  stallTimeout: number;
}

/** Timers of Node.js hold 24 days; nobody waits for a day. */
const LONGEST_STALL_S = 86_400;

export const parseStallTimeout: OptionParser<number> = decimal(
  '--stall-timeout',
  `seconds above 0, at most ${LONGEST_STALL_S}`,
  (seconds) => seconds > 0 && seconds <= LONGEST_STALL_S,
);

/** The hub and how to ask it, from flags, environment and defaults. Throws BAD_USAGE. */
export function toHubOptions(
  { revision, token, endpoint, stallTimeout }: HubFlags,
  onWait: HubOptions['onWait'],
): HubOptions {
  return {
    endpoint:
      endpoint !== undefined
        ? parseEndpoint('--endpoint', endpoint)
        : parseEndpoint('HF_ENDPOINT', process.env.HF_ENDPOINT || 'https://huggingface.co'),
    token: token !== undefined ? parseToken('--token', token) : parseToken('HF_TOKEN', process.env.HF_TOKEN ?? ''),
    revision,
    stallMs: stallTimeout * 1000,
    onWait,
  };
}

function parseEndpoint(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text))
    throw badValue(option, text, 'the URL of a hub, like https://huggingface.co');
  return text.replace(/\/+$/, '');
}

/** A token that was read from a file may have space around it. The message must not show it: it is a secret. */
function parseToken(option: string, text: string): string | null {
  const token = text.trim();
  if (/[^\x21-\x7e]/.test(token))
    throw badValue(option, '...', 'a token, of printable ASCII characters without spaces');
  return token || null;
}
