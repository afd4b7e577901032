#include "mixers/recurrence.h"

#include <algorithm>

namespace flashrow {

/** Columns of a head that one thread takes at once: with 128 rows they stay in the first cache from token to token. */
static constexpr size_t kColumns = 64;

void runRecurrence(ThreadPool& pool, const Kernels& kernels, const Recurrence& call) {
  const size_t blocks = (call.valueDim + kColumns - 1) / kColumns;
  const size_t size = call.keyDim * call.valueDim;
  const size_t group = call.heads / call.keyHeads;
  pool.run(threadsFor(pool, call.heads * size * sizeof(float), call.tokens), [&](size_t thread, size_t threads) {
    const Share share(call.heads * blocks, 1, thread, threads);
    for (size_t i = share.begin; i < share.end; i++) {
      const size_t head = i / blocks;
      const size_t column = i % blocks * kColumns;
      const size_t keyHead = call.tiled ? head % call.keyHeads : head / group;
      float* to = call.to + head * size + column;
      for (size_t t = 0; t < call.tokens; t++) {
        const float* inputs = call.inputs + t * call.stride;
        const size_t place = t * call.heads + head;
        kernels.recur({t == 0 ? call.from + head * size + column : to, to, call.valueDim, call.keyDim,
                       std::min(kColumns, call.valueDim - column), inputs + call.queriesAt + keyHead * call.keyDim,
                       inputs + call.keysAt + keyHead * call.keyDim,
                       inputs + call.valuesAt + head * call.valueDim + column, call.decays[place], call.weights[place],
                       call.delta, call.out == nullptr ? nullptr : call.out + place * call.valueDim + column});
      }
    }
  });
}

}  // namespace flashrow
