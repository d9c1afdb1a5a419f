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

// MLIR's reader has places where malformed text makes it read a null pointer or free memory twice (linalg.transpose
// without its permutation is one). So a child process reads first; false if that ended it.
bool survives(llvm::function_ref<bool()> read) {
  constexpr int kRefused = 42;
  const pid_t child = fork();
  if (child < 0) return true;  // no process to try it in
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);  // the C library's last words
    dup2(nowhere, STDERR_FILENO);
    for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, SIG_DFL);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    _exit(read() ? 0 : kRefused);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kRefused);
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
    auto read = [&] {
      module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), file);
      return static_cast<bool>(module);
    };
    if (!survives(read)) return error_at(file, 0, "MLIR's own reader breaks down on this text");
    read();
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
