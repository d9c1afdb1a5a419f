#include "tests/fuzz/mutate_executable.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "device_sim/image/elf.h"
#include "device_sim/isa/legality.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/type_sets.h"
#include "device_sim/isa/verifier.h"
#include "tests/fuzz/any_instruction.h"

namespace phx::fuzz {
namespace {

using isa::Instruction;

// One instruction of a program being changed. Places are named by identities, which survive moves.
struct Item {
  Instruction instruction;
  size_t identity = 0;
  size_t target = 0;  // identity of the label's instruction
  std::optional<image::Relocation> relocation;
};

class CodeMutation {
 public:
  CodeMutation(Random& random, image::Executable& executable) : random_(random), exe_(executable) {
    for (const image::Kernel& kernel : exe_.kernels) {
      files_.lane = std::max(1u, std::min(kernel.lane_registers, isa::kLaneRegisters));
      files_.scalar = std::max(1u, std::min(kernel.scalar_registers, isa::kScalarRegisters));
      files_.predicates = std::max(1u, std::min(kernel.predicates, isa::kPredicates));
    }
  }

  void run() {
    auto decoded = isa::decode_all(exe_.code);
    if (!decoded || decoded->instructions.empty()) return;
    for (size_t i = 0; i < decoded->instructions.size(); ++i) {
      Item item{decoded->instructions[i], i, 0, {}};
      if (isa::has_label(*isa::row(item.instruction.op))) item.target = decoded->starts[item.instruction.target()];
      for (const image::Relocation& relocation : exe_.code_relocations)
        if (relocation.place == decoded->words[i] + 1) item.relocation = relocation;
      items_.push_back(item);
    }
    next_identity_ = items_.size();
    for (uint64_t n = 1 + random_.below(3); n; --n) change();
    write_back(*decoded);
  }

 private:
  size_t any_place() { return random_.below(items_.size()); }

  // A legal instruction that this target could run.
  Item fresh() {
    bool simt = exe_.target == image::CoreKind::simt;
    for (;;) {
      auto rows = isa::rows();
      const isa::RowInfo& row = rows[random_.below(rows.size())];
      bool right_core =
          row.core == isa::Core::any || (simt ? row.core == isa::Core::simt : row.core != isa::Core::simt);
      if (!right_core && random_.chance(95)) continue;
      if (auto instruction = any_instruction(random_, row, files_))
        return {*instruction, next_identity_++, items_[any_place()].identity, {}};
    }
  }

  void change() {
    size_t at = any_place();
    Item& item = items_[at];
    Instruction& i = item.instruction;
    const isa::RowInfo* row = isa::row(i.op);
    isa::Operand* operands[] = {&i.dst, &i.a, &i.b, &i.c};
    const isa::OperandClass kinds[] = {row ? row->dst : isa::OperandClass::D, row ? row->a : isa::OperandClass::V,
                                       row ? row->b : isa::OperandClass::V, row ? row->c : isa::OperandClass::V};
    size_t slot = random_.below(4);
    switch (random_.below(16)) {
      case 0:
      case 1:
        *operands[slot] = any_operand(random_, kinds[slot], files_);
        if (*operands[slot] == isa::operand::kImm) i.has_ext = true;
        break;
      case 2:
        *operands[slot] = static_cast<isa::Operand>(random_.next());
        break;
      case 3:
        if (row) i.mod = static_cast<uint16_t>(random_.next()) & mod_mask(row->layout);
        break;
      case 4:
        i.mod = static_cast<uint16_t>(i.mod ^ (1u << random_.below(16)));
        break;
      case 5:
        i.type = static_cast<isa::Type>(random_.below(32));
        break;
      case 6:
        i.op = static_cast<isa::Opcode>(random_.chance(20)
                                            ? random_.below(1024)
                                            : static_cast<uint64_t>(isa::rows()[random_.below(isa::rows().size())].op));
        break;
      case 7: {  // another legal form of the same row
        if (!row) break;
        if (auto other = any_instruction(random_, *row, files_)) i = *other;
        break;
      }
      case 8:
      case 9: {
        Item inserted = fresh();
        items_.insert(items_.begin() + static_cast<ptrdiff_t>(at), inserted);
        break;
      }
      case 10: {
        size_t identity = item.identity;
        Item replacement = fresh();
        replacement.identity = identity;
        items_[at] = replacement;
        break;
      }
      case 11:
        if (items_.size() > 1) items_.erase(items_.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 12:
        std::swap(items_[at], items_[any_place()]);
        break;
      case 13:
        item.target = items_[any_place()].identity;
        break;
      case 14:
        i.ext = random_.chance(50) ? random_.next() : random_.below(256);
        if (random_.chance(20)) i.has_ext = !i.has_ext;
        break;
      case 15:
        wrap(at);
        break;
    }
  }

  // fork … join around a range, or a loop back to its start.
  void wrap(size_t first) {
    size_t last = std::min(items_.size(), first + 1 + random_.below(6));
    auto k = static_cast<uint16_t>(random_.below(64));
    Item after{{}, next_identity_++, 0, {}};
    Item before{{}, next_identity_++, after.identity, {}};
    if (random_.chance(60)) {
      after.instruction = {.op = isa::Opcode::Join, .mod = k};
      before.instruction = {.op = isa::Opcode::Fork, .mod = k, .has_ext = true};
    } else {
      after.instruction = {
          .op = isa::Opcode::Bra, .a = any_operand(random_, isa::OperandClass::Q, files_), .has_ext = true};
      after.target = items_[first].identity;
      before.instruction = {.op = isa::Opcode::Nop};
    }
    items_.insert(items_.begin() + static_cast<ptrdiff_t>(last), after);
    items_.insert(items_.begin() + static_cast<ptrdiff_t>(first), before);
  }

  void write_back(const isa::DecodedCode& old) {
    std::vector<uint32_t> word_of(next_identity_, UINT32_MAX);
    uint32_t words = 0;
    for (const Item& item : items_) {
      word_of[item.identity] = words;
      words += item.instruction.words();
    }
    // Where an instruction of the old code is now; of a deleted one, where the next is.
    auto moved = [&](uint32_t word) {
      for (uint32_t at = word; at < old.starts.size(); ++at)
        if (old.starts[at] != isa::DecodedCode::kNone && word_of[old.starts[at]] != UINT32_MAX)
          return word_of[old.starts[at]];
      return words ? words - 1 : 0;
    };
    exe_.code.clear();
    exe_.code_relocations.clear();
    for (Item& item : items_) {
      const isa::RowInfo* row = isa::row(item.instruction.op);
      if (row && isa::has_label(*row) && item.instruction.has_ext && word_of[item.target] != UINT32_MAX)
        item.instruction.ext = word_of[item.target];
      if (item.relocation && item.instruction.has_ext) {
        item.relocation->place = exe_.code.size() + 1;
        exe_.code_relocations.push_back(*item.relocation);
      }
      isa::encode(item.instruction, exe_.code);
    }
    for (image::Kernel& kernel : exe_.kernels) {
      kernel.entry = moved(kernel.entry);
      if (random_.chance(50)) {  // let new registers and services pass
        bool simt = kernel.core == image::CoreKind::simt;
        kernel.lane_registers = simt ? std::max(kernel.lane_registers, 32u) : 0;
        kernel.scalar_registers = isa::kScalarRegisters;
        kernel.predicates = isa::kPredicates;
        kernel.flags = 15;
      }
    }
    std::vector<image::LineEntry> lines;
    for (image::LineEntry& entry : exe_.lines) {
      entry.word = moved(entry.word);
      if (lines.empty() || entry.word > lines.back().word) lines.push_back(std::move(entry));
    }
    exe_.lines = std::move(lines);
  }

  Random& random_;
  image::Executable& exe_;
  Files files_;
  std::vector<Item> items_;
  size_t next_identity_ = 0;
};

template <class Integer>
void any_number(Random& random, Integer& value) {
  const uint64_t choices[] = {
      0,           1,           value + 1ull, value - 1ull,      value * 2ull,  0x7FFF'FFFF,
      0x8000'0000, 0xFFFF'FFFF, ~uint64_t{0}, uint64_t{1} << 63, random.next(), random.below(4096)};
  value = static_cast<Integer>(choices[random.below(std::size(choices))]);
}

void any_string(Random& random, std::string& text) {
  switch (random.below(4)) {
    case 0:
      text.clear();
      break;
    case 1:
      text += static_cast<char>(random.next());
      break;
    case 2:
      text.append(random.below(300), 'x');
      break;
    default:
      text = "name" + std::to_string(random.below(3));
  }
}

}  // namespace

void mutate_code(Random& random, image::Executable& executable) { CodeMutation(random, executable).run(); }

void mutate_records(Random& random, image::Executable& exe) {
  switch (random.below(6)) {
    case 0:
    case 1: {
      if (exe.kernels.empty()) return;
      image::Kernel& kernel = random.pick(exe.kernels);
      uint32_t* numbers[] = {&kernel.entry,       &kernel.lane_registers, &kernel.scalar_registers,
                             &kernel.predicates,  &kernel.local_bytes,    &kernel.ub_static_bytes,
                             &kernel.param_bytes, &kernel.max_threads,    &kernel.flags,
                             &kernel.line};
      switch (random.below(8)) {
        case 0:
          any_string(random, kernel.name);
          break;
        case 1:
          any_string(random, kernel.display_name);
          break;
        case 2:
          kernel.core = static_cast<image::CoreKind>(random.below(4));
          break;
        case 3:
          exe.kernels.push_back(image::Kernel(kernel));
          break;
        default:
          any_number(random, *numbers[random.below(std::size(numbers))]);
      }
      break;
    }
    case 2: {
      if (exe.kernels.empty()) return;
      auto& params = random.pick(exe.kernels).params;
      if (params.empty()) return;
      image::Param& param = random.pick(params);
      if (random.chance(40))
        any_number(random, param.offset);
      else if (random.chance(50))
        any_number(random, param.size);
      else
        param.pointer = !param.pointer;
      break;
    }
    case 3: {
      if (exe.objects.empty()) return;
      image::Object& object = random.pick(exe.objects);
      switch (random.below(6)) {
        case 5:
          object.zero = !object.zero;
          break;
        case 0:
          any_string(random, object.name);
          break;
        case 1:
          any_number(random, object.offset);
          break;
        case 2:
          any_number(random, object.size);
          break;
        case 3:
          any_number(random, object.alignment);
          break;
        default:
          object.kind = static_cast<image::ObjectKind>(random.below(4));
      }
      break;
    }
    case 4: {
      auto& relocations = random.chance(50) ? exe.code_relocations : exe.data_relocations;
      if (relocations.empty()) return;
      image::Relocation& relocation = random.pick(relocations);
      if (random.chance(30))
        any_number(random, relocation.place);
      else if (random.chance(50))
        any_number(random, relocation.addend);
      else
        any_number(random, relocation.object);
      break;
    }
    case 5: {
      if (exe.lines.empty()) return;
      image::LineEntry& entry = random.pick(exe.lines);
      if (random.chance(40))
        any_number(random, entry.word);
      else if (!entry.frames.empty() && random.chance(50))
        any_string(random, random.pick(entry.frames).file);
      else
        entry.frames.resize(random.below(300));
      break;
    }
  }
}

void mutate_layout(Random& random, std::vector<std::byte>& file) {
  using namespace image::elf;
  if (file.size() < sizeof(Header)) return;
  Header header;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.shoff + uint64_t{kSectionCount + 1} * sizeof(SectionHeader) > file.size()) return;
  if (random.chance(15)) {
    switch (random.below(5)) {
      case 0:
        any_number(random, header.shoff);
        break;
      case 1:
        any_number(random, header.shnum);
        break;
      case 2:
        any_number(random, header.shstrndx);
        break;
      case 3:
        any_number(random, header.machine);
        break;
      default:
        any_number(random, header.type);
    }
    std::memcpy(file.data(), &header, sizeof header);
    return;
  }
  uint64_t at = header.shoff + (1 + random.below(kSectionCount)) * sizeof(SectionHeader);
  SectionHeader section;
  std::memcpy(&section, file.data() + at, sizeof section);
  switch (random.below(8)) {
    case 0:
      any_number(random, section.offset);
      break;
    case 1:
      any_number(random, section.size);
      break;
    case 2:
      section.size = section.entsize ? section.entsize * random.below(8) : random.below(section.size + 1);
      break;
    case 3:
      any_number(random, section.name);
      break;
    case 4:
      any_number(random, section.link);
      break;
    case 5:
      section.offset += 8 * random.below(4);
      break;
    case 6: {  // another section's header
      uint64_t other = header.shoff + (1 + random.below(kSectionCount)) * sizeof(SectionHeader);
      std::memcpy(&section, file.data() + other, sizeof section);
      break;
    }
    default: {  // damage inside the section: its records, notes and strings
      if (!section.size || section.offset > file.size() || section.size > file.size() - section.offset) break;
      uint64_t place = section.offset + random.below(section.size);
      file[place] = static_cast<std::byte>(random.chance(50) ? random.next() : random.below(4));
      break;
    }
  }
  std::memcpy(file.data() + at, &section, sizeof section);
}

void mutate_bytes(Random& random, std::vector<std::byte>& file) {
  for (uint64_t n = 1 + random.below(8); n && !file.empty(); --n) {
    uint64_t at = random.below(file.size());
    switch (random.below(5)) {
      case 0:
      case 1:
        file[at] ^= static_cast<std::byte>(1u << random.below(8));
        break;
      case 2:
        file[at] = static_cast<std::byte>(random.next());
        break;
      case 3:
        if (random.chance(20)) file.resize(at);
        break;
      case 4:
        if (random.chance(20))
          file.insert(file.begin() + static_cast<ptrdiff_t>(at), static_cast<std::byte>(random.next()));
        break;
    }
  }
}

}  // namespace phx::fuzz
