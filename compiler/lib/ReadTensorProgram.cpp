#include "lib/ReadTensorProgram.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "lib/Frontend/Onnx/ImportOnnx.h"
#include "lib/OnnxData.h"
#include "lib/Transforms/Phases.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

namespace phx::compiler {

namespace {

constexpr unsigned char kBytecode[] = {'M', 'L', 0xef, 'R'};
constexpr size_t kLooked = 4096;  // bytes

// MLIR's bytecode has a magic number, its text no control characters; an ONNX model is neither.
bool isMlir(std::span<const std::byte> program) {
  if (program.size() >= sizeof kBytecode && std::equal(std::begin(kBytecode), std::end(kBytecode), program.begin(),
                                                       [](unsigned char a, std::byte b) { return std::byte{a} == b; }))
    return true;
  return std::none_of(program.begin(), program.begin() + static_cast<ptrdiff_t>(std::min(program.size(), kLooked)),
                      [](std::byte b) {
                        const auto c = static_cast<unsigned char>(b);
                        return c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v';
                      });
}

// MLIR's reader has places where malformed text makes it use freed memory or a null pointer (linalg.transpose without
// its permutation is one). So a child process reads first, and text that it refuses or that ends it is never read here.
Outcome tryToRead(llvm::StringRef text, const std::string& file, mlir::MLIRContext& context) {
  const Diagnostic brokeDown = error_at(file, 0, "MLIR's own reader breaks down on this text");
  int ends[2];
  if (pipe(ends) != 0) return brokeDown;
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);  // the C library's last words
    dup2(nowhere, STDERR_FILENO);
    for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, SIG_DFL);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    std::optional<Diagnostic> complaint;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic& said) {
      if (said.getSeverity() == mlir::DiagnosticSeverity::Error && !complaint)
        complaint = errorAt(said.getLocation(), said.str());
      return mlir::success();
    });
    const bool read =
        static_cast<bool>(mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), file));
    const Diagnostic why = complaint.value_or(error("is not what MLIR reads"));
    // "ok", or "no", line, column and sentence.
    const std::string answer =
        read ? "ok" : "no " + std::to_string(why.line) + " " + std::to_string(why.column) + " " + why.message;
    _exit(write(ends[1], answer.data(), answer.size()) < 0);
  }
  close(ends[1]);
  std::string answer;
  char part[4096];
  for (ssize_t got; child > 0 && (got = read(ends[0], part, sizeof part)) != 0;)
    if (got > 0)
      answer.append(part, static_cast<size_t>(got));
    else if (errno != EINTR)
      break;
  close(ends[0]);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (answer == "ok") return {};
  llvm::StringRef rest(answer);
  Diagnostic why = error_at(file, 0, {});
  if (!rest.consume_front("no ") || rest.consumeInteger(10, why.line) || !rest.consume_front(" ") ||
      rest.consumeInteger(10, why.column) || !rest.consume_front(" "))
    return brokeDown;
  why.message = rest.str();
  return why;
}

Expected<onnx::ConstantTensor> knownValue(const TensorValue& value) {
  const auto type = elementTypeNamed(value.type);
  if (!type) return error("known input '" + value.name + "' has an unknown element type '" + value.type + "'");
  const int64_t elements = onnx::elementCount(value.shape);
  const size_t bytes = static_cast<size_t>(elements) * onnx::byteSize(*type);
  if (elements > onnx::kMostElements || value.bytes.size() != bytes)
    return error("known input '" + value.name + "' has " + std::to_string(value.bytes.size()) +
                 " bytes, which is not what its shape " + onnx::text(value.shape) + " needs");
  onnx::ConstantTensor constant;
  constant.type = *type, constant.shape = value.shape, constant.bytes = value.bytes;
  return constant;
}

}  // namespace

Expected<mlir::OwningOpRef<mlir::ModuleOp>> readTensorProgram(std::span<const std::byte> program,
                                                              const std::string& file, mlir::MLIRContext& context,
                                                              const TensorCompileOptions& options) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (isMlir(program)) {
    const llvm::StringRef text(reinterpret_cast<const char*>(program.data()), program.size());
    if (auto ok = tryToRead(text, file, context); !ok) return ok.diagnostic();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), file);
    if (!module) return error_at(file, 0, "is not what MLIR reads");
  } else {
    onnx::OnnxImportOptions import;
    import.input_shapes = options.input_shapes;
    import.dimensions = options.dimensions;
    import.folder = options.folder;
    for (const TensorValue& value : options.known_inputs) {
      auto constant = knownValue(value);
      if (!constant) return constant.diagnostic();
      import.known_inputs.emplace(value.name, std::move(*constant));
    }
    auto imported = onnx::importOnnx(program, file, context, import);
    if (!imported) return imported.diagnostic();
    module = std::move(*imported);
  }
  module.get()->setAttr(kMachineAttr, mlir::StringAttr::get(&context, options.machine.name));
  return module;
}

}  // namespace phx::compiler
