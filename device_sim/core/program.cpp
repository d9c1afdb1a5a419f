#include "device_sim/core/program.h"

#include <algorithm>
#include <cstring>

#include "device_sim/check/movable_addresses.h"
#include "device_sim/core/execution.h"
#include "device_sim/isa/operands.h"

namespace phx::sim {
namespace {

std::string buffer_name(const image::Object& object, const std::string& program) {
  switch (object.kind) {
    case image::ObjectKind::constant:
      return "__constant__ " + object.name + " of " + program;
    case image::ObjectKind::string:
      return "string constant " + object.name + " of " + program;
    default:
      return "__device__ " + object.name + " of " + program;
  }
}

}  // namespace

// With its objects in device memory and their addresses in its words.
Expected<std::shared_ptr<Program>> Program::placed(image::Executable executable, AddressSpace& memory,
                                                   std::span<const uint16_t> members, const std::string& name) {
  std::shared_ptr<Program> program(new Program);
  program->executable_ = std::move(executable);
  program->memory_ = &memory;
  image::Executable& image = program->executable_;

  for (const image::Object& object : image.objects) {
    const bool writable = object.kind == image::ObjectKind::global;
    auto address = memory.allocate(std::max<uint64_t>(object.size, 1), writable ? Placement::on : Placement::replicated,
                                   writable ? members.first(1) : members, buffer_name(object, name));
    if (!address) return address.diagnostic();
    program->object_addresses_.push_back(*address);
    memory.stop_tracking(*address);  // variables have an initial value, if only zero
    if (object.zero) continue;       // new memory reads as zeros
    if (object.offset > image.data.size() || object.size > image.data.size() - object.offset)
      return error(name + ": object " + object.name + " lies outside the data section");
    std::memcpy(memory.translate(*address, std::max<uint64_t>(object.size, 1)), image.data.data() + object.offset,
                object.size);
  }

  for (const image::Relocation& r : image.data_relocations) {
    auto holder = std::find_if(image.objects.begin(), image.objects.end(), [&](const image::Object& o) {
      return !o.zero && r.place >= o.offset && o.size >= 8 && r.place - o.offset <= o.size - 8;
    });
    if (holder == image.objects.end() || r.object >= image.objects.size())
      return error(name + ": a data relocation points outside every object");
    const uint64_t value = program->object_addresses_[r.object] + static_cast<uint64_t>(r.addend);
    const auto index = static_cast<size_t>(holder - image.objects.begin());
    std::memcpy(memory.translate(program->object_addresses_[index] + (r.place - holder->offset), 8), &value, 8);
  }
  for (const image::Relocation& r : image.code_relocations) {
    if (r.place >= image.code.size() || r.object >= image.objects.size())
      return error(name + ": a code relocation points outside the code");
    image.code[r.place] = program->object_addresses_[r.object] + static_cast<uint64_t>(r.addend);
  }
  for (uint64_t address : program->object_addresses_)
    if (memory.find(address)->placement == Placement::replicated) memory.make_read_only(address);
  return program;
}

Expected<std::shared_ptr<Program>> Program::load(image::Executable executable, AddressSpace& memory,
                                                 std::span<const uint16_t> members, std::string name) {
  auto made = placed(std::move(executable), memory, members, name);
  if (!made) return made.diagnostic();
  const std::shared_ptr<Program>& program = *made;
  const image::Executable& image = program->executable_;
  for (uint64_t word = 0; word < image.code.size();) {
    auto instruction = isa::decode(image.code, word);
    if (!instruction) return instruction.diagnostic();
    program->code_.push_back(*instruction);
    program->words_.push_back(static_cast<uint32_t>(word));
    word += instruction->words();
  }
  for (isa::Instruction& instruction : program->code_)
    if (isa::has_label(*isa::row(instruction.op))) {
      const uint32_t word = instruction.target();
      auto at = std::lower_bound(program->words_.begin(), program->words_.end(), word);
      if (at == program->words_.end() || *at != word)
        return error(name + ": a branch to word " + std::to_string(word) + ", which starts no instruction");
      instruction.ext = static_cast<uint64_t>(at - program->words_.begin());
    }
  for (const image::Kernel& kernel : image.kernels)
    if (!std::binary_search(program->words_.begin(), program->words_.end(), kernel.entry))
      return error(name + ": kernel " + kernel.name + " enters at word " + std::to_string(kernel.entry) +
                   ", which starts no instruction");
  program->decoded_ = decode_program(program->code_, image.target != image::CoreKind::simt);
  return program;
}

Expected<std::shared_ptr<Program>> Program::load_again(const Program& loaded, AddressSpace& memory,
                                                       std::span<const uint16_t> members, std::string name) {
  auto program = placed(loaded.executable_, memory, members, name);
  if (!program) return program.diagnostic();
  (*program)->code_ = loaded.code_;
  (*program)->words_ = loaded.words_;
  (*program)->decoded_ = loaded.decoded_;
  (*program)->proofs_ = loaded.proofs_;
  (*program)->identity_ = loaded.identity_;
  return program;
}

Program::~Program() {
  for (uint64_t address : object_addresses_) (void)memory_->free(address);
}

const DecodedProgram& Program::decoded(bool observed) const {
  if (!observed) return *decoded_;
  std::call_once(observe_once_, [&] { observed_ = decode_program(code_, false, true); });
  return *observed_;
}

std::string Program::place(uint32_t index) const {
  const image::SourceFrame* frame = image::user_frame(executable_.source(words_[index]));
  return std::string(isa::row(code_[index].op)->mnemonic) + " at " +
         (frame ? frame->file + ":" + std::to_string(frame->line) : "word " + std::to_string(words_[index]));
}

uint32_t Program::index_of(uint32_t word) const {
  return static_cast<uint32_t>(std::lower_bound(words_.begin(), words_.end(), word) - words_.begin());
}

std::optional<DataDependence> Program::dependence(uint32_t kernel) const {
  std::lock_guard lock(proofs_->mutex);
  auto known = proofs_->dependences.find(kernel);
  if (known == proofs_->dependences.end())
    known = proofs_->dependences.emplace(kernel, data_dependence(code_, entry(kernel))).first;
  return known->second;
}

bool Program::movable(uint32_t kernel) const {
  std::lock_guard lock(proofs_->mutex);
  if (auto known = proofs_->movable.find(kernel); known != proofs_->movable.end()) return known->second;
  PointerSources sources;
  sources.parameter = [&](uint64_t offset, uint64_t bytes) {
    for (const image::Param& param : executable_.kernels[kernel].params) {
      if (!param.pointer || offset >= param.offset + param.size || param.offset >= offset + bytes) continue;
      return param.offset == offset && bytes == 8 ? ParameterPart::pointer : ParameterPart::mixed;
    }
    return ParameterPart::number;
  };
  sources.object = [&](uint32_t index) {
    const uint64_t first = words_[index], count = code_[index].words();
    return std::any_of(executable_.code_relocations.begin(), executable_.code_relocations.end(),
                       [&](const image::Relocation& r) { return r.place >= first && r.place < first + count; });
  };
  const bool movable = movable_addresses(code_, entry(kernel), sources);
  proofs_->movable.emplace(kernel, movable);
  return movable;
}

Program::Symbol Program::symbol(std::string_view name) const {
  for (size_t i = 0; i < executable_.objects.size(); ++i)
    if (executable_.objects[i].name == name)
      return {object_addresses_[i], executable_.objects[i].size, executable_.objects[i].kind};
  return {};
}

}  // namespace phx::sim
