#include "dense/matrix.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "crc32c.h"
#include "failure.h"
#include "file.h"
#include "kernels/quantized_inputs.h"

namespace flashrow {

/** Bytes that each thread reads at once. */
static constexpr size_t kPieceBytes = 4 << 20;
/** The same where rows are taken out of what was read: it stays in the processor's cache. */
static constexpr size_t kStridedBytes = 128 << 10;
/** Bytes of inputs that are integers at once: about 200 tokens of 4096 columns. */
static constexpr size_t kIntegerBytes = 2 << 20;

static size_t checkedRowBytes(const MatrixSource& source) {
  constexpr size_t kMost = size_t{1} << 31;
  constexpr uint64_t kMostBytes = uint64_t{1} << 53;
  if (source.rows == 0 || source.columns == 0 || source.rows > kMost || source.columns > kMost) {
    failUsage("a matrix cannot have " + std::to_string(source.rows) + " rows and " + std::to_string(source.columns) +
              " columns");
  }
  if (!holdsWholeBlocks(source.format, source.columns)) failUsage("a matrix's rows do not hold whole blocks");
  const size_t bytes = rowBytes(source.format, source.columns);
  if (source.rowStride < bytes) failUsage("a matrix's rowStride is less than a row's bytes");
  if (source.offset > kMostBytes || source.rowStride > kMostBytes / source.rows) {
    failUsage("a matrix reaches past 2^53 bytes");
  }
  return bytes;
}

ResidentMatrix::ResidentMatrix(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const MatrixSource& source)
    : pool_(std::move(pool)),
      kernels_(kernels),
      rows_(source.rows),
      columns_(source.columns),
      rowBytes_(checkedRowBytes(source)),
      format_(source.format),
      memory_(rows_ * rowBytes_, Content::any) {
  read(source);
}

void ResidentMatrix::read(const MatrixSource& source) {
  File file(source.path, false);
  const bool packed = source.rowStride == rowBytes_;
  const size_t pieceRows = std::max<size_t>(1, (packed ? kPieceBytes : kStridedBytes) / source.rowStride);
  const size_t pieces = (rows_ + pieceRows - 1) / pieceRows;
  pool_->runFallible(pieces == 1 ? 1 : pool_->size(), [&](size_t thread, size_t threads) {
    std::optional<Arena> strided;
    for (size_t piece = thread; piece < pieces; piece += threads) {
      const size_t row = piece * pieceRows;
      const size_t count = std::min(pieceRows, rows_ - row);
      const uint64_t offset = source.offset + row * source.rowStride;
      const size_t span = (count - 1) * source.rowStride + rowBytes_;
      if (!packed && !strided) strided.emplace(std::max<size_t>(kStridedBytes, span));
      uint8_t* into = memory_.data() + row * rowBytes_;
      const size_t got = file.read(packed ? into : strided->data(), offset, span);
      if (got < span) {
        throw Failure(Failure::Code::Corrupt,
                      source.path + " ends at byte " + std::to_string(offset + got) + ", inside a matrix of " +
                          std::to_string(rows_) + " rows that begins at byte " + std::to_string(source.offset) +
                          ": the file is truncated",
                      {source.path, static_cast<int64_t>(offset + got), -1, -1, ""});
      }
      for (size_t r = 0; !packed && r < count; r++) {
        std::memcpy(into + r * rowBytes_, strided->data() + r * source.rowStride, rowBytes_);
      }
    }
  });
}

void ResidentMatrix::matmul(const float* x, size_t tokens, size_t rows, float* y) {
  if (tokens == 0 || rows == 0) return;
  if (kernels_.wantsIntegers(format_)) {
    const size_t chunk = std::max<size_t>(1, kIntegerBytes / kernels_.integers->inputBytes(columns_, 1));
    for (size_t t = 0; t < tokens; t += chunk) {
      multiplyIntegers(x + t * columns_, std::min(chunk, tokens - t), rows, y + t * rows);
    }
    return;
  }
  pool_->run(threadsFor(*pool_, rows * rowBytes_, tokens), [&](size_t thread, size_t threads) {
    const Share share(rows, 4, thread, threads);
    kernels_.dots(format_, Rows{memory_.data() + share.begin * rowBytes_, rowBytes_, nullptr}, share.end - share.begin,
                  columns_, x, columns_, tokens, Products{y + share.begin, rows}, pool_->scratch(thread));
  });
}

void ResidentMatrix::multiplyIntegers(const float* x, size_t tokens, size_t rows, float* y) {
  const IntegerKernels& integers = *kernels_.integers;
  const QuantizedInputs::Source source{x, columns_, columns_, 1, tokens};
  QuantizedInputs inputs;
  inputs.begin(*pool_, integers, source, pool_->shared(QuantizedInputs::bytes(*pool_, integers, source)));
  pool_->run(threadsFor(*pool_, rows * rowBytes_, tokens), [&](size_t thread, size_t threads) {
    const Share share(rows, 4, thread, threads);
    integers.dots(format_, Rows{memory_.data() + share.begin * rowBytes_, rowBytes_, nullptr}, share.end - share.begin,
                  columns_, inputs.of(thread), tokens, Products{y + share.begin, rows}, pool_->scratch(thread));
  });
}

void ResidentMatrix::multiplyHeads(const float* x, size_t tokens, size_t heads, bool transposed, float* y) {
  if (tokens == 0) return;
  if (!transposed && kernels_.wantsIntegers(format_)) {
    const size_t chunk = std::max<size_t>(1, kIntegerBytes / kernels_.integers->inputBytes(columns_, 1));
    for (size_t t = 0; t < tokens; t += chunk) {
      multiplyHeadIntegers(x + t * heads * columns_, std::min(chunk, tokens - t), heads, y + t * rows_);
    }
    return;
  }
  const size_t headRows = rows_ / heads;
  pool_->run(threadsFor(*pool_, memory_.bytes(), tokens), [&](size_t thread, size_t threads) {
    const Share share(heads, 1, thread, threads);
    for (size_t head = share.begin; head < share.end; head++) {
      const Rows rows{memory_.data() + head * headRows * rowBytes_, rowBytes_, nullptr};
      if (!transposed) {
        kernels_.dots(format_, rows, headRows, columns_, x + head * columns_, heads * columns_, tokens,
                      Products{y + head * headRows, rows_}, pool_->scratch(thread));
        continue;
      }
      float* out = y + head * columns_;
      for (size_t t = 0; t < tokens; t++) std::fill_n(out + t * heads * columns_, columns_, 0.0f);
      kernels_.addScaledRows(format_, rows, headRows, x + head * headRows, rows_, 0, columns_, out, heads * columns_,
                             tokens, pool_->scratch(thread));
    }
  });
}

void ResidentMatrix::multiplyHeadIntegers(const float* x, size_t tokens, size_t heads, float* y) {
  const IntegerKernels& integers = *kernels_.integers;
  const size_t headRows = rows_ / heads;
  const size_t inputBytes = (integers.inputBytes(columns_, tokens) + 63) / 64 * 64;
  const size_t threads = std::min(heads, threadsFor(*pool_, memory_.bytes(), tokens));
  uint8_t* const inputs = pool_->shared(threads * inputBytes);
  pool_->run(threads, [&](size_t thread, size_t count) {
    uint8_t* const own = inputs + thread * inputBytes;
    const Share share(heads, 1, thread, count);
    for (size_t head = share.begin; head < share.end; head++) {
      integers.quantize(x + head * columns_, heads * columns_, columns_, tokens, 0, tokens, own);
      integers.dots(format_, Rows{memory_.data() + head * headRows * rowBytes_, rowBytes_, nullptr}, headRows, columns_,
                    own, tokens, Products{y + head * headRows, rows_}, pool_->scratch(thread));
    }
  });
}

void ResidentMatrix::row(size_t index, float* into) const {
  kernels_.decodeRow(format_, memory_.data() + index * rowBytes_, columns_, into);
}

uint32_t ResidentMatrix::checksum(size_t first, size_t count) const {
  return crc32c(memory_.data() + first * rowBytes_, count * rowBytes_, 0);
}

}  // namespace flashrow
