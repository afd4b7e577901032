#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flashrow {

// The grids of GGML's IQ types; native-bridge/grids.ts tells what they are. Byte i of a point is its weight i.

extern const std::array<uint64_t, 256> kGridIq2Xxs;
extern const std::array<uint64_t, 512> kGridIq2Xs;
extern const std::array<uint64_t, 1024> kGridIq2S;
extern const std::array<uint32_t, 256> kGridIq3Xxs;
extern const std::array<uint32_t, 512> kGridIq3S;
/** Eight times the weights, plus 10. */
extern const std::array<uint64_t, 2048> kGridIq1;

/** For each eight bits: byte i is 0xff where bit i is set. */
extern const std::array<uint64_t, 256> kSignMasks;
/** The same for seven bits, with an eighth that makes their number even. */
extern const std::array<uint64_t, 128> kEvenSignMasks;

}  // namespace flashrow
