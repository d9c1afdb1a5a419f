// TemporaryDirectory: a private folder for intermediate files, removed with its contents when the object goes.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::phxcc {

class TemporaryDirectory {
 public:
  static Expected<TemporaryDirectory> create() {
    std::error_code failed;
    std::string pattern = (std::filesystem::temp_directory_path(failed) / "phxcc-XXXXXX").string();
    if (failed || !mkdtemp(pattern.data())) return error("cannot create a folder for temporary files like " + pattern);
    return TemporaryDirectory(std::move(pattern));
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace phx::phxcc
