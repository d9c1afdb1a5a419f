// Bundle: what a host program embeds, a versioned list of images of the same device code.
//
// Layout, little endian: "PHXBNDL\0", u32 version (1), u32 count, then count records {u32 kind, u32 flags (0), u64
// offset, u64 size, u64 machine digest hash (0 unless tile)}, then the payloads, 16-byte aligned, without overlap.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::image {

enum class BundleKind : uint32_t {
  simt = 1,     // Executable for any machine with SIMT, bound to the ISA major version
  tile = 2,     // Executable bound to one machine
  bitcode = 3,  // LLVM bitcode of the device code after linking, before our lowering: for linking, JIT, raising
};

struct BundleEntry {
  BundleKind kind = BundleKind::simt;
  uint64_t machine = 0;
  std::vector<std::byte> bytes;
};

std::vector<std::byte> write_bundle(std::span<const BundleEntry> entries);

// Views into `file`. Unknown versions, kinds, overlapping or out-of-range payloads are refused with the byte offset.
struct BundleView {
  BundleKind kind;
  uint64_t machine;
  std::span<const std::byte> bytes;
};
Expected<std::vector<BundleView>> read_bundle(std::span<const std::byte> file, const std::string& name = "bundle");

// Total size in bytes as the header tells it, for embedders that pass only a pointer (CUDA's fat binary wrapper);
// checks magic, version and count first. The first 16 + count * 32 bytes must be readable.
Expected<uint64_t> bundle_size(const void* start);

}  // namespace phx::image
