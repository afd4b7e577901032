#include "probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "arena.h"
#include "failure.h"
#include "file.h"

namespace flashrow {

using Clock = std::chrono::steady_clock;
static constexpr std::chrono::milliseconds kLimit{200};
/** Enough for the arena's huge pages: a large read into scattered pages goes at half the speed. */
static constexpr uint64_t kLeastBuffer = uint64_t{16} << 20;

ReadProbe probeReads(const std::string& path, uint64_t recordBytes, uint64_t totalBytes, size_t readThreads) {
  if (recordBytes == 0 || recordBytes > (uint64_t{1} << 30) || readThreads == 0) {
    failUsage("a probe needs a recordBytes up to 1 GiB and a read thread");
  }
  File file(path, true);
  const uint64_t span = roundUp(recordBytes, kDeviceBlock);
  const uint64_t places = std::max<uint64_t>(1, file.bytes() / span);
  const uint64_t wanted = std::max<uint64_t>(1, std::min(totalBytes / recordBytes, places));
  const size_t workers = std::min<uint64_t>(readThreads, wanted);
  Arena buffers(std::max(workers * span, kLeastBuffer));
  std::atomic<uint64_t> next{0}, bytes{0};
  std::mutex mutex;
  std::optional<Failure> failure;
  const auto start = Clock::now();
  const auto work = [&](size_t worker) {
    try {
      uint8_t* const into = buffers.data() + worker * span;
      for (uint64_t i = next++; i < wanted && Clock::now() - start < kLimit; i = next++) {
        bytes += std::min<uint64_t>(recordBytes, file.read(into, i * (places / wanted) * span, span));
      }
    } catch (const Failure& caught) {
      std::lock_guard lock(mutex);
      failure = caught;
    }
  };
  std::vector<std::thread> threads;
  try {
    for (size_t i = 1; i < workers; i++) threads.emplace_back(work, i);
  } catch (const std::system_error&) {
    // Fewer threads than asked for measure less, which is what reads would get too.
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
  if (failure) throw *failure;
  return {bytes, std::chrono::duration<double>(Clock::now() - start).count(), file.direct()};
}

}  // namespace flashrow
