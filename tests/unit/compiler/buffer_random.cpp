// Phases place to plan on random vector kernels: each is run symbolically before and after them, a tile's content being
// a hash of how it was made, and must store the same contents in the same order.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "device_sim/machine/machine.h"
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/Hashing.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"

using namespace phx;
using namespace phx::compiler;
using mlir::Operation;
using mlir::Value;

namespace {

constexpr const char* kTile = "tensor<16x16xf32>";
constexpr const char* kGm = "memref<4096xf32, #npu.space<gm>>";

// The text of a random kernel in value form. Loops carry up to three tiles and hand them on in any order; results of
// instructions go to empty tiles, shared ones among them, or over existing ones.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string kernel() {
    text_ = std::string("func.func private @k(%x: ") + kGm + ", %y: " + kGm +
            ", %f0: i1, %f1: i1, %f2: i1) attributes {npu.core = #npu.core<aiv>} {\n%v = arith.constant 0.0 : f32\n";
    for (int i : {0, 1, 2, 3, 16})
      text_ += "%c" + std::to_string(i) + " = arith.constant " + std::to_string(i) + " : index\n";
    text_ += std::string("%e = tensor.empty() : ") + kTile + "\n";
    scopes_.emplace_back();
    load();
    load();
    block(0);
    return text_ + "return\n}\n";
  }

 private:
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string fresh() { return "%t" + std::to_string(names_++); }
  std::string tag(const char* more = "") { return " {test.id = " + std::to_string(names_++) + " : i64" + more + "}"; }
  std::string any() {
    std::vector<std::string> all;
    for (const auto& scope : scopes_) all.insert(all.end(), scope.begin(), scope.end());
    const unsigned newest = std::min<unsigned>(static_cast<unsigned>(all.size()), 5);
    return all[all.size() - 1 - pick(newest)];
  }
  void load() {
    std::string name = fresh();
    text_ += name + " = npu.load %x[%c0] rows %c16 cols %c16 pitch %c16 outs(%e : " + kTile + ")" +
             tag(pick(2) ? ", buffers = 2 : i64" : "") + " : " + kGm + " -> " + kTile + "\n";
    scopes_.back().push_back(name);
  }
  void vec() {
    const bool keeps = pick(6) == 0, transposes = pick(5) == 0;
    std::string a = any(), b = any(), outs = keeps ? any() : "%e", name = fresh();
    text_ += name + " = npu.vec \"" + (transposes ? "vtranspose.b32" : "vadd.f32") + "\" ins(" + a +
             (transposes ? std::string(" : ") + kTile : ", " + b + " : " + kTile + ", " + kTile) +
             ") rows %c16 cols %c16 outs(" + outs + " : " + kTile + ")" + tag(keeps ? ", test.keeps" : "") + " -> " +
             kTile + "\n";
    scopes_.back().push_back(name);
  }
  void store() {
    text_ +=
        "npu.store " + any() + " to %y[%c0] rows %c16 cols %c16 pitch %c16 : " + std::string(kTile) + ", " + kGm + "\n";
  }

  std::string types(unsigned n) {
    std::string list;
    for (unsigned i = 0; i < n; ++i) list += std::string(i ? ", " : "") + kTile;
    return "(" + list + ")";
  }
  void yield(unsigned n) {
    if (!n) return;
    text_ += "scf.yield ";
    for (unsigned i = 0; i < n; ++i) text_ += (i ? ", " : "") + any();
    text_ += " : " + types(n).substr(1, types(n).size() - 2) + "\n";
  }
  void results(const std::string& name, unsigned n) {
    for (unsigned i = 0; i < n; ++i) scopes_.back().push_back(n == 1 ? name : name + "#" + std::to_string(i));
  }

  void loop(unsigned depth) {
    const unsigned carried = pick(4);
    std::string name = fresh();
    if (carried) text_ += name + (carried > 1 ? ":" + std::to_string(carried) : "") + " = ";
    text_ += "scf.for %i" + std::to_string(names_++) + " = %c0 to %c" + std::to_string(pick(4)) + " step %c1 ";
    std::vector<std::string> arguments;
    for (unsigned i = 0; i < carried; ++i) {
      arguments.push_back(fresh());
      text_ += (i ? ", " : "iter_args(") + arguments.back() + " = " + any();
    }
    text_ += carried ? ") -> " + types(carried) + " {\n" : "{\n";
    scopes_.push_back(arguments);
    block(depth + 1);
    yield(carried);
    scopes_.pop_back();
    text_ += "}\n";
    results(name, carried);
  }
  void branch(unsigned depth) {
    const unsigned made = pick(3);
    std::string name = fresh();
    if (made) text_ += name + (made > 1 ? ":" + std::to_string(made) : "") + " = ";
    text_ += "scf.if %f" + std::to_string(pick(3)) + (made ? " -> " + types(made) : "") + " {\n";
    for (unsigned side = 0; side < (made ? 2u : 1u + pick(2)); ++side) {
      if (side) text_ += "} else {\n";
      scopes_.emplace_back();
      block(depth + 1);
      yield(made);
      scopes_.pop_back();
    }
    text_ += "}\n";
    results(name, made);
  }
  void block(unsigned depth) {
    const unsigned statements = 1 + pick(5);
    for (unsigned i = 0; i < statements; ++i) switch (const unsigned what = pick(10)) {
        case 0:
        case 1:
          if (depth < 3) loop(depth);
          break;
        case 2:
          if (depth < 3) branch(depth);
          break;
        case 3:
          load();
          break;
        case 4:
        case 5:
          store();
          break;
        default:
          (void)what;
          vec();
      }
  }

  std::mt19937 random_;
  unsigned names_ = 0;
  std::string text_;
  std::vector<std::vector<std::string>> scopes_;
};

// Runs a kernel of either form. In buffer form memory is addresses: planned ones, or a place of its own for every
// alloc.
class Run {
 public:
  Run(mlir::func::FuncOp kernel, unsigned flags) {
    for (unsigned i = 0; i < 3; ++i) numbers_[kernel.getArgument(2 + i)] = flags >> i & 1;
    block(kernel.getBody().front());
  }
  std::vector<uint64_t> stored;
  bool overlaps = false;  // an instruction that may not write over its source does

 private:
  uint64_t content(Value value) {
    if (llvm::isa<mlir::RankedTensorType>(value.getType())) return tiles_.lookup(value);
    auto found = memory_.find(addressOf(value));
    return found == memory_.end() ? 0 : found->second.second;
  }
  int64_t addressOf(Value value) {
    TileCopy tile = tileOf(value);
    const int64_t bytes = tileBytes(tile.buffer.getType()), copies = tileCopies(tile.buffer.getType());
    auto planned = tile.buffer->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr);
    int64_t address = planned ? planned.getInt() : 0;
    if (!planned) address = own_.try_emplace(tile.buffer, static_cast<int64_t>(own_.size()) << 20).first->second;
    return address + (tile.counter ? numbers_.lookup(tile.counter) % copies * bytes : 0);
  }
  void write(Operation* op, Value outs, uint64_t made) {
    if (op->getNumResults()) {
      tiles_[op->getResult(0)] = made;
      return;
    }
    const int64_t from = addressOf(outs), to = from + tileBytes(tileOf(outs).buffer.getType());
    std::erase_if(memory_, [&](const auto& old) { return old.first < to && from < old.second.first; });
    memory_[from] = {to, made};
  }
  void copyValues(mlir::ValueRange from, mlir::ValueRange to) {
    std::vector<std::pair<uint64_t, int64_t>> all;
    for (Value value : from) all.push_back({tiles_.lookup(value), numbers_.lookup(value)});
    for (auto [value, one] : llvm::zip(to, all)) tiles_[value] = one.first, numbers_[value] = one.second;
  }

  void block(mlir::Block& body) {
    for (Operation& op : body) step(&op);
  }
  void step(Operation* op) {
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
      copyValues(loop.getInitArgs(), loop.getRegionIterArgs());
      for (int64_t i = 0; i < numbers_.lookup(loop.getUpperBound()); ++i) {
        block(*loop.getBody());
        copyValues(loop.getYieldedValues(), loop.getRegionIterArgs());
      }
      copyValues(loop.getRegionIterArgs(), loop.getResults());
    } else if (auto branch = llvm::dyn_cast<mlir::scf::IfOp>(op)) {
      mlir::Block* side = numbers_.lookup(branch.getCondition()) ? branch.thenBlock() : branch.elseBlock();
      if (!side) return;
      block(*side);
      copyValues(side->getTerminator()->getOperands(), op->getResults());
    } else if (auto constant = llvm::dyn_cast<mlir::arith::ConstantIndexOp>(op)) {
      numbers_[constant] = constant.value();
    } else if (auto sum = llvm::dyn_cast<mlir::arith::AddIOp>(op)) {
      numbers_[sum] = numbers_.lookup(sum.getLhs()) + numbers_.lookup(sum.getRhs());
    } else if (auto load = llvm::dyn_cast<npu::LoadOp>(op)) {
      write(op, load.getOuts(), ++loads_ * 0x9e3779b97f4a7c15u);
    } else if (auto store = llvm::dyn_cast<npu::StoreOp>(op)) {
      stored.push_back(content(store.getTile()));
    } else if (auto vec = llvm::dyn_cast<npu::VecOp>(op)) {
      uint64_t made = 0;
      if (vec.getInst().starts_with("vcopy")) {
        made = content(vec.getIns()[0]);
      } else {
        made = static_cast<uint64_t>(op->getAttrOfType<mlir::IntegerAttr>("test.id").getInt());
        for (Value in : vec.getIns()) made = llvm::hash_combine(made, content(in));
        if (op->hasAttr("test.keeps")) made = llvm::hash_combine(made, content(vec.getOuts()));
      }
      if (vec.getInst().starts_with("vtranspose") && !op->getNumResults())
        overlaps |= addressOf(vec.getIns()[0]) == addressOf(vec.getOuts());
      write(op, vec.getOuts(), made);
    }
  }

  uint64_t loads_ = 0;
  llvm::DenseMap<Value, uint64_t> tiles_;
  llvm::DenseMap<Value, int64_t> numbers_;
  llvm::DenseMap<Operation*, int64_t> own_;
  std::map<int64_t, std::pair<int64_t, uint64_t>> memory_;  // address -> end, content
};

}  // namespace

TEST_CASE("random kernels store the same before and after place, buffer, pipeline and plan") {
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::scf::SCFDialect,
                  mlir::memref::MemRefDialect, mlir::tensor::TensorDialect, npu::NpuDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto machine = machine::load("ascend-910b1");
  CHECK(machine.ok());
  if (!machine) return;

  unsigned copies = 0, slots = 0, tiles = 0;
  uint64_t stores = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    const std::string text = Generator(seed).kernel();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    CHECK_MESSAGE(module, text);
    if (!module) return;
    auto kernel = [&] { return *module->getOps<mlir::func::FuncOp>().begin(); };
    std::vector<std::vector<uint64_t>> before;
    for (unsigned flags = 0; flags < 8; ++flags) before.push_back(Run(kernel(), flags).stored);
    auto same = [&](const char* phase, Outcome outcome, Outcome verified) {
      CHECK_MESSAGE(outcome.ok(), phase << ": " << (outcome ? "" : outcome.diagnostic().str()) << "\n" << text);
      CHECK_MESSAGE(verified.ok(), phase << ": " << (verified ? "" : verified.diagnostic().str()) << "\n" << text);
      if (!outcome) return false;
      bool equal = true;
      for (unsigned flags = 0; flags < 8; ++flags) {
        Run run(kernel(), flags);
        equal &= run.stored == before[flags] && !run.overlaps;
        stores += run.stored.size();
      }
      CHECK_MESSAGE(equal, phase << "\n" << text);
      return equal;
    };
    if (!same("place", placeTiles(*module), verifyPlaced(*module))) return;
    if (!same("buffer", bufferizeKernels(*module), verifyBuffered(*module))) return;
    module->walk([&](mlir::memref::AllocOp) { ++tiles; });
    module->walk([&](npu::VecOp vec) { copies += vec.getInst().starts_with("vcopy"); });
    if (!same("pipeline", pipelineBuffers(*module), verifyBuffered(*module))) return;
    module->walk([&](npu::SlotOp) { ++slots; });
    Outcome planned = planMemory(*module, *machine);
    if (!same("plan", planned, planned ? verifyPlanned(*module, *machine) : Outcome())) return;
    CHECK(insertFlags(*module, *machine).ok());
    Outcome ordered = verifySynced(*module, *machine, {.traces = 64, .steps = 20000});
    CHECK_MESSAGE(ordered.ok(), (ordered ? "" : ordered.diagnostic().str()));
  }
  MESSAGE(tiles, " tiles, ", slots, " with copies that take turns, ", copies, " copies of tiles, ", stores,
          " stores compared");
}
