#include "lib/Dialect/Npu/Npu.h"

#include "device_sim/isa/table.h"
#include "lib/Dialect/Visa/Visa.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"

#include "NpuDialect.cpp.inc"
#include "NpuEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "NpuAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "Npu.cpp.inc"

namespace phx::compiler::npu {

using mlir::LogicalResult;
using mlir::Operation;
using mlir::Value;

void NpuDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "NpuAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Npu.cpp.inc"
      >();
}

std::optional<Pipe> pipeOf(Operation* op) {
  return llvm::TypeSwitch<Operation*, std::optional<Pipe>>(op)
      .Case<LoadOp>([](auto) { return Pipe::mte2; })
      .Case<StoreOp>([](auto) { return Pipe::mte3; })
      .Case<ExtractOp, LoadBiasOp>([](auto) { return Pipe::mte1; })
      .Case<MmadOp>([](auto) { return Pipe::m; })
      .Case<FixpipeOp>([](auto) { return Pipe::fix; })
      .Case<VecOp>([](auto) { return Pipe::v; })
      .Default([](Operation*) { return std::nullopt; });
}

llvm::SmallVector<Access, 4> accessesOf(Operation* op) {
  llvm::SmallVector<Access, 4> list;
  auto read = [&](Value value) { list.push_back({value, false}); };
  auto write = [&](Value value) { list.push_back({value, true}); };
  llvm::TypeSwitch<Operation*>(op)
      .Case<LoadOp>([&](LoadOp load) { read(load.getGm()), write(load.getOuts()); })
      .Case<StoreOp>([&](StoreOp store) { read(store.getTile()), write(store.getGm()); })
      .Case<ExtractOp>([&](ExtractOp extract) { read(extract.getSource()), write(extract.getOuts()); })
      .Case<LoadBiasOp>([&](LoadBiasOp bias) { read(bias.getSource()), write(bias.getOuts()); })
      .Case<MmadOp>([&](MmadOp mmad) {
        read(mmad.getA()), read(mmad.getB());
        if (mmad.getBias()) read(mmad.getBias());
        if (!mlir::matchPattern(mmad.getInit(), mlir::m_One())) read(mmad.getOuts());
        write(mmad.getOuts());
      })
      .Case<FixpipeOp>([&](FixpipeOp fixpipe) {
        read(fixpipe.getAcc());
        if (fixpipe.getAdd()) read(fixpipe.getGm());
        write(fixpipe.getGm());
      })
      .Case<VecOp>([&](VecOp vec) {
        for (Value in : vec.getIns()) read(in);
        write(vec.getOuts());
      });
  return list;
}

bool orderedByUnitFlag(Operation* a, Operation* b) {
  if (!llvm::isa<MmadOp>(a)) std::swap(a, b);
  auto mmad = llvm::dyn_cast<MmadOp>(a);
  auto fixpipe = llvm::dyn_cast<FixpipeOp>(b);
  return mmad && fixpipe && mmad.getUnit() && fixpipe.getUnit();
}

std::optional<Space> spaceOf(mlir::Type type) {
  mlir::Attribute attribute;
  if (auto memref = llvm::dyn_cast<mlir::MemRefType>(type)) attribute = memref.getMemorySpace();
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type)) attribute = tensor.getEncoding();
  if (auto space = llvm::dyn_cast_or_null<SpaceAttr>(attribute)) return space.getValue();
  return std::nullopt;
}

bool isKernel(Operation* function) { return function->hasAttr(kCoreAttr); }

// --- Effects: of buffer form; value form has none but for device memory.

using Effects = llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>;
static void effectsOf(Operation* op, Effects& effects) {
  for (const Access& access : accessesOf(op)) {
    if (!llvm::isa<mlir::MemRefType>(access.value.getType())) continue;
    if (access.write)
      effects.emplace_back(mlir::MemoryEffects::Write::get());
    else
      effects.emplace_back(mlir::MemoryEffects::Read::get());
  }
}
void LoadOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void StoreOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void ExtractOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void LoadBiasOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void MmadOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void FixpipeOp::getEffects(Effects& effects) { effectsOf(*this, effects); }
void VecOp::getEffects(Effects& effects) { effectsOf(*this, effects); }

// --- Verifiers

static mlir::ShapedType shaped(Value value) { return llvm::cast<mlir::ShapedType>(value.getType()); }

// Tiles are two-dimensional; a result exists in value form only and has the type of outs.
static LogicalResult verifyTile(Operation* op, Value outs) {
  for (const Access& access : accessesOf(op))
    if (auto type = llvm::dyn_cast<mlir::ShapedType>(access.value.getType());
        type && type.getRank() != 2 && type.hasStaticShape() && spaceOf(type) != Space::gm && type.getRank() != 1)
      return op->emitOpError("tiles have two dimensions, got ") << type;
  const bool value = llvm::isa<mlir::RankedTensorType>(outs.getType());
  if (value != (op->getNumResults() == 1))
    return op->emitOpError("has a result in value form (tensor outs) and none in buffer form (memref outs)");
  if (value && op->getResult(0).getType() != outs.getType())
    return op->emitOpError("result type differs from the type of outs");
  return mlir::success();
}
static LogicalResult verifySpace(Operation* op, Value value, std::initializer_list<Space> allowed,
                                 llvm::StringRef what) {
  auto space = spaceOf(value.getType());
  if (!space || llvm::is_contained(allowed, *space)) return mlir::success();
  return op->emitOpError() << what << " cannot lie in " << stringifySpace(*space);
}
static LogicalResult sameElement(Operation* op, Value a, Value b, llvm::StringRef what) {
  if (shaped(a).getElementType() == shaped(b).getElementType()) return mlir::success();
  return op->emitOpError() << what << " have different element types";
}

LogicalResult LoadOp::verify() {
  if (mlir::failed(verifyTile(*this, getOuts())) || mlir::failed(sameElement(*this, getGm(), getOuts(), "gm and outs")))
    return mlir::failure();
  return verifySpace(*this, getOuts(), {Space::ub, Space::l1}, "the destination of a load");
}
LogicalResult StoreOp::verify() {
  if (mlir::failed(sameElement(*this, getTile(), getGm(), "tile and gm"))) return mlir::failure();
  return verifySpace(*this, getTile(), {Space::ub}, "the tile of a store");
}
LogicalResult ExtractOp::verify() {
  if (mlir::failed(verifyTile(*this, getOuts())) ||
      mlir::failed(sameElement(*this, getSource(), getOuts(), "source and outs")) ||
      mlir::failed(verifySpace(*this, getSource(), {Space::l1}, "the source of an extract")))
    return mlir::failure();
  return verifySpace(*this, getOuts(), {Space::l0a, Space::l0b}, "the destination of an extract");
}
LogicalResult LoadBiasOp::verify() {
  if (mlir::failed(verifyTile(*this, getOuts())) ||
      mlir::failed(verifySpace(*this, getSource(), {Space::l1}, "the source of a bias load")))
    return mlir::failure();
  return verifySpace(*this, getOuts(), {Space::bt}, "the destination of a bias load");
}
LogicalResult MmadOp::verify() {
  if (mlir::failed(verifyTile(*this, getOuts())) || mlir::failed(sameElement(*this, getA(), getB(), "a and b")) ||
      mlir::failed(verifySpace(*this, getA(), {Space::l0a}, "a")) ||
      mlir::failed(verifySpace(*this, getB(), {Space::l0b}, "b")) ||
      mlir::failed(verifySpace(*this, getOuts(), {Space::l0c}, "the accumulators")))
    return mlir::failure();
  auto a = shaped(getA()), b = shaped(getB()), c = shaped(getOuts());
  if (a.getDimSize(1) != b.getDimSize(0) || a.getDimSize(0) != c.getDimSize(0) || b.getDimSize(1) != c.getDimSize(1))
    return emitOpError("shapes do not multiply: ") << a << " x " << b << " -> " << c;
  return mlir::success();
}
LogicalResult FixpipeOp::verify() { return verifySpace(*this, getAcc(), {Space::l0c}, "the source of a fixpipe"); }

LogicalResult VecOp::verify() {
  if (mlir::failed(verifyTile(*this, getOuts())) ||
      mlir::failed(verifySpace(*this, getOuts(), {Space::ub}, "a vector result")))
    return mlir::failure();
  isa::Opcode opcode;
  isa::Type type;
  uint16_t mod;
  if (!visa::parseMnemonic(getInst(), opcode, type, mod))
    return emitOpError("there is no instruction '") << getInst() << "'";
  const isa::RowInfo* row = isa::row(opcode);
  if (row->family != isa::Family::vec) return emitOpError("'") << getInst() << "' is no vector instruction";
  const bool selects = opcode == isa::Opcode::Vsel || opcode == isa::Opcode::Vsels;
  const bool valued = opcode == isa::Opcode::Vadds || opcode == isa::Opcode::Vmuls || opcode == isa::Opcode::Vmaxs ||
                      opcode == isa::Opcode::Vmins || opcode == isa::Opcode::Vdup || opcode == isa::Opcode::Vci ||
                      opcode == isa::Opcode::Vcmps || opcode == isa::Opcode::Vsels;
  if (valued != static_cast<bool>(getValue()))
    return emitOpError("'") << getInst() << (valued ? "' needs a value" : "' takes no value");
  unsigned expected = (row->a != isa::OperandClass::None) + (row->b != isa::OperandClass::None && !valued) + selects;
  if (getIns().size() != expected) return emitOpError("'") << getInst() << "' has " << expected << " source tiles";
  for (Value in : getIns())
    if (mlir::failed(verifySpace(*this, in, {Space::ub}, "a vector source"))) return mlir::failure();
  return mlir::success();
}

LogicalResult SlotOp::verify() {
  auto from = llvm::cast<mlir::MemRefType>(getBuffer().getType()),
       to = llvm::cast<mlir::MemRefType>(getResult().getType());
  if (from.getRank() != to.getRank() + 1 || from.getShape().drop_front() != to.getShape() ||
      from.getElementType() != to.getElementType() || from.getMemorySpace() != to.getMemorySpace())
    return emitOpError("gives one of the first dimension's copies: ") << from << " -> " << to;
  return mlir::success();
}

static LogicalResult verifyFlag(Operation* op, Pipe from, Pipe to, int64_t id) {
  if (from == to || from == Pipe::all || to == Pipe::all) return op->emitOpError("a flag joins two different pipes");
  if (id < 0 || id > 7) return op->emitOpError("event ids are 0 to 7");
  return mlir::success();
}
LogicalResult SetFlagOp::verify() { return verifyFlag(*this, getFrom(), getTo(), getId()); }
LogicalResult WaitFlagOp::verify() { return verifyFlag(*this, getFrom(), getTo(), getId()); }

static LogicalResult verifyCross(Operation* op, int64_t mode, Pipe pipe, int64_t id) {
  if (mode < 0 || mode > 2) return op->emitOpError("mode is 0, 1 or 2");
  if (id < 0 || id > 10) return op->emitOpError("id is 0 to 10");
  if (pipe == Pipe::all) return op->emitOpError("the flag belongs to one pipe");
  return mlir::success();
}
LogicalResult CrossSetOp::verify() { return verifyCross(*this, getMode(), getPipe(), getId()); }
LogicalResult CrossWaitOp::verify() { return verifyCross(*this, getMode(), getPipe(), getId()); }

LogicalResult GroupOp::verify() {
  mlir::Block& block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes()) return emitOpError("block arguments differ from the inputs");
  auto yield = llvm::dyn_cast<YieldOp>(block.back());
  if (!yield) return emitOpError("must end in npu.yield");
  if (yield.getValues().getTypes() != getResults().getTypes())
    return emitOpError("yields other types than its results");
  return mlir::success();
}

LogicalResult RearrangeOp::verify() {
  auto result = llvm::cast<mlir::RankedTensorType>(getResult().getType());
  if (!result.hasStaticShape()) return emitOpError("needs static shapes");
  for (mlir::Attribute attribute : getPieces()) {
    auto piece = llvm::cast<PieceAttr>(attribute);
    if (piece.getSource() < 0 || piece.getSource() >= static_cast<int64_t>(getSources().size()))
      return emitOpError("a piece names source ") << piece.getSource() << ", which does not exist";
    auto source = llvm::cast<mlir::RankedTensorType>(getSources()[static_cast<size_t>(piece.getSource())].getType());
    if (source.getElementType() != result.getElementType()) return emitOpError("a source has another element type");
    if (piece.getSizes().size() != piece.getSrcStrides().size() ||
        piece.getSizes().size() != piece.getDstStrides().size())
      return emitOpError("sizes and strides of a piece differ in number");
    auto inside = [&](int64_t offset, llvm::ArrayRef<int64_t> strides, int64_t elements) {
      int64_t least = offset, most = offset;
      for (auto [size, stride] : llvm::zip(piece.getSizes(), strides)) {
        if (size <= 0) return true;
        (stride < 0 ? least : most) += (size - 1) * stride;
      }
      return least >= 0 && most < elements;
    };
    if (!inside(piece.getSrcOffset(), piece.getSrcStrides(), source.getNumElements()))
      return emitOpError("a piece leaves its source");
    if (!inside(piece.getDstOffset(), piece.getDstStrides(), result.getNumElements()))
      return emitOpError("a piece leaves the result");
  }
  return mlir::success();
}

}  // namespace phx::compiler::npu
