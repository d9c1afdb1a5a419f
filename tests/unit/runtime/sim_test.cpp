// The functions behind the CUDA names over the simulated machine, with an assembled image: what a program built by
// phxcc does, without the compiler. Runs in processes of its own, one per visibility, chosen by the environment.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/image/bundle.h"
#include "device_sim/image/image.h"
#include "runtime/include/cuda/phx_cuda_api.h"

namespace {

constexpr const char* kProgram = R"asm(
.global total align 4
  .word 5
.constant factor align 4
  .word 3
.data string hello align 1
  .string "thread %d of %s\n"
.data string name align 1
  .string "warp"

.kernel scale simt
.display "scale(int*, int)"
.source "scale.cu" 10
.param data 8 ptr
.param count 4
.loc "scale.cu" 11 1 "scale(int*, int)"
    rdsr.ctaid.x.u32  s0
    rdsr.ntid.x.u32   s1
    rdsr.tid.x.u32    r0
    mad.u32           r1, s0, s1, r0
    ld.param.b32      s2, [count]
    setp.ge.u32       p0, r1, s2
    bra               done, p0
.loc "scale.cu" 12 1 "scale(int*, int)"
    mov.b64           s6, @factor
    ld.gm.b32         s3, [s6]
    mul.u32           r2, r1, s3
    ld.param.b64      s4, [data]
.loc "scale.cu" 13 1 "scale(int*, int)"
    st.gm.b32         [s4 + u(r1)*4], r2
done:
    exit

.kernel count simt
.display "count()"
    mov.b64           s4, @total
    mov.b32           r0, 1
    red.gm.add.device.u32 [s4], r0
    exit

.kernel greet simt
.display "greet()"
.local 16
    rdsr.tid.x.u32    r0
    st.local.b32      [zero], r0
    mov.b64           r2, @name
    st.local.b64      [8], r2
    mov.b64           s4, @hello
    lea.local.b64     r4, [zero]
    svc.printf        zero, s4, r4
    exit
)asm";

char scale_stub, count_stub, greet_stub, total_shadow;
std::vector<std::byte> bundle;
struct Wrapper {
  int magic = 0x466243b1, version = 1;
  const void* image = nullptr;
  void* unused = nullptr;
} wrapper;

void registered() {
  if (!bundle.empty()) return;
  auto executable = phx::assembler::assemble(kProgram, "sim_test");
  REQUIRE_MESSAGE(executable.ok(), executable.diagnostic().str());
  phx::image::BundleEntry entry;
  entry.bytes = phx::image::write(*executable);
  bundle = phx::image::write_bundle(std::span(&entry, 1));
  wrapper.image = bundle.data();
  void** module = phx_cudaRegisterFatBinary(&wrapper);
  struct {
    char* stub;
    const char* name;
  } kernels[] = {{&scale_stub, "scale"}, {&count_stub, "count"}, {&greet_stub, "greet"}};
  for (auto& [stub, name] : kernels)
    phx_cudaRegisterFunction(module, stub, const_cast<char*>(name), name, -1, nullptr, nullptr, nullptr, nullptr,
                             nullptr);
  phx_cudaRegisterVar(module, &total_shadow, nullptr, "total", 0, 4, 0, 0);
  phx_cudaRegisterFatBinaryEnd(module);
}

dim3 extent(unsigned x) {
  dim3 d;
  d.x = x, d.y = 1, d.z = 1;
  return d;
}

cudaError_t scale(int* data, int count, int claimed) {
  void* arguments[] = {&data, &claimed};
  return phx_cudaLaunchKernel(&scale_stub, extent((claimed + 63) / 64), extent(64), arguments, 0, nullptr);
}

bool supernode() {
  const char* visible = std::getenv("PHX_VISIBLE");
  return visible && std::string(visible) == "supernode";
}

}  // namespace

TEST_CASE("a kernel's results come back, and events have measured it") {
  registered();
  constexpr int kCount = 100'000;
  std::vector<int> values(kCount, -1);
  int* data = nullptr;
  cudaEvent_t start, stop;
  REQUIRE(phx_cudaEventCreate(&start) == cudaSuccess);
  REQUIRE(phx_cudaEventCreate(&stop) == cudaSuccess);
  REQUIRE(phx_cudaMalloc(reinterpret_cast<void**>(&data), kCount * 4) == cudaSuccess);
  REQUIRE(phx_cudaEventRecord(start, nullptr) == cudaSuccess);
  REQUIRE(scale(data, kCount, kCount) == cudaSuccess);
  REQUIRE(phx_cudaEventRecord(stop, nullptr) == cudaSuccess);
  REQUIRE(phx_cudaMemcpy(values.data(), data, kCount * 4, cudaMemcpyDeviceToHost) == cudaSuccess);
  for (int i = 0; i < kCount; ++i) REQUIRE(values[i] == 3 * i);
  float milliseconds = 0;
  REQUIRE(phx_cudaEventElapsedTime(&milliseconds, start, stop) == cudaSuccess);
  CHECK(milliseconds > 0);
  CHECK(milliseconds < 10);
  REQUIRE(phx_cudaFree(data) == cudaSuccess);
  cudaDeviceProp properties;
  REQUIRE(phx_cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  MESSAGE(properties.name << ": " << properties.multiProcessorCount << " cores, " << milliseconds << " ms");
}

TEST_CASE("device variables keep their value between launches") {
  registered();
  int total = 0;
  REQUIRE(phx_cudaMemcpyFromSymbol(&total, &total_shadow, 4, 0, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(total == 5);
  for (int i = 0; i < 3; ++i)
    REQUIRE(phx_cudaLaunchKernel(&count_stub, extent(10), extent(96), nullptr, 0, nullptr) == cudaSuccess);
  REQUIRE(phx_cudaMemcpyFromSymbol(&total, &total_shadow, 4, 0, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(total == 5 + 3 * 960);
  total = 1;
  REQUIRE(phx_cudaMemcpyToSymbol(&total_shadow, &total, 4, 0, cudaMemcpyHostToDevice) == cudaSuccess);
  REQUIRE(phx_cudaLaunchKernel(&count_stub, extent(1), extent(32), nullptr, 0, nullptr) == cudaSuccess);
  REQUIRE(phx_cudaMemcpyFromSymbol(&total, &total_shadow, 4, 0, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(total == 33);
}

TEST_CASE("pinned and managed memory are reached by kernels at their own address") {
  registered();
  int *pinned = nullptr, *managed = nullptr;
  REQUIRE(phx_cudaMallocHost(reinterpret_cast<void**>(&pinned), 400) == cudaSuccess);
  REQUIRE(phx_cudaMallocManaged(reinterpret_cast<void**>(&managed), 400, cudaMemAttachGlobal) == cudaSuccess);
  REQUIRE(scale(pinned, 100, 100) == cudaSuccess);
  REQUIRE(scale(managed, 100, 100) == cudaSuccess);
  REQUIRE(phx_cudaDeviceSynchronize() == cudaSuccess);
  CHECK(pinned[99] == 297);
  CHECK(managed[50] == 150);
  CHECK(phx_cudaFreeHost(pinned) == cudaSuccess);
  CHECK(phx_cudaFree(managed) == cudaSuccess);
}

TEST_CASE("device printf") {
  registered();
  REQUIRE(phx_cudaLaunchKernel(&greet_stub, extent(1), extent(2), nullptr, 0, nullptr) == cudaSuccess);
  REQUIRE(phx_cudaDeviceSynchronize() == cudaSuccess);  // ctest checks the output
}

TEST_CASE("a fault poisons its device until reset, and no other") {
  registered();
  int* data = nullptr;
  REQUIRE(phx_cudaMalloc(reinterpret_cast<void**>(&data), 400) == cudaSuccess);
  REQUIRE(scale(data, 100, 1000) == cudaSuccess);
  CHECK(phx_cudaGetLastError() == cudaSuccess);
  CHECK(phx_cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  CHECK(phx_cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(phx_cudaGetLastError() == cudaErrorIllegalAddress);  // reading it does not help
  CHECK(phx_cudaMemset(data, 0, 4) == cudaErrorIllegalAddress);
  CHECK(phx_cudaFree(data) == cudaErrorIllegalAddress);
  if (!supernode()) {
    REQUIRE(phx_cudaSetDevice(1) == cudaSuccess);
    int value = 0, *other = nullptr;
    REQUIRE(phx_cudaMalloc(reinterpret_cast<void**>(&other), 400) == cudaSuccess);
    REQUIRE(scale(other, 100, 100) == cudaSuccess);
    CHECK(phx_cudaMemcpy(&value, other + 99, 4, cudaMemcpyDeviceToHost) == cudaSuccess);
    CHECK(value == 297);
    REQUIRE(phx_cudaSetDevice(0) == cudaSuccess);
  }
  CHECK(phx_cudaDeviceReset() == cudaSuccess);
  CHECK(phx_cudaGetLastError() == cudaSuccess);
  REQUIRE(phx_cudaMalloc(reinterpret_cast<void**>(&data), 400) == cudaSuccess);
  CHECK(scale(data, 100, 100) == cudaSuccess);
  CHECK(phx_cudaDeviceSynchronize() == cudaSuccess);
  int total = 0;
  CHECK(phx_cudaMemcpyFromSymbol(&total, &total_shadow, 4, 0, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(total == 5);  // the module was loaded anew
}
