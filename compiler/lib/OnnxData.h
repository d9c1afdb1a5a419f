// Element types of program descriptions as the ONNX front end has them.
#pragma once

#include <optional>
#include <string>

#include "compiler/lib/Frontend/Onnx/ElementType.h"

namespace phx::compiler {

std::optional<onnx::ElementType> elementTypeNamed(const std::string& name);  // "f32", "u8", "bool"
std::string programTypeName(onnx::ElementType type);

}  // namespace phx::compiler
