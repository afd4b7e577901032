#pragma once

namespace flashrow {

/**
 * What this processor has and the system saves when it switches threads. Compilers ask for some of it themselves
 * (__builtin_cpu_supports), but not every C++ library that they link has the answer.
 */
struct Processor {
  bool sse42 = false;
  /** AVX2, FMA, F16C and POPCNT. */
  bool avx2 = false;
  /** AVX-512 F, BW, VL and DQ, beside `avx2`. */
  bool avx512 = false;
  bool avx512vnni = false;
  /** Permutations of bytes, beside `avx512vnni`. */
  bool avx512vbmi = false;
  /** Dot products of 64-bit ARM (ARMv8.2). */
  bool dotProducts = false;
};

const Processor& processor();

}  // namespace flashrow
