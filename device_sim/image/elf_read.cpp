#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>

#include "device_sim/image/elf.h"
#include "device_sim/image/image.h"
#include "device_sim/isa/verifier.h"

// The file is hostile. Every number is checked where it is taken; what needs the whole program (code, layout of data)
// is checked by verify() at the end.
namespace phx::image {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& name) : file_(file), name_(name) {}

  Expected<Executable> run(ReadStage& reached) {
    using Step = Outcome (Reader::*)();
    constexpr std::pair<ReadStage, Step> steps[] = {
        {ReadStage::header, &Reader::read_header},        {ReadStage::sections, &Reader::read_sections},
        {ReadStage::sections, &Reader::check_overlaps},   {ReadStage::tables, &Reader::read_target},
        {ReadStage::tables, &Reader::read_code_and_data}, {ReadStage::tables, &Reader::read_kernels},
        {ReadStage::tables, &Reader::read_objects},       {ReadStage::tables, &Reader::read_relocations},
        {ReadStage::tables, &Reader::read_lines},         {ReadStage::decode, &Reader::check_code},
        {ReadStage::verify, &Reader::check_program}};
    for (auto [stage, step] : steps) {
      reached = stage;
      if (Outcome done = (this->*step)(); !done) return done.diagnostic();
    }
    reached = ReadStage::accepted;
    return std::move(result_);
  }

 private:
  Diagnostic fail(uint64_t offset, const std::string& message) const { return error_at_offset(name_, offset, message); }

  template <class T>
  T at(uint64_t offset) const {
    T record;
    std::memcpy(&record, file_.data() + offset, sizeof record);
    return record;
  }

  Outcome read_header() {
    if (file_.size() < sizeof(elf::Header))
      return fail(0, "the file has " + number(file_.size()) + " bytes, an ELF header needs 64");
    header_ = at<elf::Header>(0);
    if (!std::equal(elf::kIdent.begin(), elf::kIdent.begin() + 4, header_.ident.begin()))
      return fail(0, "this is not an ELF file");
    if (header_.ident != elf::kIdent) return fail(4, "expected ELF64, little endian, version 1, no ABI");
    if (header_.type != elf::kTypeExec)
      return fail(16, "ELF type is " + number(header_.type) + ", expected 2 (ET_EXEC)");
    if (header_.machine != kElfMachine)
      return fail(18, "ELF machine is " + number(header_.machine) + ", expected " + number(kElfMachine) +
                          ": this is not a Phalanx executable");
    if (header_.version != 1 || header_.flags || header_.entry)
      return fail(20, "ELF version must be 1, entry and flags 0");
    if (header_.phoff || header_.phnum || header_.phentsize) return fail(32, "an executable has no program headers");
    if (header_.ehsize != sizeof(elf::Header) || header_.shentsize != sizeof(elf::SectionHeader))
      return fail(52, "unexpected size of the ELF header or of a section header");
    if (header_.shnum != elf::kSectionCount + 1)
      return fail(
          60, "there are " + number(header_.shnum) + " section headers, expected " + number(elf::kSectionCount + 1));
    if (header_.shoff % 8 || header_.shoff > file_.size() ||
        file_.size() - header_.shoff < uint64_t{header_.shnum} * sizeof(elf::SectionHeader))
      return fail(40, "the section headers lie outside the file or are misaligned");
    if (header_.shstrndx == 0 || header_.shstrndx >= header_.shnum)
      return fail(62, "no section with the section names");
    return {};
  }

  uint64_t header_offset(uint64_t index) const { return header_.shoff + index * sizeof(elf::SectionHeader); }

  Outcome read_sections() {
    std::vector<elf::SectionHeader> headers;
    for (uint64_t i = 0; i < header_.shnum; ++i) headers.push_back(at<elf::SectionHeader>(header_offset(i)));
    elf::SectionHeader none{};
    if (std::memcmp(&headers[0], &none, sizeof none)) return fail(header_offset(0), "section header 0 is not empty");
    for (uint64_t i = 1; i < headers.size(); ++i) {
      const elf::SectionHeader& h = headers[i];
      uint64_t in_file = h.type == elf::kNobits ? 0 : h.size;
      if (h.offset > file_.size() || file_.size() - h.offset < in_file)
        return fail(header_offset(i), "section " + number(i) + " lies outside the file");
    }
    if (headers[header_.shstrndx].type == elf::kNobits) return fail(62, "the section names have no bytes");
    sections_[elf::kSectionNames] = headers[header_.shstrndx];
    for (uint64_t i = 1; i < headers.size(); ++i) {
      auto name = string(elf::kSectionNames, headers[i].name);
      if (!name) return name.diagnostic();
      auto kind = std::find_if(elf::kSections.begin(), elf::kSections.end(),
                               [&](const elf::SectionKind& candidate) { return candidate.name == *name; });
      if (kind == elf::kSections.end()) return fail(header_offset(i), "unknown section '" + *name + "'");
      auto section = static_cast<size_t>(kind - elf::kSections.begin());
      if (index_[section]) return fail(header_offset(i), "there are two sections " + *name);
      index_[section] = static_cast<uint32_t>(i);
      sections_[section] = headers[i];
      const elf::SectionHeader& h = headers[i];
      if (h.type != kind->type || h.flags != kind->flags || h.addr || h.entsize != kind->entry_size ||
          h.addralign != kind->alignment)
        return fail(header_offset(i), "the header of " + *name +
                                          " has another type, flags, address, alignment or entry size than it must");
      if (h.offset % kind->alignment) return fail(header_offset(i), *name + " is misaligned");
      if (kind->entry_size && h.size % kind->entry_size)
        return fail(header_offset(i), "the size of " + *name + " is not a multiple of " + number(kind->entry_size));
    }
    // As many headers as kinds and none twice: all are there.
    if (index_[elf::kSectionNames] != header_.shstrndx) return fail(62, "the section names are not in .shstrtab");
    auto links = [&](elf::Section section, uint32_t link, uint32_t info) -> Outcome {
      if (sections_[section].link == link && sections_[section].info == info) return {};
      return fail(header_offset(index_[section]),
                  std::string(elf::kSections[section].name) + " links to the wrong sections");
    };
    for (uint32_t s = 0; s < elf::kSectionCount; ++s) {
      auto section = static_cast<elf::Section>(s);
      Outcome linked = section == elf::kSymbols    ? links(section, index_[elf::kStrings], 1)
                       : section == elf::kRelaText ? links(section, index_[elf::kSymbols], index_[elf::kText])
                       : section == elf::kRelaData ? links(section, index_[elf::kSymbols], index_[elf::kData])
                                                   : links(section, 0, 0);
      if (!linked) return linked;
    }
    return {};
  }

  Outcome check_overlaps() {
    std::vector<std::pair<uint64_t, uint64_t>> ranges = {
        {0, sizeof(elf::Header)},
        {header_.shoff, header_.shoff + uint64_t{header_.shnum} * sizeof(elf::SectionHeader)}};
    for (const elf::SectionHeader& section : sections_)
      if (section.size && section.type != elf::kNobits)
        ranges.emplace_back(section.offset, section.offset + section.size);
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); ++i)
      if (ranges[i].first < ranges[i - 1].second) return fail(ranges[i].first, "two parts of the file overlap");
    return {};
  }

  // The NUL-terminated string at an offset of a string section.
  Expected<std::string> string(elf::Section section, uint64_t offset) {
    const elf::SectionHeader& s = sections_[section];
    if (offset >= s.size) return fail(s.offset, "string offset " + number(offset) + " is outside its section");
    auto* begin = reinterpret_cast<const char*>(file_.data() + s.offset + offset);
    auto* end = static_cast<const char*>(std::memchr(begin, 0, s.size - offset));
    if (!end) return fail(s.offset + offset, "the string does not end inside its section");
    string_bytes_ += static_cast<uint64_t>(end - begin);
    if (string_bytes_ > kMaxStringBytes)
      return fail(s.offset, "the names of this file come to more than " + number(kMaxStringBytes) + " bytes");
    return std::string(begin, end);
  }

  // Reads one string into `to`.
  Outcome read_string(uint64_t offset, std::string& to) {
    auto text = string(elf::kStrings, offset);
    if (!text) return text.diagnostic();
    to = std::move(*text);
    return {};
  }

  template <class T>
  uint64_t count(elf::Section section) const {
    return sections_[section].size / sizeof(T);
  }
  uint64_t place(elf::Section section, uint64_t index, uint64_t size) const {
    return sections_[section].offset + index * size;
  }
  template <class T>
  T record(elf::Section section, uint64_t index) const {
    return at<T>(place(section, index, sizeof(T)));
  }

  Outcome read_target() {
    const elf::SectionHeader& s = sections_[elf::kTarget];
    constexpr uint64_t fixed = sizeof(elf::NoteHeader) + elf::kNoteName.size() + sizeof(elf::TargetNote);
    if (s.size < fixed) return fail(s.offset, ".note.phx is too short");
    auto note = at<elf::NoteHeader>(s.offset);
    std::string_view name(reinterpret_cast<const char*>(file_.data() + s.offset + sizeof note), elf::kNoteName.size());
    if (note.name_size != elf::kNoteName.size() || name != elf::kNoteName || note.type != elf::kNoteTarget)
      return fail(s.offset, ".note.phx is not a target note");
    auto target = at<elf::TargetNote>(s.offset + sizeof note + elf::kNoteName.size());
    uint64_t padded = (uint64_t{target.digest_size} + 3) / 4 * 4;
    if (note.description_size != sizeof target + padded || s.size != fixed + padded)
      return fail(s.offset, ".note.phx has another size than it says");
    if (target.core > static_cast<uint32_t>(CoreKind::aic))
      return fail(s.offset + 16, "unknown target core " + number(target.core));
    if (target.isa_major != isa::kIsaMajor || target.isa_minor > isa::kIsaMinor)
      return fail(s.offset + 20, "the code is for ISA version " + number(target.isa_major) + "." +
                                     number(target.isa_minor) + ", this is " + number(isa::kIsaMajor) + "." +
                                     number(isa::kIsaMinor));
    result_.target = static_cast<CoreKind>(target.core);
    auto* digest = reinterpret_cast<const char*>(file_.data() + s.offset + fixed);
    result_.machine_digest.assign(digest, target.digest_size);
    for (uint64_t i = target.digest_size; i < padded; ++i)
      if (digest[i]) return fail(s.offset + fixed + i, "padding is not zero");
    return {};
  }

  Outcome read_code_and_data() {
    const elf::SectionHeader &text = sections_[elf::kText], &data = sections_[elf::kData];
    if (text.size % 8) return fail(text.offset, ".text is not a whole number of 64-bit words");
    result_.code.resize(text.size / 8);
    if (text.size) std::memcpy(result_.code.data(), file_.data() + text.offset, text.size);
    auto bytes = file_.subspan(data.offset, data.size);
    result_.data.assign(bytes.begin(), bytes.end());
    return {};
  }

  Outcome read_kernels() {
    uint64_t kernels = count<elf::KernelRecord>(elf::kKernels), params = count<elf::ParamRecord>(elf::kParams);
    uint64_t objects = count<elf::ObjectRecord>(elf::kObjects), symbols = count<elf::Symbol>(elf::kSymbols);
    if (kernels > kMaxKernels)
      return fail(sections_[elf::kKernels].offset, "more than " + number(kMaxKernels) + " kernels");
    if (symbols != 1 + kernels + objects)
      return fail(sections_[elf::kSymbols].offset, "there must be one symbol per kernel and object after symbol 0");
    elf::Symbol none{}, first = record<elf::Symbol>(elf::kSymbols, 0);
    if (std::memcmp(&first, &none, sizeof none)) return fail(sections_[elf::kSymbols].offset, "symbol 0 is not empty");
    uint64_t next_param = 0;
    for (uint64_t i = 0; i < kernels; ++i) {
      uint64_t where = place(elf::kKernels, i, sizeof(elf::KernelRecord));
      auto r = record<elf::KernelRecord>(elf::kKernels, i);
      auto symbol = record<elf::Symbol>(elf::kSymbols, 1 + i);
      if (symbol.name != r.name || symbol.info != elf::kGlobalFunction || symbol.other ||
          symbol.section != index_[elf::kText] || symbol.value != uint64_t{r.entry} * 8 || symbol.size)
        return fail(place(elf::kSymbols, 1 + i, sizeof(elf::Symbol)), "the symbol disagrees with kernel " + number(i));
      Kernel& kernel = result_.kernels.emplace_back();
      if (Outcome read = read_string(r.name, kernel.name); !read) return read;
      if (Outcome read = read_string(r.display_name, kernel.display_name); !read) return read;
      if (Outcome read = read_string(r.file, kernel.file); !read) return read;
      if (r.core > static_cast<uint32_t>(CoreKind::aic)) return fail(where, "unknown core kind " + number(r.core));
      kernel.line = r.line;
      kernel.entry = r.entry;
      kernel.core = static_cast<CoreKind>(r.core);
      kernel.lane_registers = r.lane_registers;
      kernel.scalar_registers = r.scalar_registers;
      kernel.predicates = r.predicates;
      kernel.local_bytes = r.local_bytes;
      kernel.ub_static_bytes = r.ub_static_bytes;
      kernel.param_bytes = r.param_bytes;
      kernel.max_threads = r.max_threads;
      kernel.flags = r.flags;
      if (r.first_param != next_param || r.param_count > params - next_param)
        return fail(where, "the parameter records of kernel " + number(i) + " are not where they must be");
      for (uint64_t p = 0; p < r.param_count; ++p) {
        auto param = record<elf::ParamRecord>(elf::kParams, next_param + p);
        if (param.pointer > 1)
          return fail(place(elf::kParams, next_param + p, sizeof param), "the pointer mark is neither 0 nor 1");
        kernel.params.push_back({param.offset, param.size, param.pointer == 1});
      }
      next_param += r.param_count;
    }
    if (next_param != params)
      return fail(sections_[elf::kParams].offset, "there are parameter records without a kernel");
    return {};
  }

  Outcome read_objects() {
    uint64_t objects = count<elf::ObjectRecord>(elf::kObjects), kernels = result_.kernels.size(), bss = 0;
    for (uint64_t i = 0; i < objects; ++i) {
      auto r = record<elf::ObjectRecord>(elf::kObjects, i);
      auto symbol = record<elf::Symbol>(elf::kSymbols, 1 + kernels + i);
      if (symbol.info != elf::kGlobalObject || symbol.other ||
          (symbol.section != index_[elf::kData] && symbol.section != index_[elf::kBss]))
        return fail(place(elf::kSymbols, 1 + kernels + i, sizeof symbol), "this is not the symbol of a data object");
      if (r.kind > static_cast<uint32_t>(ObjectKind::string))
        return fail(place(elf::kObjects, i, sizeof r), "unknown object kind " + number(r.kind));
      Object& object = result_.objects.emplace_back();
      if (Outcome read = read_string(symbol.name, object.name); !read) return read;
      object.kind = static_cast<ObjectKind>(r.kind);
      object.zero = symbol.section == index_[elf::kBss];
      object.offset = symbol.value;
      object.size = symbol.size;
      object.alignment = r.alignment;
      if (object.zero) bss = object.offset + object.size;  // verify() refuses what overflows
    }
    if (sections_[elf::kBss].size != bss)
      return fail(header_offset(index_[elf::kBss]) + offsetof(elf::SectionHeader, size),
                  ".bss has " + number(sections_[elf::kBss].size) + " bytes, its objects end at " + number(bss));
    return {};
  }

  Outcome read_relocations() {
    auto read = [&](elf::Section section, uint64_t unit, std::vector<Relocation>& to) -> Outcome {
      for (uint64_t i = 0; i < count<elf::Rela>(section); ++i) {
        auto r = record<elf::Rela>(section, i);
        uint64_t where = place(section, i, sizeof r), symbol = r.info >> 32, first = 1 + result_.kernels.size();
        if ((r.info & 0xFFFF'FFFF) != elf::kRelocateAddress64) return fail(where, "unknown relocation type");
        if (symbol < first || symbol - first >= result_.objects.size())
          return fail(where, "the relocation's symbol is not a data object");
        if (r.offset % unit) return fail(where, "the relocated place is misaligned");
        to.push_back({r.offset / unit, static_cast<uint32_t>(symbol - first), r.addend});
      }
      return {};
    };
    if (Outcome code = read(elf::kRelaText, 8, result_.code_relocations); !code) return code;
    return read(elf::kRelaData, 1, result_.data_relocations);
  }

  Outcome read_lines() {
    uint64_t frames = count<elf::FrameRecord>(elf::kFrames), next = 0;
    for (uint64_t i = 0; i < count<elf::LineRecord>(elf::kLines); ++i) {
      auto r = record<elf::LineRecord>(elf::kLines, i);
      if (r.frame_count > kMaxFrames || r.frame_count > frames - next)
        return fail(place(elf::kLines, i, sizeof r), "the frames of a line entry are not where they must be");
      LineEntry& entry = result_.lines.emplace_back();
      entry.word = r.word;
      for (uint64_t f = 0; f < r.frame_count; ++f) {
        auto record_of_frame = record<elf::FrameRecord>(elf::kFrames, next + f);
        SourceFrame& frame = entry.frames.emplace_back();
        if (Outcome read = read_string(record_of_frame.function, frame.function); !read) return read;
        if (Outcome read = read_string(record_of_frame.file, frame.file); !read) return read;
        frame.line = record_of_frame.line;
        frame.column = record_of_frame.column;
      }
      next += r.frame_count;
    }
    if (next != frames) return fail(sections_[elf::kFrames].offset, "there are frames without a line entry");
    return {};
  }

  Outcome check_code() {
    auto decoded = isa::decode_all(result_.code);
    if (decoded) return {};
    uint64_t offset = decoded.diagnostic().offset.value_or(0);
    return fail(sections_[elf::kText].offset + offset, decoded.diagnostic().message);
  }

  Outcome check_program() { return verify(result_, name_); }

  std::span<const std::byte> file_;
  const std::string& name_;
  elf::Header header_{};
  std::array<elf::SectionHeader, elf::kSectionCount> sections_{};
  std::array<uint32_t, elf::kSectionCount> index_{};
  uint64_t string_bytes_ = 0;
  Executable result_;
};

}  // namespace

Expected<Executable> read(std::span<const std::byte> file, const std::string& name, ReadStage* reached) {
  ReadStage stage = ReadStage::header;
  auto executable = Reader(file, name).run(stage);
  if (reached) *reached = stage;
  return executable;
}

}  // namespace phx::image
