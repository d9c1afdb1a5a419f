// How a driver turns a device-side printf into text: the C format string, eight bytes per argument, as kernels pack
// them (doubles as their bits, integers sign- or zero-extended, pointers as addresses).
//
// Malformed formats and missing arguments come out as text, never as a read outside the arguments: the input is what
// a kernel wrote and is treated as hostile.
#pragma once

#include <phalanx/hal/buffer.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace phx::hal {

// `read_string` fetches a NUL-terminated string at a device address for %s.
std::string format_print(std::string_view format, std::span<const uint64_t> arguments,
                         const std::function<std::string(Address)>& read_string);

}  // namespace phx::hal
