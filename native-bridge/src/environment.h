#pragma once

#include <string>

namespace flashrow {

/** Sets a variable of this process, as libraries in native code see it. False where the system refuses the name. */
bool setVariable(const std::string& name, const std::string& value);

}  // namespace flashrow
