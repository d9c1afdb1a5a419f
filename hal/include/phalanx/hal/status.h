// Status: success, or a code and one sentence. StatusOr<T>: a value, or the Status that explains its absence.
//
// Every HAL call that can fail returns one of these two. Nothing throws across this API and nothing aborts the
// process: a driver that hits an internal error reports Code::internal and stays usable. A Status is cheap to copy
// and never allocates on success.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace phx::hal {

// Codes say what the caller can do about it; the message says what happened.
enum class Code {
  ok,
  invalid_argument,     // the caller broke a rule of the header; calling again will not help
  not_found,            // no such driver, key, entry or symbol
  out_of_memory,        // device memory or synthetic address space exhausted; freeing helps
  out_of_resources,     // a launch asks for more registers, shared memory or threads than a core has
  unsupported,          // this driver or this machine lacks it; the message names which
  incompatible,         // an executable bound to another machine or ISA version
  data_corrupt,         // an executable or configuration file that does not hold together
  failed_precondition,  // right call, wrong moment (destroyed group, semaphore value going backwards)
  device_fault,         // the device stopped on an error; a FaultRecord with the details went to Telemetry
  deadline,             // a wait or a watchdog ran out
  cancelled,            // somebody asked the run to stop
  internal,             // a bug on this side of the interface
};

// "invalid_argument", as logs and tests spell it.
const char* code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::ok; }
  explicit operator bool() const { return ok(); }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // "device_fault: kernel 'add' read 4 bytes past the end of ...", or "ok".
  std::string str() const;

 private:
  Code code_ = Code::ok;
  std::string message_;
};

template <class T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(T value) : value_(std::move(value)) {}
  StatusOr(Status status) : status_(std::move(status)) {
    if (status_.ok()) status_ = Status(Code::internal, "a StatusOr was built from a success without a value");
  }

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  // Only with ok().
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace phx::hal
