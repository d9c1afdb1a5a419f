// Tensor programs through the facade, then on the simulator as a program would run them.
#include <doctest/doctest.h>
#include <phalanx/model.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "device_sim/machine/machine.h"
#include "phalanx/compiler/tensor.h"

using namespace phx;

namespace {

using Bytes = std::vector<std::byte>;

Bytes file(const std::string& name) {
  std::ifstream stream(std::string(PHX_PROGRAMS) + "/" + name, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  REQUIRE_MESSAGE(!text.empty(), name);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}
Bytes bytes(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

compiler::TensorCompileOptions options(const std::string& start_after = "") {
  auto machine = machine::load("ascend-910b1");
  REQUIRE(machine);
  compiler::TensorCompileOptions result;
  result.machine = *machine;
  result.start_after = start_after;
  return result;
}

std::string refusal(const std::string& program, const compiler::TensorCompileOptions& with) {
  auto compiled = compiler::compileTensorProgram(bytes(program), "test.mlir", with);
  return compiled ? "" : compiled.diagnostic().str();
}

// Compiles and runs; inputs and results as the program's tensors.
template <class To, class From>
std::vector<To> run(const Bytes& program, const compiler::TensorCompileOptions& with,
                    const std::vector<std::vector<From>>& inputs, size_t elements) {
  auto compiled = compiler::compileTensorProgram(program, "test.mlir", with);
  if (!compiled) FAIL(compiled.diagnostic().str());
  auto session = model::Session::open({.machine = "ascend-910b1", .options = {{"check", "synccheck"}}});
  if (!session) FAIL(session.status().message());
  auto loaded = (*session)->load(image::write(compiled->executable), "test");
  if (!loaded) FAIL(loaded.status().message());
  std::vector<std::span<const std::byte>> given;
  for (const auto& input : inputs) given.push_back(std::as_bytes(std::span(input)));
  std::vector<To> result(elements);
  const std::span<std::byte> taken[] = {std::as_writable_bytes(std::span(result))};
  auto done = (*loaded)->run(given, taken);
  if (!done) FAIL(done.status().message());
  CHECK(done->cycles > 0);
  return result;
}

std::vector<float> noise(size_t n, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 33) - 16) / 8;
  return values;
}
// Eighths between -2 and 2 are exact in half precision.
uint16_t half(float value) {
  if (value == 0) return 0;
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);  // [0.5, 1)
  return static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 |
                               static_cast<int>((fraction * 2 - 1) * 1024));
}

}  // namespace

TEST_CASE("a kernel with two copies of its tiles adds two tensors") {
  const auto a = noise(10000, 1), b = noise(10000, 2);
  const auto c = run<float, float>(file("planned_add.mlir"), options("sync"), {a, b}, 10000);
  for (size_t i = 0; i < c.size(); ++i) REQUIRE(c[i] == a[i] + b[i]);
}

TEST_CASE("one tile of a product with bias") {
  const auto a = noise(40 * 48, 3), b = noise(48 * 32, 4);
  std::vector<uint16_t> ah, bh;
  for (float value : a) ah.push_back(half(value));
  for (float value : b) bh.push_back(half(value));
  const auto c = run<float, uint16_t>(file("planned_matmul.mlir"), options("sync"), {ah, bh}, 40 * 32);
  for (size_t m = 0; m < 40; ++m)
    for (size_t n = 0; n < 32; ++n) {
      float sum = 0.5f;  // exact: all products are multiples of 1/64
      for (size_t k = 0; k < 48; ++k) sum += a[m * 48 + k] * b[k * 32 + n];
      REQUIRE(c[m * 32 + n] == sum);
    }
}

TEST_CASE("what is wrong with a program is one sentence with its place") {
  CHECK(refusal("func.func @main() {\n  retrun\n}\n", options()).find("test.mlir:2:3: ") == 0);
  CHECK(refusal("\x08\x01\x02", options()).find("test.mlir") == 0);
  CHECK(refusal("module {}", options("nowhere")).find("there is no tensor phase 'nowhere'; phases are input, graph") ==
        0);
  auto backwards = options("sync");
  backwards.stop_after = "tile";
  CHECK(refusal("module {}", backwards) == "phase 'tile' is before phase 'sync', after which the input is");
}

TEST_CASE("the same program compiles to the same bytes") {
  auto first = compiler::compileTensorProgram(file("planned_add.mlir"), "test.mlir", options("sync"));
  auto second = compiler::compileTensorProgram(file("planned_add.mlir"), "test.mlir", options("sync"));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->executable == second->executable);
  REQUIRE(first->kernels.size() == 1);
  CHECK(first->kernels[0].source == "Add_0 (Add)");
  CHECK(first->kernels[0].instructions > 20);
  REQUIRE(!first->executable.lines.empty());
  CHECK(first->executable.lines[0].frames[0].function == "Add_0 (Add)");
  CHECK(first->executable.lines[0].frames[0].file == "test.mlir");
}
