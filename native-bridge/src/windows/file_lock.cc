#include "file_lock.h"

#include <windows.h>

namespace flashrow {

/** Locks keep others from reading what they cover, so one byte far behind any text of a lock file is locked. */
static constexpr DWORD kLockedHigh = 0x40000000;

/** The handle behind a file number of Node's; numbers belong to the C library inside node.exe, so libuv is asked. */
static HANDLE handleOf(int file) {
  using Ask = HANDLE (*)(int);
  const FARPROC ask = GetProcAddress(GetModuleHandleW(nullptr), "uv_get_osfhandle");
  return ask == nullptr ? INVALID_HANDLE_VALUE : reinterpret_cast<Ask>(reinterpret_cast<void*>(ask))(file);
}

FileLock lockFile(int file) {
  const HANDLE handle = handleOf(file);
  if (handle == INVALID_HANDLE_VALUE) return FileLock::refused;
  OVERLAPPED at{};
  at.OffsetHigh = kLockedHigh;
  if (LockFileEx(handle, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)) return FileLock::taken;
  const DWORD error = GetLastError();
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? FileLock::held : FileLock::refused;
}

}  // namespace flashrow
