// Phase sync on random kernels: the flags it inserts must satisfy the checker, which runs kernels symbolically and
// knows nothing of the algorithm; and the checker must notice when flags are missing.
#include <doctest/doctest.h>

#include <random>

#include "device_sim/machine/machine.h"
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

using namespace phx;
using namespace phx::compiler;
using mlir::Operation;

namespace {

constexpr const char* kSpaces[] = {"ub", "l1", "l0a", "l0b", "l0c"};

// The text of a random kernel in buffer form: nests of loops and ifs, tiles with one to three copies at any depth.
class Generator {
 public:
  Generator(unsigned seed, bool cube) : random_(seed), cube_(cube), most_(seed % 5 ? 4 : 9) {}

  std::string kernel() {
    text_ = std::string("func.func private @k(%g0: ") + gm("f32") + ", %g1: " + gm("f32") + ", %h0: " + gm("f16") +
            ", %flag: i1) attributes {npu.core = #npu.core<" + (cube_ ? "aic" : "aiv") + ">} {\n" +
            "%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n%c5 = arith.constant 5 : index\n" +
            "%c8 = arith.constant 8 : index\n";
    scopes_.emplace_back();
    for (unsigned space = cube_ ? 1 : 0; space < (cube_ ? 5u : 1u); ++space) tile(space);
    block(0);
    return text_ + "return\n}\n";
  }

 private:
  struct Tile {
    std::string name;
    unsigned space;
  };
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  static std::string gm(const char* type) { return std::string("memref<4096x") + type + ", #npu.space<gm>>"; }
  static std::string type(unsigned space) {
    return std::string(space == 0 || space == 4 ? "memref<16x16xf32" : "memref<16x16xf16") + ", #npu.space<" +
           kSpaces[space] + ">>";
  }

  void tile(unsigned space) {
    std::string name = "%t" + std::to_string(names_++);
    text_ +=
        name + " = memref.alloc() {npu.buffers = " + std::to_string(1 + pick(3)) + " : i64} : " + type(space) + "\n";
    scopes_.back().push_back({name, space});
  }
  std::string any(unsigned space) {
    std::vector<std::string> all;
    for (const auto& scope : scopes_)
      for (const Tile& tile : scope)
        if (tile.space == space) all.push_back(tile.name);
    // Mostly the newest ones: those of the innermost blocks.
    const unsigned newest = std::min<unsigned>(static_cast<unsigned>(all.size()), 4);
    return all[all.size() - 1 - pick(newest)];
  }

  void block(unsigned depth) {
    scopes_.emplace_back();
    const unsigned statements = 2 + pick(most_);
    for (unsigned i = 0; i < statements; ++i) {
      const unsigned what = pick(10);
      if (what < 2 && depth < 3) {
        text_ += "scf.for %i" + std::to_string(names_++) + " = %c0 to %c5 step %c1 {\n";
        block(depth + 1);
        text_ += "}\n";
      } else if (what == 2 && depth < 4) {
        text_ += "scf.if %flag {\n";
        block(depth + 1);
        if (pick(2)) {
          text_ += "} else {\n";
          block(depth + 1);
        }
        text_ += "}\n";
      } else if (what == 3) {
        tile(cube_ ? 1 + pick(4) : 0);
      } else {
        work();
      }
    }
    scopes_.pop_back();
  }

  void work() {
    const std::string sizes = " rows %c8 cols %c8";
    if (!cube_) {
      const std::string buffer = pick(2) ? "%g0" : "%g1", tile = any(0);
      switch (pick(3)) {
        case 0:
          text_ +=
              "npu.load " + buffer + "[%c0]" + sizes + " pitch %c8 outs(" + tile + " : " + type(0) + ") : " + gm("f32");
          break;
        case 1:
          text_ +=
              "npu.store " + tile + " to " + buffer + "[%c0]" + sizes + " pitch %c8 : " + type(0) + ", " + gm("f32");
          break;
        default:
          text_ += "npu.vec \"vadd.f32\" ins(" + any(0) + ", " + any(0) + " : " + type(0) + ", " + type(0) + ")" +
                   sizes + " outs(" + tile + " : " + type(0) + ")";
      }
    } else {
      switch (pick(4)) {
        case 0:
          text_ += "npu.load %h0[%c0]" + sizes + " pitch %c8 outs(" + any(1) + " : " + type(1) + ") : " + gm("f16");
          break;
        case 1: {
          const unsigned to = 2 + pick(2);
          text_ +=
              "npu.extract " + any(1) + "[%c0, %c0]" + sizes + " outs(" + any(to) + " : " + type(to) + ") : " + type(1);
          break;
        }
        case 2:
          text_ += "npu.mmad " + any(2) + ", " + any(3) + " m %c8 n %c8 k %c8 init %flag outs(" + any(4) + " : " +
                   type(4) + ") : " + type(2) + ", " + type(3);
          break;
        default:
          text_ += "npu.fixpipe " + any(4) + " to %g0[%c0] m %c8 n %c8 pitch %c8 : " + type(4) + ", " + gm("f32");
      }
    }
    text_ += "\n";
  }

  std::mt19937 random_;
  bool cube_;
  unsigned most_;  // statements of a block: some kernels are so long that event ids run out
  unsigned names_ = 0;
  std::string text_;
  std::vector<std::vector<Tile>> scopes_;
};

// Addresses at random, some shared: flags follow addresses, not buffers.
void placeAtRandom(mlir::ModuleOp module, std::mt19937& random) {
  int64_t next = 0;
  module.walk([&](mlir::memref::AllocOp alloc) {
    const int64_t bytes = tileBytes(alloc.getType()) * tileCopies(alloc.getType());
    int64_t address = next;
    if (next && random() % 6 == 0)
      address = static_cast<int64_t>(random() % static_cast<uint64_t>(next)) / 512 * 512;
    else
      next += (bytes + 511) / 512 * 512;
    alloc->setAttr(npu::kAddressAttr, mlir::Builder(alloc.getContext()).getI64IntegerAttr(address));
  });
}

struct EventRange {
  npu::Pipe from, to;
  int64_t first, last;
  bool meets(const EventRange& other) const {
    return from == other.from && to == other.to && first <= other.last && other.first <= last;
  }
};
std::optional<EventRange> eventsOf(Operation* op) {
  auto range = [](auto flag) {
    int64_t copies = 1;
    if (flag.getSlot()) {
      mlir::APInt modulus;
      auto rem = flag.getSlot().template getDefiningOp<mlir::arith::RemUIOp>();
      if (rem && mlir::matchPattern(rem.getRhs(), mlir::m_ConstantInt(&modulus))) copies = modulus.getSExtValue();
    }
    const auto id = static_cast<int64_t>(flag.getId());
    return EventRange{flag.getFrom(), flag.getTo(), id, id + copies - 1};
  };
  if (auto set = llvm::dyn_cast<npu::SetFlagOp>(op)) return range(set);
  if (auto wait = llvm::dyn_cast<npu::WaitFlagOp>(op)) return range(wait);
  return std::nullopt;
}

std::vector<Operation*> flagsOf(mlir::ModuleOp module) {
  std::vector<Operation*> all;
  module.walk([&](Operation* op) {
    if (eventsOf(op)) all.push_back(op);
  });
  return all;
}

// Everything that sets or waits for the events of one flag goes: what is left is balanced.
void removeFlag(mlir::ModuleOp module, size_t which) {
  std::vector<Operation*> all = flagsOf(module);
  std::vector<EventRange> gone{*eventsOf(all[which])};
  std::vector<bool> out(all.size());
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < all.size(); ++i) {
      EventRange range = *eventsOf(all[i]);
      if (out[i] || !llvm::any_of(gone, [&](const EventRange& other) { return other.meets(range); })) continue;
      out[i] = more = true;
      gone.push_back(range);
    }
  }
  for (size_t i = 0; i < all.size(); ++i)
    if (out[i]) all[i]->erase();
}

constexpr OrderCheckLimits kLimits{.traces = 96, .steps = 20000};

}  // namespace

TEST_CASE("flags of random kernels order what they must") {
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::scf::SCFDialect,
                  mlir::memref::MemRefDialect, npu::NpuDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto machine = machine::load("ascend-910b1");
  CHECK(machine.ok());
  if (!machine) return;

  unsigned kernels = 0, flags = 0, barriers = 0, removed = 0, noticed = 0, halves = 0, halvesNoticed = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const std::string text = Generator(seed, seed % 2).kernel();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    CHECK_MESSAGE(module, text);
    if (!module) return;
    std::mt19937 random(seed);
    CHECK(pipelineBuffers(*module).ok());
    placeAtRandom(*module, random);
    CHECK(insertFlags(*module, *machine).ok());
    CHECK(mlir::succeeded(mlir::verify(*module)));
    Outcome outcome = verifySynced(*module, *machine, kLimits);
    CHECK_MESSAGE(outcome.ok(), (outcome ? "" : outcome.diagnostic().str()));
    ++kernels;
    module->walk([&](npu::PipeBarrierOp) { ++barriers; });
    const size_t count = flagsOf(*module).size();
    flags += static_cast<unsigned>(count);
    if (!count) continue;
    for (unsigned mutant = 0; mutant < 2; ++mutant) {
      mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
      removeFlag(*copy, random() % count);
      ++removed;
      noticed += !verifySynced(*copy, *machine, kLimits).ok();
      copy = module->clone();
      flagsOf(*copy)[random() % count]->erase();
      ++halves;
      halvesNoticed += !verifySynced(*copy, *machine, kLimits).ok();
    }
  }
  MESSAGE(kernels, " kernels, ", flags, " flag operations, ", barriers, " barriers; missing flags noticed: ", noticed,
          " of ", removed, "; missing halves: ", halvesNoticed, " of ", halves);
  CHECK(noticed * 10 >= removed * 7);
  CHECK(halvesNoticed * 100 >= halves * 95);
}
