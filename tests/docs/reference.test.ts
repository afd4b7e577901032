import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './page.js';

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const api = read('docs/api.md');
const cli = read('docs/cli.md');

/** What stands under a heading, up to the next one that is not below it. */
function section(page: string, heading: string): string {
  const [, level, title] = /^(#+) (.*)$/.exec(heading)!;
  const after = page.split(`\n${level} ${title}\n`)[1] ?? '';
  return after.split(new RegExp(`^#{1,${level.length}} `, 'm'))[0];
}

/** Names of an interface's own fields. */
function fieldsOf(path: string, name: string): string[] {
  const [, body] = new RegExp(`export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(read(path))!;
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, field]) => field);
}

const names = (text: string, name: string) => new RegExp(`[\`{.\\s]${name}\\b`).test(text);

describe('docs/api.md', () => {
  it.each([
    ['src/plan/model-options.ts', 'ModelOptions', '## loadModel'],
    ['src/plan/plan.ts', 'Plan', '### The plan'],
    ['src/api/convert-model.ts', 'ConvertOptions', '## convertModel'],
    ['src/store/write/writer.ts', 'ConvertResult', '## convertModel'],
    ['src/api/pictures/apply-delta.ts', 'DeltaOptions', '## applyDelta'],
    ['src/delta/apply-delta.ts', 'DeltaResult', '## applyDelta'],
    ['src/contract/protocol.ts', 'VerifyResult', '## verifyStore'],
    ['src/api/calibrate-store.ts', 'CalibrateOptions', '## calibrateStore'],
    ['src/contract/protocol.ts', 'CalibrationResult', '## calibrateStore'],
    ['src/store/layer-statistics.ts', 'LayerStatistics', '## calibrateStore'],
    ['src/contract/protocol.ts', 'ComparisonResult', '## compareSelectors'],
    ['src/contract/protocol.ts', 'SelectorJudgement', '## compareSelectors'],
    ['src/contract/examined-model.ts', 'ExaminedModel', '## examineModel'],
    ['src/contract/model-info.ts', 'ModelDescription', '## examineModel'],
    ['src/contract/model-info.ts', 'ModelDescription', '### model.info'],
    ['src/api/activity/replay-trace.ts', 'ReplayOptions', '## replayTrace'],
    ['src/trace/replay.ts', 'Replay', '## replayTrace'],
    ['src/trace/replay.ts', 'PolicyResult', '## replayTrace'],
    ['src/trace/reuse.ts', 'TraceReuse', '## replayTrace'],
    ['src/api/examine-model.ts', 'ExamineOptions', '## examineModel'],
    ['src/api/pull-model.ts', 'PullOptions', '## pullModel'],
    ['src/plan/model-options.ts', 'ModelOptions', '## pullModel'],
    ['src/contract/pulled-model.ts', 'PlannedPull', '## pullModel'],
    ['src/contract/pulled-model.ts', 'PulledModel', '## pullModel'],
    ['src/hub/cached-models.ts', 'CachedModel', '## listModels and removeModel'],
    ['src/hub/cached-models.ts', 'RemovedModels', '## listModels and removeModel'],
    ['src/contract/generate-options.ts', 'GenerateOptions', '### model.generate'],
    ['src/contract/sampling-options.ts', 'SamplingOptions', '### model.generate'],
    ['src/contract/token-logprob.ts', 'ScoredToken', '### model.generate'],
    ['src/contract/token-logprob.ts', 'TokenLogprob', '### model.generate'],
    ['src/contract/generation.ts', 'GenerationResult', '### model.generate'],
    ['src/contract/generation.ts', 'Usage', '### model.generate'],
    ['src/contract/generation.ts', 'Generation', '### model.generate'],
    ['src/contract/piece.ts', 'TextPiece', '### model.generate'],
    ['src/contract/model.ts', 'LoadOptions', '## loadModel'],
    ['src/contract/generate-options.ts', 'TemplateOptions', '### model.chat'],
    ['src/contract/generate-options.ts', 'TokenizeOptions', '### Text and tokens'],
    ['src/contract/generation.ts', 'EvaluationResult', '### model.evaluate'],
    ['src/contract/model-info.ts', 'ModelInfo', '### model.info'],
    ['src/contract/model.ts', 'Model', '## Model'],
    ['src/contract/activity.ts', 'ActivitySample', '### model.activity'],
    ['src/contract/activity.ts', 'LayerActivity', '### model.activity'],
    ['src/contract/activity.ts', 'StreamedLayer', '### model.activity'],
    ['src/contract/activity.ts', 'ActivityOptions', '### model.activity'],
    ['src/contract/receipt.ts', 'Receipt', '## Receipt'],
    ['src/contract/receipt.ts', 'SpeculationReceipt', '## Receipt'],
    ['src/contract/progress.ts', 'Progress', '## Progress'],
  ])('names every field of %s, %s', (path, type, heading) => {
    const text = section(api, heading);
    expect(fieldsOf(path, type).filter((field) => !names(text, field))).toEqual([]);
  });

  const codes = read('src/error-details.ts').matchAll(/^ {2}([A-Z_]+): (\w+);$/gm);
  it.each([...codes].map(([, code, type]) => [code, type]))('names every detail of %s', (code, type) => {
    const rows = section(api, '## Errors').match(new RegExp(`^\\| \`${code}\` \\|.*$`, 'gm')) ?? [];
    expect(rows).toHaveLength(2);
    const isEmpty = read('src/error-details.ts').includes(`type ${type} =`);
    const fields = isEmpty ? [] : fieldsOf('src/error-details.ts', type);
    const ofHubs = ['what', 'status', 'hubCode'];
    expect(fields.filter((field) => !ofHubs.includes(field) && !names(rows[1], field))).toEqual([]);
  });

  it('names everything that the package exports', () => {
    const exported = [...read('src/index.ts').matchAll(/\{([^}]*)\}/g)].flatMap(([, list]) =>
      list.split(',').map((name) => name.replace('type ', '').trim().split(' as ').at(-1)!),
    );
    expect(exported.filter((name) => name !== '' && !names(api, name))).toEqual([]);
  });
});

describe('docs/cli.md', () => {
  const help = (...args: string[]) =>
    execFileSync(process.execPath, [join(REPOSITORY, 'dist/src/cli/main.js'), 'help', ...args], { encoding: 'utf8' });
  const shared = section(cli, '## Options that commands share') + section(cli, '## Output and exit codes');
  const commands = [...help().matchAll(/^ {2}([a-z-]+)(?: [<[]\w+[>\]])* {2,}\w/gm)]
    .map(([, command]) => command)
    .filter((command) => command !== 'help');

  it.each(commands)('names the options of %s', (command) => {
    const text = `${shared}${section(cli, `## ${command}`)}${command === 'chat' ? section(cli, '## run') : ''}`;
    const options = [...help(command).matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option);
    expect(options.filter((option) => !text.includes(option))).toEqual([]);
  });
});

describe('the test itself', () => {
  it('finds the fields of an interface, and a field that a page does not name', () => {
    expect(fieldsOf('src/contract/piece.ts', 'TextPiece')).toEqual(['type', 'text', 'token', 'boxes']);
    expect(names('| `texts` | ... |', 'text')).toBe(false);
    expect(names('| `text` | ... |', 'text')).toBe(true);
  });
});
