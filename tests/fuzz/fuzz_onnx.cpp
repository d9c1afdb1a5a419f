// Fuzzes the ONNX front end: fuzz_onnx [mutants] [seed] [only this mutant, and write it to mutant.onnx]
//
// Four mutants of five are structure-aware: random models and changes to them, through the protobuf classes. The others
// are damaged files. Every refusal must be one line with a message, and nothing may take long. What is imported has
// passed MLIR's verifier.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "compiler/lib/Frontend/Onnx/ImportOnnx.h"
#include "tests/fuzz/mutate_onnx.h"

using namespace phx;

#if __has_feature(address_sanitizer)
// LLVM's libraries are not instrumented: their containers and allocators do not tell the sanitizer what it would need.
extern "C" const char* __asan_default_options() {
  return "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0:max_allocation_size_mb=3000";
}
#endif

namespace {

[[noreturn]] void fail(uint64_t mutant, const std::string& what) {
  std::printf("mutant %llu: %s\n", static_cast<unsigned long long>(mutant), what.c_str());
  std::exit(1);
}

void damage(fuzz::Random& random, std::string& file) {
  for (uint64_t n = 1 + random.below(6); n && !file.empty(); --n) {
    size_t at = random.below(file.size());
    if (random.chance(60))
      file[at] ^= static_cast<char>(1u << random.below(8));
    else if (random.chance(50))
      file[at] = static_cast<char>(random.next());
    else if (random.chance(50))
      file.insert(at, 1, static_cast<char>(random.next()));
    else
      file.resize(at);
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t mutants = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
  uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  uint64_t only = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : mutants;
  enum Stage { kFile, kGraph, kNode, kImported };
  constexpr const char* kStages[] = {"refused as a file", "refused as a graph", "refused at a node", "imported"};
  std::array<uint64_t, 4> stages{};
  std::unique_ptr<mlir::MLIRContext> context;
  for (uint64_t mutant = 0; mutant < mutants; ++mutant) {
    if (only < mutants && mutant != only) continue;
    // A context keeps every type and attribute it has seen.
    if (!context || mutant % 200 == 0)
      context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
    fuzz::Random random(seed * 1'000'003 + mutant);
    onnx_schema::ModelProto model = fuzz::randomModel(random);
    if (random.chance(35)) fuzz::mutateModel(random, model);
    std::string file = model.SerializePartialAsString();
    if (random.chance(20)) damage(random, file);
    if (only < mutants) std::ofstream("mutant.onnx", std::ios::binary) << file;

    auto begin = std::chrono::steady_clock::now();
    auto module = compiler::onnx::importOnnx(std::as_bytes(std::span(file)), "mutant.onnx", *context);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (seconds > 20) fail(mutant, "took " + std::to_string(seconds) + " s");
    if (module) {
      ++stages[kImported];
      continue;
    }
    std::string message = module.diagnostic().str();
    if (module.diagnostic().message.empty()) fail(mutant, "refused without a message");
    if (message.find('\n') != std::string::npos) fail(mutant, "refused in more than one line: " + message);
    if (message.find("is not valid") != std::string::npos) fail(mutant, message);
    if (only < mutants) std::printf("%s\n", message.c_str());
    bool node = module.diagnostic().message.starts_with("node "),
         whole = module.diagnostic().message.starts_with("not an ONNX");
    ++stages[node ? kNode : whole ? kFile : kGraph];
  }
  for (size_t i = 0; i < stages.size(); ++i)
    std::printf("%-20s %6llu\n", kStages[i], static_cast<unsigned long long>(stages[i]));
  // A fuzzer that reaches nothing finds nothing.
  if (only >= mutants && (stages[kNode] < mutants / 10 || stages[kImported] < mutants / 50))
    fail(mutants, "too few mutants reach the operators");
  return 0;
}
