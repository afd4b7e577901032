#include "mixers/convolution.h"

#include <cmath>
#include <cstring>

namespace flashrow {

/** A column's values from channel 0 on: of a kept column, or of a token. Index 0 is the first kept column. */
static const float* columnAt(const Convolution& call, size_t index) {
  const size_t kept = call.kernel - 1;
  return index < kept ? call.from + index * call.channels : call.inputs + (index - kept) * call.stride;
}

static void convolveToken(const Convolution& call, size_t token, const Share& share) {
  float* out = call.out + token * call.channels;
  for (size_t c = share.begin; c < share.end; c++) out[c] = call.bias == nullptr ? 0 : call.bias[c];
  for (size_t j = 0; j < call.kernel; j++) {
    const float* column = columnAt(call, token + j);
    const float* weights = call.weights + j * call.channels;
    for (size_t c = share.begin; c < share.end; c++) out[c] += weights[c] * column[c];
  }
  if (!call.silu) return;
  for (size_t c = share.begin; c < share.end; c++) out[c] = out[c] / (1 + std::exp(-out[c]));
}

void runConvolution(ThreadPool& pool, const Convolution& call) {
  pool.run(threadsFor(pool, call.channels * call.kernel * sizeof(float), call.tokens),
           [&](size_t thread, size_t threads) {
             const Share share(call.channels, 16, thread, threads);
             if (share.begin == share.end) return;
             if (call.out != nullptr) {
               for (size_t t = 0; t < call.tokens; t++) convolveToken(call, t, share);
             }
             // Ascending: with from == to, a column is read before it is overwritten.
             for (size_t j = 0; j + 1 < call.kernel; j++) {
               std::memmove(call.to + j * call.channels + share.begin, columnAt(call, call.tokens + j) + share.begin,
                            (share.end - share.begin) * sizeof(float));
             }
           });
}

}  // namespace flashrow
