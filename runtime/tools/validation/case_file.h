// Reads case files. docs/validation.md has the format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/tools/validation/case.h"

namespace phx::validation {

// The cases of one file, sweeps unrolled. Every unknown key, wrong type or impossible value is an error with file, line
// and column.
Expected<std::vector<Case>> parse_cases(std::string_view text, const std::string& file);
Expected<std::vector<Case>> read_cases(const std::string& file);

// The cases of all files; ids must differ, and `before` must name one of them.
Expected<std::vector<Case>> read_case_files(const std::vector<std::string>& files);

}  // namespace phx::validation
