#include "file.h"

#include <windows.h>

#include <algorithm>

#include "arena.h"
#include "failure.h"
#include "windows/text.h"

namespace flashrow {

/** A read's length is a 32-bit number. */
static constexpr size_t kMostAtOnce = size_t{1} << 30;
/** Longer paths, the final zero included, need a prefix that says that they are meant. */
static constexpr size_t kShortPath = 248;

static const char* errnoName(DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME: return "ENOENT";
    case ERROR_ACCESS_DENIED: return "EACCES";
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION: return "EBUSY";
    case ERROR_TOO_MANY_OPEN_FILES: return "EMFILE";
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return "ENOMEM";
    case ERROR_INVALID_PARAMETER: return "EINVAL";
    case ERROR_CRC:
    case ERROR_IO_DEVICE:
    case ERROR_READ_FAULT: return "EIO";
    default: return nullptr;
  }
}

static Failure windowsFailure(const std::string& what, const std::string& path, int64_t offset, DWORD error) {
  wchar_t text[512];
  DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0, text,
                                static_cast<DWORD>(std::size(text)), nullptr);
  while (length > 0 && (text[length - 1] <= L' ' || text[length - 1] == L'.')) length--;
  const char* name = errnoName(error);
  return ioFailure(what, path, offset, name != nullptr ? name : "Windows error " + std::to_string(error),
                   length > 0 ? toUtf8(text, length) : "the system gives no reason");
}

static std::wstring toSystemPath(const std::string& path) {
  const std::wstring wide = toWide(path);
  if (wide.size() + 1 < kShortPath || wide.rfind(L"\\\\", 0) == 0) return wide;
  std::wstring full(GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(GetFullPathNameW(wide.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  return L"\\\\?\\" + full;
}

static HANDLE openForReading(const std::wstring& path, DWORD flags) {
  // Others may write, rename and remove the file meanwhile, as everywhere else.
  const DWORD shared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  return CreateFileW(path.c_str(), GENERIC_READ, shared, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED | flags, nullptr);
}

/** One read at `offset`. The handle is overlapped, so reads of several threads do not wait for each other. */
static DWORD readAt(HANDLE handle, uint8_t* into, uint64_t offset, size_t bytes, DWORD* got) {
  *got = 0;
  OVERLAPPED at{};
  at.Offset = static_cast<DWORD>(offset);
  at.OffsetHigh = static_cast<DWORD>(offset >> 32);
  at.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  if (at.hEvent == nullptr) return GetLastError();
  DWORD error = ReadFile(handle, into, static_cast<DWORD>(bytes), nullptr, &at) ? ERROR_SUCCESS : GetLastError();
  if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING)
    error = GetOverlappedResult(handle, &at, got, TRUE) ? ERROR_SUCCESS : GetLastError();
  CloseHandle(at.hEvent);
  return error == ERROR_HANDLE_EOF ? ERROR_SUCCESS : error;
}

static HANDLE handleOf(intptr_t handle) { return reinterpret_cast<HANDLE>(handle); }

File::File(const std::string& path, bool direct) : path_(path) {
  const std::wstring systemPath = toSystemPath(path);
  const DWORD attributes = GetFileAttributesW(systemPath.c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
    throw ioFailure("cannot read", path, -1, "EISDIR", "it is a folder");
  HANDLE handle = INVALID_HANDLE_VALUE;
  if (direct) {
    handle = openForReading(systemPath, FILE_FLAG_NO_BUFFERING);
    direct_ = handle != INVALID_HANDLE_VALUE;
  }
  if (this->direct()) {
    // Some file systems accept the flag and refuse the read: a share, or a device of larger blocks.
    Arena probe(kDeviceBlock);
    DWORD got;
    if (readAt(handle, probe.data(), 0, kDeviceBlock, &got) == ERROR_INVALID_PARAMETER) {
      CloseHandle(handle);
      handle = INVALID_HANDLE_VALUE;
      direct_ = false;
    }
  }
  if (handle == INVALID_HANDLE_VALUE) handle = openForReading(systemPath, FILE_FLAG_RANDOM_ACCESS);
  if (handle == INVALID_HANDLE_VALUE) throw windowsFailure("cannot open", path, -1, GetLastError());
  handle_ = reinterpret_cast<intptr_t>(handle);
}

File::~File() {
  if (handleOf(handle_) != INVALID_HANDLE_VALUE) CloseHandle(handleOf(handle_));
}

uint64_t File::bytes() const {
  LARGE_INTEGER bytes;
  if (!GetFileSizeEx(handleOf(handle_), &bytes)) throw windowsFailure("cannot read", path_, -1, GetLastError());
  return static_cast<uint64_t>(bytes.QuadPart);
}

size_t File::read(uint8_t* into, uint64_t offset, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    DWORD count;
    const DWORD error = readAt(handleOf(handle_), into + got, offset + got, std::min(bytes - got, kMostAtOnce), &count);
    if (error != ERROR_SUCCESS) throw windowsFailure("cannot read", path_, static_cast<int64_t>(offset + got), error);
    if (count == 0) break;
    got += count;
    // A direct read stops within a block only at the end of the file.
    if (direct() && got % kDeviceBlock != 0) break;
  }
  return got;
}

}  // namespace flashrow
