// Result: what a call of the runtime comes back with: a code both APIs share, and a sentence for people.
#pragma once

#include <phalanx/hal/status.h>
#include <phalanx/hal/telemetry.h>
#include <phalanx/phalanx.h>

#include <string>

namespace phx::rt {

// Codes of the CUDA interface that the C API has no name for; the numbers are the same in both.
inline constexpr phxResult kErrorNotPermitted = static_cast<phxResult>(800);

struct [[nodiscard]] Result {
  phxResult code = phxSuccess;
  std::string message;

  Result() = default;
  Result(phxResult code, std::string message = {}) : code(code), message(std::move(message)) {}
  bool ok() const { return code == phxSuccess; }
};

// The code of a failure that is not a device fault.
Result result_of(const hal::Status& status);

// The sticky code a kind of fault leaves on its device.
phxResult code_of(hal::FaultKind kind);

}  // namespace phx::rt
