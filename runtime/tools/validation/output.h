// The results of a validation run for people, programs and eyes.
#pragma once

#include <string>
#include <vector>

#include "runtime/tools/validation/score.h"

namespace phx::validation {

std::string table(const std::vector<Result>& results);
std::string json(const std::vector<Result>& results);
std::string plot(const std::vector<Result>& results);  // SVG

}  // namespace phx::validation
