// How a driver turns a device-side printf into text: a C format string and the argument block that kernels pack for
// vprintf: in order, each argument at a multiple of its size, 4 bytes for what fits an int, 8 bytes for doubles,
// pointers and 64-bit integers. The format alone tells how wide an argument is.
//
// Malformed formats and missing arguments come out as text, never as a read outside the block: both are what a kernel
// wrote and are treated as hostile.
#pragma once

#include <phalanx/hal/buffer.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace phx::hal {

// `read_string` fetches a NUL-terminated string at a device address for %s.
std::string format_print(std::string_view format, std::span<const std::byte> arguments,
                         const std::function<std::string(Address)>& read_string);

}  // namespace phx::hal
