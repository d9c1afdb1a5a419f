// Structure-aware mutants: changes that keep a file well formed up to the stage they aim at.
#pragma once

#include <cstddef>
#include <vector>

#include "device_sim/image/image.h"
#include "tests/fuzz/random.h"

namespace phx::fuzz {

// Changes instructions: operands, fields, types, rows; inserts, deletes, moves, retargets, wraps ranges in regions.
// Labels, entries, relocations and lines move with the instructions that they belong to.
void mutate_code(Random& random, image::Executable& executable);

// Changes one field of a kernel, parameter, object, relocation or line record.
void mutate_records(Random& random, image::Executable& executable);

// Changes section headers or the ELF header, copies or swaps parts of the file.
void mutate_layout(Random& random, std::vector<std::byte>& file);

// Flips, sets, inserts or removes bytes anywhere.
void mutate_bytes(Random& random, std::vector<std::byte>& file);

}  // namespace phx::fuzz
