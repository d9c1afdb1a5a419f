#include "runtime/tools/phxcc/installation.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace phx::phxcc {
namespace fs = std::filesystem;

Expected<Installation> find_installation() {
  std::error_code failed;
  const fs::path self = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return error("cannot find out where phxcc itself is: " + failed.message());
  const fs::path prefix = self.parent_path().parent_path();

  Installation found;
  const char* chosen = std::getenv("PHXCC_CLANG");
  found.clang = chosen && *chosen ? chosen : PHXCC_CLANGXX;
  found.clang_c = found.clang;
  if (const size_t at = found.clang_c.rfind("clang++"); at != std::string::npos) found.clang_c.erase(at + 5, 2);

  for (const fs::path& candidate : {prefix / "include/phalanx/cuda", fs::path(PHXCC_BUILD_HEADERS)}) {
    if (fs::exists(candidate / "cuda_runtime.h", failed)) {
      found.headers = candidate.string();
      break;
    }
  }
  if (found.headers.empty()) {
    return error("cuda_runtime.h is neither in " + (prefix / "include/phalanx/cuda").string() +
                 " nor in " PHXCC_BUILD_HEADERS);
  }
  found.library_dir = (prefix / PHXCC_LIBDIR).string();
  if (!fs::exists(found.library_dir, failed)) found.library_dir = (prefix / "lib").string();
  return found;
}

}  // namespace phx::phxcc
