#include "thread_pool.h"

#include <system_error>

#include "failure.h"
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flashrow {

/** About 20 us: as long as a layer's next phase is away, and no more, since other pools share the cores. */
static constexpr int kSpins = 1000;

static inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

ThreadPool::ThreadPool(size_t threads) : threads_(threads), scratch_(threads * kKernelScratchBytes) {
  try {
    for (size_t thread = 1; thread < threads; thread++) workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error& error) {
    stop();
    throw Failure(Failure::Code::Memory, std::string("a compute thread cannot be started: ") + error.what());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void* ThreadPool::scratch(size_t thread) const { return scratch_.data() + thread * kKernelScratchBytes; }

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
  for (int spin = 0; spin < kSpins; spin++) {
    if (busy_.load(std::memory_order_acquire) == 0) return;
    relax();
  }
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [this] { return busy_.load(std::memory_order_acquire) == 0; });
}

void ThreadPool::work(size_t thread) {
  unsigned seen = 0;
  while (true) {
    for (int spin = 0; spin < kSpins && round_.load(std::memory_order_acquire) == seen; spin++) relax();
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
