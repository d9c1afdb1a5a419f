// Executables of the virtual device.
//
// An executable is an ELF64 file, little endian, e_type ET_EXEC, e_machine kElfMachine (not registered with anybody),
// so that readelf opens it. Sections:
//
//   .text          code words of isa.def, 8-byte aligned
//   .data          initial bytes of the data objects (globals, constants, strings), objects aligned as they ask
//   .bss           data objects that begin as zeros: no bytes in the file, only offsets and sizes
//   .phx.kernels   kernel table: KernelRecord of sections.h, in the order of `kernels`
//   .phx.params    parameter records of all kernels
//   .phx.objects   ObjectRecord: kind and alignment, which an ELF symbol has no place for
//   .phx.lines     line table: LineRecord, one per LineEntry
//   .phx.frames    FrameRecord, the frames of all line entries one after the other
//   .rela.text     relocations: the 64-bit extension word at r_offset := address of symbol + r_addend
//   .rela.data     the same for 64-bit pointers inside .data
//   .symtab/.strtab  kernels (STT_FUNC) and data objects (STT_OBJECT), then every other string
//   .note.phx      target: "simt" + ISA version, or "tile" + ISA version + machine digest
//
// docs/executable.md describes every record. A loader treats the file as hostile: read() checks every offset, size,
// count, string, alignment, overlap, register count, relocation and symbol, and hands each kernel's code to
// isa::verify() before anything is returned.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::image {

inline constexpr uint16_t kElfMachine = 0x5048;  // "PH"

enum class CoreKind : uint8_t { simt = 0, aiv = 1, aic = 2 };

struct Param {
  uint32_t offset = 0;   // bytes in the argument block
  uint32_t size = 0;     // bytes
  bool pointer = false;  // holds a device address (rebinding, reuse keys)
  bool operator==(const Param&) const = default;
};

enum KernelFlag : uint32_t {
  kUsesClock = 1,        // reads clock, clock64 or globaltimer: function and timing run coupled
  kUsesGridBarrier = 2,  // needs a cooperative launch
  kUsesDynamicUb = 4,
  kUsesService = 8,  // printf, assert, malloc
  kMix = 16,         // one half of a launch over both core kinds; the other half has the same name
};

struct Kernel {
  std::string name;          // symbol, mangled
  std::string display_name;  // demangled, for people
  uint32_t entry = 0;        // word index in .text
  CoreKind core = CoreKind::simt;
  uint32_t lane_registers = 0, scalar_registers = 0, predicates = 0;  // how many of each file it uses
  uint32_t local_bytes = 0;                                           // per lane
  uint32_t ub_static_bytes = 0;                                       // per block
  uint32_t param_bytes = 0;
  uint32_t max_threads = 1024;  // largest block this variant can run (launch bounds or register pressure)
  uint32_t flags = 0;           // KernelFlag
  std::vector<Param> params;
  std::string file;  // where the kernel is defined
  uint32_t line = 0;
  bool operator==(const Kernel&) const = default;
};

// Two kernels with the same name are variants: the loader picks the first whose max_threads admits the block. Two with
// kMix, one for the AIC and one for the AIV, are the halves of one launch: its grid counts groups of one AIC program
// and as many AIV programs as the chip has AIVs per AIC, which start together.

// Index of the other half of a kernel with kMix; nullopt for other kernels.
std::optional<uint32_t> partner(std::span<const Kernel> kernels, uint32_t kernel);

enum class ObjectKind : uint8_t { global = 0, constant = 1, string = 2 };

// Object of kind string that holds the description of a compiled tensor program (docs/executable.md).
inline constexpr const char* kProgramObject = "phx.program";

struct Object {
  std::string name;  // symbol, mangled
  ObjectKind kind = ObjectKind::global;
  bool zero = false;        // begins as zeros and has no bytes in the file
  uint64_t offset = 0;      // in data; of a zero object in .bss, whose size is the end of the last one
  uint64_t size = 0;        // bytes
  uint32_t alignment = 16;  // power of two, at most 4096
  bool operator==(const Object&) const = default;
};

struct Relocation {
  uint64_t place = 0;   // text: word index of the extension word; data: byte offset of the pointer; zero until loaded
  uint32_t object = 0;  // index in objects
  int64_t addend = 0;
  bool operator==(const Relocation&) const = default;
};

// From `word` up to the next entry, code belongs to this place. Frame 0 is the innermost function.
struct SourceFrame {
  std::string function;  // demangled
  std::string file;
  uint32_t line = 0, column = 0;
  bool operator==(const SourceFrame&) const = default;
};
// The innermost frame in the user's own files: phxcc names the tool chain's headers <clang>/… and <cuda>/…. The
// innermost frame if there is no other; nullptr without frames.
inline const SourceFrame* user_frame(std::span<const SourceFrame> frames) {
  for (const SourceFrame& frame : frames)
    if (!frame.file.starts_with('<')) return &frame;
  return frames.empty() ? nullptr : &frames.front();
}

struct LineEntry {
  uint32_t word = 0;
  std::vector<SourceFrame> frames;  // with inlining; empty = unknown
  bool operator==(const LineEntry&) const = default;
};

struct Executable {
  CoreKind target = CoreKind::simt;  // simt images run on any machine with SIMT; tile images name a machine
  std::string machine_digest;        // tile images only
  std::vector<uint64_t> code;
  std::vector<std::byte> data;
  std::vector<Kernel> kernels;
  std::vector<Object> objects;
  std::vector<Relocation> code_relocations, data_relocations;
  std::vector<LineEntry> lines;  // ascending by word

  // The frames of a code word; empty if unknown.
  std::span<const SourceFrame> source(uint32_t word) const;
  bool operator==(const Executable&) const = default;
};

// Limits that keep a hostile file from costing more than its size.
inline constexpr uint32_t kMaxKernels = 1u << 14;
inline constexpr uint32_t kMaxParams = 4096;            // of one kernel
inline constexpr uint32_t kMaxParamBytes = 4096 * 8;    // argument block of one kernel
inline constexpr uint32_t kMaxThreads = 2048;           // of a block; the machine has a limit of its own
inline constexpr uint32_t kMaxLocalBytes = 512 * 1024;  // of a lane
inline constexpr uint32_t kMaxUbBytes = 1u << 24;       // of a block; the machine has a smaller limit
inline constexpr uint32_t kMaxObjectAlignment = 4096;
inline constexpr uint64_t kMaxBssBytes = 1ull << 40;  // 1 TiB; the machine has a smaller limit
inline constexpr uint32_t kMaxFrames = 256;           // inlining depth of one place
inline constexpr uint64_t kMaxVerified = 1ull << 26;  // instructions, summed over all kernels
inline constexpr uint64_t kMaxStringBytes = 1ull << 28;

std::vector<std::byte> write(const Executable& executable);

// How far a file came before it was refused: for fuzzers, which count what their mutants reach.
enum class ReadStage : uint8_t { header, sections, tables, decode, verify, accepted };
Expected<Executable> read(std::span<const std::byte> file, const std::string& name = "executable",
                          ReadStage* reached = nullptr);

// The same checks on an Executable in memory (what read() runs after parsing): every word of .text decodes; each
// kernel's code passes isa::analyze() with the registers it declares; its flags name at least what the code uses; its
// core kind goes with the target; a kernel with kMix has exactly one namesake, for the other core kind, with kMix and
// the same parameters; parameters ascend inside the argument block without overlap; objects are aligned,
// ascending and without overlap in their section, bytes between them zero, .bss at most kMaxBssBytes; code relocations
// point at the extension word of a 64-bit immediate, data relocations at 8 aligned bytes of an object in .data, each
// place at most once and ascending, the relocated bytes zero, addends within the object; line entries ascend over
// starts of instructions.
Outcome verify(const Executable& executable, const std::string& name = "executable");

}  // namespace phx::image
