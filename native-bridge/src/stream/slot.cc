#include "stream/slot.h"

#include <algorithm>
#include <string>

#include "crc32c.h"

namespace flashrow {

/** Compares the checksums of segments that are seen for the first time. */
static std::optional<Failure> findDamage(Layer& layer, uint32_t unit, const uint8_t* data, const SlotBoard& board) {
  if (layer.checksums.empty()) return std::nullopt;
  for (size_t i = 0; i < layer.bundlesOf(unit); i++) {
    const size_t bundle = unit * layer.bundlesPerUnit + i;
    for (size_t s = layer.residentPart == InputPart::None ? 0 : 1; s < layer.segments.size(); s++) {
      if (layer.verified(bundle, s)) continue;
      const Segment& segment = layer.segments[s];
      const uint8_t* bytes = layer.inSlot(data, unit, segment.extent, i, segment.offset);
      if (crc32c(bytes, segment.bytes, 0) != layer.checksums[bundle * layer.segments.size() + s]) {
        const Extent& extent = layer.extents[segment.extent];
        const uint64_t offset = extent.offset + bundle * extent.stride + segment.offset;
        const std::string& path = board.pathOf(extent.file);
        return Failure(
            Failure::Code::Corrupt,
            path + " is damaged: bundle " + std::to_string(bundle) + " of layer " + std::to_string(layer.index) + ", " +
                std::to_string(segment.bytes) + " bytes at byte " + std::to_string(offset) +
                ", does not match its checksum; restore the file or convert it again",
            {path, static_cast<int64_t>(offset), static_cast<int64_t>(layer.index), static_cast<int64_t>(bundle), ""});
      }
      layer.setVerified(bundle, s);
    }
  }
  return std::nullopt;
}

void Slot::begin(Layer* layer, uint32_t unit, uint64_t payload) {
  payload_ = payload;
  layer_ = layer;
  unit_ = unit;
  failure_.reset();
  state_.store(State::Loading, std::memory_order_relaxed);
}

/** The bundle with this byte of a file, or `otherwise` where none has it. */
static size_t bundleAt(const Layer& layer, const SlotBoard& board, const std::string& path, uint64_t offset,
                       size_t otherwise) {
  for (size_t e = 0; e < layer.extents.size(); e++) {
    const Extent& extent = layer.extents[e];
    if (board.pathOf(extent.file) != path || offset < extent.offset) continue;
    const bool outputs = layer.downApart() && e == layer.down.extent;
    const size_t bundles = outputs ? layer.numBundles - layer.inputBundles : layer.inputBundles;
    const uint64_t from = offset - extent.offset;
    const uint64_t place = bundles == 1 ? 0 : from / extent.stride;
    if (place < bundles && from - place * extent.stride < extent.bytes) {
      return place + (outputs ? layer.inputBundles : 0);
    }
  }
  return otherwise;
}

void Slot::failed(const Failure& failure, uint64_t offset) {
  std::lock_guard lock(board_->mutex());
  if (failure_) return;
  FailureDetails details = failure.details;
  details.layer = static_cast<int64_t>(layer_->index);
  // A read may begin before the piece, and hold others' pieces behind it.
  const uint64_t damaged = std::max(offset, static_cast<uint64_t>(std::max<int64_t>(details.offset, 0)));
  details.bundle =
      static_cast<int64_t>(bundleAt(*layer_, *board_, details.path, damaged, unit_ * layer_->bundlesPerUnit));
  const std::string place =
      ", in bundle " + std::to_string(details.bundle) + " of layer " + std::to_string(details.layer);
  failure_.emplace(failure.code, failure.what() + place, details);
}

void Slot::settled() {
  // Acquired by the pieces' counter: every failed() has happened before.
  if (!failure_) failure_ = findDamage(*layer_, unit_, data_, *board_);
  if (!failure_) board_->countPayload(payload_);
  state_.store(failure_ ? State::Failed : State::Ready, std::memory_order_release);
  board_->announce();
}

void SlotBoard::announce() {
  {
    std::lock_guard lock(mutex_);
  }
  settled_.notify_all();
}

void SlotBoard::waitFor(const Slot& slot) {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return slot.state() != Slot::State::Loading; });
}

}  // namespace flashrow
