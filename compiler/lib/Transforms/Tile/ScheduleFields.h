// The option string that replaces schedule fields: "base_m=128,split_k=2,block=8192".
//
// Every field has one name, whichever kind of kernel it is for, and holds for every kernel of that kind in a program.
// Values are integers; what a value may be is checked where the schedule is made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "device_sim/diagnostic/diagnostic.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace phx::compiler {

class ScheduleFields {
 public:
  // The error names a field that no kind of kernel has, or that has no number.
  static Expected<ScheduleFields> parse(llvm::StringRef text);

  std::optional<int64_t> find(llvm::StringRef name) const {
    auto it = values_.find(name.str());
    return it == values_.end() ? std::nullopt : std::optional(it->second);
  }
  int64_t get(llvm::StringRef name, int64_t chosen) const { return find(name).value_or(chosen); }

 private:
  std::map<std::string, int64_t> values_;
};

// Names of the fields of #npu.schedule (Tile/Cube) and #npu.vector_schedule (Tile/Vector).
llvm::ArrayRef<llvm::StringLiteral> cubeScheduleFields();
llvm::ArrayRef<llvm::StringLiteral> vectorScheduleFields();

}  // namespace phx::compiler
