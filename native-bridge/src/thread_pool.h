#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "arena.h"
#include "failure.h"

namespace flashrow {

/**
 * Persistent compute threads; the caller is thread 0. A task gets (thread, threads) and takes its share by that alone,
 * so who computes what never depends on timing. One caller at a time.
 */
class ThreadPool {
 public:
  /** `scratchBytes` for each thread. Throws Failure MEMORY. */
  ThreadPool(size_t threads, size_t scratchBytes);
  ~ThreadPool();

  size_t size() const { return threads_; }
  /** A thread's own scratch, `scratchBytes` long, 64-aligned. */
  void* scratch(size_t thread) const;
  /**
   * Memory that the threads of a task share, `bytes` long, 64-aligned. It lasts until the next call. Throws Failure
   * MEMORY.
   */
  uint8_t* shared(size_t bytes);

  /**
   * Runs task(thread, threads) on `threads` threads (at most size()) and returns when all are done. Tasks do not throw.
   */
  template <class Task>
  void run(size_t threads, const Task& task) {
    if (threads <= 1) return task(size_t{0}, size_t{1});
    dispatch(
        threads,
        [](const void* context, size_t thread, size_t count) { (*static_cast<const Task*>(context))(thread, count); },
        &task);
  }

  /** The same for tasks that may throw Failure, or lack memory: the first thread's is thrown once all are done. */
  template <class Task>
  void runFallible(size_t threads, const Task& task) {
    std::vector<std::optional<Failure>> failures(size());
    run(threads, [&](size_t thread, size_t count) {
      try {
        task(thread, count);
      } catch (const Failure& failure) {
        failures[thread] = failure;
      } catch (const std::bad_alloc&) {
        failures[thread].emplace(Failure::Code::Memory, "the process is out of memory");
      }
    });
    for (const auto& failure : failures) {
      if (failure) throw *failure;
    }
  }

 private:
  using Entry = void (*)(const void* context, size_t thread, size_t threads);

  void dispatch(size_t threads, Entry entry, const void* context);
  void work(size_t thread);
  void stop();

  size_t threads_;
  size_t scratchBytes_;
  Arena scratch_;
  Arena shared_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::atomic<unsigned> round_{0};
  std::atomic<size_t> busy_{0};
  bool stopping_ = false;
  Entry entry_ = nullptr;
  const void* context_ = nullptr;
  size_t active_ = 0;
};

/**
 * How many threads a task is worth that reads `bytes` of weights for `tokens` tokens: a small task costs less than
 * waking them.
 */
inline size_t threadsFor(const ThreadPool& pool, size_t bytes, size_t tokens) {
  return bytes * tokens < 64 * 1024 ? 1 : pool.size();
}

/** The part of `total` that falls to a thread; shares are multiples of `grain`. */
struct Share {
  size_t begin, end;

  Share(size_t total, size_t grain, size_t thread, size_t threads) {
    const size_t share = ((total + threads - 1) / threads + grain - 1) / grain * grain;
    begin = std::min(total, thread * share);
    end = std::min(total, begin + share);
  }
};

}  // namespace flashrow
