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

TEST_CASE("a chain of elementwise operations is one kernel") {
  const std::string program =
      R"(func.func @main(%a: tensor<100x101xf32>, %b: tensor<100x101xf32>) -> tensor<100x101xf32> {
  %e = tensor.empty() : tensor<100x101xf32>
  %c = linalg.add ins(%a, %b : tensor<100x101xf32>, tensor<100x101xf32>) outs(%e : tensor<100x101xf32>) -> tensor<100x101xf32>
  %d = linalg.mul ins(%c, %a : tensor<100x101xf32>, tensor<100x101xf32>) outs(%e : tensor<100x101xf32>) -> tensor<100x101xf32>
  return %d : tensor<100x101xf32>
})";
  const auto a = noise(10100, 5), b = noise(10100, 6);
  const auto c = run<float, float>(bytes(program), options(), {a, b}, 10100);
  for (size_t i = 0; i < c.size(); ++i) REQUIRE(c[i] == (a[i] + b[i]) * a[i]);
  auto compiled = compiler::compileTensorProgram(bytes(program), "test.mlir", options());
  REQUIRE(compiled);
  CHECK(compiled->kernels.size() == 1);
}

TEST_CASE("a product whose sizes are no multiples of anything") {
  const std::string program =
      R"(func.func @main(%a: tensor<197x301xf16>, %b: tensor<301x183xf16>) -> tensor<197x183xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<197x183xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<197x183xf32>) -> tensor<197x183xf32>
  %c = linalg.matmul ins(%a, %b : tensor<197x301xf16>, tensor<301x183xf16>) outs(%f : tensor<197x183xf32>)
    -> tensor<197x183xf32>
  return %c : tensor<197x183xf32>
})";
  const auto a = noise(197 * 301, 7), b = noise(301 * 183, 8);
  std::vector<uint16_t> ah, bh;
  for (float value : a) ah.push_back(half(value));
  for (float value : b) bh.push_back(half(value));
  for (const char* schedule : {"", "base_m=64,base_n=48,base_k=64,step_k=1"}) {
    auto with = options();
    with.schedule = schedule;
    const auto c = run<float, uint16_t>(bytes(program), with, {ah, bh}, 197 * 183);
    for (size_t m = 0; m < 197; ++m)
      for (size_t n = 0; n < 183; ++n) {
        float sum = 0;  // exact
        for (size_t k = 0; k < 301; ++k) sum += a[m * 301 + k] * b[k * 183 + n];
        REQUIRE(c[m * 183 + n] == sum);
      }
  }
}

TEST_CASE("softmax") {
  const std::string program = R"(func.func @main(%a: tensor<77x1000xf32>) -> tensor<77x1000xf32> {
  %e = tensor.empty() : tensor<77x1000xf32>
  %c = linalg.softmax dimension(1) ins(%a : tensor<77x1000xf32>) outs(%e : tensor<77x1000xf32>) -> tensor<77x1000xf32>
  return %c : tensor<77x1000xf32>
})";
  const auto a = noise(77 * 1000, 9);
  const auto c = run<float, float>(bytes(program), options(), {a}, 77 * 1000);
  for (size_t r = 0; r < 77; ++r) {
    double sum = 0;
    for (size_t i = 0; i < 1000; ++i) sum += std::exp(static_cast<double>(a[r * 1000 + i]));
    for (size_t i = 0; i < 1000; ++i)
      REQUIRE(c[r * 1000 + i] == doctest::Approx(std::exp(static_cast<double>(a[r * 1000 + i])) / sum).epsilon(1e-5));
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
