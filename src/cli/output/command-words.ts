import type { Remedy } from '../../error-details.js';
import type { FlashrowError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import { inPlainWords, tellsOfNothing } from './system-words.js';

/** Options of the API that have a flag, by their names there. */
export const FLAGS: Readonly<Record<string, string>> = {
  memory: '--memory',
  contextSize: '--context',
  sequences: '--parallel',
  draft: '--draft',
  exact: '--lossy',
  threads: '--threads',
  cacheDir: '--cache-dir',
  vision: '--mmproj',
  sessionsDir: '--sessions-dir',
  sessionsSize: '--sessions-size',
  'tuning.selector': '--select',
  'tuning.cache': '--cache',
  'tuning.state': '--state',
  'tuning.direct': '--no-direct',
  maxTokens: '--max-tokens',
  maxReasoningTokens: '--max-reasoning-tokens',
  temperature: '--temperature',
  topK: '--top-k',
  topP: '--top-p',
  minP: '--min-p',
  typicalP: '--typical-p',
  xtcProbability: '--xtc-probability',
  xtcThreshold: '--xtc-threshold',
  repeatPenalty: '--repeat-penalty',
  presencePenalty: '--presence-penalty',
  frequencyPenalty: '--frequency-penalty',
  penaltyWindow: '--penalty-window',
  dryMultiplier: '--dry-multiplier',
  dryBase: '--dry-base',
  dryAllowedLength: '--dry-allowed-length',
  dryWindow: '--dry-window',
  logitBias: '--logit-bias',
  seed: '--seed',
  stop: '--stop',
  ignoreEos: '--ignore-eos',
  trace: '--trace',
  template: '--chat-template',
  templateVariables: '--template-var',
  parseSpecial: '--parse-special',
  images: '--image',
  regions: '--region',
  size: '--size',
  rows: '--rows',
  dense: '--dense',
  tokens: '--tokens',
  falseNegativeRate: '--false-negatives',
  rank: '--rank',
  revision: '--revision',
  token: '--token',
  endpoint: '--endpoint',
  stallMs: '--stall-timeout',
  hosts: '--allowed-hosts',
  origins: '--cors-origins',
  maxBodyBytes: '--max-body',
  maxQueue: '--max-queue',
  keepAliveSeconds: '--keep-alive',
};

/** Flags without a value, and the value of the option that each stands for. */
const SWITCHES: Readonly<Record<string, string>> = { exact: 'false', 'tuning.direct': 'false', ignoreEos: 'true' };

/** Options that an environment variable gives too. */
const VARIABLES: Readonly<Record<string, string>> = { token: 'HF_TOKEN', endpoint: 'HF_ENDPOINT' };

/** Functions of the API, and the commands that call them. */
export const COMMANDS: Readonly<Record<string, string>> = {
  planModel: 'plan',
  convertModel: 'convert',
  applyDelta: 'apply-delta',
  verifyStore: 'verify',
  calibrateStore: 'calibrate',
  compareSelectors: 'eval --compare',
  pullModel: 'pull',
  listModels: 'list',
  removeModel: 'rm',
};

/** One of the variables that a template is given. */
const VARIABLE = 'templateVariables.';

/**
 * An option or a function in a message of the library: `exact: false`, `tuning.selector: 'all'`, `calibrateStore()`.
 */
const IN_CODE = /`([\w.]+)(\(\))?(?:: ([^`]+))?`/g;

/**
 * A text of the library in the words of the command line: flags in place of options, commands in place of functions.
 */
export const inCommandWords = (text: string): string => reworded(text, () => true);

/** The same in the words of one command, which has these flags: options that it has no flag for keep their names. */
export const inWordsOf =
  (flags: ReadonlySet<string | undefined>) =>
  (text: string): string =>
    reworded(text, (flag) => flags.has(flag));

const reworded = (text: string, isNamed: (flag: string) => boolean): string =>
  text.replace(IN_CODE, (written, name: string, call: string | undefined, value: string | undefined) => {
    if (call !== undefined) return name in COMMANDS ? `\`flashrow ${COMMANDS[name]}\`` : written;
    if (name.startsWith(VARIABLE)) return `--template-var ${name.slice(VARIABLE.length)}`;
    if (!(name in FLAGS) || !isNamed(FLAGS[name])) return written;
    if (value === undefined) return name in VARIABLES ? `${FLAGS[name]} or ${VARIABLES[name]}` : FLAGS[name];
    if (name in SWITCHES) return value === SWITCHES[name] ? FLAGS[name] : `no ${FLAGS[name]}`;
    return `${FLAGS[name]} ${value.replace(/^(['"])(.*)\1$/, '$2')}`;
  });

/** A result with its warnings in the words of the command line. */
export const warnedInCommandWords = <T extends { readonly warnings: readonly string[] }>(result: T): T => ({
  ...result,
  warnings: result.warnings.map(inCommandWords),
});

/** A plan with its texts in the words of the command line. */
export const planInCommandWords = (plan: Plan): Plan => ({
  ...plan,
  obstacle: plan.obstacle === null ? null : inCommandWords(plan.obstacle),
  reason: inCommandWords(plan.reason),
  warnings: plan.warnings.map(inCommandWords),
});

/** A failure as the command line tells it. */
export interface ToldFailure {
  code: FlashrowError['code'];
  message: string;
  details: object;
}

/** A failure of the library in the words of the command line. The command line's own failures have them already. */
export function tellFailure({ code, message, details }: FlashrowError): ToldFailure {
  const option = 'option' in details ? details.option : undefined;
  const flag = option === undefined ? undefined : FLAGS[option];
  // `images[0] is` as well as `images is`: flags that are repeated have no numbers.
  const named =
    flag === undefined
      ? message
      : message.replace(new RegExp(`^${option!.replaceAll('.', '\\.')}(\\[\\d+\\])? `), `${flag} `);
  const remedy = 'remedy' in details ? details.remedy : undefined;
  const command = remedy === undefined ? '' : ` (\`flashrow ${commandFor(remedy)}\`)`;
  return {
    code: code === 'IO' && tellsOfNothing(message) ? 'NOT_FOUND' : code,
    message: inPlainWords(inCommandWords(named)) + command,
    details: flag === undefined ? details : { ...details, option: flag },
  };
}

function commandFor(remedy: Remedy): string {
  if (remedy.action === 'pull') return `pull ${remedy.model}`;
  const where = remedy.cacheDir === undefined ? '' : ` --cache-dir ${remedy.cacheDir}`;
  return remedy.action === 'list' ? `list${where}` : `rm ${remedy.name}${where}`;
}
