#include "device_sim/assembler/listing.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "device_sim/isa/disassembly.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/verifier.h"

namespace phx::assembler {
namespace {

using image::CoreKind;
using image::Executable;
using image::Kernel;
using image::Object;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      result += escape;
    } else {
      result += c;
    }
  }
  return result + '"';
}

// The name as a word if it is one, else quoted.
std::string name_text(const std::string& name) {
  bool word = !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '$';
  });
  return word ? name : quoted(name);
}

std::string_view core_name(CoreKind core) {
  return core == CoreKind::simt ? "simt" : core == CoreKind::aiv ? "aiv" : "aic";
}

std::string label_name(uint32_t word) { return "L" + std::to_string(word); }

class Writer {
 public:
  explicit Writer(const Executable& executable) : exe_(executable) {
    for (const image::Relocation& relocation : exe_.code_relocations)
      relocation_of_word_[relocation.place] = &relocation;
    for (const image::Relocation& relocation : exe_.data_relocations)
      relocation_of_byte_[relocation.place] = &relocation;
    for (uint64_t word = 0; word < exe_.code.size();) {
      auto instruction = isa::decode(exe_.code, word);
      if (instruction && isa::has_label(*isa::row(instruction->op))) labels_.insert(instruction->target());
      word += instruction ? instruction->words() : 1;
    }
  }

  std::string whole_file() {
    if (exe_.target != CoreKind::simt)
      line(".target " + std::string(core_name(exe_.target)) + " " + quoted(exe_.machine_digest));
    write_data();
    bool in_place = std::is_sorted(exe_.kernels.begin(), exe_.kernels.end(),
                                   [](const Kernel& a, const Kernel& b) { return a.entry < b.entry; });
    if (!in_place)
      for (const Kernel& kernel : exe_.kernels) {
        write_kernel(kernel);
        line("  .entry " + label_name(kernel.entry));
        labels_.insert(kernel.entry);
      }
    size_t next_kernel = in_place ? 0 : exe_.kernels.size(), next_line = 0;
    for (uint32_t word = 0; word < exe_.code.size();) {
      for (; next_kernel < exe_.kernels.size() && exe_.kernels[next_kernel].entry == word; ++next_kernel)
        write_kernel(exe_.kernels[next_kernel]);
      for (; next_line < exe_.lines.size() && exe_.lines[next_line].word == word; ++next_line)
        write_location(exe_.lines[next_line]);
      word += write_instruction(word);
    }
    // Code that is never reached may name the end.
    if (const auto end = static_cast<uint32_t>(exe_.code.size()); labels_.contains(end)) line(label_name(end) + ":");
    return std::move(text_);
  }

  std::string one_kernel(const Kernel& kernel) {
    line("// " + kernel.display_name +
         (kernel.file.empty() ? "" : "  (" + kernel.file + ":" + std::to_string(kernel.line) + ")"));
    write_kernel(kernel);
    std::span<const image::SourceFrame> shown;
    for (uint32_t word : reachable(kernel.entry)) {
      auto frames = exe_.source(word);
      if (!frames.empty() && (shown.empty() || frames.data() != shown.data()))
        line("                      // " + place_text(frames));
      shown = frames;
      write_instruction(word);
    }
    return std::move(text_);
  }

 private:
  void line(const std::string& content) {
    text_ += content;
    text_ += '\n';
  }

  static std::string place_text(std::span<const image::SourceFrame> frames) {
    std::string text;
    for (const image::SourceFrame& frame : frames)
      text += (text.empty() ? "" : ", inlined at ") + frame.file + ":" + std::to_string(frame.line) +
              (frame.function.empty() ? "" : " (" + frame.function + ")");
    return text;
  }

  // Words of the instructions that control can reach from the entry, ascending.
  std::set<uint32_t> reachable(uint32_t entry) const {
    std::set<uint32_t> seen;
    std::vector<uint32_t> work = {entry};
    while (!work.empty()) {
      uint32_t word = work.back();
      work.pop_back();
      auto instruction = isa::decode(exe_.code, word);
      if (!instruction || !seen.insert(word).second) continue;
      if (isa::has_label(*isa::row(instruction->op))) work.push_back(instruction->target());
      bool ends = instruction->op == isa::Opcode::Exit || instruction->op == isa::Opcode::Trap ||
                  instruction->op == isa::Opcode::Ret || instruction->op == isa::Opcode::Jmp;
      if (!ends) work.push_back(word + instruction->words());
    }
    return seen;
  }

  void write_kernel(const Kernel& kernel) {
    line("");
    line(".kernel " + name_text(kernel.name) + " " + std::string(core_name(kernel.core)));
    if (kernel.display_name != kernel.name) line("  .display " + quoted(kernel.display_name));
    if (!kernel.file.empty() || kernel.line)
      line("  .source " + quoted(kernel.file) + " " + std::to_string(kernel.line));
    line("  .regs r=" + std::to_string(kernel.lane_registers) + " s=" + std::to_string(kernel.scalar_registers) +
         " p=" + std::to_string(kernel.predicates));
    std::string flags = "  .flags";
    if (kernel.flags & image::kUsesClock) flags += " clock";
    if (kernel.flags & image::kUsesGridBarrier) flags += " grid_barrier";
    if (kernel.flags & image::kUsesDynamicUb) flags += " dynamic_ub";
    if (kernel.flags & image::kUsesService) flags += " service";
    if (kernel.flags & image::kMix) flags += " mix";
    line(flags);
    if (kernel.local_bytes) line("  .local " + std::to_string(kernel.local_bytes));
    if (kernel.ub_static_bytes) line("  .ub " + std::to_string(kernel.ub_static_bytes));
    if (kernel.max_threads != 1024) line("  .threads " + std::to_string(kernel.max_threads));
    uint32_t end = 0;
    for (size_t p = 0; p < kernel.params.size(); ++p) {
      const image::Param& param = kernel.params[p];
      line("  .param arg" + std::to_string(p) + " " + std::to_string(param.size) + (param.pointer ? " ptr" : "") +
           " at " + std::to_string(param.offset));
      end = param.offset + param.size;
    }
    if (end != kernel.param_bytes) line("  .param_bytes " + std::to_string(kernel.param_bytes));
  }

  void write_location(const image::LineEntry& entry) {
    if (entry.frames.empty()) return line("  .noloc");
    std::string text = "  .loc ";
    for (size_t f = 0; f < entry.frames.size(); ++f) {
      const image::SourceFrame& frame = entry.frames[f];
      text += (f ? " in " : "") + quoted(frame.file) + " " + std::to_string(frame.line);
      if (frame.column) text += " " + std::to_string(frame.column);
      if (!frame.function.empty()) text += " " + quoted(frame.function);
    }
    line(text);
  }

  // Returns the number of words.
  uint32_t write_instruction(uint32_t word) {
    if (labels_.contains(word)) line(label_name(word) + ":");
    auto instruction = isa::decode(exe_.code, word);
    if (!instruction) {
      line("  // " + instruction.diagnostic().str());
      return 1;
    }
    auto relocation = relocation_of_word_.find(word + 1);
    std::string extension = relocation == relocation_of_word_.end() ? "" : reference_text(*relocation->second);
    std::string text = isa::disassemble(*instruction, extension);
    size_t space = text.find(' ');
    if (space != text.npos && space < 20) text.insert(space, 20 - space, ' ');
    line("  " + text);
    return instruction->words();
  }

  std::string reference_text(const image::Relocation& relocation) const {
    return "@" + name_text(exe_.objects[relocation.object].name) +
           (relocation.addend ? " + " + std::to_string(relocation.addend) : "");
  }

  // --- Data

  void write_data() {
    uint64_t data_end = 0, bss_end = 0;
    for (const Object& object : exe_.objects) {
      std::string_view kind = object.kind == image::ObjectKind::global     ? "global"
                              : object.kind == image::ObjectKind::constant ? "constant"
                                                                           : "string";
      std::string text = (object.zero ? ".bss " : ".data ") + std::string(kind) + " " + name_text(object.name) +
                         (object.zero ? " " + std::to_string(object.size) : "") + " align " +
                         std::to_string(object.alignment);
      uint64_t& end = object.zero ? bss_end : data_end;
      if (object.offset != (end + object.alignment - 1) / object.alignment * object.alignment)
        text += " at " + std::to_string(object.offset);
      line(text);
      end = object.offset + object.size;
      if (!object.zero) write_bytes(object);
    }
    if (data_end != exe_.data.size()) line(".data_bytes " + std::to_string(exe_.data.size()));
  }

  uint8_t byte(uint64_t at) const { return static_cast<uint8_t>(exe_.data[at]); }

  void write_bytes(const Object& object) {
    uint64_t end = object.offset + object.size;
    if (object.kind == image::ObjectKind::string && is_text(object.offset, end)) {
      auto* begin = reinterpret_cast<const char*>(exe_.data.data() + object.offset);
      if (object.size > 0 && byte(end - 1) == 0) return line("  .string " + quoted({begin, object.size - 1}));
      constexpr uint64_t kWide = 100;  // characters of a line: long texts, such as program descriptions, have no NUL
      for (uint64_t at = 0; at < object.size; at += kWide)
        line("  .ascii " + quoted({begin + at, std::min(kWide, object.size - at)}));
      return;
    }
    for (uint64_t at = object.offset; at < end;) {
      auto relocation = relocation_of_byte_.lower_bound(at);
      uint64_t stop = relocation == relocation_of_byte_.end() ? end : std::min(end, relocation->first);
      if (stop == at) {
        line("  .quad " + reference_text(*relocation->second));
        at += 8;
        continue;
      }
      uint64_t zeros = at;
      while (zeros < stop && byte(zeros) == 0) ++zeros;
      if (zeros - at >= 16 || zeros == stop) {
        line("  .zero " + std::to_string(zeros - at));
        at = zeros;
        continue;
      }
      std::string text = "  .byte ";
      for (uint64_t first = at; at < stop && at - first < 16; ++at)
        text += (at == first ? "" : ", ") + std::to_string(byte(at));
      line(text);
    }
  }

  // No NUL but perhaps at the end, no pointer inside.
  bool is_text(uint64_t begin, uint64_t end) const {
    auto relocation = relocation_of_byte_.lower_bound(begin);
    if (relocation != relocation_of_byte_.end() && relocation->first < end) return false;
    for (uint64_t at = begin; at + 1 < end; ++at)
      if (byte(at) == 0) return false;
    return true;
  }

  const Executable& exe_;
  std::map<uint64_t, const image::Relocation*> relocation_of_word_, relocation_of_byte_;
  std::set<uint32_t> labels_;
  std::string text_;
};

}  // namespace

std::string listing(const Executable& executable) { return Writer(executable).whole_file(); }

std::string listing(const Executable& executable, const Kernel& kernel) {
  return Writer(executable).one_kernel(kernel);
}

}  // namespace phx::assembler
