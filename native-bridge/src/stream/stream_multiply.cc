#include <optional>
#include <chrono>

#include "failure.h"
#include "stream/stream.h"

namespace flashrow {

/** Weights computed between two looks at what has landed: short enough that slots come free steadily. */
static constexpr uint64_t kBatchBytes = 4 << 20;

void RowStream::multiply(size_t index, const float* x, size_t tokens, float* y) {
  this->matrix(index);
  StreamedMatrix& matrix = *matrices_[index];
  retryFailedReads();
  ringSlot(matrix, 0, ring_ == nullptr ? 0 : ring_->next());
  const uint64_t firstTurn = ring_->next();
  product_.begin(matrix, x, tokens, y);
  for (size_t unit = 0; unit < matrix.unitCount();) {
    const size_t landed = multiplyLanded(matrix, unit);
    if (landed == unit) awaitMatrix(ringSlot(matrix, static_cast<uint32_t>(unit), ring_->next()), firstTurn);
    for (; unit < landed; unit++) {
      const std::optional<Failure> damage = matrix.check(unit, ring_->slot(ring_->next()).data(), board_);
      if (damage) {
        ring_->seek(firstTurn % ring_->entries());
        throw *damage;
      }
      board_.countPayload(matrix.payloadOf(unit));
      ring_->advance();
    }
  }
}

size_t RowStream::multiplyLanded(StreamedMatrix& matrix, size_t unit) {
  pieces_.clear();
  uint64_t bytes = 0;
  for (uint64_t turn = ring_->next(); unit < matrix.unitCount() && bytes < kBatchBytes; turn++, unit++) {
    if (!ring_->issued(turn)) break;
    const Slot& slot = ringSlot(matrix, static_cast<uint32_t>(unit), turn);
    if (slot.state() != Slot::State::Ready) break;
    pieces_.push_back({matrix.rowsIn(slot.data(), unit), matrix.firstRowOf(unit), matrix.rowsOf(unit)});
    bytes += matrix.payloadOf(unit);
  }
  if (!pieces_.empty()) product_.multiply(pieces_);
  return unit;
}

void RowStream::awaitMatrix(const Slot& slot, uint64_t firstTurn) {
  const auto start = std::chrono::steady_clock::now();
  board_.waitFor(slot);
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  waitMs_ += ms;
  matrixWaitMs_ += ms;
  if (slot.state() != Slot::State::Failed) return;
  const Failure failure = slot.failure();
  ring_->seek(firstTurn % ring_->entries());
  throw failure;
}

/** A read ahead that failed may succeed now; one that fails for good will fail again. */
void RowStream::retryFailedReads() {
  if (ring_ != nullptr && ring_->hasFailed()) ring_->seek(ring_->next() % ring_->entries());
}

}  // namespace flashrow
