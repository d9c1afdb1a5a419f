#include "tests/fuzz/mutate_onnx.h"

#include <string>
#include <string_view>
#include <vector>

namespace phx::fuzz {

using namespace phx::onnx_schema;

namespace {

struct OperatorRow {
  const char* name;
  int least, most;
};
constexpr OperatorRow kOperators[] = {
#define PHX_ONNX_OPERATOR(Name, first, last, least, most, function) {#Name, least, most},
#include "compiler/lib/Frontend/Onnx/OnnxOperators.def"
};

// Every attribute that some operator reads, with a way to make a value that fits it more often than not.
struct AttributeRow {
  const char* name;
  AttributeProto::AttributeType type;
};
constexpr AttributeRow kAttributes[] = {
    {"axis", AttributeProto::INT},
    {"axes", AttributeProto::INTS},
    {"perm", AttributeProto::INTS},
    {"keepdims", AttributeProto::INT},
    {"kernel_shape", AttributeProto::INTS},
    {"strides", AttributeProto::INTS},
    {"pads", AttributeProto::INTS},
    {"dilations", AttributeProto::INTS},
    {"group", AttributeProto::INT},
    {"auto_pad", AttributeProto::STRING},
    {"ceil_mode", AttributeProto::INT},
    {"alpha", AttributeProto::FLOAT},
    {"beta", AttributeProto::FLOAT},
    {"epsilon", AttributeProto::FLOAT},
    {"to", AttributeProto::INT},
    {"value", AttributeProto::TENSOR},
    {"mode", AttributeProto::STRING},
    {"blocksize", AttributeProto::INT},
    {"transA", AttributeProto::INT},
    {"transB", AttributeProto::INT},
    {"equation", AttributeProto::STRING},
    {"fmod", AttributeProto::INT},
    {"direction", AttributeProto::STRING},
    {"split", AttributeProto::INTS},
    {"num_outputs", AttributeProto::INT},
    {"allowzero", AttributeProto::INT},
    {"start", AttributeProto::INT},
    {"end", AttributeProto::INT},
    {"k", AttributeProto::INT},
    {"upper", AttributeProto::INT},
    {"batch_dims", AttributeProto::INT},
    {"reduction", AttributeProto::STRING},
    {"ignore_index", AttributeProto::INT},
    {"output_shape", AttributeProto::INTS},
    {"output_padding", AttributeProto::INTS},
    {"num_groups", AttributeProto::INT},
    {"size", AttributeProto::INT},
    {"dtype", AttributeProto::INT},
    {"exclusive", AttributeProto::INT},
    {"reverse", AttributeProto::INT},
    {"largest", AttributeProto::INT},
    {"storage_order", AttributeProto::INT},
    {"count_include_pad", AttributeProto::INT},
    {"training_mode", AttributeProto::INT},
    {"hidden_size", AttributeProto::INT},
    {"layout", AttributeProto::INT},
    {"activations", AttributeProto::STRINGS},
    {"scales", AttributeProto::FLOATS},
    {"coordinate_transformation_mode", AttributeProto::STRING},
    {"nearest_mode", AttributeProto::STRING},
    {"align_corners", AttributeProto::INT},
    {"padding_mode", AttributeProto::STRING},
    {"noop_with_empty_axes", AttributeProto::INT},
    {"select_last_index", AttributeProto::INT},
    {"p", AttributeProto::INT},
    {"batch_axis", AttributeProto::INT},
    {"time_axis", AttributeProto::INT},
    {"broadcast", AttributeProto::INT},
    {"inverse", AttributeProto::INT},
    {"onesided", AttributeProto::INT},
    {"starts", AttributeProto::INTS},
    {"ends", AttributeProto::INTS},
    {"periodic", AttributeProto::INT},
    {"value_ints", AttributeProto::INTS},
    {"value_float", AttributeProto::FLOAT},
    {"value_floats", AttributeProto::FLOATS},
};

// The attributes of operators; those that are not listed have none.
struct Attributes {
  std::string_view op, names;
};
constexpr Attributes kAttributesOf[] = {
    {"ArgMax", "axis keepdims select_last_index"},
    {"ArgMin", "axis keepdims select_last_index"},
    {"AveragePool", "kernel_shape strides pads auto_pad ceil_mode count_include_pad"},
    {"BatchNormalization", "epsilon training_mode"},
    {"BitShift", "direction"},
    {"Cast", "to"},
    {"Celu", "alpha"},
    {"Compress", "axis"},
    {"Concat", "axis"},
    {"Constant", "value value_ints value_float value_floats"},
    {"ConstantOfShape", "value"},
    {"Conv", "kernel_shape strides pads dilations group auto_pad"},
    {"ConvInteger", "strides pads dilations group auto_pad"},
    {"ConvTranspose", "strides pads dilations group auto_pad output_shape output_padding"},
    {"CumSum", "exclusive reverse"},
    {"DFT", "axis inverse onesided"},
    {"DepthToSpace", "blocksize mode"},
    {"DequantizeLinear", "axis"},
    {"Einsum", "equation"},
    {"Elu", "alpha"},
    {"EyeLike", "k dtype"},
    {"Flatten", "axis"},
    {"Gather", "axis"},
    {"GatherElements", "axis"},
    {"GatherND", "batch_dims"},
    {"Gemm", "alpha beta transA transB"},
    {"GRU", "hidden_size layout direction activations"},
    {"GridSample", "mode align_corners padding_mode"},
    {"GroupNormalization", "num_groups epsilon"},
    {"HannWindow", "periodic"},
    {"Hardmax", "axis"},
    {"InstanceNormalization", "epsilon"},
    {"LRN", "size alpha beta"},
    {"LSTM", "hidden_size layout direction activations"},
    {"LayerNormalization", "axis epsilon"},
    {"LogSoftmax", "axis"},
    {"LpPool", "kernel_shape strides pads auto_pad p"},
    {"LpNormalization", "axis p"},
    {"MaxPool", "kernel_shape strides pads dilations auto_pad ceil_mode storage_order"},
    {"MaxUnpool", "kernel_shape strides pads"},
    {"Mod", "fmod"},
    {"NegativeLogLikelihoodLoss", "reduction ignore_index"},
    {"OneHot", "axis"},
    {"Pad", "mode pads"},
    {"QuantizeLinear", "axis"},
    {"RNN", "hidden_size layout direction activations"},
    {"ReduceLogSumExp", "axes keepdims"},
    {"ReduceMean", "axes keepdims"},
    {"ReduceSum", "axes keepdims noop_with_empty_axes"},
    {"Reshape", "allowzero"},
    {"Resize", "mode coordinate_transformation_mode nearest_mode scales"},
    {"ReverseSequence", "batch_axis time_axis"},
    {"ScatterElements", "axis reduction"},
    {"ScatterND", "reduction"},
    {"Shape", "start end"},
    {"Slice", "starts ends axes"},
    {"Softmax", "axis"},
    {"SoftmaxCrossEntropyLoss", "reduction ignore_index"},
    {"SpaceToDepth", "blocksize"},
    {"Split", "axis split num_outputs"},
    {"Squeeze", "axes"},
    {"TopK", "axis k largest"},
    {"Transpose", "perm"},
    {"Trilu", "upper"},
    {"Unsqueeze", "axes"},
    {"Upsample", "mode scales"},
};

std::string_view attributesOf(std::string_view op) {
  for (const Attributes& row : kAttributesOf)
    if (row.op == op) return row.names;
  return {};
}

int64_t anyInteger(Random& random) {
  constexpr int64_t kOdd[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -1000000, 1 << 20, 1 << 30, 100, -100, 65537};
  if (random.chance(90)) return static_cast<int64_t>(random.below(7)) - 2;
  return kOdd[random.below(std::size(kOdd))];
}

int64_t anyDimension(Random& random) {
  constexpr int64_t kOdd[] = {0, -1, INT64_MAX, INT64_MIN, int64_t{1} << 31, int64_t{1} << 40, 65536, 1000};
  if (random.chance(97)) return 1 + static_cast<int64_t>(random.below(4));
  return kOdd[random.below(std::size(kOdd))];
}

int32_t anyType(Random& random) {
  constexpr int32_t kUsual[] = {TensorProto::FLOAT, TensorProto::FLOAT,   TensorProto::FLOAT, TensorProto::FLOAT16,
                                TensorProto::INT64, TensorProto::INT32,   TensorProto::BOOL,  TensorProto::UINT8,
                                TensorProto::INT8,  TensorProto::BFLOAT16};
  if (random.chance(95)) return kUsual[random.below(std::size(kUsual))];
  return static_cast<int32_t>(random.below(30)) - 3;
}

size_t sizeOf(int32_t type) {
  switch (type) {
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::INT64:
    case TensorProto::UINT64:
    case TensorProto::DOUBLE:
      return 8;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
    case TensorProto::INT16:
    case TensorProto::UINT16:
      return 2;
    default:
      return 1;
  }
}

void fillTensor(Random& random, TensorProto& tensor, int32_t type, const std::vector<int64_t>& dims) {
  tensor.Clear();
  tensor.set_data_type(type);
  size_t count = 1;
  for (int64_t dim : dims) {
    tensor.add_dims(dim);
    count = dim > 0 && dim < 4096 && count < 4096 ? count * static_cast<size_t>(dim) : 0;
  }
  std::string bytes(count * sizeOf(type), '\0');
  bool small = random.chance(70);  // small integers: shapes, axes, indices
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!small)
      bytes[i] = static_cast<char>(random.next());
    else if (i % sizeOf(type) == 0)
      bytes[i] = static_cast<char>(random.below(4));
  }
  tensor.set_raw_data(bytes);
}

std::vector<int64_t> anyShape(Random& random) {
  std::vector<int64_t> shape;
  for (uint64_t rank = random.below(6); rank; --rank) shape.push_back(anyDimension(random));
  return shape;
}

std::string anyString(Random& random) {
  constexpr const char* kStrings[] = {"SAME_UPPER",
                                      "SAME_LOWER",
                                      "VALID",
                                      "NOTSET",
                                      "constant",
                                      "edge",
                                      "reflect",
                                      "wrap",
                                      "nearest",
                                      "linear",
                                      "cubic",
                                      "DCR",
                                      "CRD",
                                      "LEFT",
                                      "sum",
                                      "mean",
                                      "none",
                                      "align_corners",
                                      "asymmetric",
                                      "forward",
                                      "bidirectional",
                                      "ij,jk->ik",
                                      "...ii->...i",
                                      "bij,bjk->bik",
                                      "ab,bc,cd->ad",
                                      "i->",
                                      ",->",
                                      "->->,...",
                                      ""};
  if (random.chance(90)) return kStrings[random.below(std::size(kStrings))];
  std::string bytes;
  for (uint64_t n = random.below(300); n; --n) bytes += static_cast<char>(random.next());
  return bytes;
}

void fillAttribute(Random& random, AttributeProto& attribute, const AttributeRow& row) {
  attribute.Clear();
  attribute.set_name(row.name);
  attribute.set_type(row.type);
  uint64_t length = random.chance(80) ? 1 + random.below(4) : random.below(12);
  switch (row.type) {
    case AttributeProto::INT:
      attribute.set_i(anyInteger(random));
      break;
    case AttributeProto::FLOAT:
      attribute.set_f(static_cast<float>(anyInteger(random)) * 0.5f);
      break;
    case AttributeProto::STRING:
      attribute.set_s(anyString(random));
      break;
    case AttributeProto::INTS:
      for (; length; --length) attribute.add_ints(anyInteger(random));
      break;
    case AttributeProto::FLOATS:
      for (; length; --length) attribute.add_floats(static_cast<float>(anyInteger(random)) * 0.5f);
      break;
    case AttributeProto::STRINGS:
      for (; length; --length) attribute.add_strings(anyString(random));
      break;
    default:
      fillTensor(random, *attribute.mutable_t(), anyType(random), anyShape(random));
  }
}

void setType(Random& random, ValueInfoProto& info, int32_t type, const std::vector<int64_t>& shape) {
  auto* tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape()->Clear();
  for (int64_t dim : shape) tensor->mutable_shape()->add_dim()->set_dim_value(dim);
}

std::string anyName(Random& random, const std::vector<std::string>& names) { return names[random.below(names.size())]; }

// Puts a node into a branch, a loop body or a function of the model.
void wrapNode(Random& random, ModelProto& model, NodeProto& node) {
  NodeProto inner = node;
  GraphProto& graph = *model.mutable_graph();
  std::string name = "w" + std::to_string(graph.initializer_size());
  if (random.chance(40)) {
    FunctionProto& function = *model.add_functions();
    function.set_name(name);
    function.set_domain("own");
    *function.mutable_opset_import() = model.opset_import();
    *function.mutable_input() = inner.input();
    *function.mutable_output() = inner.output();
    for (AttributeProto& attribute : *inner.mutable_attribute())
      if (random.chance(30)) attribute.set_ref_attr_name(attribute.name());
    if (random.chance(10)) inner.set_op_type(name), inner.set_domain("own");  // calls itself
    *function.add_node() = inner;
    node.set_op_type(name);
    node.set_domain("own");
    return;
  }
  if (random.chance(30)) {
    node.clear_attribute();
    node.clear_input();
    node.set_op_type("Scan");
    node.add_input("x0");
    AttributeProto& count = *node.add_attribute();
    count.set_name("num_scan_inputs");
    count.set_i(random.chance(95) ? 1 : anyInteger(random));
    for (const char* list : {"scan_input_axes", "scan_output_axes", "scan_output_directions"}) {
      AttributeProto& attribute = *node.add_attribute();
      attribute.set_name(list);
      if (random.chance(50)) attribute.add_ints(anyInteger(random));
    }
    AttributeProto& body = *node.add_attribute();
    body.set_name("body");
    if (inner.input_size()) inner.set_input(0, "row");
    body.mutable_g()->add_input()->set_name("row");
    for (std::string& output : *inner.mutable_output()) body.mutable_g()->add_output()->set_name(output += "_inside");
    *body.mutable_g()->add_node() = inner;
    return;
  }
  bool loop = random.chance(50);
  TensorProto& known = *graph.add_initializer();
  known.set_name(name);
  known.set_data_type(loop ? TensorProto::INT64 : TensorProto::BOOL);
  if (loop)
    known.add_int64_data(random.chance(90) ? static_cast<int64_t>(random.below(5)) : anyInteger(random));
  else
    known.add_int32_data(static_cast<int32_t>(random.below(2)));
  std::vector<std::string> outputs(inner.output().begin(), inner.output().end());
  for (std::string& output : *inner.mutable_output()) output += "_inside";
  node.clear_attribute();
  node.clear_input();
  node.add_input(name);
  if (loop) node.add_input("");
  node.set_op_type(loop ? "Loop" : "If");
  for (const char* part : {"then_branch", "else_branch"}) {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(loop ? "body" : part);
    attribute.set_type(AttributeProto::GRAPH);
    GraphProto& body = *attribute.mutable_g();
    *body.add_node() = inner;
    if (loop) body.add_input()->set_name("at"), body.add_input()->set_name("go"), body.add_output()->set_name("go");
    for (const std::string& output : inner.output()) body.add_output()->set_name(output);
    if (loop) break;
  }
}

}  // namespace

ModelProto randomModel(Random& random) {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(7 + static_cast<int64_t>(random.below(15)));
  GraphProto& graph = *model.mutable_graph();
  // Values of one type and a common shape make most operators content.
  int32_t type = random.chance(60) ? static_cast<int32_t>(TensorProto::FLOAT) : anyType(random);
  std::vector<int64_t> common;
  for (uint64_t rank = 1 + random.below(5); rank; --rank) common.push_back(1 + static_cast<int64_t>(random.below(5)));
  std::vector<std::string> names;
  for (uint64_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    ValueInfoProto& input = *graph.add_input();
    input.set_name("x" + std::to_string(i));
    setType(random, input, random.chance(80) ? type : anyType(random), random.chance(75) ? common : anyShape(random));
    names.push_back(input.name());
  }
  for (uint64_t i = 0, count = random.below(4); i < count; ++i) {
    TensorProto& constant = *graph.add_initializer();
    bool list = random.chance(60);  // a list of integers: axes, a shape, pads
    std::vector<int64_t> shape = list                ? std::vector<int64_t>{static_cast<int64_t>(random.below(6))}
                                 : random.chance(50) ? common
                                                     : anyShape(random);
    fillTensor(random, constant, list ? TensorProto::INT64 : type, shape);
    constant.set_name("c" + std::to_string(i));
    names.push_back(constant.name());
  }
  uint64_t nodes = 1 + random.below(4);
  for (uint64_t i = 0; i < nodes; ++i) {
    NodeProto& node = *graph.add_node();
    const OperatorRow& row = kOperators[random.below(std::size(kOperators))];
    node.set_op_type(row.name);
    if (random.chance(50)) node.set_name(row.name + ("_" + std::to_string(i)));
    int most = row.most < 0 ? row.least + 2 : row.most;
    int inputs = row.least + static_cast<int>(random.below(static_cast<uint64_t>(most - row.least + 1)));
    for (int k = 0; k < inputs; ++k) node.add_input(random.chance(96) ? anyName(random, names) : "");
    std::string_view own = attributesOf(row.name);
    for (const AttributeRow& attribute : kAttributes) {
      size_t at = (" " + std::string(own) + " ").find(" " + std::string(attribute.name) + " ");
      if (at == std::string::npos ? random.below(2000) == 0 : random.chance(60))
        fillAttribute(random, *node.add_attribute(), attribute);
    }
    for (uint64_t k = 0, count = 1 + random.below(2); k < count; ++k) {
      node.add_output("v" + std::to_string(i) + "_" + std::to_string(k));
      names.push_back(node.output(static_cast<int>(k)));
    }
  }
  for (int i = 0; i < graph.node_size(); ++i)
    if (random.chance(8)) wrapNode(random, model, *graph.mutable_node(i));
  // The last node's value leaves, without a declared shape; and so does one of the others now and then.
  graph.add_output()->set_name("v" + std::to_string(nodes - 1) + "_0");
  if (random.chance(20)) graph.add_output()->set_name(anyName(random, names));
  return model;
}

void mutateModel(Random& random, ModelProto& model) {
  GraphProto& graph = *model.mutable_graph();
  for (uint64_t changes = 1 + random.below(3); changes; --changes) {
    NodeProto* node = graph.node_size()
                          ? graph.mutable_node(static_cast<int>(random.below(static_cast<uint64_t>(graph.node_size()))))
                          : nullptr;
    TensorProto* constant =
        graph.initializer_size()
            ? graph.mutable_initializer(static_cast<int>(random.below(static_cast<uint64_t>(graph.initializer_size()))))
            : nullptr;
    AttributeProto* attribute =
        node && node->attribute_size()
            ? node->mutable_attribute(static_cast<int>(random.below(static_cast<uint64_t>(node->attribute_size()))))
            : nullptr;
    switch (random.below(14)) {
      case 0:
        if (node)
          node->set_op_type(random.chance(90) ? kOperators[random.below(std::size(kOperators))].name
                                              : anyString(random));
        break;
      case 1:
        if (node && node->input_size())
          node->mutable_input()->SwapElements(
              0, static_cast<int>(random.below(static_cast<uint64_t>(node->input_size()))));
        break;
      case 2:
        if (node) node->add_input(random.chance(50) ? "x0" : anyString(random));
        break;
      case 3:
        if (attribute) attribute->set_type(static_cast<AttributeProto::AttributeType>(random.below(15)));
        break;
      case 4:
        if (attribute) attribute->set_i(anyInteger(random)), attribute->add_ints(anyInteger(random));
        break;
      case 5:
        if (constant && constant->dims_size()) constant->set_dims(0, anyDimension(random));
        break;
      case 6:
        if (constant) constant->set_data_type(anyType(random));
        break;
      case 7:
        if (constant) constant->mutable_raw_data()->resize(random.below(64));
        break;
      case 8:
        if (constant) {
          constant->set_data_location(TensorProto::EXTERNAL);
          auto& entry = *constant->add_external_data();
          entry.set_key(random.chance(70) ? "location" : "offset");
          entry.set_value(random.chance(50) ? "../../etc/passwd" : anyString(random));
        }
        break;
      case 9:
        setType(random, *graph.mutable_input(0), anyType(random), anyShape(random));
        break;
      case 10:
        if (graph.node_size() > 1) graph.mutable_node()->SwapElements(0, graph.node_size() - 1);
        break;
      case 11:
        model.mutable_opset_import(0)->set_version(anyInteger(random));
        break;
      case 12:
        if (node && node->output_size()) node->set_output(0, random.chance(50) ? "x0" : anyString(random));
        break;
      case 13:
        if (constant)
          constant->clear_raw_data(), constant->add_float_data(1), constant->add_int64_data(anyInteger(random)),
              constant->add_int32_data(7);
        break;
    }
  }
}

}  // namespace phx::fuzz
