#include "stream/layer.h"

#include <string>

#include "failure.h"
#include "file.h"

namespace flashrow {

namespace {

/** Larger sizes are nonsense, and their products could overflow. */
constexpr size_t kMostRows = size_t{1} << 28;
constexpr uint64_t kMostBytes = uint64_t{1} << 53;

struct Check {
  size_t layer;
  void operator()(bool holds, const std::string& what) const {
    if (!holds) failUsage("layer " + std::to_string(layer) + ": " + what);
  }
};

}  // namespace

Layer::Layer(LayerOptions options, size_t index, size_t numFiles, uint64_t arenaBytes)
    : LayerOptions(std::move(options)), index(index) {
  const Check check{index};
  check(hiddenSize > 0 && numNeurons > 0 && neuronsPerBundle > 0 && bundlesPerUnit > 0, "sizes must be positive");
  check(hiddenSize <= kMostRows && numNeurons <= kMostRows && bundlesPerUnit <= kMostRows, "sizes must be below 2^28");
  check(numNeurons % neuronsPerBundle == 0, "neuronsPerBundle must divide numNeurons");
  inputBundles = numNeurons / neuronsPerBundle;
  check(downApart() == (outputsPerBundle > 0), "outputsPerBundle belongs to a down matrix that lies apart");
  check(!downApart() || bundlesPerUnit == 1, "where down lies apart, a unit is one bundle");
  numBundles = inputBundles + (downApart() ? (hiddenSize + outputsPerBundle - 1) / outputsPerBundle : 0);
  numUnits = (numBundles + bundlesPerUnit - 1) / bundlesPerUnit;
  neuronsPerUnit = bundlesPerUnit * neuronsPerBundle;

  if (readsGate()) gateRowBytes = rowBytes(*gateFormat, hiddenSize);
  if (readsUp()) upRowBytes = rowBytes(upFormat, hiddenSize);
  downRowBytes = rowBytes(downFormat, downColumns());
  checkExtents(numFiles);
  checkParts();
  checkSegments();
  check(arenaOffset % kDeviceBlock == 0, "arenaOffset must be a multiple of 4096");
  check(arenaOffset <= arenaBytes && (slots == 0 || slotBytes <= (arenaBytes - arenaOffset) / slots),
        "the slots reach outside the arena");
  if (!checksums.empty()) verified_ = std::make_unique<std::atomic<uint64_t>[]>((checksums.size() + 63) / 64);
}

size_t Layer::downColumns() const {
  if (downApart()) return numNeurons;
  return downByNeuron() ? hiddenSize : neuronsPerBundle;
}

void Layer::checkExtents(size_t numFiles) const {
  const Check check{index};
  check(!extents.empty() && extents.size() <= kMostExtents && areas.size() == extents.size(),
        "one to three extents, an area for each");
  for (size_t e = 0; e < extents.size(); e++) {
    const Extent& extent = extents[e];
    check(extent.file < numFiles, "an extent names a file that is not among the paths");
    check(extent.bytes > 0 && (numBundles == 1 || extent.stride >= extent.bytes),
          "an extent's stride is less than its bytes");
    check(extent.offset <= kMostBytes && extent.bytes <= kMostBytes && extent.stride <= kMostBytes / numBundles,
          "an extent reaches past 2^53 bytes");
    check(areas[e].skip < extent.bytes, "an extent is skipped whole");
    checkPlaces(extent, numFiles);
    const uint64_t span = longestSpan(e) + (areas[e].shifts ? kDeviceBlock : 0);
    check(areas[e].offset <= slotBytes && span <= slotBytes - areas[e].offset, "a slot is too small for a unit");
  }
}

void Layer::checkPlaces(const Extent& extent, size_t numFiles) const {
  if (extent.places.empty()) return;
  const Check check{index};
  check(extent.places.size() == numBundles && bundlesPerUnit == 1 && !downApart(),
        "bundles with places of their own need a place each, and one bundle per unit");
  check(checksums.empty(), "bundles with places of their own have no checksums");
  for (const Place& place : extent.places) {
    check(place.file < numFiles, "a bundle's place names a file that is not among the paths");
    check(place.offset <= kMostBytes, "a bundle's place is past 2^53 bytes");
  }
}

void Layer::checkParts() const {
  const Check check{index};
  const auto checkPart = [&](const Part& part, bool read, Format format, size_t rows, size_t columns,
                             const char* name) {
    check(part.extent < extents.size(), std::string(name) + " lies in an extent that is not there");
    check(holdsWholeBlocks(format, columns), std::string(name) + " rows do not hold whole blocks");
    const uint64_t bytes = rows * rowBytes(format, columns);
    const uint64_t end = extents[part.extent].bytes;
    check(part.offset <= end && bytes <= end - part.offset, std::string(name) + " reaches outside its extent");
    check(!read || part.offset >= areas[part.extent].skip, std::string(name) + " is read, but lies in what is skipped");
  };
  check(gated() == gate.has_value(), "gate must have both a format and a part, or neither");
  check(gateBias.empty() || (gated() && gateBias.size() == numNeurons),
        "there are not as many biases of the gate as neurons");
  check(upBias.empty() || upBias.size() == numNeurons, "there are not as many biases of up as neurons");
  const auto dividesNeurons = [&](const std::vector<float>& factors) {
    return factors.empty() || numNeurons % factors.size() == 0;
  };
  check(dividesNeurons(gateFactors) && dividesNeurons(upFactors) && dividesNeurons(downFactors),
        "factors must be of equal shares of the neurons");
  check(residentPart != InputPart::Gate || gated(), "the resident part is gate, but the network has none");
  if (gated()) checkPart(*gate, readsGate(), *gateFormat, neuronsPerBundle, hiddenSize, "gate");
  checkPart(up, readsUp(), upFormat, neuronsPerBundle, hiddenSize, "up");
  const size_t outputs = downApart() ? std::min(outputsPerBundle, hiddenSize) : hiddenSize;
  checkPart(down, true, downFormat, downByNeuron() ? neuronsPerBundle : outputs, downColumns(), "down");
  check(holdsWholeBlocks(downFormat, downByNeuron() ? hiddenSize : neuronsPerBundle),
        "slices of down rows do not hold whole blocks");
  if (downApart()) {
    check(down.offset == 0 && down.extent != up.extent && !(gate && gate->extent == down.extent),
          "a down matrix that lies apart needs an extent of its own");
  }
  check(!downByNeuron() || addsByColumns(downFormat), "a down matrix by neuron cannot have blocks of 256");
  if (residentPart != InputPart::None) {
    check(downByNeuron() && extents.size() == 1 && bundlesPerUnit == 1,
          "a resident part needs a down matrix by neuron, one extent and one bundle per unit");
  }
}

void Layer::checkSegments() const {
  const Check check{index};
  for (const Segment& segment : segments) {
    check(segment.extent < extents.size(), "a segment lies in an extent that is not there");
    const uint64_t end = extents[segment.extent].bytes;
    check(segment.offset <= end && segment.bytes <= end - segment.offset, "a segment reaches outside its extent");
  }
  check(checksums.empty() || checksums.size() == numBundles * segments.size(),
        "checksums need one entry per bundle and segment");
}

bool Layer::verified(size_t bundle, size_t segment) const {
  const size_t bit = bundle * segments.size() + segment;
  return (verified_[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1) != 0;
}

void Layer::setVerified(size_t bundle, size_t segment) {
  const size_t bit = bundle * segments.size() + segment;
  verified_[bit / 64].fetch_or(uint64_t{1} << (bit % 64), std::memory_order_relaxed);
}

}  // namespace flashrow
