#include "environment.h"

#include <windows.h>

#include <cstdlib>

#include "windows/text.h"

namespace flashrow {

/** The system keeps variables, and the C library keeps a copy, which other libraries may look at. */
bool setVariable(const std::string& name, const std::string& value) {
  if (name.empty() || name.find('=') != std::string::npos) return false;
  const std::wstring wideName = toWide(name), wideValue = toWide(value);
  _wputenv_s(wideName.c_str(), wideValue.c_str());
  return SetEnvironmentVariableW(wideName.c_str(), wideValue.c_str()) != 0;
}

}  // namespace flashrow
