// phx-isagen: writes the ISA table in other languages. It knows the table by compilation; isa.def is read again only
// for its prose.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "device_sim/tools/isa_tables.h"

namespace {

constexpr std::string_view kHelp =
    "usage: phx-isagen --markdown <isa.def>             docs/isa.md to standard output\n"
    "       phx-isagen --check <docs/isa.md> <isa.def>  fails if the page is stale\n"
    "       phx-isagen --python                         a Python module to standard output\n";

std::optional<std::string> contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "phx-isagen: cannot read " << path << "\n";
    return std::nullopt;
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

int main(int argc, char** argv) {
  std::span<char*> arguments(argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0));
  std::string_view action = arguments.empty() ? "" : arguments[0];
  if (action == "--python" && arguments.size() == 1) {
    std::cout << phx::isagen::python();
    return 0;
  }
  if (action == "--markdown" && arguments.size() == 2) {
    auto definition = contents(arguments[1]);
    if (!definition) return 1;
    std::cout << phx::isagen::markdown(*definition);
    return 0;
  }
  if (action == "--check" && arguments.size() == 3) {
    auto page = contents(arguments[1]), definition = contents(arguments[2]);
    if (!page || !definition) return 1;
    if (*page == phx::isagen::markdown(*definition)) return 0;
    std::cerr << arguments[1] << " is stale; run: phx-isagen --markdown device_sim/isa/isa.def > docs/isa.md\n";
    return 1;
  }
  std::cerr << kHelp;
  return action == "--help" ? 0 : 2;
}
