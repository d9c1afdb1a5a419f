// Register allocation: live ranges with holes, aggressive coalescing of copies, linear assignment with eviction,
// spilling.
//
// Lane values spill to local memory, scalars to a pair of lane registers (read back with `first`), predicates to a lane
// register. A value that one instruction can make again anywhere (a constant, an argument, a special register) is made
// again instead.
#include <algorithm>
#include <map>
#include <set>

#include "device_sim/isa/fields.h"
#include "lib/Target/Visa/MachineCode.h"
#include "llvm/ADT/BitVector.h"

namespace phx::compiler {

using isa::Opcode;
using isa::Type;

namespace {

struct Range {
  uint32_t from, to;  // positions: 2i where instruction i reads, 2i + 1 where it writes; `to` is excluded
};
using Ranges = std::vector<Range>;

bool overlap(const Ranges& a, const Ranges& b) {
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].to <= b[j].from)
      ++i;
    else if (b[j].to <= a[i].from)
      ++j;
    else
      return true;
  }
  return false;
}

Ranges united(const Ranges& a, const Ranges& b) {
  Ranges all(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), all.begin(),
             [](const Range& x, const Range& y) { return x.from < y.from; });
  Ranges joined;
  for (const Range& r : all) {
    if (!joined.empty() && r.from <= joined.back().to)
      joined.back().to = std::max(joined.back().to, r.to);
    else
      joined.push_back(r);
  }
  return joined;
}

class Allocator {
 public:
  Allocator(MachineCode& code, const RegisterLimits& limits)
      : code_(code), limits_{limits.lane, limits.scalar, limits.predicate} {}

  Outcome run() {
    removeDead();
    findRanges();
    coalesce();
    for (unsigned round = 0; round < 40; ++round) {
      if (round) findRanges();
      weigh();
      spilled_.clear();
      for (File file : {File::lane, File::scalar, File::predicate})
        if (!assign(file)) return error("an instruction needs more registers than there are");
      if (spilled_.empty()) {
        finish();
        return {};
      }
      spill();
    }
    return error("register allocation did not end");
  }

 private:
  std::vector<MachineInstruction>& list(size_t block) { return code_.blocks[block].instructions; }

  // Instructions without effect whose results nobody reads (the moves that follow dead regions, unused arguments).
  void removeDead() {
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<bool> read(code_.registers.size());
      for (const MachineBlock& block : code_.blocks)
        for (const MachineInstruction& i : block.instructions)
          for (const Mention& m : i.mentions)
            if (m.read) read[m.reg] = true;
      for (MachineBlock& block : code_.blocks) {
        auto dead = [&](const MachineInstruction& i) {
          const isa::RowInfo* row = isa::row(i.code.op);
          if (row->effects & ~(isa::E_CLOCK | isa::E_READ)) return false;
          if (row->effects & isa::E_READ)
            if (isa::field::Mem::get_policy(i.code) == isa::CachePolicy::Volatile) return false;
          bool writes = false;
          for (const Mention& m : i.mentions) {
            if (m.write && read[m.reg]) return false;
            writes |= m.write;
          }
          return writes;
        };
        size_t before = block.instructions.size();
        std::erase_if(block.instructions, dead);
        changed |= block.instructions.size() != before;
      }
    }
  }

  // --- Liveness
  void findRanges() {
    size_t n = code_.registers.size(), blocks = code_.blocks.size();
    std::vector<llvm::BitVector> in(blocks, llvm::BitVector(n)), gen(blocks, llvm::BitVector(n)),
        kill(blocks, llvm::BitVector(n));
    for (size_t b = 0; b < blocks; ++b)
      for (const MachineInstruction& i : list(b)) {
        for (const Mention& m : i.mentions)
          if (m.read && !kill[b].test(m.reg)) gen[b].set(m.reg);
        for (const Mention& m : i.mentions)
          if (m.write) kill[b].set(m.reg);
      }
    auto out = [&](size_t b) {
      llvm::BitVector live(n);
      for (int s : code_.successors(static_cast<int>(b))) live |= in[s];
      return live;
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t b = blocks; b-- > 0;) {
        llvm::BitVector live = out(b);
        live.reset(kill[b]);
        live |= gen[b];
        if (live != in[b]) in[b] = std::move(live), changed = true;
      }
    }
    ranges_.assign(n, {});
    std::vector<uint32_t> open(n);
    uint32_t end = 0;
    std::vector<uint32_t> first(blocks);
    for (size_t b = 0; b < blocks; ++b) {
      first[b] = end;
      end += static_cast<uint32_t>(list(b).size());
    }
    for (size_t b = blocks; b-- > 0;) {
      uint32_t stop = 2 * (first[b] + static_cast<uint32_t>(list(b).size()));
      llvm::BitVector live = out(b);
      for (unsigned r : live.set_bits()) open[r] = stop;
      for (size_t k = list(b).size(); k-- > 0;) {
        const MachineInstruction& i = list(b)[k];
        uint32_t at = 2 * (first[b] + static_cast<uint32_t>(k));
        for (const Mention& m : i.mentions)
          if (m.write) {
            ranges_[m.reg].push_back({at + 1, live.test(m.reg) ? open[m.reg] : at + 2});
            live.reset(m.reg);
          }
        for (const Mention& m : i.mentions)
          if (m.read && !live.test(m.reg)) {
            live.set(m.reg);
            open[m.reg] = at + 1;
          }
      }
      for (unsigned r : live.set_bits()) ranges_[r].push_back({2 * first[b], open[r]});
    }
    for (Ranges& ranges : ranges_) {
      std::reverse(ranges.begin(), ranges.end());
      ranges = united(ranges, {});
    }
  }

  // --- Coalescing
  void coalesce() {
    leader_.resize(code_.registers.size());
    for (size_t r = 0; r < leader_.size(); ++r) leader_[r] = static_cast<int>(r);
    std::vector<std::pair<unsigned, const MachineInstruction*>> moves;
    for (const MachineBlock& block : code_.blocks)
      for (const MachineInstruction& i : block.instructions)
        if (i.move) moves.push_back({block.depth, &i});
    std::stable_sort(moves.begin(), moves.end(), [](auto& a, auto& b) { return a.first > b.first; });
    for (auto& [depth, move] : moves) {
      int a = find(move->mentions[0].reg), b = find(move->mentions[1].reg);
      if (a == b) continue;
      VirtualRegister &x = code_.registers[a], &y = code_.registers[b];
      if (x.bundle >= 0 && y.bundle >= 0) continue;
      if (overlap(ranges_[a], ranges_[b])) continue;
      if (y.bundle >= 0) std::swap(a, b);  // the one in a bundle leads
      leader_[b] = a;
      ranges_[a] = united(ranges_[a], ranges_[b]);
      ranges_[b].clear();
    }
    for (MachineBlock& block : code_.blocks) {
      for (MachineInstruction& i : block.instructions)
        for (Mention& m : i.mentions) m.reg = find(m.reg);
      std::erase_if(block.instructions,
                    [](const MachineInstruction& i) { return i.move && i.mentions[0].reg == i.mentions[1].reg; });
    }
    for (auto& bundle : code_.bundles)
      for (int& reg : bundle) reg = find(reg);
    findRanges();
  }
  int find(int reg) {
    while (leader_[reg] != reg) reg = leader_[reg] = leader_[leader_[reg]];
    return reg;
  }

  // --- Assignment
  // A unit
  // is a register, or the registers of a bundle, that get consecutive places together.
  struct Unit {
    llvm::SmallVector<int, 4> members;
    File file;
    unsigned words = 0, alignment = 1;
    double weight = 0;
    uint32_t start = 0;
    int base = -1;
  };
  struct Taken {
    uint32_t from, to;
    int unit;
  };

  void weigh() {
    weight_.assign(code_.registers.size(), 0.0);
    uint32_t position = 0;
    (void)position;
    for (const MachineBlock& block : code_.blocks) {
      double factor = 1;
      for (unsigned d = 0; d < std::min(block.depth, 8u); ++d) factor *= 8;
      for (const MachineInstruction& i : block.instructions)
        for (const Mention& m : i.mentions) weight_[m.reg] += factor;
    }
    for (size_t r = 0; r < weight_.size(); ++r) {
      uint64_t length = 1;
      for (const Range& range : ranges_[r]) length += range.to - range.from;
      weight_[r] /= static_cast<double>(length);
      if (code_.registers[r].keep || length <= 3) weight_[r] = 1e30;
    }
  }

  bool assign(File file) {
    unsigned limit = limits_[static_cast<unsigned>(file)];
    std::vector<Unit> units;
    std::vector<bool> bundled(code_.bundles.size());
    for (size_t r = 0; r < code_.registers.size(); ++r) {
      VirtualRegister& reg = code_.registers[r];
      if (reg.file != file || ranges_[r].empty()) continue;
      Unit unit;
      unit.file = file;
      if (reg.bundle >= 0) {
        if (bundled[reg.bundle]) continue;
        bundled[reg.bundle] = true;
        unit.members = code_.bundles[reg.bundle];
      } else {
        unit.members = {static_cast<int>(r)};
      }
      unit.start = ~0u;
      for (int member : unit.members) {
        const VirtualRegister& m = code_.registers[member];
        unit.words += m.words;
        if (m.words == 2) unit.alignment = 2;
        unit.weight = std::max(unit.weight, weight_[member]);
        if (!ranges_[member].empty()) unit.start = std::min(unit.start, ranges_[member][0].from);
      }
      units.push_back(std::move(unit));
    }
    std::vector<std::vector<Taken>> taken(limit);
    // Order: by first position; evicted units come back to the queue.
    auto before = [&](int a, int b) { return std::pair(units[a].start, a) < std::pair(units[b].start, b); };
    std::set<int, decltype(before)> queue(before);
    for (size_t u = 0; u < units.size(); ++u) queue.insert(static_cast<int>(u));

    auto conflicts = [&](const Unit& unit, unsigned base, auto&& visit) {
      unsigned place = base;
      for (int member : unit.members) {
        for (unsigned w = 0; w < code_.registers[member].words; ++w, ++place) {
          const auto& list = taken[place];
          for (const Range& range : ranges_[member]) {
            auto it = std::lower_bound(list.begin(), list.end(), range.from,
                                       [](const Taken& t, uint32_t at) { return t.to <= at; });
            for (; it != list.end() && it->from < range.to; ++it)
              if (!visit(it->unit)) return;
          }
        }
      }
    };
    auto enter = [&](int u, unsigned base) {
      Unit& unit = units[u];
      unit.base = static_cast<int>(base);
      unsigned place = base;
      for (int member : unit.members)
        for (unsigned w = 0; w < code_.registers[member].words; ++w, ++place)
          for (const Range& range : ranges_[member]) {
            auto& list = taken[place];
            auto it = std::lower_bound(list.begin(), list.end(), range.from,
                                       [](const Taken& t, uint32_t at) { return t.from < at; });
            list.insert(it, {range.from, range.to, u});
          }
    };
    auto leave = [&](int u) {
      Unit& unit = units[u];
      for (unsigned place = static_cast<unsigned>(unit.base); place < static_cast<unsigned>(unit.base) + unit.words;
           ++place)
        std::erase_if(taken[place], [&](const Taken& t) { return t.unit == u; });
      unit.base = -1;
    };

    size_t steps = 0;
    while (!queue.empty()) {
      int u = *queue.begin();
      queue.erase(queue.begin());
      Unit& unit = units[u];
      bool evict = ++steps < units.size() * 8 + 64;
      int best = -1;
      double bestWeight = unit.weight;
      for (unsigned base = 0; base + unit.words <= limit; base += unit.alignment) {
        double most = -1;
        conflicts(unit, base, [&](int other) {
          most = std::max(most, units[other].weight);
          return most < bestWeight;
        });
        if (most < bestWeight && (most < 0 || evict)) {
          best = static_cast<int>(base);
          bestWeight = most;
          if (most < 0) break;
        }
      }
      if (best < 0) {
        if (unit.weight >= 1e30) {
          // Cannot move away itself: whoever is in the way and may go must go.
          for (unsigned base = 0; base + unit.words <= limit && best < 0; base += unit.alignment) {
            bool possible = true;
            conflicts(unit, base, [&](int other) { return possible = units[other].weight < 1e30; });
            if (possible) best = static_cast<int>(base);
          }
          if (best < 0) return spillNeighbours(unit);
        } else {
          for (int member : unit.members) spilled_.insert(member);
          continue;
        }
      }
      llvm::SmallVector<int, 8> gone;
      conflicts(unit, static_cast<unsigned>(best), [&](int other) {
        if (!llvm::is_contained(gone, other)) gone.push_back(other);
        return true;
      });
      for (int other : gone) {
        leave(other);
        queue.insert(other);
      }
      enter(u, static_cast<unsigned>(best));
    }
    for (Unit& unit : units) {
      if (unit.base < 0) continue;
      unsigned place = static_cast<unsigned>(unit.base);
      for (int member : unit.members) {
        code_.registers[member].physical = static_cast<int>(place);
        place += code_.registers[member].words;
      }
    }
    return true;
  }

  // Everything around is unspillable: make room by spilling all that lives across, and try again.
  bool spillNeighbours(const Unit& unit) {
    bool any = false;
    for (size_t r = 0; r < code_.registers.size(); ++r) {
      const VirtualRegister& reg = code_.registers[r];
      if (reg.file != unit.file || reg.keep || weight_[r] >= 1e30 || spilled_.count(static_cast<int>(r))) continue;
      for (int member : unit.members)
        if (overlap(ranges_[r], ranges_[member])) {
          if (reg.bundle >= 0)
            spilled_.insert(code_.bundles[reg.bundle].begin(), code_.bundles[reg.bundle].end());
          else
            spilled_.insert(static_cast<int>(r));
          any = true;
          break;
        }
    }
    return any || !spilled_.empty();
  }

  // --- Spilling
  // The one instruction that makes the register's value from nothing; nullptr if there is none.
  const MachineInstruction* recipe(int reg) {
    const MachineInstruction* found = nullptr;
    for (const MachineBlock& block : code_.blocks)
      for (const MachineInstruction& i : block.instructions)
        for (const Mention& m : i.mentions)
          if (m.write && m.reg == reg) {
            if (found) return nullptr;
            found = &i;
          }
    if (!found || found->mentions.size() != 1 || found->mentions[0].element) return nullptr;
    switch (found->code.op) {
      case Opcode::Mov:
        return found;
      case Opcode::Rdsr: {
        auto which = isa::field::Special::get_sr(found->code);
        bool fixed = which != isa::SpecialReg::Clock && which != isa::SpecialReg::Clock64 &&
                     which != isa::SpecialReg::GlobalTimer;
        return fixed ? found : nullptr;
      }
      case Opcode::Ld:
        return isa::field::Mem::get_space(found->code) == isa::Space::Param ? found : nullptr;
      default:
        return nullptr;
    }
  }

  void spill() {
    struct Home {
      enum { again, local, otherFile } kind;
      std::optional<MachineInstruction> recipe;
      uint64_t offset = 0;
      int lane = -1;
    };
    std::map<int, Home> homes;
    for (int reg : spilled_) {
      Home home{Home::local, {}, 0, -1};
      const VirtualRegister r = code_.registers[reg];
      if (const MachineInstruction* made = recipe(reg)) {
        home.kind = Home::again;
        home.recipe = *made;
      } else if (r.file == File::lane) {
        uint64_t bytes = 4u * r.words;
        code_.localBytes = (code_.localBytes + bytes - 1) / bytes * bytes;
        home.offset = code_.localBytes;
        code_.localBytes += bytes;
      } else {
        home.kind = Home::otherFile;
        home.lane = code_.add(File::lane, r.file == File::scalar ? 2 : 1);
      }
      ++code_.spilled;
      if (home.kind == Home::local) ++code_.toLocal;
      homes.emplace(reg, std::move(home));
    }
    auto instruction = [&](Opcode op, Type type, mlir::Location location) {
      MachineInstruction i{{}, {}, {}, location, false, -1};
      i.code.op = op;
      i.code.type = type;
      return i;
    };
    auto access = [&](bool load, const Home& home, int reg, mlir::Location location) {
      Type type = code_.registers[reg].words == 2 ? Type::B64 : Type::B32;
      MachineInstruction i = instruction(load ? Opcode::Ld : Opcode::St, type, location);
      isa::field::Mem::set_space(i.code, isa::Space::Local);
      i.code.a = i.code.b = isa::operand::kZero;
      i.code.has_ext = home.offset != 0;
      i.code.ext = home.offset;
      i.mentions.push_back({reg, static_cast<uint8_t>(load ? 0 : 3), 0, !load, load, 0});
      return i;
    };
    auto reload = [&](int reg, const Home& home, int into, mlir::Location location) {
      File file = code_.registers[reg].file;
      if (home.kind == Home::again) {
        MachineInstruction i = *home.recipe;
        i.mentions[0].reg = into;
        i.location = location;
        return i;
      }
      if (home.kind == Home::local) return access(true, home, into, location);
      MachineInstruction i = instruction(file == File::scalar ? Opcode::First : Opcode::Setp,
                                         file == File::scalar ? Type::B64 : Type::U32, location);
      i.mentions.push_back({into, 0, 0, false, true, 0});
      i.mentions.push_back({home.lane, 1, 0, true, false, 0});
      if (file == File::predicate) {
        i.code.b = isa::operand::kZero;
        isa::field::Compare::set_cmp(i.code, isa::Comparison::Ne);
      }
      return i;
    };
    auto save = [&](int reg, const Home& home, int from, mlir::Location location) {
      File file = code_.registers[reg].file;
      if (home.kind == Home::local) return access(false, home, from, location);
      MachineInstruction i = instruction(file == File::scalar ? Opcode::Mov : Opcode::Sel,
                                         file == File::scalar ? Type::B64 : Type::B32, location);
      i.mentions.push_back({home.lane, 0, 0, false, true, 0});
      if (file == File::predicate) {
        i.code.a = isa::operand::kImm;
        i.code.b = isa::operand::kZero;
        i.code.has_ext = true;
        i.code.ext = 1;
      }
      i.mentions.push_back({from, static_cast<uint8_t>(file == File::scalar ? 1 : 3), 0, true, false, 0});
      return i;
    };

    for (MachineBlock& block : code_.blocks) {
      std::vector<MachineInstruction> rewritten;
      rewritten.reserve(block.instructions.size() * 2);
      for (MachineInstruction& i : block.instructions) {
        std::vector<MachineInstruction> after;
        llvm::SmallVector<std::pair<int, int>, 4> replaced;
        // A bundle whose member goes keeps its shape: the new register takes the member's place in a new bundle.
        llvm::SmallVector<int, 2> bundles;
        bool remakes = false;
        for (Mention& m : i.mentions) {
          auto it = homes.find(m.reg);
          if (it == homes.end()) continue;
          if (it->second.kind == Home::again && m.write && !m.read) remakes = true;
        }
        if (remakes && i.mentions.size() == 1) continue;  // made again at every use
        for (Mention& m : i.mentions) {
          auto it = homes.find(m.reg);
          if (it == homes.end()) continue;
          int old = m.reg, fresh = -1;
          for (auto& [from, to] : replaced)
            if (from == old) fresh = to;
          if (fresh < 0) {
            VirtualRegister copy = code_.registers[old];
            fresh = code_.add(copy.file, copy.words);
            code_.registers[fresh].keep = true;
            replaced.push_back({old, fresh});
            bool reads = llvm::any_of(i.mentions, [&](const Mention& x) { return x.reg == old && x.read; });
            bool writes = llvm::any_of(i.mentions, [&](const Mention& x) { return x.reg == old && x.write; });
            if (reads) rewritten.push_back(reload(old, it->second, fresh, i.location));
            if (writes) after.push_back(save(old, it->second, fresh, i.location));
          }
          m.reg = fresh;
        }
        rebundle(i, replaced);
        rewritten.push_back(std::move(i));
        for (MachineInstruction& extra : after) rewritten.push_back(std::move(extra));
      }
      block.instructions = std::move(rewritten);
    }
    // Registers that are gone leave their bundles.
    for (int reg : spilled_) code_.registers[reg].bundle = -1;
    settleBundles();
  }

  // The registers of a vector slot must be consecutive: after a replacement they form a bundle of their own.
  void rebundle(MachineInstruction& i, llvm::ArrayRef<std::pair<int, int>> replaced) {
    if (replaced.empty()) return;
    for (uint8_t slot : {0, 3}) {
      llvm::SmallVector<int, 4> members;
      bool touched = false;
      for (const Mention& m : i.mentions)
        if (m.slot == slot) {
          members.push_back(m.reg);
          touched |= llvm::any_of(replaced, [&](auto& r) { return r.second == m.reg; });
        }
      if (members.size() < 2 || !touched) continue;
      pendingBundles_.push_back(members);
    }
  }
  // Members that stay in another bundle are tied to it; a spilled bundle spills whole, so this does not happen.
  void settleBundles() {
    for (auto& members : pendingBundles_) {
      for (auto [n, reg] : llvm::enumerate(members)) {
        code_.registers[reg].bundle = static_cast<int>(code_.bundles.size());
        code_.registers[reg].place = static_cast<uint8_t>(n);
      }
      code_.bundles.push_back(members);
    }
    pendingBundles_.clear();
  }

  void finish() {
    for (unsigned& used : code_.used) used = 0;
    for (size_t r = 0; r < code_.registers.size(); ++r) {
      const VirtualRegister& reg = code_.registers[r];
      if (ranges_[r].empty() || reg.physical < 0) continue;
      unsigned& used = code_.used[static_cast<unsigned>(reg.file)];
      used = std::max(used, static_cast<unsigned>(reg.physical) + reg.words);
    }
    for (MachineBlock& block : code_.blocks) {
      for (MachineInstruction& i : block.instructions) {
        isa::Operand* bytes[] = {&i.code.dst, &i.code.a, &i.code.b, &i.code.c};
        for (const Mention& m : i.mentions) {
          if (m.element) continue;
          const VirtualRegister& reg = code_.registers[m.reg];
          unsigned number = static_cast<unsigned>(reg.physical) + m.word;
          *bytes[m.slot] = reg.file == File::lane     ? isa::operand::r(number)
                           : reg.file == File::scalar ? isa::operand::s(number)
                                                      : isa::operand::p(number);
        }
      }
      std::erase_if(block.instructions, [&](const MachineInstruction& i) { return i.move && i.code.dst == i.code.a; });
    }
  }

  MachineCode& code_;
  unsigned limits_[3];
  std::vector<Ranges> ranges_;
  std::vector<int> leader_;
  std::vector<double> weight_;
  std::set<int> spilled_;
  std::vector<llvm::SmallVector<int, 4>> pendingBundles_;
};

}  // namespace

Outcome allocateRegisters(MachineCode& code, const RegisterLimits& limits) { return Allocator(code, limits).run(); }

}  // namespace phx::compiler
