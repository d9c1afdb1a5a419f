// Text of immediates. A bit pattern has many spellings; these two functions are inverse to each other on patterns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/isa/isa.h"

namespace phx::isa {

// Shortest readable text of `bits` for a slot of `width` bits in an instruction of the type: decimal floats for f32 and
// f64
// ("1.5", "1e+30"), signed decimals for signed integers, decimals for small numbers, else hexadecimal.
std::string immediate_text(uint64_t bits, Type type, unsigned width);

// Reads an immediate: "42", "-1", "0x3f800000", "0b101", "'a'", "1.5", "-inf", "nan". A number with a point or exponent
// is converted to the type (b32: f32, b64: f64; f16 and bf16 must be exact). Floating types take integers only in
// hexadecimal, because `1` could mean either.
Expected<uint64_t> parse_immediate(std::string_view text, Type type, unsigned width);

// A plain integer as parse_immediate reads it, in [-2^63, 2^64).
Expected<uint64_t> parse_integer(std::string_view text);

}  // namespace phx::isa
