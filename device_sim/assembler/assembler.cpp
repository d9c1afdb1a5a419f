#include "device_sim/assembler/assembler.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>
#include <vector>

#include "device_sim/assembler/cursor.h"
#include "device_sim/assembler/instruction_text.h"
#include "device_sim/isa/immediate.h"
#include "device_sim/isa/isa.h"
#include "device_sim/isa/verifier.h"

namespace phx::assembler {
namespace {

using image::CoreKind;
using image::Executable;
using image::Kernel;
using image::Object;

constexpr uint64_t kMaxData = uint64_t{1} << 28;  // bytes; larger data comes from the compiler, not from text
constexpr uint64_t kMaxCode = uint64_t{1} << 26;  // words

// What the text says of a kernel besides image::Kernel.
struct KernelText {
  uint64_t line = 0;
  bool has_registers = false, has_flags = false, has_param_bytes = false;
  std::unordered_map<std::string, uint32_t> parameters;  // name -> offset
  std::optional<Reference> entry;
  uint64_t entry_line = 0;
};

// A reference to be resolved when all names are known.
struct Pending {
  Reference reference;
  uint64_t line = 0;
  uint64_t place = 0;  // word of the label, or place of the relocation
  bool in_data = false;
};

uint64_t aligned(uint64_t offset, uint64_t alignment) { return (offset + alignment - 1) / alignment * alignment; }

class Assembler {
 public:
  Assembler(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Expected<Executable> run() {
    if (Outcome read = read_lines(); !read) return read.diagnostic();
    end_object();
    if (Outcome resolved = resolve(); !resolved) return resolved.diagnostic();
    if (Outcome analyzed = complete_kernels(); !analyzed) return analyzed.diagnostic();
    if (Outcome verified = image::verify(exe_, file_); !verified) return at_source(verified.diagnostic());
    return std::move(exe_);
  }

 private:
  Outcome read_lines() {
    for (std::string_view rest = text_; !rest.empty();) {
      size_t end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
      Cursor cursor(line, file_, ++line_);
      if (Outcome read = read_line(cursor); !read) return read;
    }
    return {};
  }

  Outcome read_line(Cursor& cursor) {
    for (;;) {  // labels before an instruction
      if (cursor.at_end()) return {};
      Cursor ahead = cursor;
      auto name = ahead.name();
      if (!name || !ahead.accept(':')) break;
      if (!labels_.try_emplace(*name, static_cast<uint32_t>(exe_.code.size())).second)
        return cursor.fail("the label '" + *name + "' is defined twice");
      cursor = ahead;
    }
    if (cursor.peek() == '.') return read_directive(cursor);
    return read_instruction(cursor);
  }

  Outcome read_instruction(Cursor& cursor) {
    ParameterLookup lookup = [&](std::string_view name) -> std::optional<uint32_t> {
      if (exe_.kernels.empty()) return std::nullopt;
      auto& parameters = kernels_.back().parameters;
      auto found = parameters.find(std::string(name));
      return found == parameters.end() ? std::nullopt : std::optional(found->second);
    };
    auto parsed = parse_instruction(cursor, lookup);
    if (!parsed) return parsed.diagnostic();
    if (exe_.code.size() >= kMaxCode) return cursor.fail("more than " + std::to_string(kMaxCode) + " words of code");
    line_of_word_.emplace_back(exe_.code.size(), line_);
    uint64_t extension = exe_.code.size() + 1;
    isa::encode(parsed->instruction, exe_.code);
    if (parsed->label) label_uses_.push_back({*parsed->label, line_, extension, false});
    if (parsed->object) object_uses_.push_back({*parsed->object, line_, extension, false});
    return {};
  }

  // --- Directives

  using Directive = Outcome (Assembler::*)(Cursor&);

  Outcome read_directive(Cursor& cursor) {
    static const std::map<std::string_view, Directive> directives = {
        {".target", &Assembler::target},
        {".kernel", &Assembler::kernel},
        {".display", &Assembler::display},
        {".source", &Assembler::source},
        {".regs", &Assembler::registers},
        {".flags", &Assembler::flags},
        {".local", &Assembler::local},
        {".ub", &Assembler::ub},
        {".threads", &Assembler::threads},
        {".param", &Assembler::param},
        {".param_bytes", &Assembler::param_bytes},
        {".entry", &Assembler::entry},
        {".loc", &Assembler::location},
        {".noloc", &Assembler::no_location},
        {".bss", &Assembler::bss},
        {".data", &Assembler::data},
        {".global", &Assembler::global},
        {".constant", &Assembler::constant},
        {".data_bytes", &Assembler::data_bytes},
        {".byte", &Assembler::bytes<1>},
        {".half", &Assembler::bytes<2>},
        {".word", &Assembler::bytes<4>},
        {".quad", &Assembler::quads},
        {".float", &Assembler::floats<isa::Type::F32>},
        {".double", &Assembler::floats<isa::Type::F64>},
        {".string", &Assembler::string},
        {".ascii", &Assembler::ascii},
        {".zero", &Assembler::zeros},
    };
    uint64_t column = cursor.column();
    std::string_view word = cursor.word();
    auto found = directives.find(word);
    if (found == directives.end()) {
      std::vector<std::string_view> names;
      for (const auto& [name, directive] : directives) names.push_back(name);
      return cursor.fail_at(column, "unknown directive '" + std::string(word) + "'" + suggestion(word, names));
    }
    if (Outcome done = (this->*found->second)(cursor); !done) return done;
    return cursor.expect_end();
  }

  bool core_word(Cursor& cursor, CoreKind& core) {
    if (cursor.accept_word("simt"))
      core = CoreKind::simt;
    else if (cursor.accept_word("aiv"))
      core = CoreKind::aiv;
    else if (cursor.accept_word("aic"))
      core = CoreKind::aic;
    else
      return false;
    return true;
  }

  // .target simt | aiv "digest" | aic "digest"
  Outcome target(Cursor& cursor) {
    if (!core_word(cursor, exe_.target)) return cursor.expected("simt, aiv or aic");
    if (exe_.target == CoreKind::simt) return {};
    return take_string(cursor, exe_.machine_digest);
  }

  Outcome kernel(Cursor& cursor) {
    end_object();
    if (exe_.kernels.size() >= image::kMaxKernels) return cursor.fail("too many kernels");
    auto name = cursor.name();
    if (!name) return name.diagnostic();
    Kernel& kernel = exe_.kernels.emplace_back();
    kernel.name = kernel.display_name = *name;
    kernel.core = exe_.target;
    core_word(cursor, kernel.core);
    kernel.entry = static_cast<uint32_t>(exe_.code.size());
    kernels_.emplace_back().line = line_;
    return {};
  }

  // The kernel that the directive belongs to.
  Expected<Kernel*> current(Cursor& cursor) {
    if (exe_.kernels.empty()) return cursor.fail("this directive belongs after .kernel");
    return &exe_.kernels.back();
  }

  Outcome take_string(Cursor& cursor, std::string& to) {
    auto text = cursor.string();
    if (!text) return text.diagnostic();
    to = std::move(*text);
    return {};
  }

  Outcome take(Cursor& cursor, uint32_t& to, uint64_t limit = UINT32_MAX) {
    auto value = cursor.integer(limit);
    if (!value) return value.diagnostic();
    to = static_cast<uint32_t>(*value);
    return {};
  }

  Outcome display(Cursor& cursor) {
    auto kernel = current(cursor);
    return kernel ? take_string(cursor, (*kernel)->display_name) : Outcome(kernel.diagnostic());
  }

  Outcome source(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    if (Outcome taken = take_string(cursor, (*kernel)->file); !taken) return taken;
    return take(cursor, (*kernel)->line);
  }

  Outcome registers(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    kernels_.back().has_registers = true;
    while (!cursor.at_end()) {
      uint32_t* to = cursor.accept_word("r")   ? &(*kernel)->lane_registers
                     : cursor.accept_word("s") ? &(*kernel)->scalar_registers
                     : cursor.accept_word("p") ? &(*kernel)->predicates
                                               : nullptr;
      if (!to) return cursor.expected("r=<count>, s=<count> or p=<count>");
      if (!cursor.accept('=')) return cursor.expected("'='");
      if (Outcome taken = take(cursor, *to, isa::kLaneRegisters); !taken) return taken;
    }
    return {};
  }

  Outcome flags(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    kernels_.back().has_flags = true;
    while (!cursor.at_end()) {
      if (cursor.accept_word("clock"))
        (*kernel)->flags |= image::kUsesClock;
      else if (cursor.accept_word("grid_barrier"))
        (*kernel)->flags |= image::kUsesGridBarrier;
      else if (cursor.accept_word("dynamic_ub"))
        (*kernel)->flags |= image::kUsesDynamicUb;
      else if (cursor.accept_word("service"))
        (*kernel)->flags |= image::kUsesService;
      else if (cursor.accept_word("mix"))
        (*kernel)->flags |= image::kMix;
      else
        return cursor.expected("clock, grid_barrier, dynamic_ub, service or mix");
    }
    return {};
  }

  Outcome local(Cursor& cursor) {
    auto kernel = current(cursor);
    return kernel ? take(cursor, (*kernel)->local_bytes) : Outcome(kernel.diagnostic());
  }
  Outcome ub(Cursor& cursor) {
    auto kernel = current(cursor);
    return kernel ? take(cursor, (*kernel)->ub_static_bytes) : Outcome(kernel.diagnostic());
  }
  Outcome threads(Cursor& cursor) {
    auto kernel = current(cursor);
    return kernel ? take(cursor, (*kernel)->max_threads) : Outcome(kernel.diagnostic());
  }

  // .param name size [ptr] [at offset]; without `at` aligned to the largest power of two up to 8 that divides the size
  Outcome param(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    auto name = cursor.name();
    if (!name) return name.diagnostic();
    image::Param param;
    if (Outcome taken = take(cursor, param.size, image::kMaxParamBytes); !taken) return taken;
    param.pointer = cursor.accept_word("ptr");
    std::vector<image::Param>& params = (*kernel)->params;
    uint64_t end = params.empty() ? 0 : uint64_t{params.back().offset} + params.back().size;
    uint64_t alignment = param.size % 8 == 0 ? 8 : param.size % 4 == 0 ? 4 : param.size % 2 == 0 ? 2 : 1;
    param.offset = static_cast<uint32_t>(aligned(end, alignment));
    if (cursor.accept_word("at"))
      if (Outcome taken = take(cursor, param.offset, image::kMaxParamBytes); !taken) return taken;
    if (!kernels_.back().parameters.try_emplace(*name, param.offset).second)
      return cursor.fail("the kernel has two parameters '" + *name + "'");
    if (params.size() >= image::kMaxParams) return cursor.fail("too many parameters");
    params.push_back(param);
    if (!kernels_.back().has_param_bytes) (*kernel)->param_bytes = param.offset + param.size;
    return {};
  }

  Outcome param_bytes(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    kernels_.back().has_param_bytes = true;
    return take(cursor, (*kernel)->param_bytes);
  }

  Outcome entry(Cursor& cursor) {
    auto kernel = current(cursor);
    if (!kernel) return kernel.diagnostic();
    uint64_t column = cursor.column();
    auto name = cursor.name();
    if (!name) return name.diagnostic();
    kernels_.back().entry = Reference{*name, column};
    kernels_.back().entry_line = line_;
    return {};
  }

  // .loc "file" line column "function" { in "file" line column "function" }, innermost first; column and function
  // optional
  Outcome location(Cursor& cursor) {
    std::vector<image::SourceFrame> frames;
    do {
      image::SourceFrame& frame = frames.emplace_back();
      if (Outcome taken = take_string(cursor, frame.file); !taken) return taken;
      if (Outcome taken = take(cursor, frame.line); !taken) return taken;
      if (cursor.peek() >= '0' && cursor.peek() <= '9')
        if (Outcome taken = take(cursor, frame.column); !taken) return taken;
      if (cursor.peek() == '"')
        if (Outcome taken = take_string(cursor, frame.function); !taken) return taken;
    } while (cursor.accept_word("in"));
    return add_line(std::move(frames));
  }

  Outcome no_location(Cursor&) { return add_line({}); }

  Outcome add_line(std::vector<image::SourceFrame> frames) {
    auto word = static_cast<uint32_t>(exe_.code.size());
    if (!exe_.lines.empty() && exe_.lines.back().word == word) exe_.lines.pop_back();
    exe_.lines.push_back({word, std::move(frames)});
    return {};
  }

  // --- Data

  Outcome global(Cursor& cursor) { return object(cursor, image::ObjectKind::global); }
  Outcome constant(Cursor& cursor) { return object(cursor, image::ObjectKind::constant); }

  // .data [global|constant|string] name …
  Outcome data(Cursor& cursor) {
    auto kind = object_kind(cursor);
    return kind ? object(cursor, *kind) : Outcome(kind.diagnostic());
  }

  // .bss [global|constant|string] name size …
  Outcome bss(Cursor& cursor) {
    auto kind = object_kind(cursor);
    return kind ? object(cursor, *kind, true) : Outcome(kind.diagnostic());
  }

  Expected<image::ObjectKind> object_kind(Cursor& cursor) {
    if (cursor.accept_word("global")) return image::ObjectKind::global;
    if (cursor.accept_word("constant")) return image::ObjectKind::constant;
    if (cursor.accept_word("string")) return image::ObjectKind::string;
    return cursor.expected("global, constant or string");
  }

  // name [align N] [at offset]; the name of a zero object is followed by its size
  Outcome object(Cursor& cursor, image::ObjectKind kind, bool zero = false) {
    end_object();
    uint64_t column = cursor.column();
    auto name = cursor.name();
    if (!name) return name.diagnostic();
    Object object;
    object.name = *name;
    object.kind = kind;
    object.zero = zero;
    if (zero) {
      auto size = cursor.integer(image::kMaxBssBytes);
      if (!size) return size.diagnostic();
      object.size = *size;
    }
    const uint64_t end = zero ? bss_end_ : exe_.data.size();
    if (cursor.accept_word("align"))
      if (Outcome taken = take(cursor, object.alignment, image::kMaxObjectAlignment); !taken) return taken;
    if (object.alignment == 0) return cursor.fail("an alignment is a power of two");
    object.offset = aligned(end, object.alignment);
    if (cursor.accept_word("at")) {
      column = cursor.column();
      auto offset = cursor.integer(zero ? image::kMaxBssBytes : kMaxData);
      if (!offset) return offset.diagnostic();
      if (*offset < end)
        return cursor.fail_at(column,
                              "objects are written in ascending order; the last one ends at " + std::to_string(end));
      object.offset = *offset;
    }
    if (zero)
      bss_end_ = object.offset + object.size;
    else
      exe_.data.resize(object.offset);
    if (!objects_.try_emplace(*name, static_cast<uint32_t>(exe_.objects.size())).second)
      return cursor.fail_at(column, "the object '" + *name + "' is defined twice");
    exe_.objects.push_back(std::move(object));
    open_object_ = !zero;
    return {};
  }

  void end_object() {
    if (open_object_) exe_.objects.back().size = exe_.data.size() - exe_.objects.back().offset;
    open_object_ = false;
  }

  // Bytes of .data in all, if there is padding behind the last object.
  Outcome data_bytes(Cursor& cursor) {
    end_object();
    auto size = cursor.integer(kMaxData);
    if (!size) return size.diagnostic();
    if (*size < exe_.data.size()) return cursor.fail("the data is larger already");
    exe_.data.resize(*size);
    return {};
  }

  Outcome append(Cursor& cursor, const void* bytes, size_t size) {
    if (!open_object_) return cursor.fail("data belongs after .data, .global or .constant");
    if (exe_.data.size() + size > kMaxData)
      return cursor.fail("more than " + std::to_string(kMaxData) + " bytes of data");
    auto* begin = static_cast<const std::byte*>(bytes);
    exe_.data.insert(exe_.data.end(), begin, begin + size);
    return {};
  }

  template <unsigned Size>
  Outcome bytes(Cursor& cursor) {
    do {
      uint64_t column = cursor.column();
      std::string_view text = cursor.number();
      if (text.empty()) return cursor.expected("a number");
      auto value = isa::parse_integer(text);
      if (!value) return cursor.fail_at(column, value.diagnostic().message);
      if constexpr (Size < 8) {
        int64_t smallest = -(int64_t{1} << (Size * 8 - 1));
        bool fits = text.starts_with('-') ? static_cast<int64_t>(*value) >= smallest : *value >> (Size * 8) == 0;
        if (!fits)
          return cursor.fail_at(
              column, "the number '" + std::string(text) + "' does not fit " + std::to_string(Size) + " bytes");
      }
      if (Outcome appended = append(cursor, &*value, Size); !appended) return appended;
    } while (cursor.accept(','));
    return {};
  }

  // As .word, eight bytes each, where @object + n is an address.
  Outcome quads(Cursor& cursor) {
    do {
      if (!cursor.accept('@')) {
        uint64_t column = cursor.column();
        std::string_view text = cursor.number();
        if (text.empty()) return cursor.expected("a number or @object");
        auto value = isa::parse_integer(text);
        if (!value) return cursor.fail_at(column, value.diagnostic().message);
        if (Outcome appended = append(cursor, &*value, 8); !appended) return appended;
        continue;
      }
      auto object = parse_object_reference(cursor);
      if (!object) return object.diagnostic();
      object_uses_.push_back({*object, line_, exe_.data.size(), true});
      uint64_t zero = 0;
      if (Outcome appended = append(cursor, &zero, 8); !appended) return appended;
    } while (cursor.accept(','));
    return {};
  }

  template <isa::Type Type>
  Outcome floats(Cursor& cursor) {
    constexpr unsigned width = Type == isa::Type::F32 ? 32 : 64;
    do {
      uint64_t column = cursor.column();
      std::string_view text = cursor.number();
      if (text.empty()) return cursor.expected("a number");
      auto value = isa::parse_immediate(text, Type, width);
      if (!value) return cursor.fail_at(column, value.diagnostic().message);
      if (Outcome appended = append(cursor, &*value, width / 8); !appended) return appended;
    } while (cursor.accept(','));
    return {};
  }

  Outcome string(Cursor& cursor) { return characters(cursor, 1); }
  Outcome ascii(Cursor& cursor) { return characters(cursor, 0); }
  Outcome characters(Cursor& cursor, size_t terminator) {
    auto text = cursor.string();
    if (!text) return text.diagnostic();
    return append(cursor, text->c_str(), text->size() + terminator);
  }

  Outcome zeros(Cursor& cursor) {
    if (!open_object_) return cursor.fail("data belongs after .data, .global or .constant");
    auto count = cursor.integer(kMaxData - exe_.data.size());
    if (!count) return count.diagnostic();
    exe_.data.resize(exe_.data.size() + *count);
    return {};
  }

  // --- End of file

  template <class Map>
  Outcome unknown(const Pending& use, const char* what, const Map& map) const {
    std::string_view name = use.reference.name;
    std::string hint;
    if (map.size() <= 10'000) {
      std::vector<std::string_view> names;
      for (const auto& [known, value] : map) names.push_back(known);
      std::sort(names.begin(), names.end());
      hint = suggestion(name, names);
    }
    return error_at(file_, use.line, std::string(what) + " '" + std::string(name) + "' is not defined" + hint,
                    use.reference.column);
  }

  Outcome resolve() {
    for (size_t k = 0; k < kernels_.size(); ++k)
      if (kernels_[k].entry) {
        Pending use{*kernels_[k].entry, kernels_[k].entry_line, 0, false};
        auto found = labels_.find(use.reference.name);
        if (found == labels_.end()) return unknown(use, "the label", labels_);
        exe_.kernels[k].entry = found->second;
      }
    for (const Pending& use : label_uses_) {
      auto found = labels_.find(use.reference.name);
      if (found == labels_.end()) return unknown(use, "the label", labels_);
      exe_.code[use.place] = found->second;
    }
    for (const Pending& use : object_uses_) {
      auto found = objects_.find(use.reference.name);
      if (found == objects_.end()) return unknown(use, "the object", objects_);
      (use.in_data ? exe_.data_relocations : exe_.code_relocations)
          .push_back({use.place, found->second, use.reference.addend});
    }
    return {};
  }

  // Finds the registers and flags that the text does not state.
  Outcome complete_kernels() {
    if (std::all_of(kernels_.begin(), kernels_.end(),
                    [](const KernelText& k) { return k.has_registers && k.has_flags; }))
      return {};
    auto code = isa::decode_all(exe_.code);
    if (!code) return at_source(code.diagnostic());
    uint64_t work = 0;
    for (size_t k = 0; k < kernels_.size(); ++k) {
      Kernel& kernel = exe_.kernels[k];
      if (kernels_[k].has_registers && kernels_[k].has_flags) continue;
      isa::CodeLimits limits;
      limits.simt = kernel.core == CoreKind::simt;
      limits.tile_core = kernel.core == CoreKind::aic ? isa::Core::aic : isa::Core::aiv;
      if (kernel.entry >= exe_.code.size()) return error_at(file_, kernels_[k].line, "the kernel has no code");
      auto use = isa::analyze(*code, kernel.entry, limits);
      if (!use) return at_source(use.diagnostic());
      work += use->instructions;
      if (work > image::kMaxVerified)
        return error_at(file_, kernels_[k].line, "the kernels reach too many instructions");
      if (!kernels_[k].has_registers) {
        kernel.lane_registers = use->lane_registers;
        kernel.scalar_registers = use->scalar_registers;
        kernel.predicates = use->predicates;
      }
      if (!kernels_[k].has_flags)
        kernel.flags = (use->clock ? image::kUsesClock : 0u) | (use->grid_barrier ? image::kUsesGridBarrier : 0u) |
                       (use->dynamic_ub ? image::kUsesDynamicUb : 0u) | (use->service ? image::kUsesService : 0u);
    }
    return {};
  }

  // Replaces the byte offset of a code error by the line that the instruction stands on.
  Diagnostic at_source(Diagnostic diagnostic) const {
    if (!diagnostic.offset) return error_at(file_, 0, diagnostic.message);
    uint64_t word = *diagnostic.offset / 8;
    auto after = std::upper_bound(line_of_word_.begin(), line_of_word_.end(), word,
                                  [](uint64_t value, const auto& entry) { return value < entry.first; });
    return error_at(file_, after == line_of_word_.begin() ? 0 : std::prev(after)->second, diagnostic.message);
  }

  std::string_view text_;
  const std::string& file_;
  uint64_t line_ = 0;
  Executable exe_;
  std::vector<KernelText> kernels_;
  std::unordered_map<std::string, uint32_t> labels_, objects_;
  std::vector<Pending> label_uses_, object_uses_;
  std::vector<std::pair<uint64_t, uint64_t>> line_of_word_;  // word, line of the text
  bool open_object_ = false;
  uint64_t bss_end_ = 0;
};

}  // namespace

Expected<Executable> assemble(std::string_view text, const std::string& filename) {
  return Assembler(text, filename).run();
}

}  // namespace phx::assembler
