#include "stream/matrix_product.h"

#include <algorithm>

namespace flashrow {

/** Bytes of inputs that are integers at once: about 200 tokens of 4096 columns. */
static constexpr size_t kIntegerBytes = 2 << 20;

void MatrixProduct::begin(const StreamedMatrix& matrix, const float* x, size_t tokens, float* y) {
  matrix_ = &matrix;
  x_ = x;
  tokens_ = tokens;
  y_ = y;
  chunk_ = 0;
  if (!kernels_.wantsIntegers(matrix.format())) return;
  chunk_ = std::max<size_t>(1, kIntegerBytes / kernels_.integers->inputBytes(matrix.columns(), 1));
  if (tokens > 0 && tokens <= chunk_) quantize(0, tokens);
}

void MatrixProduct::quantize(size_t token, size_t tokens) {
  const size_t columns = matrix_->columns();
  const QuantizedInputs::Source source{x_ + token * columns, columns, columns, 1, tokens};
  inputs_.begin(pool_, *kernels_.integers, source,
                pool_.shared(QuantizedInputs::bytes(pool_, *kernels_.integers, source)));
}

template <class Visit>
void MatrixProduct::eachShare(const std::vector<PlacedRows>& pieces, size_t thread, size_t threads,
                              const Visit& visit) const {
  size_t total = 0;
  for (const PlacedRows& piece : pieces) total += piece.count;
  const Share share(total, 4, thread, threads);
  const size_t stride = matrix_->bytesOfRow();
  size_t start = 0;
  for (const PlacedRows& piece : pieces) {
    const size_t begin = std::max(share.begin, start);
    const size_t end = std::min(share.end, start + piece.count);
    if (begin < end)
      visit(Rows{piece.data + (begin - start) * stride, stride}, end - begin, piece.first + begin - start);
    start += piece.count;
  }
}

void MatrixProduct::multiply(const std::vector<PlacedRows>& pieces) {
  const size_t columns = matrix_->columns();
  uint64_t bytes = 0;
  for (const PlacedRows& piece : pieces) bytes += piece.count * matrix_->bytesOfRow();
  if (chunk_ == 0) {
    pool_.run(threadsFor(pool_, bytes, tokens_), [&](size_t thread, size_t threads) {
      eachShare(pieces, thread, threads, [&](const Rows& rows, size_t count, size_t first) {
        kernels_.dots(matrix_->format(), rows, count, columns, x_, columns, tokens_,
                      Products{y_ + first, matrix_->rows()}, pool_.scratch(thread));
      });
    });
    return;
  }
  const IntegerKernels& integers = *kernels_.integers;
  for (size_t token = 0; token < tokens_; token += chunk_) {
    const size_t tokens = std::min(chunk_, tokens_ - token);
    if (tokens_ > chunk_) quantize(token, tokens);
    pool_.run(threadsFor(pool_, bytes, tokens), [&](size_t thread, size_t threads) {
      const uint8_t* const inputs = inputs_.of(thread);
      eachShare(pieces, thread, threads, [&](const Rows& rows, size_t count, size_t first) {
        integers.dots(matrix_->format(), rows, count, columns, inputs, tokens,
                      Products{y_ + token * matrix_->rows() + first, matrix_->rows()}, pool_.scratch(thread));
      });
    });
  }
}

}  // namespace flashrow
