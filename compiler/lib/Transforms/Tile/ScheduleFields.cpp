#include "lib/Transforms/Tile/ScheduleFields.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace phx::compiler {

Expected<ScheduleFields> ScheduleFields::parse(llvm::StringRef text) {
  ScheduleFields fields;
  for (llvm::StringRef item : llvm::split(text, ',')) {
    if (item.empty()) continue;
    const auto [name, number] = item.split('=');
    const std::string field = name.trim().str();
    if (!llvm::is_contained(cubeScheduleFields(), field) && !llvm::is_contained(vectorScheduleFields(), field))
      return error("schedule has no field '" + field + "'");
    int64_t value = 0;
    if (number.trim().getAsInteger(10, value))
      return error("schedule field '" + field + "' needs a number, got '" + number.trim().str() + "'");
    fields.values_[field] = value;
  }
  return fields;
}

}  // namespace phx::compiler
