#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arena.h"
#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

struct MatrixSource {
  std::string path;
  uint64_t offset, rowStride;
  size_t rows, columns;
  Format format;
};

/** A matrix read once into memory of its own, rows one after another. */
class ResidentMatrix {
 public:
  /** Throws Failure IO, CORRUPT (the file ends early), MEMORY, USAGE. */
  ResidentMatrix(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const MatrixSource& source);

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  size_t bytes() const { return memory_.bytes(); }
  /** y[tokens, rows] = x[tokens, columns] W^T, with the first `rows` rows of W. */
  void matmul(const float* x, size_t tokens, size_t rows, float* y);
  /**
   * The rows are `heads` matrices one after another, each for its own part of x: y[tokens, heads, rows / heads] =
   * x[tokens, heads, columns] W^T. Where `transposed`: y[tokens, heads, columns] = x[tokens, heads, rows / heads] W.
   */
  void multiplyHeads(const float* x, size_t tokens, size_t heads, bool transposed, float* y);
  void row(size_t index, float* into) const;
  /** CRC-32C of the bytes of `count` rows from `first`. */
  uint32_t checksum(size_t first, size_t count) const;

 private:
  void read(const MatrixSource& source);
  void multiplyIntegers(const float* x, size_t tokens, size_t rows, float* y);
  void multiplyHeadIntegers(const float* x, size_t tokens, size_t heads, float* y);

  std::shared_ptr<ThreadPool> pool_;
  const Kernels& kernels_;
  size_t rows_, columns_, rowBytes_;
  Format format_;
  Arena memory_;
};

}  // namespace flashrow
