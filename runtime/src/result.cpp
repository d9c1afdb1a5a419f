#include "runtime/src/result.h"

namespace phx::rt {

Result result_of(const hal::Status& status) {
  auto code = [&] {
    switch (status.code()) {
      case hal::Code::ok:
        return phxSuccess;
      case hal::Code::invalid_argument:
        return phxErrorInvalidValue;
      case hal::Code::not_found:
        return phxErrorSymbolNotFound;
      case hal::Code::out_of_memory:
        return phxErrorMemoryAllocation;
      case hal::Code::out_of_resources:
        return phxErrorLaunchOutOfResources;
      case hal::Code::unsupported:
        return phxErrorNotSupported;
      case hal::Code::incompatible:
        return phxErrorNoKernelImageForDevice;
      case hal::Code::data_corrupt:
        return phxErrorInvalidKernelImage;
      case hal::Code::failed_precondition:
        return phxErrorInvalidResourceHandle;
      case hal::Code::device_fault:
        return phxErrorLaunchFailure;
      case hal::Code::deadline:
        return phxErrorLaunchTimeout;
      case hal::Code::cancelled:
        return phxErrorLaunchFailure;
      case hal::Code::internal:
        return phxErrorUnknown;
    }
    return phxErrorUnknown;
  };
  return {code(), status.message()};
}

phxResult code_of(hal::FaultKind kind) {
  using hal::FaultKind;
  switch (kind) {
    case FaultKind::out_of_bounds:
    case FaultKind::use_after_free:
    case FaultKind::host_pointer:
    case FaultKind::write_to_read_only:
      return phxErrorIllegalAddress;
    case FaultKind::misaligned:
      return phxErrorMisalignedAddress;
    case FaultKind::illegal_encoding:
      return phxErrorIllegalInstruction;
    case FaultKind::watchdog:
      return phxErrorLaunchTimeout;
    case FaultKind::assertion:
      return phxErrorAssert;
    case FaultKind::out_of_resources:
      return phxErrorHardwareStack;
    case FaultKind::trap:
    case FaultKind::deadlock:
    case FaultKind::uninitialized_read:
    case FaultKind::missing_flag:
    case FaultKind::race:
    case FaultKind::divergent_barrier:
    case FaultKind::unsupported:
    case FaultKind::cancelled:
      return phxErrorLaunchFailure;
  }
  return phxErrorLaunchFailure;
}

}  // namespace phx::rt
