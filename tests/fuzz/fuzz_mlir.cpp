// Fuzzes the tensor compiler's text input: fuzz_mlir [mutants] [seed] [only this mutant, and print it]
//
// The corpus are small linalg programs. Every refusal must be one line that names the file. In the asan preset programs
// go as far as the graph phase; elsewhere through the whole compiler.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/fuzz/mlir_subject.h"
#include "tests/fuzz/mutate_text.h"

using namespace phx;

#if __has_feature(address_sanitizer)
// LLVM's libraries are not instrumented: their containers and allocators do not tell the sanitizer what it would need.
extern "C" const char* __asan_default_options() {
  return "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0:max_allocation_size_mb=3000";
}
#endif

namespace {

constexpr std::string_view kElementwise = R"mlir(
#full = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
#column = affine_map<(i, j) -> (i)>
func.func @main(%x: tensor<20x33xf32> {phx.name = "x"}, %b: tensor<33xf32>) -> (tensor<20xf32> {phx.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %full = tensor.empty() : tensor<20x33xf32>
  %column = tensor.empty() : tensor<20xf32>
  %sum = linalg.generic {indexing_maps = [#full, #row, #full], iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : tensor<20x33xf32>, tensor<33xf32>) outs(%full : tensor<20x33xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.addf %p, %q : f32
      %e = math.exp %s : f32
      %c = arith.cmpf olt, %e, %zero : f32
      %t = arith.select %c, %zero, %e : f32
      linalg.yield %t : f32
  } -> tensor<20x33xf32>
  %start = linalg.fill ins(%zero : f32) outs(%column : tensor<20xf32>) -> tensor<20xf32>
  %total = linalg.generic {indexing_maps = [#full, #column], iterator_types = ["parallel", "reduction"]}
      ins(%sum : tensor<20x33xf32>) outs(%start : tensor<20xf32>) {
    ^bb0(%p: f32, %o: f32):
      %s = arith.addf %o, %p : f32
      linalg.yield %s : f32
  } -> tensor<20xf32>
  return %total : tensor<20xf32>
}
)mlir";

constexpr std::string_view kMatmul = R"mlir(
func.func @main(%a: tensor<5x48xf16>, %b: tensor<48x17xf16>, %image: tensor<1x2x6x6xf32>, %w: tensor<3x2x3x3xf32>)
    -> (tensor<17x5xf32>, tensor<1x3x4x4xf32>, tensor<10x48xf16>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x17xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<5x17xf32>) -> tensor<5x17xf32>
  %m = linalg.matmul ins(%a, %b : tensor<5x48xf16>, tensor<48x17xf16>) outs(%f : tensor<5x17xf32>) -> tensor<5x17xf32>
  %te = tensor.empty() : tensor<17x5xf32>
  %t = linalg.transpose ins(%m : tensor<5x17xf32>) outs(%te : tensor<17x5xf32>) permutation = [1, 0]
  %ce = tensor.empty() : tensor<1x3x4x4xf32>
  %cf = linalg.fill ins(%zero : f32) outs(%ce : tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %c = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%image, %w : tensor<1x2x6x6xf32>, tensor<3x2x3x3xf32>) outs(%cf : tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %j = tensor.concat dim(0) %a, %a : (tensor<5x48xf16>, tensor<5x48xf16>) -> tensor<10x48xf16>
  return %t, %c, %j : tensor<17x5xf32>, tensor<1x3x4x4xf32>, tensor<10x48xf16>
}
)mlir";

constexpr std::array<std::string_view, 2> kCorpus = {kElementwise, kMatmul};

constexpr std::array<std::string_view, 48> kWords = {"tensor<20x33xf32>",
                                                     "tensor<?x33xf32>",
                                                     "tensor<5x17xf32>",
                                                     "tensor<f32>",
                                                     "tensor<0x4xf32>",
                                                     "memref<4xf32>",
                                                     "f16",
                                                     "f32",
                                                     "f64",
                                                     "i1",
                                                     "i8",
                                                     "i64",
                                                     "index",
                                                     "bf16",
                                                     "vector<4xf32>",
                                                     "arith.mulf",
                                                     "arith.divf",
                                                     "arith.subf",
                                                     "arith.maximumf",
                                                     "arith.truncf",
                                                     "math.sqrt",
                                                     "math.powf",
                                                     "math.tanh",
                                                     "arith.addi",
                                                     "linalg.matmul",
                                                     "linalg.generic",
                                                     "linalg.fill",
                                                     "linalg.softmax",
                                                     "linalg.pooling_nchw_max",
                                                     "tensor.pad",
                                                     "tensor.reshape",
                                                     "tensor.collapse_shape",
                                                     "scf.for",
                                                     "func.call",
                                                     "func.func",
                                                     "return",
                                                     "parallel",
                                                     "reduction",
                                                     "window",
                                                     "%zero",
                                                     "%x",
                                                     "%m",
                                                     "@other",
                                                     "private",
                                                     "(",
                                                     "}",
                                                     "affine_map<(i, j) -> (j, i)>",
                                                     "dense<2>"};

// Words that can stand for each other everywhere: programs that differ so still are programs.
const std::vector<std::vector<std::string_view>> kAlike = {
    {"f32", "f16", "bf16", "f64", "i32", "i8", "i1"},
    {"addf", "subf", "mulf", "divf", "maximumf", "minimumf", "remf", "maxnumf"},
    {"math.exp", "math.sqrt", "math.tanh", "math.rsqrt", "math.log", "math.erf", "math.cbrt", "math.ctpop"},
    {"olt", "ogt", "oeq", "une", "uno", "true"},
    {"33", "1", "7", "64", "4097", "0", "300000"},
    {"20", "1", "8", "129", "70000", "2147483647"},
    {"17", "1", "16", "3001", "0"},
    {"48", "1", "15", "5000"},
    {"6x6", "5x7", "6x40"},
    {"parallel", "reduction"},
    {"dense<1>", "dense<2>", "dense<0>", "dense<-1>"},
    {"0.0", "1.5", "0xFF800000", "-3.0e38"},
    {"dim(0)", "dim(1)", "dim(2)"},
};

std::string exchange(fuzz::Random& random, std::string text) {
  for (uint64_t n = 1 + random.below(3); n; --n) {
    const auto& group = kAlike[random.below(kAlike.size())];
    const std::string_view from = group[random.below(2)], to = group[random.below(group.size())];
    for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

[[noreturn]] void fail(uint64_t mutant, const std::string& what, const std::string& text) {
  std::printf("mutant %llu: %s\n%s\n", static_cast<unsigned long long>(mutant), what.c_str(), text.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t mutants = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const uint64_t only = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : mutants;
  enum Stage { kText, kPhases, kCompiled };
  constexpr const char* kStages[] = {"refused as text", "refused by a phase", "compiled"};
  std::array<uint64_t, 3> stages{};
  for (uint64_t mutant = 0; mutant < mutants; ++mutant) {
    if (only < mutants && mutant != only) continue;
    fuzz::Random random(seed * 1'000'003 + mutant);
    const std::string from(kCorpus[random.below(kCorpus.size())]);
    std::string text = from;
    const uint64_t kind = random.below(100);
    if (kind < 60) text = exchange(random, text);
    if (kind >= 50 && kind < 80) text = fuzz::mutate_words(random, text, kWords);
    if (kind >= 80) text = fuzz::mutate_characters(random, text);
    if (only < mutants) std::printf("%s\n", text.c_str());
    const auto begin = std::chrono::steady_clock::now();
    const fuzz::MlirVerdict verdict = fuzz::compile_mlir(text, "mutant.mlir");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (seconds > 30) fail(mutant, "took " + std::to_string(seconds) + " s", text);
    if (verdict.accepted) {
      ++stages[kCompiled];
      continue;
    }
    const Diagnostic& why = verdict.why;
    if (why.message.empty() || why.file != "mutant.mlir")
      fail(mutant, "refused without reason or place: " + why.str(), text);
    if (why.str().find('\n') != std::string::npos) fail(mutant, "refused in more than one line: " + why.str(), text);
    if (why.message.find("internal error") != std::string::npos) fail(mutant, why.str(), text);
    if (only < mutants) std::printf("%s\n", why.str().c_str());
    ++stages[verdict.parsed ? kPhases : kText];
  }
  for (size_t i = 0; i < stages.size(); ++i)
    std::printf("%-20s %6llu\n", kStages[i], static_cast<unsigned long long>(stages[i]));
  if (only >= mutants && (stages[kPhases] < mutants / 50 || stages[kCompiled] < mutants / 20))
    fail(mutants, "too few mutants reach the phases", "");
  return 0;
}
