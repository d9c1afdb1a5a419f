// phx as FILE.asm -o FILE.phx, phx objdump FILE.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "device_sim/assembler/assembler.h"
#include "device_sim/assembler/listing.h"
#include "device_sim/image/bundle.h"
#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"
#include "runtime/tools/phx/commands.h"

namespace phx::tools {
namespace {

Expected<std::vector<std::byte>> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return error_at(path, 0, "cannot be opened for reading");
  std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return std::vector<std::byte>(bytes, bytes + text.size());
}

int fail(const Diagnostic& diagnostic) {
  std::fprintf(stderr, "phx: %s\n", diagnostic.str().c_str());
  return 1;
}

int assemble_file(const std::string& input, std::string output) {
  auto text = read_file(input);
  if (!text) return fail(text.diagnostic());
  auto executable = assembler::assemble({reinterpret_cast<const char*>(text->data()), text->size()}, input);
  if (!executable) return fail(executable.diagnostic());
  // Tile code names its machine by digest; people write the machine's name.
  if (executable->target != image::CoreKind::simt)
    if (auto machine = machine::load(executable->machine_digest))
      executable->machine_digest = machine::digest(*machine);
  if (output.empty()) output = input.substr(0, input.rfind('.')) + ".phx";
  const std::vector<std::byte> bytes = image::write(*executable);
  std::ofstream file(output, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) return fail(error_at(output, 0, "cannot be written"));
  return 0;
}

// Bundles lie somewhere in a host program's file: in an object or program compiled by phxcc, or by themselves.
std::vector<std::span<const std::byte>> simt_images(std::span<const std::byte> file) {
  constexpr std::string_view magic("PHXBNDL\0", 8);
  std::vector<std::span<const std::byte>> images;
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (size_t at = text.find(magic); at != std::string_view::npos; at = text.find(magic, at + 1)) {
    if (file.size() - at < 16) break;
    auto size = image::bundle_size(file.data() + at);
    if (!size || *size > file.size() - at) continue;
    auto bundle = image::read_bundle(file.subspan(at, *size));
    if (!bundle) continue;
    for (const image::BundleView& view : *bundle)
      if (view.kind != image::BundleKind::bitcode) images.push_back(view.bytes);
  }
  return images;
}

int dump(const std::string& input) {
  auto bytes = read_file(input);
  if (!bytes) return fail(bytes.diagnostic());
  std::vector<std::span<const std::byte>> images = simt_images(*bytes);
  if (images.empty()) images.push_back(*bytes);
  for (std::span<const std::byte> one : images) {
    auto executable = image::read(one, input);
    if (!executable) return fail(executable.diagnostic());
    std::fputs(assembler::listing(*executable).c_str(), stdout);
  }
  return 0;
}

struct Files {
  std::string input, output;
};

}  // namespace

void add_executable_commands(CLI::App& app, int& status) {
  auto files = std::make_shared<Files>();
  CLI::App* as = app.add_subcommand("as", "Assemble a text file into an executable");
  as->add_option("input", files->input, "Assembly text")->required();
  as->add_option("-o", files->output, "Executable; the input's name with .phx if not given");
  as->callback([&status, files] { status = assemble_file(files->input, files->output); });

  auto dumped = std::make_shared<Files>();
  CLI::App* objdump =
      app.add_subcommand("objdump", "List the device code of an executable, or of a program or object built by phxcc");
  objdump->add_option("input", dumped->input, "Executable, object or program")->required();
  objdump->callback([&status, dumped] { status = dump(dumped->input); });
}

}  // namespace phx::tools
