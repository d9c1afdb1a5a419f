// phx-onnx: prints an ONNX model as MLIR, or runs it on the host by MLIR's own lowering. For tests and for looking at
// models; programs for devices are compiled and run by phx.
//
//   phx-onnx model.onnx [--input NAME=FILE.pb]... [--dim NAME=SIZE]... [--run --output-dir DIR] [--locations]
//
//   phx-onnx --operators [--check PAGE]
//
// Inputs are files of one TensorProto each. An input whose value is needed to find a shape becomes a constant. --run
// writes DIR/output_0.npy and so on, in the order of the graph's outputs; bfloat16 as its bits in uint16.
// --operators prints docs/onnx_operators.md, or fails when PAGE differs from it.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "compiler/lib/Frontend/Onnx/ImportOnnx.h"
#include "compiler/lib/Frontend/Onnx/ReadModel.h"
#include "compiler/lib/Reference/RunModule.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace phx;
using namespace phx::compiler;

namespace {

int fail(const Diagnostic& diagnostic) {
  std::fprintf(stderr, "phx-onnx: %s\n", diagnostic.str().c_str());
  return 1;
}

std::optional<std::vector<std::byte>> readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() < 0) return {};
  std::vector<std::byte> bytes(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return file ? std::optional(bytes) : std::nullopt;
}

// NumPy's file format, version 1.0.
bool writeNpy(const std::string& path, mlir::RankedTensorType type, bool is_unsigned, const HostBytes& bytes) {
  mlir::Type element = type.getElementType();
  std::string kind = is_unsigned || element.isBF16() ? "u" : element.isFloat() ? "f" : "i";
  unsigned size = (element.getIntOrFloatBitWidth() + 7) / 8;
  if (element.isInteger(1)) kind = "b";
  std::string header = "{'descr': '" + std::string(size == 1 ? "|" : "<") + kind + std::to_string(size) +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t extent : type.getShape()) header += std::to_string(extent) + ", ";
  header += "), }";
  header.resize((header.size() + 10 + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(header.size() & 255) << static_cast<char>(header.size() >> 8)
       << header;
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(file);
}

// The page of operators, from the importer's table.
std::string operatorPage() {
  struct Row {
    const char* name;
    int first, last, least, most;
  };
  std::vector<Row> rows = {
#define PHX_ONNX_OPERATOR(Name, first, last, least, most, function) {#Name, first, last, least, most},
#include "compiler/lib/Frontend/Onnx/OnnxOperators.def"
      {"If", 1, 0, 1, 1},
      {"Loop", 1, 0, 2, -1},
      {"Scan", 9, 0, 1, -1},
  };
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return std::strcmp(a.name, b.name) < 0; });
  std::string page =
      "# ONNX operators\n\n"
      "Generated from `compiler/lib/Frontend/Onnx/OnnxOperators.def` by `./dev docs`; `onnx.md` has the rules.\n\n"
      "| operator | operator sets | inputs |\n|---|---|---|\n";
  for (const Row& row : rows) {
    int last = row.last ? row.last : static_cast<int>(onnx::kNewestOpset);
    std::string most = row.most < 0 ? " or more" : row.most == row.least ? "" : "-" + std::to_string(row.most);
    page += "| " + std::string(row.name) + " | " + std::to_string(row.first) + "-" + std::to_string(last) + " | " +
            std::to_string(row.least) + most + " |\n";
  }
  return page + "\n" + std::to_string(rows.size()) + " operators.\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::string model, output_dir = ".";
  std::map<std::string, std::string> inputs;
  onnx::OnnxImportOptions options;
  bool run = false, locations = false, operators = false;
  std::string page;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    size_t equals = value.rfind('=');
    bool pair = argument == "--input" || argument == "--dim";
    if (pair && equals == std::string::npos) return fail(error(argument + " wants NAME=VALUE"));
    if (argument == "--input")
      inputs[value.substr(0, equals)] = value.substr(equals + 1);
    else if (argument == "--dim")
      options.dimensions[value.substr(0, equals)] = std::strtoll(value.c_str() + equals + 1, nullptr, 10);
    else if (argument == "--output-dir")
      output_dir = value;
    else if (argument == "--check")
      page = value;
    else if (argument == "--operators")
      operators = true;
    else if (argument == "--run")
      run = true;
    else if (argument == "--locations")
      locations = true;
    else if (!argument.starts_with("--") && model.empty())
      model = argument;
    else
      return fail(error("unexpected argument '" + argument + "'"));
    if (pair || argument == "--output-dir" || argument == "--check") ++i;
  }
  if (operators && page.empty()) return std::fputs(operatorPage().c_str(), stdout), 0;
  if (operators) {
    auto text = readFile(page);
    if (text && std::string(reinterpret_cast<const char*>(text->data()), text->size()) == operatorPage()) return 0;
    return fail(error_at(page, 0, "the page is stale; run ./dev docs"));
  }
  if (model.empty()) return fail(error("no model is given"));
  auto bytes = readFile(model);
  if (!bytes) return fail(error_at(model, 0, "the file cannot be read"));
  for (const auto& [name, path] : inputs) {
    auto content = readFile(path);
    if (!content) return fail(error_at(path, 0, "the file cannot be read"));
    auto tensor = onnx::readTensorFile(*content, path);
    if (!tensor) return fail(tensor.diagnostic());
    options.known_inputs.emplace(name, std::move(*tensor));
  }

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = onnx::importOnnx(*bytes, model, context, options);
  if (!module) return fail(module.diagnostic());
  if (!run) {
    mlir::OpPrintingFlags flags;
    flags.elideLargeElementsAttrs(32);
    if (locations) flags.enableDebugInfo(true, false);
    (**module)->print(llvm::outs(), flags);
    llvm::outs() << "\n";
    return 0;
  }
  auto main = (**module).lookupSymbol<mlir::func::FuncOp>("main");
  std::vector<HostBytes> arguments;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    std::string name = main.getArgAttrOfType<mlir::StringAttr>(i, "phx.name").str();
    auto value = options.known_inputs.find(name);
    if (value == options.known_inputs.end())
      return fail(error("input '" + name + "' has no value; give it with --input"));
    arguments.push_back(value->second.bytes);
  }
  auto results = runModule(**module, arguments);
  if (!results) return fail(results.diagnostic());
  for (unsigned i = 0; i < results->size(); ++i) {
    std::string path = output_dir + "/output_" + std::to_string(i) + ".npy";
    auto type = mlir::cast<mlir::RankedTensorType>(main.getResultTypes()[i]);
    if (!writeNpy(path, type, static_cast<bool>(main.getResultAttr(i, "phx.type")), (*results)[i]))
      return fail(error_at(path, 0, "the file cannot be written"));
  }
  return 0;
}
