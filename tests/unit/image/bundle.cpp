#include "device_sim/image/bundle.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace phx;

namespace {

std::vector<std::byte> bytes(const char* text) {
  auto* begin = reinterpret_cast<const std::byte*>(text);
  return {begin, begin + std::strlen(text)};
}

void set32(std::vector<std::byte>& file, size_t at, uint32_t value) { std::memcpy(file.data() + at, &value, 4); }
void set64(std::vector<std::byte>& file, size_t at, uint64_t value) { std::memcpy(file.data() + at, &value, 8); }

}  // namespace

TEST_CASE("bundles survive") {
  std::vector<image::BundleEntry> entries = {{image::BundleKind::simt, 0, bytes("first")},
                                             {image::BundleKind::tile, 77, bytes("the second image")},
                                             {image::BundleKind::bitcode, 0, {}}};
  auto file = image::write_bundle(entries);
  auto views = image::read_bundle(file);
  REQUIRE_MESSAGE(views.ok(), views.diagnostic().str());
  REQUIRE(views->size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK((*views)[i].kind == entries[i].kind);
    CHECK((*views)[i].machine == entries[i].machine);
    CHECK(std::equal((*views)[i].bytes.begin(), (*views)[i].bytes.end(), entries[i].bytes.begin(),
                     entries[i].bytes.end()));
  }
  auto size = image::bundle_size(file.data());
  REQUIRE(size.ok());
  CHECK(*size == file.size());
  CHECK(image::read_bundle(image::write_bundle({}))->empty());
}

TEST_CASE("hostile bundles are refused") {
  auto good =
      image::write_bundle(std::vector<image::BundleEntry>{{image::BundleKind::simt, 0, bytes("0123456789abcdef")},
                                                          {image::BundleKind::simt, 0, bytes("0123456789abcdef")}});
  auto refused = [&](auto change) {
    auto file = good;
    change(file);
    auto views = image::read_bundle(file, "b");
    return views ? std::string() : views.diagnostic().str();
  };
  CHECK(refused([](auto&) {}) == "");
  CHECK(refused([](auto& f) { f.resize(10); }).starts_with("b+0x0: "));
  CHECK(refused([](auto& f) { f[0] = std::byte{0}; }).starts_with("b+0x0: "));
  CHECK(refused([](auto& f) { set32(f, 8, 2); }).starts_with("b+0x8: "));
  CHECK(refused([](auto& f) { set32(f, 12, 0xFFFF'FFFF); }).starts_with("b+0xc: "));
  CHECK(refused([](auto& f) { set32(f, 12, 1000); }).starts_with("b+0x10: "));
  CHECK(refused([](auto& f) { set32(f, 16, 9); }).starts_with("b+0x10: unknown kind"));
  CHECK(refused([](auto& f) { set32(f, 20, 1); }).starts_with("b+0x14: "));
  CHECK(refused([](auto& f) { set64(f, 24, 8); }).starts_with("b+0x18: "));
  CHECK(refused([](auto& f) { set64(f, 32, ~uint64_t{0}); }).starts_with("b+0x18: "));
  CHECK(refused([](auto& f) { set64(f, 24, ~uint64_t{0} & ~uint64_t{15}); }).starts_with("b+0x18: "));
  CHECK(refused([](auto& f) { set64(f, 40, 5); }).starts_with("b+0x28: only tile images"));
  CHECK(refused([](auto& f) { set64(f, 32, 17); }).find("overlap") != std::string::npos);
}
