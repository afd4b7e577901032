#pragma once

#include <string>

namespace flashrow {

/** UTF-8 as the 16-bit characters that Windows takes. */
std::wstring toWide(const std::string& text);

/** And back. */
std::string toUtf8(const wchar_t* text, size_t characters);

}  // namespace flashrow
