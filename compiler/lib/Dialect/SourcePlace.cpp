// Errors at the place of an MLIR location.
#include "device_sim/diagnostic/diagnostic.h"
#include "lib/Transforms/Phases.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

namespace phx::compiler {

// The innermost file, line and column; the name of a named location (an ONNX node) goes before the message. MLIR's own
// messages may print an operation after the sentence: errors are one line.
Diagnostic errorAt(mlir::Location location, const std::string& whole) {
  const std::string message(llvm::StringRef(whole).split('\n').first.rtrim());
  mlir::FileLineColLoc place;
  std::string name;
  location->walk([&](mlir::Location part) {
    if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(part); file && !place) place = file;
    if (auto named = llvm::dyn_cast<mlir::NameLoc>(part); named && name.empty()) name = named.getName().str();
    return mlir::WalkResult::advance();
  });
  const std::string text = name.empty() ? message : name + ": " + message;
  if (!place) return error(text);
  return error_at(place.getFilename().str(), place.getLine(), text, place.getColumn());
}

}  // namespace phx::compiler
