// readelf opens what write() writes, without a warning. Arguments: readelf, a path for the file.
#include <cstdio>
#include <fstream>
#include <string>

#include "device_sim/assembler/assembler.h"
#include "device_sim/image/image.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto executable = phx::assembler::assemble(
      ".global g\n .quad @g\n.kernel k\n .param p 8 ptr\n .loc \"a.cu\" 1 2 \"k\"\n mov.b64 r0, @g\n exit\n");
  if (!executable) return std::puts(executable.diagnostic().str().c_str()), 1;
  auto bytes = phx::image::write(*executable);
  std::ofstream(argv[2], std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));

  FILE* readelf = popen((std::string(argv[1]) + " -aW " + argv[2] + " 2>&1").c_str(), "r");
  std::string output;
  for (int c; readelf && (c = std::fgetc(readelf)) != EOF;) output += static_cast<char>(c);
  int status = readelf ? pclose(readelf) : 1;
  bool clean = status == 0 && output.find("arning") == output.npos && output.find("rror:") == output.npos &&
               output.find(".phx.kernels") != output.npos;
  if (!clean) std::puts(output.c_str());
  return clean ? 0 : 1;
}
