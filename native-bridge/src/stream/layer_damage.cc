#include <algorithm>
#include <string>

#include "crc32c.h"
#include "stream/layer.h"
#include "stream/slot.h"

namespace flashrow {

/** Compares the checksums of segments that are seen for the first time. */
std::optional<Failure> Layer::damageOf(size_t unit, const uint8_t* data, const SlotBoard& board) {
  if (checksums.empty()) return std::nullopt;
  for (size_t i = 0; i < bundlesOf(unit); i++) {
    const size_t bundle = unit * bundlesPerUnit + i;
    for (size_t s = residentPart == InputPart::None ? 0 : 1; s < segments.size(); s++) {
      if (verified(bundle, s)) continue;
      const Segment& segment = segments[s];
      const uint8_t* bytes = inSlot(data, unit, segment.extent, i, segment.offset);
      if (crc32c(bytes, segment.bytes, 0) != checksums[bundle * segments.size() + s]) {
        const Extent& extent = extents[segment.extent];
        const uint64_t offset = extent.offset + bundle * extent.stride + segment.offset;
        const std::string& path = board.pathOf(extent.file);
        return Failure(
            Failure::Code::Corrupt,
            path + " is damaged: bundle " + std::to_string(bundle) + " of layer " + std::to_string(index) + ", " +
                std::to_string(segment.bytes) + " bytes at byte " + std::to_string(offset) +
                ", does not match its checksum; restore the file or convert it again",
            {path, static_cast<int64_t>(offset), static_cast<int64_t>(index), static_cast<int64_t>(bundle), ""});
      }
      setVerified(bundle, s);
    }
  }
  return std::nullopt;
}

/** The bundle with this byte of a file, or `otherwise` where none has it. */
static size_t bundleAt(const Layer& layer, const SlotBoard& board, const std::string& path, uint64_t offset,
                       size_t otherwise) {
  for (size_t e = 0; e < layer.extents.size(); e++) {
    const Extent& extent = layer.extents[e];
    for (size_t i = 0; i < extent.places.size(); i++) {
      const Place& place = extent.places[i];
      if (board.pathOf(place.file) == path && offset - place.offset < extent.bytes) return i;
    }
    if (!extent.places.empty() || board.pathOf(extent.file) != path || offset < extent.offset) continue;
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

Failure Layer::placed(const Failure& failure, size_t unit, uint64_t offset, const SlotBoard& board) const {
  FailureDetails details = failure.details;
  details.layer = static_cast<int64_t>(index);
  // A read may begin before the piece, and hold others' pieces behind it.
  const uint64_t damaged = std::max(offset, static_cast<uint64_t>(std::max<int64_t>(details.offset, 0)));
  details.bundle = static_cast<int64_t>(bundleAt(*this, board, details.path, damaged, unit * bundlesPerUnit));
  const std::string place =
      ", in bundle " + std::to_string(details.bundle) + " of layer " + std::to_string(details.layer);
  return Failure(failure.code, failure.what() + place, details);
}

}  // namespace flashrow
