import type { CheckpointTensor } from '../../import/checkpoint.js';

/** One expert's matrix [rows, columns] from a stack [experts, rows, columns]. */
export function expertMatrix(stack: CheckpointTensor, expert: number): CheckpointTensor {
  const { parts, ...tensor } = stack;
  const [experts, ...shape] = stack.shape;
  const bytes = stack.bytes / experts;
  const place = parts?.[expert] ?? { path: stack.path, offset: stack.offset + expert * bytes };
  return { ...tensor, ...place, shape, bytes };
}
