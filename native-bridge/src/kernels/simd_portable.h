#pragma once

#include <cstdint>
#include <cstring>

#if defined(__clang__)
#define FLASHROW_SHUFFLE(a, b, Mask, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FLASHROW_SHUFFLE(a, b, Mask, ...) __builtin_shuffle(a, b, (Mask){__VA_ARGS__})
#endif

namespace flashrow {
namespace {

/** Eight floats as two of the compiler's generic 4-vectors: SSE2, NEON, or plain floats where there is neither. */
struct Simd {
  typedef float F4 __attribute__((vector_size(16)));
  typedef int32_t I4 __attribute__((vector_size(16)));
  typedef uint32_t U4 __attribute__((vector_size(16)));
  typedef uint16_t H8 __attribute__((vector_size(16)));
  typedef uint64_t W2 __attribute__((vector_size(16)));
  typedef uint8_t B16 __attribute__((vector_size(16)));

  struct F {
    F4 a, b;
  };
  static constexpr size_t kLanes = 8;
  static constexpr size_t kRowTile = 2;
  static constexpr size_t kTokenTile = 2;
  static constexpr size_t kSumTokens = 1;
  static constexpr size_t kSumRowsAtOnce = 4;

  static F zero() { return {F4{}, F4{}}; }
  static F set(float value) { return {F4{value, value, value, value}, F4{value, value, value, value}}; }
  static F load(const float* from) { return {read<F4>(from), read<F4>(from + 4)}; }
  static void store(float* into, F value) { std::memcpy(into, &value, 32); }
  static F loadFirst(const float* from, size_t count) {
    F value = zero();
    std::memcpy(&value, from, count * 4);
    return value;
  }
  static void storeFirst(float* into, F value, size_t count) { std::memcpy(into, &value, count * 4); }

  static F add(F x, F y) { return {x.a + y.a, x.b + y.b}; }
  static F subtract(F x, F y) { return {x.a - y.a, x.b - y.b}; }
  static F multiply(F x, F y) { return {x.a * y.a, x.b * y.b}; }
  /** x * y + z, rounded twice: a fused operation is not to be had everywhere. */
  static F fma(F x, F y, F z) { return {x.a * y.a + z.a, x.b * y.b + z.b}; }
  /** scale * q + offset, scale a half and q of few bits. */
  static F affine(F scale, F q, F offset) { return fma(scale, q, offset); }
  /** y where either is NaN. */
  static F max(F x, F y) { return {choose(x.a > y.a, x.a, y.a), choose(x.b > y.b, x.b, y.b)}; }

  static float sum(F v) {
    const F4 four = v.a + v.b;
    return (four[0] + four[2]) + (four[1] + four[3]);
  }

  /** Two halves, each in all lanes. */
  static void loadHalfPair(const uint8_t* from, F& first, F& second) {
    const F4 pair = widen(firstHalves((H8)U4{read<uint32_t>(from), 0, 0, 0}));
    first = set(pair[0]);
    second = set(pair[1]);
  }
  /** A half in all lanes; four bytes can be read. */
  static F loadHalf(const uint8_t* from) {
    F first, second;
    loadHalfPair(from, first, second);
    return first;
  }
  static F loadHalves(const uint8_t* from) {
    const H8 halves = read<H8>(from);
    return {widen(firstHalves(halves)), widen(lastHalves(halves))};
  }
  /** Eight bfloat16: the upper halves of floats. */
  static F loadBfloats(const uint8_t* from) {
    const H8 halves = read<H8>(from);
    return {(F4)(firstHalves(halves) << 16), (F4)(lastHalves(halves) << 16)};
  }
  /** Eight 16-bit integers; flipping the sign bit makes each its value plus 2^15. */
  static F loadIntegers(const uint8_t* from) {
    const H8 integers = read<H8>(from);
    return {toFloat(((I4)firstHalves(integers) ^ 32768) - 32768), toFloat(((I4)lastHalves(integers) ^ 32768) - 32768)};
  }
  static F loadSignedBytes(const uint8_t* from) {
    I4 first, second;
    spreadBytes(from, first, second);
    // Flipping the sign bit makes the byte its value plus 128.
    return {toFloat((first ^ 128) - 128), toFloat((second ^ 128) - 128)};
  }
  /** Eight bytes: level(q - bias) of their low nibbles q and of their high ones. */
  template <class Level>
  static void loadNibbles(const uint8_t* from, int32_t bias, const Level& level, F& low, F& high) {
    I4 first, second;
    spreadBytes(from, first, second);
    low = level(F{toFloat((first & 15) - bias), toFloat((second & 15) - bias)});
    high = level(F{toFloat((first >> 4) - bias), toFloat((second >> 4) - bias)});
  }
  /** 2^n, for floats that hold n (-126 to 127) in their lowest mantissa bits, as adding 1.5 * 2^23 leaves them. */
  static F powerOfTwo(F shifted) { return {(F4)(((U4)shifted.a + 127) << 23), (F4)(((U4)shifted.b + 127) << 23)}; }
  /** value where bound <= test, else 0 (NaN counts as not less). */
  static F zeroBelow(F test, float bound, F value) {
    return {(F4)(~(test.a < bound) & (I4)value.a), (F4)(~(test.b < bound) & (I4)value.b)};
  }

 private:
  template <class T>
  static T read(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  // Widened by interleaving with zeros (the machine is little-endian): compilers convert short vectors one by one.
  static U4 firstHalves(H8 halves) { return (U4)FLASHROW_SHUFFLE(halves, H8{}, H8, 0, 8, 1, 9, 2, 10, 3, 11); }
  static U4 lastHalves(H8 halves) { return (U4)FLASHROW_SHUFFLE(halves, H8{}, H8, 4, 12, 5, 13, 6, 14, 7, 15); }
  /** Eight bytes as integers. */
  static void spreadBytes(const uint8_t* from, I4& first, I4& second) {
    const B16 bytes = (B16)W2{read<uint64_t>(from), 0};
    const H8 halves = (H8)FLASHROW_SHUFFLE(bytes, B16{}, B16, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    first = (I4)firstHalves(halves);
    second = (I4)lastHalves(halves);
  }
  static F4 toFloat(I4 v) { return __builtin_convertvector(v, F4); }
  static F4 choose(I4 mask, F4 yes, F4 no) { return (F4)((mask & (I4)yes) | (~mask & (I4)no)); }

  /**
   * Normal numbers need their exponent moved by 127 - 15, infinity and NaN the full exponent; subnormal ones are a
   * count of 2^-24.
   */
  static F4 widen(U4 bits) {
    const U4 magnitude = bits & 0x7fffu;
    const U4 special = (U4)(magnitude >= 0x7c00u) & 0x7f800000u;
    const F4 normal = (F4)(((magnitude << 13) + (112u << 23)) | special);
    const F4 subnormal = toFloat((I4)magnitude) * 0x1p-24f;
    const F4 value = choose((I4)(magnitude < 0x400u), subnormal, normal);
    return (F4)((U4)value | (bits & 0x8000u) << 16);
  }
};

}  // namespace
}  // namespace flashrow
