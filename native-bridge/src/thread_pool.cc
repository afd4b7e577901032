#include "thread_pool.h"

#include <chrono>
#include <system_error>

#include "failure.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flashrow {

/**
 * How long a thread looks for its next task before it sleeps. Up to 100 us of other work lie between two phases of a
 * layer, and to wake a thread takes as long where a virtual machine has halted its core.
 */
static constexpr std::chrono::microseconds kSpinTime{200};
/** About a microsecond, after which whoever wants the core may have it. */
static constexpr int kSpinsBetweenYields = 32;

static inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** Waits a while for `done`, without sleeping; returns whether it came. */
template <class Done>
static bool spinFor(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int spin = 0; spin < kSpinsBetweenYields; spin++) {
      if (done()) return true;
      relax();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

ThreadPool::ThreadPool(size_t threads, size_t scratchBytes)
    : threads_(threads), scratchBytes_(scratchBytes), scratch_(threads * scratchBytes) {
  try {
    for (size_t thread = 1; thread < threads; thread++) workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error& error) {
    stop();
    throw Failure(Failure::Code::Memory, std::string("a compute thread cannot be started: ") + error.what());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void* ThreadPool::scratch(size_t thread) const { return scratch_.data() + thread * scratchBytes_; }

uint8_t* ThreadPool::shared(size_t bytes) {
  if (shared_.bytes() < bytes) {
    shared_ = Arena();
    shared_ = Arena(bytes);
  }
  return shared_.data();
}

void ThreadPool::dispatch(size_t threads, Entry entry, const void* context) {
  {
    std::lock_guard lock(mutex_);
    entry_ = entry;
    context_ = context;
    active_ = threads;
    busy_.store(workers_.size(), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  entry(context, 0, threads);
  const auto finished = [this] { return busy_.load(std::memory_order_acquire) == 0; };
  if (spinFor(finished)) return;
  std::unique_lock lock(mutex_);
  finished_.wait(lock, finished);
}

void ThreadPool::work(size_t thread) {
  unsigned seen = 0;
  while (true) {
    spinFor([&] { return round_.load(std::memory_order_acquire) != seen; });
    Entry entry;
    const void* context;
    size_t active;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || round_.load(std::memory_order_relaxed) != seen; });
      if (stopping_) return;
      seen = round_.load(std::memory_order_relaxed);
      entry = entry_;
      context = context_;
      active = active_;
    }
    if (thread < active) entry(context, thread, active);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      std::lock_guard lock(mutex_);
      finished_.notify_one();
    }
  }
}

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

}  // namespace flashrow
