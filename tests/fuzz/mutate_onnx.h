// Random ONNX models, near enough to real ones that most of them reach an operator's import function.
#pragma once

#include "onnx.pb.h"
#include "tests/fuzz/random.h"

namespace phx::fuzz {

// A graph of a few nodes over inputs and constants of many types and shapes. Nodes have the attributes of their
// operator, with values that are often right.
phx::onnx_schema::ModelProto randomModel(Random& random);

// Changes a few things somewhere in a model: types, shapes, names, attributes, data, the order of nodes.
void mutateModel(Random& random, phx::onnx_schema::ModelProto& model);

}  // namespace phx::fuzz
