#include "device_sim/core/fault.h"

#include <algorithm>

#include "device_sim/core/execution.h"

namespace phx::sim {
namespace {

struct Text {
  std::string_view name, meaning;
};
constexpr Text kTexts[] = {
#define PHX_FAULT(name, text, meaning) {text, meaning},
    PHX_FAULTS(PHX_FAULT)
#undef PHX_FAULT
};

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}
std::string triple(const std::array<uint32_t, 3>& v) {
  return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kTexts[static_cast<size_t>(kind)].name; }
std::string_view meaning_of(FaultKind kind) { return kTexts[static_cast<size_t>(kind)].meaning; }

std::string Fault::str() const {
  std::string text = std::string(name_of(kind)) + ": " + std::string(meaning_of(kind)) + "\n  kernel " + kernel;
  if (!source.empty()) {
    text += " at " + source[0].file + ":" + std::to_string(source[0].line);
    if (source[0].column) text += ":" + std::to_string(source[0].column);
    if (!source[0].function.empty()) text += " in " + source[0].function;
    for (size_t i = 1; i < source.size(); ++i)
      text += "\n    inlined at " + source[i].file + ":" + std::to_string(source[i].line) +
              (source[i].function.empty() ? "" : " in " + source[i].function);
  }
  text += "\n  thread " + triple(thread) + " of block " + triple(block) + ", device " + std::to_string(device) +
          ", core " + std::to_string(core);
  if (!instruction.empty()) text += "\n  instruction " + instruction + " at code word " + std::to_string(word);
  if (has_address) {
    text +=
        "\n  " + std::string(is_store ? "store of " : "load of ") + std::to_string(bytes) + " bytes at " + hex(address);
    if (!nearest.empty()) text += ", " + nearest;
  }
  if (!detail.empty()) {
    text += "\n  ";
    for (char c : detail) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  }
  return text;
}

std::string describe_nearest(const AddressSpace& memory, uint64_t address) {
  const Buffer* buffer = memory.find(address);
  const bool gone = buffer && buffer->freed;
  if (!buffer) buffer = memory.nearest(address);
  if (!buffer) return "there is no buffer nearby";
  const std::string what =
      buffer->name + " (" + std::to_string(buffer->size) + " bytes at " + hex(buffer->address) + ")";
  if (gone) return std::to_string(address - buffer->address) + " bytes into " + what + ", which was freed";
  if (address < buffer->address) return std::to_string(buffer->address - address) + " bytes before " + what;
  const uint64_t offset = address - buffer->address;
  if (offset < buffer->size) return std::to_string(offset) + " bytes into " + what;
  return std::to_string(offset - buffer->size) + " bytes past the end of " + what;
}

Fault make_fault(const Machinery& m, const Warp& warp, const Decoded* d, FaultKind kind, unsigned lane) {
  Fault fault;
  fault.kind = kind;
  fault.kernel = m.kernel.display_name.empty() ? m.kernel.name : m.kernel.display_name;
  const Program& program = *m.launch.program;
  if (d->index < program.code().size()) {
    fault.word = program.word_of(d->index);
    const auto frames = program.executable().source(fault.word);
    fault.source.assign(frames.begin(), frames.end());
    isa::Instruction instruction = program.code()[d->index];
    if (const isa::RowInfo* row = isa::row(instruction.op); row && row->dst == isa::OperandClass::L)
      instruction.ext = program.word_of(instruction.target());
    fault.instruction = isa::disassemble(instruction);
  }
  fault.device = m.device;
  fault.core = m.core;
  fault.block = m.ctaid;
  fault.thread = {warp.tid[0][lane], warp.tid[1][lane], warp.tid[2][lane]};
  return fault;
}

Fault& raise(Frame* f, const Decoded* d, FaultKind kind, unsigned lane, std::string detail) {
  Machinery& m = *f->machinery;
  if (!m.fault) {
    if (m.split) {
      account(f, d + 1);
      m.split->pc = d;
    }
    m.fault = make_fault(m, *m.warp, d, kind, lane);
    m.fault->detail = std::move(detail);
  }
  return *m.fault;
}

void raise_access(Frame* f, const Decoded* d, FaultKind kind, unsigned lane, uint64_t address, uint32_t bytes,
                  bool store, std::string nearest) {
  if (f->machinery->fault) return;
  Fault& fault = raise(f, d, kind, lane);
  fault.has_address = true;
  fault.address = address;
  fault.bytes = bytes;
  fault.is_store = store;
  fault.nearest = std::move(nearest);
}

}  // namespace phx::sim
