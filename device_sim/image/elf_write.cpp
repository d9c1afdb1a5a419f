#include <array>
#include <cstring>
#include <map>

#include "device_sim/image/elf.h"
#include "device_sim/image/image.h"
#include "device_sim/isa/isa.h"

namespace phx::image {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void append(Bytes& to, const T& record) {
  auto* bytes = reinterpret_cast<const std::byte*>(&record);
  to.insert(to.end(), bytes, bytes + sizeof(T));
}

void append(Bytes& to, std::string_view text) {
  auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  to.insert(to.end(), bytes, bytes + text.size());
}

void align(Bytes& to, size_t alignment) { to.resize((to.size() + alignment - 1) / alignment * alignment); }

class StringTable {
 public:
  explicit StringTable(Bytes& bytes) : bytes_(bytes) { intern(""); }
  uint32_t intern(const std::string& text) {
    auto [found, added] = offsets_.try_emplace(text, static_cast<uint32_t>(bytes_.size()));
    if (added) {
      append(bytes_, std::string_view(text));
      bytes_.push_back(std::byte{0});
    }
    return found->second;
  }

 private:
  Bytes& bytes_;
  std::map<std::string, uint32_t> offsets_;
};

// Index of a section in the file; 0 is ELF's null section.
constexpr uint16_t index_of(elf::Section section) { return static_cast<uint16_t>(section + 1); }

uint64_t bss_size(const Executable& executable) {
  uint64_t size = 0;
  for (const Object& object : executable.objects)
    if (object.zero) size = object.offset + object.size;
  return size;
}

void write_target(const Executable& executable, Bytes& note) {
  Bytes description;
  append(description, elf::TargetNote{static_cast<uint32_t>(executable.target), isa::kIsaMajor, isa::kIsaMinor,
                                      static_cast<uint32_t>(executable.machine_digest.size())});
  append(description, std::string_view(executable.machine_digest));
  align(description, 4);
  append(note, elf::NoteHeader{static_cast<uint32_t>(elf::kNoteName.size()), static_cast<uint32_t>(description.size()),
                               elf::kNoteTarget});
  append(note, elf::kNoteName);
  note.insert(note.end(), description.begin(), description.end());
}

}  // namespace

std::vector<std::byte> write(const Executable& executable) {
  std::array<Bytes, elf::kSectionCount> content;
  StringTable strings(content[elf::kStrings]), section_names(content[elf::kSectionNames]);

  for (uint64_t word : executable.code) append(content[elf::kText], word);
  content[elf::kData] = executable.data;

  append(content[elf::kSymbols], elf::Symbol{});
  uint32_t params = 0;
  for (const Kernel& kernel : executable.kernels) {
    uint32_t name = strings.intern(kernel.name);
    append(content[elf::kSymbols],
           elf::Symbol{name, elf::kGlobalFunction, 0, index_of(elf::kText), uint64_t{kernel.entry} * 8, 0});
    append(content[elf::kKernels],
           elf::KernelRecord{name, strings.intern(kernel.display_name), strings.intern(kernel.file), kernel.line,
                             kernel.entry, static_cast<uint32_t>(kernel.core), kernel.lane_registers,
                             kernel.scalar_registers, kernel.predicates, kernel.local_bytes, kernel.ub_static_bytes,
                             kernel.param_bytes, kernel.max_threads, kernel.flags, params,
                             static_cast<uint32_t>(kernel.params.size())});
    for (const Param& param : kernel.params)
      append(content[elf::kParams], elf::ParamRecord{param.offset, param.size, param.pointer});
    params += static_cast<uint32_t>(kernel.params.size());
  }
  uint64_t first_object = executable.kernels.size() + 1;
  for (const Object& object : executable.objects) {
    append(content[elf::kSymbols],
           elf::Symbol{strings.intern(object.name), elf::kGlobalObject, 0,
                       index_of(object.zero ? elf::kBss : elf::kData), object.offset, object.size});
    append(content[elf::kObjects], elf::ObjectRecord{static_cast<uint32_t>(object.kind), object.alignment});
  }
  auto write_relocations = [&](const std::vector<Relocation>& relocations, elf::Section section, uint64_t unit) {
    for (const Relocation& relocation : relocations)
      append(content[section],
             elf::Rela{relocation.place * unit, (first_object + relocation.object) << 32 | elf::kRelocateAddress64,
                       relocation.addend});
  };
  write_relocations(executable.code_relocations, elf::kRelaText, 8);
  write_relocations(executable.data_relocations, elf::kRelaData, 1);
  for (const LineEntry& entry : executable.lines) {
    append(content[elf::kLines], elf::LineRecord{entry.word, static_cast<uint32_t>(entry.frames.size())});
    for (const SourceFrame& frame : entry.frames)
      append(content[elf::kFrames],
             elf::FrameRecord{strings.intern(frame.function), strings.intern(frame.file), frame.line, frame.column});
  }
  write_target(executable, content[elf::kTarget]);

  std::array<elf::SectionHeader, elf::kSectionCount + 1> headers{};
  for (uint32_t s = 0; s < elf::kSectionCount; ++s)
    headers[s + 1].name = section_names.intern(std::string(elf::kSections[s].name));
  Bytes file(sizeof(elf::Header));
  for (uint32_t s = 0; s < elf::kSectionCount; ++s) {
    const elf::SectionKind& kind = elf::kSections[s];
    align(file, kind.alignment);
    elf::SectionHeader& header = headers[s + 1];
    header.type = kind.type;
    header.flags = kind.flags;
    header.offset = file.size();
    header.size = s == elf::kBss ? bss_size(executable) : content[s].size();
    header.addralign = kind.alignment;
    header.entsize = kind.entry_size;
    file.insert(file.end(), content[s].begin(), content[s].end());
  }
  headers[index_of(elf::kSymbols)].link = index_of(elf::kStrings);
  headers[index_of(elf::kSymbols)].info = 1;  // first global symbol
  for (auto [relocations, target] : {std::pair(elf::kRelaText, elf::kText), {elf::kRelaData, elf::kData}}) {
    headers[index_of(relocations)].link = index_of(elf::kSymbols);
    headers[index_of(relocations)].info = index_of(target);
  }

  align(file, 8);
  elf::Header header{};
  header.ident = elf::kIdent;
  header.type = elf::kTypeExec;
  header.machine = kElfMachine;
  header.version = 1;
  header.shoff = file.size();
  header.ehsize = sizeof(elf::Header);
  header.shentsize = sizeof(elf::SectionHeader);
  header.shnum = static_cast<uint16_t>(headers.size());
  header.shstrndx = index_of(elf::kSectionNames);
  std::memcpy(file.data(), &header, sizeof header);
  for (const elf::SectionHeader& section : headers) append(file, section);
  return file;
}

}  // namespace phx::image
