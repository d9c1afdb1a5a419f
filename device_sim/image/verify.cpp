#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "device_sim/image/image.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/verifier.h"

namespace phx::image {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

// A name that can be written in a listing and looked up: at least one character and no control characters.
bool is_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7F; });
}

class Checks {
 public:
  Checks(const Executable& executable, const std::string& name) : exe_(executable), name_(name) {}

  Outcome run() {
    auto decoded = isa::decode_all(exe_.code);
    if (!decoded) return in_file(decoded.diagnostic());
    code_ = std::move(*decoded);
    for (auto step : {&Checks::check_target, &Checks::check_kernels, &Checks::check_objects,
                      &Checks::check_code_relocations, &Checks::check_data_relocations, &Checks::check_lines})
      if (Outcome done = (this->*step)(); !done) return done;
    return {};
  }

 private:
  Diagnostic fail(const std::string& message) const { return {message, name_, 0, 0, {}}; }
  Diagnostic in_file(Diagnostic diagnostic) const {
    diagnostic.file = name_ + ":" + diagnostic.file;
    return diagnostic;
  }

  Outcome check_target() {
    bool simt = exe_.target == CoreKind::simt;
    if (exe_.target > CoreKind::aic) return fail("unknown target core");
    if (simt && !exe_.machine_digest.empty())
      return fail("a simt image is not bound to a machine, but has a machine digest");
    if (!simt && !is_name(exe_.machine_digest)) return fail("a tile image needs the digest of its machine");
    if (exe_.machine_digest.size() > 256) return fail("the machine digest is longer than 256 characters");
    return {};
  }

  Outcome check_kernels() {
    if (exe_.kernels.size() > kMaxKernels) return fail("more than " + number(kMaxKernels) + " kernels");
    for (const Kernel& kernel : exe_.kernels)
      if (Outcome checked = check_kernel(kernel); !checked) return checked;
    return check_mixes();
  }

  // A name with a kMix kernel belongs to exactly two, the halves of one launch.
  Outcome check_mixes() {
    std::unordered_map<std::string_view, std::vector<const Kernel*>> halves;
    for (const Kernel& kernel : exe_.kernels)
      if (kernel.flags & kMix) halves.try_emplace(kernel.name);
    if (halves.empty()) return {};
    for (const Kernel& kernel : exe_.kernels)
      if (auto found = halves.find(kernel.name); found != halves.end()) found->second.push_back(&kernel);
    for (const Kernel& kernel : exe_.kernels) {
      auto found = halves.find(kernel.name);
      if (found == halves.end()) continue;
      const std::vector<const Kernel*>& both = found->second;
      auto refuse = [&](const std::string& message) { return fail("kernel " + kernel.name + ": " + message); };
      if (both.size() != 2 || both[0]->core == both[1]->core)
        return refuse("a mix needs exactly two kernels of this name, one for aic and one for aiv");
      if (!(both[0]->flags & both[1]->flags & kMix)) return refuse("both halves of a mix need the flag mix");
      if (both[0]->params != both[1]->params || both[0]->param_bytes != both[1]->param_bytes)
        return refuse("the halves of a mix must have the same parameters");
    }
    return {};
  }

  Outcome check_kernel(const Kernel& kernel) {
    if (!is_name(kernel.name)) return fail("a kernel has no name or one with control characters");
    auto refuse = [&](const std::string& message) { return fail("kernel " + kernel.name + ": " + message); };
    if (kernel.core > CoreKind::aic || (kernel.core == CoreKind::simt) != (exe_.target == CoreKind::simt))
      return refuse("its core kind does not go with the image's target");
    if (kernel.lane_registers > isa::kLaneRegisters || kernel.scalar_registers > isa::kScalarRegisters ||
        kernel.predicates > isa::kPredicates)
      return refuse("declares more registers than exist");
    if (kernel.core != CoreKind::simt && (kernel.lane_registers || kernel.local_bytes))
      return refuse("a tile program has no lane registers and no local memory");
    if (kernel.max_threads == 0 || kernel.max_threads > kMaxThreads)
      return refuse("max_threads is " + number(kernel.max_threads) + ", expected 1 to " + number(kMaxThreads));
    if (kernel.local_bytes > kMaxLocalBytes)
      return refuse("more than " + number(kMaxLocalBytes) + " bytes of local memory");
    if (kernel.ub_static_bytes > kMaxUbBytes)
      return refuse("more than " + number(kMaxUbBytes) + " bytes of unified buffer");
    if (kernel.param_bytes > kMaxParamBytes || kernel.params.size() > kMaxParams)
      return refuse("its argument block is too large");
    uint64_t end = 0;
    for (const Param& param : kernel.params) {
      if (param.offset < end || param.size == 0 || uint64_t{param.offset} + param.size > kernel.param_bytes)
        return refuse("its parameters overlap, are empty or lie outside the argument block");
      if (param.pointer && (param.size != 8 || param.offset % 8))
        return refuse("a pointer parameter is not 8 aligned bytes");
      end = uint64_t{param.offset} + param.size;
    }

    isa::CodeLimits limits;
    limits.lane_registers = kernel.lane_registers;
    limits.scalar_registers = kernel.scalar_registers;
    limits.predicates = kernel.predicates;
    limits.simt = kernel.core == CoreKind::simt;
    limits.tile_core = kernel.core == CoreKind::aic ? isa::Core::aic : isa::Core::aiv;
    auto use = analyze_once(kernel, limits);
    if (!use) {
      Diagnostic diagnostic = in_file(use.diagnostic());
      diagnostic.message = "kernel " + kernel.name + ": " + diagnostic.message;
      return diagnostic;
    }
    if (verified_ > kMaxVerified)
      return refuse("the kernels of this file reach more than " + number(kMaxVerified) + " instructions");
    struct {
      bool used;
      KernelFlag flag;
      const char* what;
    } const flags[] = {{use->clock, kUsesClock, "reads a clock"},
                       {use->grid_barrier, kUsesGridBarrier, "has a grid barrier"},
                       {use->dynamic_ub, kUsesDynamicUb, "asks for the dynamic unified buffer"},
                       {use->service, kUsesService, "asks the host for services"}};
    for (auto [used, flag, what] : flags)
      if (used && !(kernel.flags & flag))
        return refuse(std::string("its code ") + what + ", but its flags do not say so");
    if (kernel.flags >= kMix * 2) return refuse("unknown flags");
    if (kernel.flags & kMix && kernel.core == CoreKind::simt)
      return refuse("a SIMT kernel runs on vector cores alone, so it is no half of a mix");
    return {};
  }

  // Kernels that share entry and limits share the answer, so that a small file cannot ask for the same long walk often.
  Expected<isa::CodeUse> analyze_once(const Kernel& kernel, const isa::CodeLimits& limits) {
    auto key = std::tuple(kernel.entry, limits.lane_registers, limits.scalar_registers, limits.predicates, kernel.core);
    auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    auto use = isa::analyze(code_, kernel.entry, limits);
    if (use) {
      verified_ += use->instructions;
      known_.emplace(key, *use);
    }
    return use;
  }

  Outcome check_objects() {
    uint64_t data_end = 0, bss_end = 0;
    std::unordered_set<std::string_view> names;
    for (const Object& object : exe_.objects) {
      if (!is_name(object.name)) return fail("a data object has no name or one with control characters");
      auto refuse = [&](const std::string& message) { return fail("object " + object.name + ": " + message); };
      if (!names.insert(object.name).second) return refuse("there are two objects of this name");
      if (object.kind > ObjectKind::string) return refuse("unknown kind");
      if (object.alignment == 0 || (object.alignment & (object.alignment - 1)) ||
          object.alignment > kMaxObjectAlignment)
        return refuse("alignment " + number(object.alignment) + " is not a power of two up to " +
                      number(kMaxObjectAlignment));
      if (object.offset % object.alignment) return refuse("misaligned");
      if (object.size == 0) return refuse("empty");
      uint64_t& end = object.zero ? bss_end : data_end;
      uint64_t section_size = object.zero ? kMaxBssBytes : exe_.data.size();
      if (object.offset < end) return refuse("overlaps or precedes the object before it");
      if (object.offset > section_size || section_size - object.offset < object.size)
        return refuse(object.zero ? "the zero objects come to more than " + number(kMaxBssBytes) + " bytes"
                                  : "lies outside .data");
      if (!object.zero && !zero(end, object.offset))
        return refuse("the bytes before it belong to no object, but are not zero");
      end = object.offset + object.size;
    }
    if (!zero(data_end, exe_.data.size())) return fail("the bytes after the last object of .data are not zero");
    return {};
  }

  bool zero(uint64_t begin, uint64_t end) const {
    return std::all_of(exe_.data.begin() + static_cast<ptrdiff_t>(begin),
                       exe_.data.begin() + static_cast<ptrdiff_t>(end), [](std::byte b) { return b == std::byte{0}; });
  }

  Outcome check_symbol(const Relocation& relocation) const {
    if (relocation.object >= exe_.objects.size()) return fail("a relocation names an object that does not exist");
    const Object& object = exe_.objects[relocation.object];
    if (relocation.addend < 0 || static_cast<uint64_t>(relocation.addend) > object.size)
      return fail("a relocation to " + object.name + " lies outside the object");
    return {};
  }

  Outcome check_code_relocations() {
    const Relocation* last = nullptr;
    for (const Relocation& relocation : exe_.code_relocations) {
      if (Outcome checked = check_symbol(relocation); !checked) return checked;
      if (last && relocation.place <= last->place) return fail("code relocations do not ascend");
      last = &relocation;
      bool fits = false;
      if (relocation.place > 0 && relocation.place < code_.starts.size()) {
        uint32_t start = code_.starts[relocation.place - 1];
        if (start != isa::DecodedCode::kNone && code_.instructions[start].has_ext)
          for (const isa::Slot& slot : isa::slots(code_.instructions[start]))
            fits |= slot.kind != isa::OperandClass::None && slot.value == isa::operand::kImm && slot.width == 64;
      }
      if (fits && exe_.code[relocation.place])
        return fail("the immediate at word " + number(relocation.place) + " is relocated, but not zero");
      if (!fits)
        return fail("the code relocation at word " + number(relocation.place) + " is not at a 64-bit immediate");
    }
    return {};
  }

  Outcome check_data_relocations() {
    const Relocation* last = nullptr;
    std::vector<const Object*> stored;
    for (const Object& object : exe_.objects)
      if (!object.zero) stored.push_back(&object);
    auto holder = stored.begin();  // objects ascend as the places do
    for (const Relocation& relocation : exe_.data_relocations) {
      if (Outcome checked = check_symbol(relocation); !checked) return checked;
      if (last && relocation.place < last->place + 8) return fail("data relocations do not ascend or overlap");
      last = &relocation;
      while (holder != stored.end() && (*holder)->offset + (*holder)->size <= relocation.place) ++holder;
      bool inside = holder != stored.end() && (*holder)->offset <= relocation.place && (*holder)->size >= 8 &&
                    relocation.place - (*holder)->offset <= (*holder)->size - 8;
      if (relocation.place % 8 || !inside)
        return fail("the data relocation at byte " + number(relocation.place) +
                    " is not at 8 aligned bytes of an object");
      if (!zero(relocation.place, relocation.place + 8))
        return fail("the pointer at byte " + number(relocation.place) + " of .data is relocated, but not zero");
    }
    return {};
  }

  Outcome check_lines() {
    uint64_t next = 0;
    for (const LineEntry& entry : exe_.lines) {
      if (entry.word < next || entry.word >= exe_.code.size())
        return fail("line entries do not ascend inside the code");
      if (code_.starts[entry.word] == isa::DecodedCode::kNone)
        return fail("a line entry is not at the start of an instruction");
      if (entry.frames.size() > kMaxFrames) return fail("more than " + number(kMaxFrames) + " frames in a line entry");
      next = uint64_t{entry.word} + 1;
    }
    return {};
  }

  const Executable& exe_;
  const std::string& name_;
  isa::DecodedCode code_;
  uint64_t verified_ = 0;
  std::map<std::tuple<uint32_t, unsigned, unsigned, unsigned, CoreKind>, isa::CodeUse> known_;
};

}  // namespace

std::optional<uint32_t> partner(std::span<const Kernel> kernels, uint32_t kernel) {
  if (kernel >= kernels.size() || !(kernels[kernel].flags & kMix)) return std::nullopt;
  for (uint32_t i = 0; i < kernels.size(); ++i)
    if (i != kernel && kernels[i].name == kernels[kernel].name) return i;
  return std::nullopt;
}

Outcome verify(const Executable& executable, const std::string& name) { return Checks(executable, name).run(); }

}  // namespace phx::image
