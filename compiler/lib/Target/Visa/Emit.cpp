#include "lib/Target/Visa/Emit.h"

#include "device_sim/isa/fields.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Demangle/Demangle.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;

namespace {

std::string functionOf(mlir::Attribute scope) {
  while (scope) {
    if (auto function = llvm::dyn_cast<LLVM::DISubprogramAttr>(scope)) {
      mlir::StringAttr name = function.getLinkageName() ? function.getLinkageName() : function.getName();
      return name ? llvm::demangle(name.getValue().str()) : std::string();
    }
    if (auto block = llvm::dyn_cast<LLVM::DILexicalBlockAttr>(scope))
      scope = block.getScope();
    else if (auto file = llvm::dyn_cast<LLVM::DILexicalBlockFileAttr>(scope))
      scope = file.getScope();
    else
      break;
  }
  return {};
}

void appendFrames(mlir::Location location, std::string function, std::vector<image::SourceFrame>& frames) {
  if (auto call = llvm::dyn_cast<mlir::CallSiteLoc>(location)) {
    appendFrames(call.getCallee(), {}, frames);
    appendFrames(call.getCaller(), {}, frames);
  } else if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(location)) {
    if (fused.getMetadata()) function = functionOf(fused.getMetadata());
    // The name of an ONNX node stands beside its place. Of what several operations became, the first place counts.
    for (mlir::Location part : fused.getLocations())
      if (auto named = llvm::dyn_cast<mlir::NameLoc>(part); named && function.empty()) function = named.getName().str();
    const size_t before = frames.size();
    for (mlir::Location part : fused.getLocations()) {
      appendFrames(part, function, frames);
      if (frames.size() > before) break;
    }
  } else if (auto named = llvm::dyn_cast<mlir::NameLoc>(location)) {
    if (function.empty()) function = named.getName().str();
    appendFrames(named.getChildLoc(), std::move(function), frames);
  } else if (auto place = llvm::dyn_cast<mlir::FileLineColLoc>(location)) {
    if (place.getLine() == 0) return;
    frames.push_back({std::move(function), place.getFilename().str(), place.getLine(), place.getColumn()});
  }
}

}  // namespace

std::vector<image::SourceFrame> sourceFrames(mlir::Location location) {
  std::vector<image::SourceFrame> frames;
  appendFrames(location, {}, frames);
  return frames;
}

Outcome emitKernel(visa::KernelOp kernel, const llvm::StringMap<uint32_t>& objects, image::Kernel& record,
                   image::Executable& executable) {
  using isa::Opcode;
  std::vector<uint64_t>& words = executable.code;
  record.entry = static_cast<uint32_t>(words.size());
  record.lane_registers = static_cast<uint32_t>(kernel.getLaneRegisters().value_or(0));
  record.scalar_registers = static_cast<uint32_t>(kernel.getScalarRegisters().value_or(0));
  record.predicates = static_cast<uint32_t>(kernel.getPredicates().value_or(0));
  record.local_bytes = static_cast<uint32_t>(kernel.getLocalBytes().value_or(0));

  llvm::DenseMap<mlir::Block*, uint32_t> starts;
  struct Label {
    size_t word;  // of the extension
    mlir::Block* target;
  };
  llvm::SmallVector<Label> labels;
  mlir::Location lastLocation = mlir::UnknownLoc::get(kernel.getContext());
  bool first = true;
  auto mark = [&](mlir::Location location) {
    if (!first && location == lastLocation) return;
    first = false;
    lastLocation = location;
    auto frames = sourceFrames(location);
    if (!executable.lines.empty() && executable.lines.back().frames == frames &&
        executable.lines.back().word >= record.entry)
      return;
    executable.lines.push_back({static_cast<uint32_t>(words.size()), std::move(frames)});
  };
  for (auto it = kernel.getBody().begin(); it != kernel.getBody().end(); ++it) {
    starts[&*it] = static_cast<uint32_t>(words.size());
    for (mlir::Operation& op : *it) {
      if (auto code = llvm::dyn_cast<visa::CodeOp>(op)) {
        mark(op.getLoc());
        uint32_t operands = static_cast<uint32_t>(code.getOperandsAttr().getValue().getZExtValue());
        isa::Instruction i;
        i.op = static_cast<Opcode>(code.getOpcode());
        i.type = static_cast<isa::Type>(code.getElement());
        i.mod = static_cast<uint16_t>(code.getMod());
        i.dst = operands & 0xff, i.a = (operands >> 8) & 0xff, i.b = (operands >> 16) & 0xff, i.c = operands >> 24;
        i.has_ext = code.getExt().has_value() || code.getSymbol().has_value();
        i.ext = code.getExt().value_or(0);
        if (code.getSymbol()) {
          auto found = objects.find(*code.getSymbol());
          if (found == objects.end())
            return error("internal error: no data object for '" + code.getSymbol()->str() + "'");
          executable.code_relocations.push_back({words.size() + 1, found->second, static_cast<int64_t>(i.ext)});
          i.ext = 0;
        }
        if (i.op == Opcode::Rdsr) {
          auto which = isa::field::Special::get_sr(i);
          if (which == isa::SpecialReg::Clock || which == isa::SpecialReg::Clock64 ||
              which == isa::SpecialReg::GlobalTimer)
            record.flags |= image::kUsesClock;
          if (which == isa::SpecialReg::UbDynamic) record.flags |= image::kUsesDynamicUb;
        }
        if (i.op == Opcode::Svc) record.flags |= image::kUsesService;
        if (i.op == Opcode::Bar && isa::field::Barrier::get_kind(i) == isa::BarrierKind::Grid)
          record.flags |= image::kUsesGridBarrier;
        isa::encode(i, words);
        continue;
      }
      auto flow = llvm::dyn_cast<visa::FlowOp>(op);
      if (!flow) return error("internal error: kernel '" + record.name + "' is not in stage 2");
      isa::Instruction i;
      i.op = static_cast<Opcode>(flow.getOpcode());
      i.mod = static_cast<uint16_t>(flow.getMod());
      i.a = static_cast<isa::Operand>(flow.getPredicate());
      auto next = std::next(it);
      bool isLast = next == kernel.getBody().end();
      if (i.op == Opcode::Jmp && !isLast && flow.getTargets()[0] == &*next) continue;
      mark(op.getLoc());
      if (i.op != Opcode::Exit) {
        i.has_ext = true;
        labels.push_back({words.size() + 1, flow.getTargets()[0]});
      }
      isa::encode(i, words);
    }
  }
  for (const Label& label : labels) words[label.word] = starts[label.target];
  return {};
}

}  // namespace phx::compiler
