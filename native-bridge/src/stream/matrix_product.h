#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/quantized_inputs.h"
#include "stream/streamed_matrix.h"
#include "thread_pool.h"

namespace flashrow {

/** Rows of a matrix in memory, from its row `first` on. */
struct PlacedRows {
  const uint8_t* data;
  size_t first, count;
};

/** y[tokens, rows] = x[tokens, columns] W^T, some rows at a time. */
class MatrixProduct {
 public:
  MatrixProduct(ThreadPool& pool, const Kernels& kernels) : pool_(pool), kernels_(kernels) {}

  void begin(const StreamedMatrix& matrix, const float* x, size_t tokens, float* y);
  /** The products of these rows with all tokens. */
  void multiply(const std::vector<PlacedRows>& pieces);

 private:
  /** Makes integers of `tokens` inputs from `token` on. They last until the pool's shared memory is used again. */
  void quantize(size_t token, size_t tokens);
  /** Calls visit(rows, their count, the first one's number) for the thread's share of the pieces. */
  template <class Visit>
  void eachShare(const std::vector<PlacedRows>& pieces, size_t thread, size_t threads, const Visit& visit) const;

  ThreadPool& pool_;
  const Kernels& kernels_;
  const StreamedMatrix* matrix_ = nullptr;
  const float* x_ = nullptr;
  size_t tokens_ = 0;
  float* y_ = nullptr;
  /** Tokens whose inputs are integers at once; 0 where products are of floats. */
  size_t chunk_ = 0;
  QuantizedInputs inputs_;
};

}  // namespace flashrow
