// The parts of ELF64 that an executable uses, and our own records, exactly as they lie in the file (little endian).
//
// Names and meanings of the ELF structures are those of the System V ABI.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace phx::image::elf {

static_assert(std::endian::native == std::endian::little, "records are copied as they lie in the file");

struct Header {
  std::array<uint8_t, 16> ident;
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, phoff, shoff;
  uint32_t flags;
  uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(Header) == 64);

inline constexpr std::array<uint8_t, 16> kIdent = {0x7F, 'E', 'L', 'F', 2 /* 64 bit */, 1 /* little endian */, 1};
inline constexpr uint16_t kTypeExec = 2;

struct SectionHeader {
  uint32_t name, type;
  uint64_t flags, addr, offset, size;
  uint32_t link, info;
  uint64_t addralign, entsize;
};
static_assert(sizeof(SectionHeader) == 64);

enum SectionType : uint32_t { kProgbits = 1, kSymtab = 2, kStrtab = 3, kRela = 4, kNote = 7, kNobits = 8 };
enum SectionFlag : uint64_t { kWrite = 1, kAlloc = 2, kExecute = 4, kInfoLink = 0x40 };

struct Symbol {
  uint32_t name;
  uint8_t info, other;
  uint16_t section;
  uint64_t value, size;
};
static_assert(sizeof(Symbol) == 24);
inline constexpr uint8_t kGlobalObject = 1 << 4 | 1, kGlobalFunction = 1 << 4 | 2;

struct Rela {
  uint64_t offset, info;
  int64_t addend;
};
static_assert(sizeof(Rela) == 24);
inline constexpr uint32_t kRelocateAddress64 = 1;  // the 64-bit word at r_offset := S + A

struct NoteHeader {
  uint32_t name_size, description_size, type;
};
inline constexpr std::string_view kNoteName{"PHX", 4};
inline constexpr uint32_t kNoteTarget = 1;
struct TargetNote {  // then the machine digest, padded to 4 bytes with zeros
  uint32_t core, isa_major, isa_minor, digest_size;
};

struct KernelRecord {                 // name and entry are in the kernel's symbol too, and must agree
  uint32_t name, display_name, file;  // offsets in .strtab
  uint32_t line;
  uint32_t entry;  // word index
  uint32_t core;   // CoreKind
  uint32_t lane_registers, scalar_registers, predicates;
  uint32_t local_bytes, ub_static_bytes, param_bytes;
  uint32_t max_threads;
  uint32_t flags;
  uint32_t first_param, param_count;  // in .phx.params; kernels own consecutive runs
};
static_assert(sizeof(KernelRecord) == 64);

struct ParamRecord {
  uint32_t offset, size;
  uint32_t pointer;  // 0 or 1
};
struct ObjectRecord {  // of the object symbol with the same ordinal
  uint32_t kind;       // ObjectKind
  uint32_t alignment;
};
struct LineRecord {
  uint32_t word, frame_count;  // the next frame_count frames of .phx.frames
};
struct FrameRecord {
  uint32_t function, file;  // offsets in .strtab
  uint32_t line, column;
};

// Every section of an executable, in the order in which they are written. A reader takes any order, but each exactly
// once.
enum Section : uint32_t {
  kText,
  kData,
  kBss,
  kKernels,
  kParams,
  kObjects,
  kLines,
  kFrames,
  kRelaText,
  kRelaData,
  kSymbols,
  kStrings,
  kTarget,
  kSectionNames,
  kSectionCount
};
struct SectionKind {
  std::string_view name;
  SectionType type;
  uint64_t flags;
  uint64_t alignment, entry_size;  // entry_size 0: any number of bytes
};
inline constexpr std::array<SectionKind, kSectionCount> kSections = {{
    {".text", kProgbits, kAlloc | kExecute, 8, 0},
    {".data", kProgbits, kAlloc | kWrite, 16, 0},
    {".bss", kNobits, kAlloc | kWrite, 16, 0},
    {".phx.kernels", kProgbits, 0, 8, sizeof(KernelRecord)},
    {".phx.params", kProgbits, 0, 4, sizeof(ParamRecord)},
    {".phx.objects", kProgbits, 0, 4, sizeof(ObjectRecord)},
    {".phx.lines", kProgbits, 0, 4, sizeof(LineRecord)},
    {".phx.frames", kProgbits, 0, 4, sizeof(FrameRecord)},
    {".rela.text", kRela, kInfoLink, 8, sizeof(Rela)},
    {".rela.data", kRela, kInfoLink, 8, sizeof(Rela)},
    {".symtab", kSymtab, 0, 8, sizeof(Symbol)},
    {".strtab", kStrtab, 0, 1, 0},
    {".note.phx", kNote, 0, 4, 0},
    {".shstrtab", kStrtab, 0, 1, 0},
}};

}  // namespace phx::image::elf
