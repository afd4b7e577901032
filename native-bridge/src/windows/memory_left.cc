#include "memory_left.h"

#include <windows.h>
// After windows.h, which it needs.
#include <psapi.h>

#include <algorithm>

namespace flashrow {

/** What the limits of this process's job leave; jobs are to Windows what control groups are to Linux. */
static std::optional<uint64_t> leftUnderJob() {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  if (!QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &limits, sizeof limits, nullptr)) {
    return std::nullopt;
  }
  const DWORD flags = limits.BasicLimitInformation.LimitFlags;
  if ((flags & (JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_JOB_MEMORY)) == 0) return std::nullopt;
  PROCESS_MEMORY_COUNTERS_EX used{};
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&used), sizeof used)) {
    return std::nullopt;
  }
  uint64_t limit = UINT64_MAX;
  if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0) limit = limits.ProcessMemoryLimit;
  // Other processes of the job take of this one, too; the system does not say how much.
  if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) limit = std::min<uint64_t>(limit, limits.JobMemoryLimit);
  return limit - std::min<uint64_t>(limit, used.PrivateUsage);
}

std::optional<MemoryLeft> memoryLeft() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (!GlobalMemoryStatusEx(&status)) return std::nullopt;
  // What is committed must fit memory and paging file together, whatever is free of either.
  return MemoryLeft{std::min(status.ullAvailPhys, status.ullAvailPageFile), leftUnderJob()};
}

}  // namespace flashrow
