import { FlashrowError } from '../errors.js';
import { DECODE, MAX_UNITS, PROMPT, type Trace, type TraceLayer, type TracePass } from './trace.js';

const COLUMNS = ['turn', 'phase', 'step', 'layer', 'expert'] as const;

/**
 * Reads expert routes that BigMoeOnEdge recorded (`route_trace v1`): a CSV with a row for each expert of a layer of a
 * token. Comments come first: `# model=NAME n_layer=L n_expert=E` and `# layer=I expert_bytes=B`. Phase 0 is the
 * prompt, phase 1 the generated tokens. Other columns are ignored. Throws CORRUPT, naming the line.
 *
 * The lines are split by hand: all fields are plain numbers, nothing is ever quoted, and every field is checked.
 */
export function parseRoutes(text: string): Trace {
  const lines = text.split(/\r?\n/);
  const comments = lines.filter((line) => line.startsWith('#')).join('\n');
  const layers = layersOf(comments);
  const passes = new Map<string, { phase: TracePass['phase']; steps: Set<number>; experts: number[][] }>();
  const seen = new Set<string>();
  let columns: number[] | null = null;
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(',');
    if (columns === null) {
      columns = COLUMNS.map((name) => fields.indexOf(name));
      if (columns.includes(-1)) throw damaged(index, `it must name the columns ${COLUMNS.join(', ')}`);
      continue;
    }
    const [turn, phase, step, layer, expert] = columns.map((column) => wholeNumber(fields[column]));
    if (Number.isNaN(turn + step) || (phase !== PROMPT && phase !== DECODE))
      throw damaged(index, 'a number is missing or wrong');
    if (!(layer < layers.length && expert < layers[layer].units))
      throw damaged(index, 'this layer or expert does not exist');
    const route = `${turn} ${phase} ${step} ${layer} ${expert}`;
    if (seen.has(route)) throw damaged(index, 'this expert is listed twice');
    seen.add(route);
    // A prompt goes through the model layer by layer, all tokens together.
    const key = phase === PROMPT ? `${turn}` : `${turn} ${step}`;
    const pass = passes.get(key) ?? { phase, steps: new Set(), experts: layers.map(() => []) };
    passes.set(key, pass);
    pass.steps.add(step);
    pass.experts[layer].push(expert);
  }
  return {
    model: /model=(\S+)/.exec(comments)?.[1] ?? 'unknown',
    selector: 'router',
    layers,
    passes: Array.from(passes.values(), ({ phase, steps, experts }) => ({
      phase,
      tokens: steps.size,
      units: experts.map((asked) => Uint32Array.from(asked)),
    })),
    tornBytes: 0,
  };
}

function layersOf(comments: string): TraceLayer[] {
  const numLayers = Number(/n_layer=(\d+)/.exec(comments)?.[1]);
  const units = Number(/n_expert=(\d+)/.exec(comments)?.[1]);
  const bytes = new Map(
    Array.from(comments.matchAll(/layer=(\d+) expert_bytes=(\d+)/g), ([, layer, size]) => [
      Number(layer),
      Number(size),
    ]),
  );
  if (!(numLayers > 0 && units > 0) || bytes.size !== numLayers || units * numLayers > MAX_UNITS)
    throw damaged(0, 'the comments must give n_layer, n_expert and the expert_bytes of each layer');
  return Array.from({ length: numLayers }, (_, layer) => {
    const unitBytes = bytes.get(layer) ?? 0;
    if (!Number.isSafeInteger(unitBytes) || unitBytes < 1) throw damaged(0, `layer ${layer} has no expert_bytes`);
    return { units, unitBytes, slotBytes: unitBytes };
  });
}

/** The number; NaN where the field is not a whole number. */
const wholeNumber = (field: string | undefined) =>
  field !== undefined && /^\d{1,15}$/.test(field) ? Number(field) : Number.NaN;

const damaged = (index: number, reason: string) =>
  new FlashrowError('CORRUPT', `line ${index + 1} of the routes: ${reason}`, { line: index + 1 });
