#include "stream/streamed_matrix.h"

#include <algorithm>
#include <string>

#include "crc32c.h"
#include "file.h"
#include "stream/planner.h"
#include "stream/slot.h"

namespace flashrow {

StreamedMatrix::StreamedMatrix(const MatrixOptions& options, size_t index, size_t numFiles)
    : options_(options), index_(index), verified_(!options.checksum) {
  constexpr size_t kMost = size_t{1} << 31;
  constexpr uint64_t kMostBytes = uint64_t{1} << 53;
  const auto check = [&](bool holds, const char* what) {
    if (!holds) failUsage(name() + ": " + what);
  };
  check(options.file < numFiles, "it names a file that is not among the paths");
  check(options.rows > 0 && options.columns > 0 && options.rowsPerUnit > 0, "sizes must be positive");
  check(options.rows <= kMost && options.columns <= kMost && options.rowsPerUnit <= kMost, "sizes must be below 2^31");
  check(holdsWholeBlocks(options.format, options.columns), "its rows do not hold whole blocks");
  rowBytes_ = rowBytes(options.format, options.columns);
  check(options.offset <= kMostBytes && rowBytes_ <= kMostBytes / options.rows, "it reaches past 2^53 bytes");
  options_.rowsPerUnit = std::min(options.rowsPerUnit, options.rows);
  units_ = (options.rows + options_.rowsPerUnit - 1) / options_.rowsPerUnit;
  const uint64_t bytes = options_.rowsPerUnit * rowBytes_;
  const uint64_t needed = bytes < kStraightBytes ? bytes : roundUp(bytes + kDeviceBlock - 1, kDeviceBlock);
  check(needed <= options.slotBytes && options.slotBytes % 64 == 0, "a slot is too small for a unit");
}

std::string StreamedMatrix::name() const { return "matrix " + std::to_string(index_); }

size_t StreamedMatrix::rowsOf(size_t unit) const {
  return std::min(options_.rowsPerUnit, options_.rows - firstRowOf(unit));
}

uint64_t StreamedMatrix::shiftOf(size_t unit) const {
  return options_.rowsPerUnit * rowBytes_ < kStraightBytes ? 0 : offsetOf(unit) % kDeviceBlock;
}

Run StreamedMatrix::run(size_t, size_t unit) const {
  return {options_.file, offsetOf(unit), payloadOf(unit), shiftOf(unit)};
}

std::optional<Failure> StreamedMatrix::check(size_t unit, const uint8_t* slot, const SlotBoard& board) {
  if (verified_) return std::nullopt;
  checksum_ = crc32c(rowsIn(slot, unit), payloadOf(unit), unit == 0 ? 0 : checksum_);
  if (unit + 1 < units_) return std::nullopt;
  if (checksum_ == *options_.checksum) {
    verified_ = true;
    return std::nullopt;
  }
  const std::string& path = board.pathOf(options_.file);
  return Failure(Failure::Code::Corrupt,
                 path + " is damaged between " + std::to_string(options_.offset) + " and " +
                     std::to_string(options_.offset + options_.rows * rowBytes_) +
                     ": a tensor does not match its checksum; restore the file or convert it again",
                 {path, static_cast<int64_t>(options_.offset), -1, -1, ""});
}

Failure StreamedMatrix::placed(const Failure& failure, size_t, uint64_t, const SlotBoard&) const {
  return Failure(failure.code, std::string(failure.what()) + ", in a matrix of the resident half", failure.details);
}

}  // namespace flashrow
