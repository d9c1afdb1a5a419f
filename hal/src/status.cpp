#include <phalanx/hal/status.h>

namespace phx::hal {

const char* code_name(Code code) {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::not_found:
      return "not_found";
    case Code::out_of_memory:
      return "out_of_memory";
    case Code::out_of_resources:
      return "out_of_resources";
    case Code::unsupported:
      return "unsupported";
    case Code::incompatible:
      return "incompatible";
    case Code::data_corrupt:
      return "data_corrupt";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::device_fault:
      return "device_fault";
    case Code::deadline:
      return "deadline";
    case Code::cancelled:
      return "cancelled";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

std::string Status::str() const {
  if (ok()) return "ok";
  return std::string(code_name(code_)) + ": " + message_;
}

}  // namespace phx::hal
