import { formatBytes, formatCount } from './format.js';

export type ProgressUnit = 'bytes' | 'tokens' | 'sequences' | 'share';

/** A moment of a task that takes time. */
export interface ProgressState {
  label: string;
  /** 0 to 1. */
  share: number;
  done: number;
  /** 0 where nobody knows: then there is a count, and no bar. */
  total: number;
  unit: ProgressUnit;
  /** Units a second, and the seconds that are left; null while unknown. */
  perSecond: number | null;
  secondsLeft: number | null;
}

const WIDEST_BAR = 30;
const NARROWEST_BAR = 4;
const BLOCKS = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/**
 * One line of at most `columns` characters. Where it is narrow, the bar shrinks first, then what is told beside it
 * goes; the percentage stays.
 */
export function progressLine(state: ProgressState, columns: number, blocks: boolean): string {
  if (state.total === 0) return [state.label, ...progressFacts(state)].join('  ').slice(0, columns);
  const percentage = `${Math.floor(state.share * 100)}%`.padStart(4);
  const facts = progressFacts(state);
  for (let told = facts.length; told >= 0; told--) {
    const tail = [percentage, ...facts.slice(0, told)].join('  ');
    const room = columns - state.label.length - tail.length - 2;
    if (room >= NARROWEST_BAR) return `${state.label} ${bar(state.share, Math.min(room, WIDEST_BAR), blocks)} ${tail}`;
  }
  const label = wholeWords(state.label, columns - percentage.length - 1);
  return label === '' ? percentage.trim() : `${label} ${percentage}`;
}

/** The first words of a label that fit; half a word would say something else. */
function wholeWords(label: string, columns: number): string {
  if (label.length <= columns) return label;
  const end = label.lastIndexOf(' ', columns);
  return end < 0 ? '' : label.slice(0, end).replace(/,$/, '');
}

/** The line for a terminal that cannot draw over it: `converting: 42%, 12 s left, 310 MB/s, 1.20 GB of 4.21 GB`. */
export const plainProgressLine = (state: ProgressState): string =>
  `${state.label}: ${[...(state.total === 0 ? [] : [`${Math.floor(state.share * 100)}%`]), ...progressFacts(state)].join(', ')}`;

/** What is told beside the percentage, the most useful first. */
function progressFacts({ done, total, unit, perSecond, secondsLeft }: ProgressState): string[] {
  const facts: string[] = [];
  if (secondsLeft !== null) facts.push(`${formatTimeLeft(secondsLeft)} left`);
  if (unit === 'share') return facts;
  if (perSecond !== null && unit !== 'sequences') facts.push(formatRate(perSecond, unit));
  const amount = unit === 'bytes' ? formatBytes : (count: number) => formatCount(Math.floor(count));
  facts.push(total === 0 ? amount(done) : `${amount(done)} of ${amount(total)}`);
  return facts;
}

/** `310 MB/s`, `6.1 tokens/s`. */
export const formatRate = (perSecond: number, unit: 'bytes' | 'tokens'): string =>
  unit === 'bytes'
    ? `${formatBytes(Math.round(perSecond))}/s`
    : `${perSecond < 9.95 ? perSecond.toFixed(1) : Math.round(perSecond)} tokens/s`;

/** `9 s`, `2 min 05 s`, `3 h 10 min`. */
export function formatTimeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

function bar(share: number, width: number, blocks: boolean): string {
  if (!blocks) {
    const full = Math.floor(share * (width - 2));
    return `[${'='.repeat(full)}${'-'.repeat(width - 2 - full)}]`;
  }
  const eighths = Math.floor(share * width * 8);
  const part = eighths % 8 === 0 ? '' : BLOCKS[(eighths % 8) - 1];
  const full = Math.floor(eighths / 8);
  return `${'█'.repeat(full)}${part}${'░'.repeat(width - full - part.length)}`;
}
