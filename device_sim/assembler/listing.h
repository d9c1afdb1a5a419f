// Listing: an executable as the text from which assemble() makes the same executable again.
#pragma once

#include <string>

#include "device_sim/image/image.h"

namespace phx::assembler {

// Whole file. The executable must have passed image::verify(); words that do not decode become comments.
std::string listing(const image::Executable& executable);

// The code of one kernel only: instructions that its entry reaches, with labels and source places as comments.
std::string listing(const image::Executable& executable, const image::Kernel& kernel);

}  // namespace phx::assembler
