// The programs that mutants start from: small, and together using every family of instructions and every section.
#pragma once

#include <span>
#include <string_view>

namespace phx::fuzz {
std::span<const std::string_view> corpus();  // assembly texts
}
