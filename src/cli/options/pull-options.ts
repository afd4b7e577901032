import { decimal, type OptionParser } from './option-values.js';

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

/** The hub and how to ask it, as the API takes it. */
export const toHubOptions = ({ revision, token, endpoint, stallTimeout }: HubFlags) => ({
  revision,
  token,
  endpoint,
  stallMs: stallTimeout * 1000,
});
