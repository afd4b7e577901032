/*
 * The words that other programs of this kind use, and ours for the same. They are suggested, not taken: what they mean
 * there may differ in details.
 */

export const OTHER_COMMANDS: Readonly<Record<string, string>> = {
  benchmark: 'bench',
  compile: 'build',
  complete: 'run',
  delete: 'rm',
  download: 'pull',
  get: 'pull',
  info: 'plan',
  install: 'pull',
  models: 'list',
  perplexity: 'eval',
  ppl: 'eval',
  quantize: 'convert',
  show: 'plan',
  system: 'doctor',
  talk: 'chat',
  uninstall: 'rm',
};

export const OTHER_OPTIONS: Readonly<Record<string, string>> = {
  '-c': '--context',
  '-f': '--file',
  '-n': '--max-tokens',
  '-s': '--seed',
  '-t': '--threads',
  '--budget': '--memory',
  '--chat-template-file': '--chat-template',
  '--context-size': '--context',
  '--ctx-size': '--context',
  '--dry-penalty-last-n': '--dry-window',
  '--max-new-tokens': '--max-tokens',
  '--n-predict': '--max-tokens',
  '--num-ctx': '--context',
  '--num-predict': '--max-tokens',
  '--prompt-file': '--file',
  '--repeat-last-n': '--penalty-window',
  '--repetition-penalty': '--repeat-penalty',
  '--reverse-prompt': '--stop',
  '--special': '--parse-special',
  '--temp': '--temperature',
  '--template': '--chat-template',
  '--typical': '--typical-p',
};
