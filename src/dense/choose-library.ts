import { onnxRuntimeIsUsable } from './onnx-runtime.js';
import type { TensorShape } from './tensor-on-disk.js';

/**
 * Chooses the library that multiplies by a segment's matrices: ONNX Runtime if it holds all of them in at most 1.3
 * times their own bytes and can be kept from phoning home, else the bridge.
 *
 * Measured: matrices of 4096 x 4096, eight of them with a session each, 2 threads on a 2-core x86-64 machine,
 * onnxruntime-node 1.30. First figure: anonymous memory held per byte of the tensor. Then: the best ms a matrix at 1
 * token / at 64 tokens.
 *
 *     f32   Gemm, external data in the store's file   1.00   2.0 / 13    prepacking copies once and unmaps the file
 *     f16   MatMul between casts                      2.00   2.2 / 14    x86 widens it to f32
 *     q8_0  MatMulNBits, bytes in the model           2.28   0.7 / 9     1.30 where malloc maps each block by itself
 *     q8_0  MatMulNBits, rewritten to a second file   1.20   0.8 / 9     and its scales stay mapped besides
 *     q4_0  MatMulNBits, bytes in the model           2.70   0.5 / 10    1.58 where malloc maps each block by itself
 *     q4_0  MatMulNBits, rewritten to a second file   1.40   0.7 / 10    block sums and f32 scales make 6 bits of 4.5
 *     q4_1  MatMulNBits and MatMul of block sums      at least q4_0's, since a minimum adds a float per block
 *
 * MatMulNBits wants quants and f32 scales apart. So the store's own blocks cannot be mapped as they are, and the copies
 * on the way leave holes in the heap. Block formats and f16 therefore run on the bridge, which holds a file's own
 * bytes.
 */
export const libraryFor = (matrices: readonly (TensorShape & { factor?: number })[]): 'onnx' | 'bridge' =>
  matrices.every(({ format, factor }) => format === 'f32' && factor === undefined) && onnxRuntimeIsUsable()
    ? 'onnx'
    : 'bridge';
