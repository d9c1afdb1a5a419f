#include "device_sim/image/bundle.h"

#include <algorithm>
#include <cstring>

namespace phx::image {
namespace {

constexpr char kMagic[8] = {'P', 'H', 'X', 'B', 'N', 'D', 'L', '\0'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMaxEntries = 1024;
constexpr uint64_t kAlignment = 16;

struct Header {
  char magic[8];
  uint32_t version, count;
};
struct Record {
  uint32_t kind, flags;
  uint64_t offset, size, machine;
};
static_assert(sizeof(Header) == 16 && sizeof(Record) == 32);

uint64_t aligned(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

Outcome check(const Header& header, const std::string& name) {
  if (std::memcmp(header.magic, kMagic, sizeof kMagic))
    return error_at_offset(name, 0, "this is not a bundle of device images");
  if (header.version != kVersion)
    return error_at_offset(
        name, 8, "bundle version " + std::to_string(header.version) + ", expected " + std::to_string(kVersion));
  if (header.count > kMaxEntries)
    return error_at_offset(name, 12,
                           "the bundle has " + std::to_string(header.count) + " entries, at most " +
                               std::to_string(kMaxEntries) + " are allowed");
  return {};
}

}  // namespace

std::vector<std::byte> write_bundle(std::span<const BundleEntry> entries) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.count = static_cast<uint32_t>(entries.size());
  std::vector<std::byte> file(sizeof header + entries.size() * sizeof(Record));
  std::memcpy(file.data(), &header, sizeof header);
  for (size_t i = 0; i < entries.size(); ++i) {
    file.resize(aligned(file.size()));
    Record record{static_cast<uint32_t>(entries[i].kind), 0, file.size(), entries[i].bytes.size(), entries[i].machine};
    std::memcpy(file.data() + sizeof header + i * sizeof record, &record, sizeof record);
    file.insert(file.end(), entries[i].bytes.begin(), entries[i].bytes.end());
  }
  return file;
}

Expected<std::vector<BundleView>> read_bundle(std::span<const std::byte> file, const std::string& name) {
  auto fail = [&](uint64_t offset, std::string message) { return error_at_offset(name, offset, std::move(message)); };
  Header header;
  if (file.size() < sizeof header) return fail(0, "the bundle is shorter than its header");
  std::memcpy(&header, file.data(), sizeof header);
  if (Outcome checked = check(header, name); !checked) return checked.diagnostic();
  uint64_t table_end = sizeof header + header.count * sizeof(Record);
  if (table_end > file.size()) return fail(sizeof header, "the bundle is shorter than its table");

  std::vector<BundleView> views;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (uint64_t i = 0; i < header.count; ++i) {
    Record record;
    uint64_t where = sizeof header + i * sizeof record;
    std::memcpy(&record, file.data() + where, sizeof record);
    if (record.kind < 1 || record.kind > 3) return fail(where, "unknown kind of image " + std::to_string(record.kind));
    if (record.flags) return fail(where + 4, "flags are not zero");
    auto kind = static_cast<BundleKind>(record.kind);
    if (kind != BundleKind::tile && record.machine) return fail(where + 24, "only tile images are bound to a machine");
    if (record.offset % kAlignment || record.offset < table_end || record.offset > file.size() ||
        record.size > file.size() - record.offset)
      return fail(where + 8, "the image lies outside the bundle or is misaligned");
    if (record.size) ranges.emplace_back(record.offset, record.offset + record.size);
    views.push_back({kind, record.machine, file.subspan(record.offset, record.size)});
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second) return fail(ranges[i].first, "two images of the bundle overlap");
  return views;
}

Expected<uint64_t> bundle_size(const void* start) {
  Header header;
  std::memcpy(&header, start, sizeof header);
  if (Outcome checked = check(header, "bundle"); !checked) return checked.diagnostic();
  uint64_t end = sizeof header + header.count * sizeof(Record);
  for (uint64_t i = 0; i < header.count; ++i) {
    Record record;
    uint64_t where = sizeof header + i * sizeof record;
    std::memcpy(&record, static_cast<const char*>(start) + where, sizeof record);
    if (record.offset < sizeof header + header.count * sizeof record || record.size > UINT64_MAX - record.offset)
      return error_at_offset("bundle", where + 8, "the image lies outside the bundle");
    end = std::max(end, record.offset + record.size);
  }
  return end;
}

}  // namespace phx::image
