#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace flashrow {
namespace {

/** Eight floats in two registers of Advanced SIMD, which every 64-bit ARM processor has. */
struct Simd {
  struct F {
    float32x4_t a, b;
  };
  static constexpr size_t kLanes = 8;
  /** 18 sums, six weights and two inputs fit the 32 registers: nothing is spilt. */
  static constexpr size_t kRowTile = 3;
  static constexpr size_t kTokenTile = 3;
  static constexpr size_t kSumTokens = 2;
  static constexpr size_t kSumRowsAtOnce = 4;

  static F zero() { return set(0); }
  static F set(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }
  static F load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  static void store(float* into, F value) {
    vst1q_f32(into, value.a);
    vst1q_f32(into + 4, value.b);
  }
  static F loadFirst(const float* from, size_t count) {
    float padded[kLanes] = {};
    std::memcpy(padded, from, count * 4);
    return load(padded);
  }
  static void storeFirst(float* into, F value, size_t count) {
    float all[kLanes];
    store(all, value);
    std::memcpy(into, all, count * 4);
  }

  static F add(F x, F y) { return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)}; }
  static F subtract(F x, F y) { return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)}; }
  static F multiply(F x, F y) { return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)}; }
  /** x * y + z */
  static F fma(F x, F y, F z) { return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)}; }
  /** scale * q + offset, scale a half and q of few bits. */
  static F affine(F scale, F q, F offset) { return fma(scale, q, offset); }
  /** y where either is NaN, which the processor's own maximum would be. */
  static F max(F x, F y) {
    return {vbslq_f32(vcgtq_f32(x.a, y.a), x.a, y.a), vbslq_f32(vcgtq_f32(x.b, y.b), x.b, y.b)};
  }

  static float sum(F v) {
    const float32x4_t four = vaddq_f32(v.a, v.b);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }

  /** Two halves, each in all lanes. */
  static void loadHalfPair(const uint8_t* from, F& first, F& second) {
    first = loadHalf(from);
    second = loadHalf(from + 2);
  }
  /** A half in all lanes. */
  static F loadHalf(const uint8_t* from) {
    uint16_t bits;
    std::memcpy(&bits, from, 2);
    const float32x4_t value = widen(vdup_n_u16(bits));
    return {value, value};
  }
  static F loadHalves(const uint8_t* from) {
    const uint16x8_t bits = vreinterpretq_u16_u8(vld1q_u8(from));
    return {widen(vget_low_u16(bits)), widen(vget_high_u16(bits))};
  }
  /** Eight bfloat16: the upper halves of floats. */
  static F loadBfloats(const uint8_t* from) {
    const uint16x8_t bits = vreinterpretq_u16_u8(vld1q_u8(from));
    return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16)),
            vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(bits), 16))};
  }
  /** Eight 16-bit integers. */
  static F loadIntegers(const uint8_t* from) { return toFloat(vreinterpretq_s16_u8(vld1q_u8(from))); }
  static F loadSignedBytes(const uint8_t* from) { return toFloat(vmovl_s8(vreinterpret_s8_u8(vld1_u8(from)))); }
  /** Eight bytes: level(q - bias) of their low nibbles q and of their high ones. */
  template <class Level>
  static void loadNibbles(const uint8_t* from, int bias, const Level& level, F& low, F& high) {
    const uint8x8_t bytes = vld1_u8(from);
    const int8x8_t offset = vdup_n_s8(static_cast<int8_t>(bias));
    low = level(toFloat(vsubl_s8(vreinterpret_s8_u8(vand_u8(bytes, vdup_n_u8(15))), offset)));
    high = level(toFloat(vsubl_s8(vreinterpret_s8_u8(vshr_n_u8(bytes, 4)), offset)));
  }
  /** 2^n, for floats that hold n (-126 to 127) in their lowest mantissa bits, as adding 1.5 * 2^23 leaves them. */
  static F powerOfTwo(F shifted) { return {powerOfTwo(shifted.a), powerOfTwo(shifted.b)}; }
  /** value where bound <= test, else 0 (NaN counts as not less). */
  static F zeroBelow(F test, float bound, F value) {
    return {zeroBelow(test.a, bound, value.a), zeroBelow(test.b, bound, value.b)};
  }

 private:
  static float32x4_t widen(uint16x4_t halves) { return vcvt_f32_f16(vreinterpret_f16_u16(halves)); }
  static F toFloat(int16x8_t v) {
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(v))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(v)))};
  }
  static float32x4_t powerOfTwo(float32x4_t shifted) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vreinterpretq_s32_f32(shifted), vdupq_n_s32(127)), 23));
  }
  static float32x4_t zeroBelow(float32x4_t test, float bound, float32x4_t value) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(value), vcltq_f32(test, vdupq_n_f32(bound))));
  }
};

}  // namespace
}  // namespace flashrow
