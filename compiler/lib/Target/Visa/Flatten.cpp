#include "lib/Target/Visa/MachineCode.h"

#include "device_sim/isa/fields.h"
#include "llvm/ADT/DenseMap.h"

namespace phx::compiler {

using isa::Opcode;
using isa::Type;
using visa::Slot;

llvm::SmallVector<int, 2> MachineCode::successors(int block) const {
  llvm::SmallVector<int, 2> list;
  const auto& instructions = blocks[static_cast<size_t>(block)].instructions;
  bool falls = true;
  if (!instructions.empty()) {
    const MachineInstruction& last = instructions.back();
    if (last.code.op == Opcode::Jmp || last.code.op == Opcode::Bra) list.push_back(last.target);
    falls = last.code.op != Opcode::Jmp && last.code.op != Opcode::Exit;
  }
  if (falls && static_cast<size_t>(block) + 1 < blocks.size()) list.push_back(block + 1);
  return list;
}

namespace {

class Flattener {
 public:
  explicit Flattener(visa::KernelOp kernel) : kernel_(kernel), location_(kernel.getLoc()) {}

  Expected<MachineCode> run() {
    code_.localBytes = kernel_.getLocalBytes().value_or(0);
    newBlock();
    body(kernel_.getBody().front());
    MachineInstruction end = blank(Opcode::Exit);
    put(end);
    if (tooDeep_)
      return error("kernel '" + kernel_.getSymName().str() + "' nests more than " + std::to_string(isa::kRegions) +
                   " divergent regions");
    return std::move(code_);
  }

 private:
  // --- Blocks and instructions
  int newBlock() {
    code_.blocks.emplace_back();
    code_.blocks.back().depth = depth_;
    return static_cast<int>(code_.blocks.size()) - 1;
  }
  void put(MachineInstruction instruction) { code_.blocks.back().instructions.push_back(std::move(instruction)); }
  MachineInstruction blank(Opcode op, Type type = Type::None) {
    MachineInstruction i{{}, {}, {}, location_, false, -1};
    i.code.op = op;
    i.code.type = type;
    return i;
  }

  // Control instructions whose label is not known yet are patched through the returned position.
  struct Patch {
    size_t block, instruction;
  };
  Patch control(Opcode op, int predicate = -1, bool whenFalse = false, unsigned region = 0) {
    MachineInstruction i = blank(op);
    if (op == Opcode::Bra) {
      isa::field::Branch::set_not(i.code, whenFalse);
      i.mentions.push_back({predicate, 1, 0, true, false, 0});
    }
    if (op == Opcode::Fork || op == Opcode::Join) isa::field::Region::set_k(i.code, region);
    put(i);
    return {code_.blocks.size() - 1, code_.blocks.back().instructions.size() - 1};
  }
  void aim(Patch patch, int block) { code_.blocks[patch.block].instructions[patch.instruction].target = block; }

  // --- Registers
  int registerFor(mlir::Type type) {
    if (auto lane = llvm::dyn_cast<visa::LaneType>(type)) return code_.add(File::lane, lane.getWords());
    return code_.add(llvm::isa<visa::ScalarType>(type) ? File::scalar : File::predicate);
  }
  int of(mlir::Value value) {
    auto [it, added] = registers_.try_emplace(value, -1);
    if (added) it->second = registerFor(value.getType());
    return it->second;
  }

  void move(int to, int from) {
    File file = code_.registers[to].file;
    bool wide = code_.registers[to].words == 2 || file == File::scalar;
    MachineInstruction i =
        file == File::predicate ? blank(Opcode::Por) : blank(Opcode::Mov, wide ? Type::B64 : Type::B32);
    i.mentions.push_back({to, 0, 0, false, true, 0});
    i.mentions.push_back({from, 1, 0, true, false, 0});
    if (file == File::predicate) i.mentions.push_back({from, 2, 0, true, false, 0});
    i.move = code_.registers[from].file == file && code_.registers[from].words == code_.registers[to].words;
    put(i);
  }

  // All copies happen at once: ordered so that nothing is overwritten before it is read, with a spare for cycles.
  void moveAll(llvm::ArrayRef<int> to, llvm::ArrayRef<int> from) {
    llvm::SmallVector<std::pair<int, int>, 8> pending;
    for (auto [t, f] : llvm::zip(to, from))
      if (t != f) pending.push_back({t, f});
    while (!pending.empty()) {
      bool moved = false;
      for (size_t i = 0; i < pending.size();) {
        auto [t, f] = pending[i];
        bool needed = llvm::any_of(pending, [&](auto& other) { return other.second == t; });
        if (needed) {
          ++i;
          continue;
        }
        move(t, f);
        pending.erase(pending.begin() + static_cast<long>(i));
        moved = true;
      }
      if (moved) continue;
      int from = pending.front().second;
      int spare = code_.add(code_.registers[from].file, code_.registers[from].words);
      move(spare, from);
      for (auto& [t, f] : pending)
        if (f == from) f = spare;
    }
  }

  // --- Operations
  void body(mlir::Block& block) {
    for (mlir::Operation& op : block.without_terminator()) {
      location_ = op.getLoc();
      if (auto inst = llvm::dyn_cast<visa::InstOp>(op))
        instruction(inst);
      else if (auto pack = llvm::dyn_cast<visa::PackOp>(op))
        packed(pack);
      else if (auto part = llvm::dyn_cast<visa::PartOp>(op))
        parted(part);
      else if (auto branch = llvm::dyn_cast<visa::IfOp>(op))
        branched(branch);
      else if (auto loop = llvm::dyn_cast<visa::LoopOp>(op))
        looped(loop);
    }
  }

  void instruction(visa::InstOp op) {
    if (static_cast<Opcode>(op.getOpcode()) == Opcode::Nop) return;  // only kept its loop alive until here
    MachineInstruction i = blank(static_cast<Opcode>(op.getOpcode()), static_cast<Type>(op.getElement()));
    i.code.mod = static_cast<uint16_t>(op.getMod());
    i.symbol = op.getSymbolAttr();
    i.code.has_ext = op.getExt().has_value() || op.getSymbol().has_value();
    i.code.ext = op.getExt().value_or(0);
    const isa::RowInfo* row = isa::row(i.code.op);
    isa::Operand* bytes[] = {&i.code.dst, &i.code.a, &i.code.b, &i.code.c};
    unsigned next = 0;
    for (unsigned s = 0; s < op.getSlots().size(); ++s) {
      const unsigned place = visa::operandByte(*row, s);
      switch (static_cast<Slot>(op.getSlots()[s])) {
        case Slot::none:
          break;
        case Slot::zero:
          *bytes[place] = isa::operand::kZero;
          break;
        case Slot::ones:
          *bytes[place] = isa::operand::kOnes;
          break;
        case Slot::imm:
          *bytes[place] = isa::operand::kImm;
          break;
        case Slot::value: {
          mlir::Value value = op.getSources()[next++];
          if (auto it = groups_.find(value); it != groups_.end()) {
            for (auto [n, reg] : llvm::enumerate(it->second))
              i.mentions.push_back({reg, static_cast<uint8_t>(place), static_cast<uint8_t>(n), true, false, 0});
          } else {
            i.mentions.push_back({of(value), static_cast<uint8_t>(place), 0, true, false, 0});
          }
        }
      }
    }
    if (op.getNumResults() == 0 && (row->dst == isa::OperandClass::O)) i.code.dst = isa::operand::kZero;
    if (op.getNumResults() > 1) {
      llvm::SmallVector<int, 4> bundle;
      for (mlir::Value result : op.getResults()) bundle.push_back(of(result));
      makeBundle(bundle);
    }
    for (auto [n, result] : llvm::enumerate(op.getResults()))
      i.mentions.push_back({of(result), 0, static_cast<uint8_t>(n), false, true, 0});
    put(i);
  }

  void makeBundle(llvm::ArrayRef<int> members) {
    for (auto [n, reg] : llvm::enumerate(members)) {
      code_.registers[reg].bundle = static_cast<int>(code_.bundles.size());
      code_.registers[reg].place = static_cast<uint8_t>(n);
    }
    code_.bundles.emplace_back(members);
  }

  // A pack that is stored keeps its values apart, in registers side by side; one that makes a 64-bit number is a
  // register.
  void packed(visa::PackOp op) {
    bool wholes = llvm::all_of(op->getUsers(), [](mlir::Operation* user) {
      auto inst = llvm::dyn_cast<visa::InstOp>(user);
      if (!inst) return false;
      auto opcode = static_cast<Opcode>(inst.getOpcode());
      isa::Instruction code;
      code.mod = static_cast<uint16_t>(inst.getMod());
      if (opcode == Opcode::St) return isa::field::Mem::get_vec(code) != isa::Vector::V1;
      return (opcode == Opcode::Atom || opcode == Opcode::Red) && isa::field::Atom::get_fn(code) == isa::AtomicFn::Cas;
    });
    if (wholes) {
      llvm::SmallVector<int, 4> group;
      for (mlir::Value part : op.getParts()) {
        int copy = registerFor(part.getType());
        move(copy, of(part));
        group.push_back(copy);
      }
      makeBundle(group);
      groups_[op.getResult()] = group;
      return;
    }
    int whole = of(op.getResult());
    for (auto [n, part] : llvm::enumerate(op.getParts())) {
      MachineInstruction i = blank(Opcode::Mov, Type::B32);
      i.mentions.push_back({whole, 0, 0, n > 0, true, static_cast<uint8_t>(n)});
      i.mentions.push_back({of(part), 1, 0, true, false, 0});
      put(i);
    }
  }

  void parted(visa::PartOp op) {
    MachineInstruction i = blank(Opcode::Mov, Type::B32);
    i.mentions.push_back({of(op.getResult()), 0, 0, false, true, 0});
    i.mentions.push_back({of(op.getWhole()), 1, 0, true, false, static_cast<uint8_t>(op.getIndex())});
    put(i);
  }

  unsigned openRegion(bool divergent) {
    if (!divergent) return 0;
    if (nesting_ >= isa::kRegions) tooDeep_ = true;
    ++code_.regions;
    return nesting_++;
  }

  void branched(visa::IfOp op) {
    mlir::Location location = op.getLoc();
    llvm::SmallVector<int> results;
    for (mlir::Value result : op.getResults()) results.push_back(of(result));
    int condition = of(op.getCondition());
    bool divergent = op.getDivergent();
    unsigned region = openRegion(divergent);
    std::optional<Patch> fork;
    if (divergent) {
      fork = control(Opcode::Fork, -1, false, region);
      newBlock();
    }
    auto arm = [&](mlir::Region& from) {
      mlir::Block& block = from.front();
      body(block);
      llvm::SmallVector<int> values;
      for (mlir::Value value : block.getTerminator()->getOperands()) values.push_back(of(value));
      location_ = location;
      moveAll(results, values);
    };
    auto empty = [](mlir::Region& region) {
      return region.front().without_terminator().empty() && region.front().getTerminator()->getNumOperands() == 0;
    };
    bool noElse = empty(op.getElseRegion()), noThen = empty(op.getThenRegion());
    Patch away = control(Opcode::Bra, condition, /*whenFalse=*/!noThen);
    newBlock();
    std::optional<Patch> over;
    if (noThen) {
      arm(op.getElseRegion());
    } else {
      arm(op.getThenRegion());
      if (!noElse) {
        over = control(Opcode::Jmp);
        aim(away, newBlock());
        arm(op.getElseRegion());
      }
    }
    int end = newBlock();
    if (over)
      aim(*over, end);
    else
      aim(away, end);
    location_ = location;
    if (divergent) {
      aim(*fork, end);
      control(Opcode::Join, -1, false, region);
      --nesting_;
    }
  }

  void looped(visa::LoopOp op) {
    mlir::Location location = op.getLoc();
    mlir::Block& block = op.getBody().front();
    auto next = llvm::cast<visa::NextOp>(block.getTerminator());
    llvm::SmallVector<int> arguments, inits, results;
    for (mlir::Value argument : block.getArguments()) arguments.push_back(of(argument));
    for (mlir::Value init : op.getInits()) inits.push_back(of(init));
    for (mlir::Value result : op.getResults()) results.push_back(of(result));
    moveAll(arguments, inits);
    bool divergent = op.getDivergent();
    unsigned region = openRegion(divergent);
    std::optional<Patch> fork;
    if (divergent) fork = control(Opcode::Fork, -1, false, region);
    ++depth_;
    int head = newBlock();
    body(block);
    location_ = next.getLoc();
    Patch leave = control(Opcode::Bra, of(next.getCondition()), /*whenFalse=*/true);
    newBlock();
    llvm::SmallVector<int> carried, leaving;
    for (mlir::Value value : next.getCarried()) carried.push_back(of(value));
    for (mlir::Value value : next.getLeaving()) leaving.push_back(of(value));
    moveAll(arguments, carried);
    aim(control(Opcode::Jmp), head);
    --depth_;
    int exit = newBlock();
    aim(leave, exit);
    location_ = location;
    moveAll(results, leaving);
    if (divergent) {
      int end = newBlock();
      aim(*fork, end);
      control(Opcode::Join, -1, false, region);
      --nesting_;
    }
  }

  visa::KernelOp kernel_;
  mlir::Location location_;
  MachineCode code_;
  llvm::DenseMap<mlir::Value, int> registers_;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<int, 4>> groups_;
  unsigned depth_ = 0, nesting_ = 0;
  bool tooDeep_ = false;
};

}  // namespace

Expected<MachineCode> flatten(visa::KernelOp kernel) { return Flattener(kernel).run(); }

// Blocks without instructions that fall through are skipped over, as are blocks that hold one jump; a branch around a
// jump is turned round.
void tidyControlFlow(MachineCode& code) {
  auto& blocks = code.blocks;
  auto follow = [&](int block) {
    for (int steps = 0; steps < 64; ++steps) {
      const auto& list = blocks[block].instructions;
      if (list.empty() && static_cast<size_t>(block) + 1 < blocks.size())
        ++block;
      else if (list.size() == 1 && list[0].code.op == Opcode::Jmp && list[0].target != block)
        block = list[0].target;
      else
        break;
    }
    return block;
  };
  auto skipEmpty = [&](int block) {  // the block that a label really means, by falling through only
    while (blocks[block].instructions.empty() && static_cast<size_t>(block) + 1 < blocks.size()) ++block;
    return block;
  };
  for (bool changed = true; changed;) {
    changed = false;
    // First every label is led to where it really goes, so that blocks passed over have no other way in.
    for (MachineBlock& block : blocks) {
      if (block.instructions.empty()) continue;
      MachineInstruction& last = block.instructions.back();
      if (last.code.op != Opcode::Jmp && last.code.op != Opcode::Bra) continue;
      int aim = follow(last.target);
      if (aim != last.target) last.target = aim, changed = true;
    }
    for (size_t b = 0; b < blocks.size(); ++b) {
      auto& list = blocks[b].instructions;
      if (list.empty()) continue;
      MachineInstruction& last = list.back();
      // A jump or branch to what follows anyway.
      if (b + 1 < blocks.size() && (last.code.op == Opcode::Jmp || last.code.op == Opcode::Bra) &&
          follow(static_cast<int>(b) + 1) == follow(last.target)) {
        list.pop_back();
        changed = true;
        continue;
      }
      // bra.not p, L1; jmp L2; L1:  ->  bra p, L2
      if (last.code.op != Opcode::Bra || b + 2 >= blocks.size()) continue;
      int between = skipEmpty(static_cast<int>(b) + 1);
      auto& middle = blocks[between].instructions;
      if (middle.size() != 1 || middle[0].code.op != Opcode::Jmp || static_cast<size_t>(between) + 1 >= blocks.size())
        continue;
      if (follow(between + 1) != follow(last.target)) continue;
      last.target = middle[0].target;
      isa::field::Branch::set_not(last.code, !isa::field::Branch::get_not(last.code));
      middle.clear();
      changed = true;
    }
  }
}

}  // namespace phx::compiler
