// cudaGetLastError and the table of errors.
#include "runtime/src/cuda/process.h"

using namespace phx;
using namespace phx::cuda;

namespace {

struct ErrorText {
  int code;
  const char *name, *text;
};
constexpr ErrorText kErrors[] = {
#define PHX_CUDA_ERROR(code, name, text) {code, #name, text},
#include "runtime/include/cuda/phx_cuda_errors.def"
#undef PHX_CUDA_ERROR
};

const ErrorText* find(cudaError_t error) {
  for (const ErrorText& row : kErrors)
    if (row.code == static_cast<int>(error)) return &row;
  return nullptr;
}

// A device fault stays the last error until the device is reset.
cudaError_t fault_or(cudaError_t error) {
  rt::Runtime* runtime = Process::get().runtime_if_open();
  rt::VisibleDevice* device = runtime ? runtime->device(thread_state().device) : nullptr;
  if (!device) return error;
  cudaError_t fault = static_cast<cudaError_t>(runtime->health(*device).code);
  return fault != cudaSuccess ? fault : error;
}

}  // namespace

extern "C" {

cudaError_t phx_cudaGetLastError(void) {
  cudaError_t error = thread_state().last_error;
  thread_state().last_error = cudaSuccess;
  return fault_or(error);
}

cudaError_t phx_cudaPeekAtLastError(void) { return fault_or(thread_state().last_error); }

const char* phx_cudaGetErrorName(cudaError_t error) {
  const ErrorText* row = find(error);
  return row ? row->name : "unrecognized error code";
}

const char* phx_cudaGetErrorString(cudaError_t error) {
  const ErrorText* row = find(error);
  return row ? row->text : "unrecognized error code";
}

}  // extern "C"
