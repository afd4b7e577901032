import type { HubSettings } from '../contract/protocol.js';
import { expect } from './checks/check-arguments.js';

/** Timers of Node.js hold 24 days; nobody waits for a day. */
const LONGEST_STALL_MS = 86_400_000;

/** How to reach the hub, from options, environment and defaults. Throws BAD_USAGE that names the option or variable. */
export function hubSettings({
  revision = 'main',
  token,
  endpoint,
  stallMs = 30_000,
}: {
  revision?: string | undefined;
  token?: string | undefined;
  endpoint?: string | undefined;
  stallMs?: number | undefined;
}): HubSettings {
  expect(typeof revision === 'string' && revision !== '', 'revision', revision, 'a branch, tag or commit');
  const stallHolds = typeof stallMs === 'number' && stallMs > 0 && stallMs <= LONGEST_STALL_MS;
  expect(stallHolds, 'stallMs', stallMs, `ms above 0, at most ${LONGEST_STALL_MS}`);
  return {
    revision,
    stallMs,
    token: token !== undefined ? checkToken('token', token) : checkToken('HF_TOKEN', process.env.HF_TOKEN ?? ''),
    endpoint:
      endpoint !== undefined
        ? checkEndpoint('endpoint', endpoint)
        : checkEndpoint('HF_ENDPOINT', process.env.HF_ENDPOINT || 'https://huggingface.co'),
  };
}

function checkEndpoint(option: string, text: unknown): string {
  const holds = typeof text === 'string' && URL.canParse(text) && /^https?:\/\//i.test(text);
  expect(holds, option, text, 'the URL of a hub, like https://huggingface.co');
  return text.replace(/\/+$/, '');
}

/** A token that was read from a file may have space around it. The message must not show it: it is a secret. */
function checkToken(option: string, text: unknown): string | null {
  const holds = typeof text === 'string' && !/[^\x21-\x7e]/.test(text.trim());
  expect(holds, option, '...', 'a token, of printable ASCII characters without spaces');
  return text.trim() || null;
}
