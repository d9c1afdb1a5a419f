#include <doctest/doctest.h>
#include <phalanx/phalanx.h>

#include <cstring>
#include <string>
#include <vector>

extern "C" phxResult phx_test_null_count(int* count);

namespace {

struct Opened {
  explicit Opened(const char* devices = "1") {
    phxOption options[] = {{"driver", "null"}, {"devices", devices}};
    REQUIRE_MESSAGE(phxRuntimeOpen(options, 2, &runtime) == phxSuccess, phxLastMessage());
  }
  ~Opened() { CHECK(phxRuntimeClose(runtime) == phxSuccess); }
  phxRuntime runtime = nullptr;
};

}  // namespace

TEST_CASE("opening says what is wrong") {
  phxRuntime runtime = nullptr;
  phxOption unknown[] = {{"devises", "1"}};
  CHECK(phxRuntimeOpen(unknown, 1, &runtime) == phxErrorInitialization);
  CHECK(std::string(phxLastMessage()).find("there is no setting 'devises'") == 0);
  int count = 0;
  CHECK(phx_test_null_count(&count) == phxErrorInvalidValue);
}

TEST_CASE("two runtimes in one process") {
  Opened one("1"), three("3");
  int a = 0, b = 0;
  CHECK(phxDeviceCount(one.runtime, &a) == phxSuccess);
  CHECK(phxDeviceCount(three.runtime, &b) == phxSuccess);
  CHECK(a == 1);
  CHECK(b == 3);
  int64_t cores = 0;
  char name[8];
  CHECK(phxDeviceInteger(three.runtime, 2, "cores", &cores) == phxSuccess);
  CHECK(cores == 4);
  CHECK(phxDeviceInteger(three.runtime, 3, "cores", &cores) == phxErrorInvalidDevice);
  CHECK(phxDeviceInteger(three.runtime, 0, "colour", &cores) == phxErrorInvalidValue);
  CHECK(phxDeviceText(three.runtime, 0, "name", name, sizeof name) == phxSuccess);
  CHECK(std::string(name) == "null de");
}

TEST_CASE("a program without CUDA names") {
  Opened opened;
  phxRuntime runtime = opened.runtime;
  void* memory = nullptr;
  phxStream stream = nullptr;
  phxEvent start = nullptr, stop = nullptr;
  phxModule module = nullptr;
  phxKernel kernel = nullptr;
  const char image[] = "kernel k 16\nsymbol v 4\n";
  REQUIRE(phxMalloc(runtime, 0, 1024, &memory) == phxSuccess);
  REQUIRE(phxStreamCreate(runtime, 0, &stream) == phxSuccess);
  REQUIRE(phxEventCreate(runtime, 0, &start) == phxSuccess);
  REQUIRE(phxEventCreate(runtime, 0, &stop) == phxSuccess);
  CHECK(phxModuleLoad(runtime, 0, "nonsense", 8, &module) == phxErrorInvalidKernelImage);
  REQUIRE(phxModuleLoad(runtime, 0, image, sizeof image - 1, &module) == phxSuccess);
  CHECK(phxModuleKernel(module, "kk", &kernel) == phxErrorInvalidDeviceFunction);
  REQUIRE(phxModuleKernel(module, "k", &kernel) == phxSuccess);
  uint64_t size = 0;
  CHECK(phxModuleSymbol(module, "v", nullptr, &size) == phxSuccess);
  CHECK(size == 4);

  char arguments[16] = {};
  REQUIRE(phxEventRecord(start, stream) == phxSuccess);
  CHECK(phxLaunch(kernel, {4, 1, 1}, {64, 1, 1}, 0, arguments, 8, stream) == phxErrorInvalidValue);
  REQUIRE(phxLaunch(kernel, {4, 1, 1}, {64, 1, 1}, 0, arguments, 16, stream) == phxSuccess);
  REQUIRE(phxEventRecord(stop, stream) == phxSuccess);
  REQUIRE(phxStreamSynchronize(stream) == phxSuccess);
  double seconds = 0;
  REQUIRE(phxEventElapsed(start, stop, &seconds) == phxSuccess);
  CHECK(seconds > 0);

  size_t needed = 0;
  CHECK(phxReport(runtime, nullptr, 0, &needed) == phxSuccess);
  std::vector<char> report(needed + 64);
  CHECK(phxReport(runtime, report.data(), report.size(), &needed) == phxSuccess);
  CHECK(std::string(report.data()).find("\"k\"") != std::string::npos);
  CHECK(phxEventDestroy(start) == phxSuccess);
  CHECK(phxEventDestroy(stop) == phxSuccess);
  CHECK(phxStreamDestroy(stream) == phxSuccess);
  CHECK(phxFree(runtime, memory) == phxSuccess);
  CHECK(phxModuleUnload(module) == phxSuccess);
}
