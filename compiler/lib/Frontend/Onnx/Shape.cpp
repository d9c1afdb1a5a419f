// Operators that move elements or change their type: the results are the inputs' elements, elsewhere.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;

// The values of a 1-D integer input that must be known; nothing after an error.
std::optional<Dims> integersOf(Node& n, size_t input, std::string_view what) {
  const ConstantTensor* tensor = n.constant(input, what);
  if (!tensor) return {};
  if (isFloat(tensor->type) || tensor->shape.size() > 1 || tensor->count() > 4096) {
    n.fail(std::string(what) + " must be a list of integers");
    return {};
  }
  return toIntegers(*tensor);
}

// `axes` was an attribute before `input_since` and is an input from then on. Nothing if it is absent.
std::optional<Dims> axesOf(Node& n, size_t input, int64_t input_since) {
  if (n.opset() >= input_since) return n.has(input) ? integersOf(n, input, "axes") : std::nullopt;
  return n.hasAttribute("axes") ? std::optional(n.integers("axes")) : std::nullopt;
}

}  // namespace

void importIdentity(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  n.output(0, n.input(0));
}

void importDropout(Node& n, TensorBuilder& b) {
  for (auto name : {"ratio", "seed", "consumed_inputs"}) n.ignore(name);
  if (n.opset() < 7 && !n.integer("is_test", 0)) return n.fail("attribute 'is_test' = 0 (training) is not supported");
  if (n.has(2)) {
    const ConstantTensor* training = n.constant(2, "training_mode");
    const ConstantTensor* ratio = n.has(1) ? n.constant(1, "ratio") : nullptr;
    if (!b.ok()) return;
    bool keeps_all = ratio && ratio->count() == 1 && ratio->real(0) == 0;
    if (training->count() != 1) return n.fail("training_mode is not a scalar");
    if (training->at(0).integer && !keeps_all) return n.fail("training mode is not supported");
  }
  const Tensor& x = n.input(0);
  n.output(0, x);
  ElementType mask = n.opset() >= 10 ? Bool : x.type;
  if (n.wants(1)) n.output(1, b.filled(mask, x.shape, numberOf(mask, 1.0)));
}

void importCast(Node& n, TensorBuilder& b) {
  n.ignore("saturate");
  int64_t to = n.integer("to", 0);
  auto type = elementTypeOf(static_cast<int32_t>(std::clamp<int64_t>(to, -1, 1000)));
  if (!type)
    return n.fail("attribute 'to': element type " +
                  nameOfOnnxType(static_cast<int32_t>(std::clamp<int64_t>(to, -1, 1000))) + " is not supported");
  const Tensor& x = n.input(0);
  // Floats go to small integers through a wider signed one, so that values outside of the range wrap as on most
  // machines.
  Tensor wide = x;
  if (isFloat(x.type) && isInteger(*type) && bitWidth(*type) < 64)
    wide = b.elementwise({x}, *type == U32 ? I64 : I32, [&](ScalarBuilder& s, const std::vector<Scalar>& e) {
      return s.convert(e[0], *type == U32 ? I64 : I32);
    });
  n.output(0, b.convert(wide, *type));
}

void importCastLike(Node& n, TensorBuilder& b) {
  n.ignore("saturate");
  n.output(0, b.convert(n.input(0), n.input(1).type));
}

void importShape(Node& n, TensorBuilder& b) {
  const Shape& shape = n.input(0).shape;
  int64_t rank = n.input(0).rank();
  auto bound = [&](std::string_view name, int64_t otherwise) {
    int64_t value = n.integer(name, otherwise);
    return std::clamp<int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  n.output(0, b.constant(integers(std::span(shape).subspan(start, end - start))));
}

void importSize(Node& n, TensorBuilder& b) {
  int64_t count = n.input(0).count();
  n.output(0, b.reshape(b.constant(integers({&count, 1})), {}));
}

void importReshape(Node& n, TensorBuilder& b) {
  bool allow_zero = n.integer("allowzero", 0) != 0;
  const Tensor& x = n.input(0);
  auto wanted = integersOf(n, 1, "shape");
  if (!wanted) return;
  Shape shape = *wanted;
  int64_t open = -1, rest = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !allow_zero) {
      if (i >= x.shape.size())
        return n.fail("dimension " + std::to_string(i) + " of shape is 0, but the input has rank " +
                      std::to_string(x.rank()));
      shape[i] = x.shape[i];
    }
    if (shape[i] == -1) {
      if (open >= 0) return n.fail("shape has two dimensions of -1");
      open = static_cast<int64_t>(i);
    } else if (shape[i] < 0 || shape[i] > kMostElements || __builtin_mul_overflow(rest, shape[i], &rest)) {
      return n.fail("shape has the impossible dimension " + std::to_string(shape[i]));
    }
  }
  if (open >= 0) {
    if (rest == 0 || x.count() % rest)
      return n.fail("a tensor of shape " + text(x.shape) + " cannot be reshaped to " + text(*wanted));
    shape[open] = x.count() / rest;
  }
  n.output(0, b.reshape(x, shape));
}

void importFlatten(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  int64_t rank = x.rank(), axis = n.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return n.fail("axis " + std::to_string(axis) + " is outside of a tensor of rank " + std::to_string(rank));
  if (axis < 0) axis += rank;
  std::span shape(x.shape);
  n.output(0, b.reshape(x, {elementCount(shape.first(axis)), elementCount(shape.subspan(axis))}));
}

void importSqueeze(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  auto given = axesOf(n, 1, 13);
  if (!b.ok()) return;
  Dims axes = given ? n.axes(*given, x.rank()) : Dims{};
  Shape shape;
  for (int64_t i = 0; i < x.rank(); ++i) {
    bool listed = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (listed && x.shape[i] != 1)
      return n.fail("axis " + std::to_string(i) + " has size " + std::to_string(x.shape[i]) +
                    "; only 1 can be squeezed");
    if (given ? !listed : x.shape[i] != 1) shape.push_back(x.shape[i]);
  }
  n.output(0, b.reshape(x, shape));
}

void importUnsqueeze(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  auto given = axesOf(n, 1, 13);
  if (!given) return n.fail("axes are missing");
  int64_t rank = x.rank() + static_cast<int64_t>(given->size());
  Dims axes = n.axes(*given, rank);
  if (!b.ok()) return;
  Shape shape;
  size_t next = 0;
  for (int64_t i = 0; i < rank; ++i) {
    bool added = std::find(axes.begin(), axes.end(), i) != axes.end();
    shape.push_back(added ? 1 : x.shape[next++]);
  }
  n.output(0, b.reshape(x, shape));
}

void importTranspose(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  Dims permutation = n.integers("perm");
  if (!n.hasAttribute("perm"))
    for (int64_t i = x.rank(); i-- > 0;) permutation.push_back(i);
  Dims sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int64_t>(i)) return n.fail("attribute 'perm' is not a permutation");
  if (sorted.size() != x.shape.size())
    return n.fail("attribute 'perm' has " + std::to_string(sorted.size()) + " entries for a tensor of rank " +
                  std::to_string(x.rank()));
  n.output(0, b.transpose(x, permutation));
}

void importExpand(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  auto wanted = integersOf(n, 1, "shape");
  if (!wanted) return;
  auto shape = TensorBuilder::broadcastShape({x, Tensor{x.type, *wanted, nullptr, {}, nullptr}});
  if (!shape) return n.fail("a tensor of shape " + text(x.shape) + " cannot be broadcast to " + text(*wanted));
  n.output(0, b.broadcast(x, *shape));
}

void importConcat(Node& n, TensorBuilder& b) {
  std::vector<Tensor> parts = n.inputs();
  if (parts.size() != n.inputCount()) return n.fail("an input is missing");
  if (!n.requireSameTypes()) return;
  if (!n.hasAttribute("axis")) return n.fail("attribute 'axis' is missing");
  int64_t axis = n.axis(n.integer("axis", 0), parts[0].rank());
  if (!b.ok()) return;
  for (const Tensor& part : parts) {
    Shape expected = parts[0].shape, found = part.shape;
    if (found.size() == expected.size()) found[axis] = expected[axis] = 0;
    if (found != expected)
      return n.fail("tensors of shapes " + text(parts[0].shape) + " and " + text(part.shape) +
                    " cannot be joined along axis " + std::to_string(axis));
  }
  n.output(0, b.concat(parts, axis));
}

void importSplit(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  int64_t axis = n.axis(n.integer("axis", 0), x.rank());
  if (!b.ok()) return;
  int64_t size = x.shape[axis], count = static_cast<int64_t>(n.outputCount());
  std::optional<Dims> sizes;
  if (n.opset() < 13 && n.hasAttribute("split")) sizes = n.integers("split");
  if (n.has(1)) sizes = integersOf(n, 1, "split");
  int64_t asked = n.integer("num_outputs", count);
  if (!b.ok()) return;
  if (asked != count)
    return n.fail("attribute 'num_outputs' is " + std::to_string(asked) + ", but there are " + std::to_string(count) +
                  " outputs");
  if (!sizes) {
    if (n.opset() < 18 && count && size % count)
      return n.fail("a dimension of " + std::to_string(size) + " cannot be split into " + std::to_string(count) +
                    " equal parts");
    int64_t part = count ? (size + count - 1) / count : 0;  // the last one may be smaller
    sizes.emplace();
    for (int64_t i = 0; i < count; ++i) sizes->push_back(std::clamp<int64_t>(size - i * part, 0, part));
  }
  int64_t total = 0;
  for (int64_t part : *sizes) {
    if (part < 0 || part > size)
      return n.fail("a part of size " + std::to_string(part) + " cannot be split off a dimension of " +
                    std::to_string(size));
    total += part;
  }
  if (total != size || static_cast<int64_t>(sizes->size()) != count)
    return n.fail("a dimension of " + std::to_string(size) + " is split into " + std::to_string(sizes->size()) +
                  " parts that hold " + std::to_string(total));
  int64_t start = 0;
  for (int64_t i = 0; i < count; ++i) {
    n.output(i, b.sliceAxis(x, axis, start, (*sizes)[i]));
    start += (*sizes)[i];
  }
}

void importSlice(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  std::optional<Dims> starts, ends, axes, steps;
  if (n.opset() < 10) {
    if (!n.hasAttribute("starts") || !n.hasAttribute("ends"))
      return n.fail("attributes 'starts' and 'ends' are required");
    starts = n.integers("starts"), ends = n.integers("ends");
    if (n.hasAttribute("axes")) axes = n.integers("axes");
  } else {
    starts = integersOf(n, 1, "starts"), ends = integersOf(n, 2, "ends");
    if (n.has(3)) axes = integersOf(n, 3, "axes");
    if (n.has(4)) steps = integersOf(n, 4, "steps");
  }
  if (!b.ok()) return;
  if (!axes) {
    axes.emplace();
    for (size_t i = 0; i < starts->size(); ++i) axes->push_back(static_cast<int64_t>(i));
  }
  if (!steps) steps.emplace(starts->size(), 1);
  if (ends->size() != starts->size() || axes->size() != starts->size() || steps->size() != starts->size())
    return n.fail("starts, ends, axes and steps are of different lengths");
  *axes = n.axes(*axes, x.rank());
  if (!b.ok()) return;
  Dims first(x.shape.size(), 0), sizes = x.shape, strides(x.shape.size(), 1);
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t axis = (*axes)[i], size = x.shape[axis], step = (*steps)[i];
    if (step == 0) return n.fail("a step is 0");
    step = std::clamp<int64_t>(step, -kMostElements, kMostElements);
    auto wrap = [&](int64_t at) { return at < 0 ? (at < -size ? -1 - size : at) + size : at; };
    int64_t start = wrap((*starts)[i]), end = wrap((*ends)[i]);
    // Python's rules: clamp to what the direction can reach.
    start = step > 0 ? std::clamp<int64_t>(start, 0, size) : std::clamp<int64_t>(start, -1, size - 1);
    end = step > 0 ? std::clamp<int64_t>(end, 0, size) : std::clamp<int64_t>(end, -1, size - 1);
    int64_t distance = step > 0 ? end - start : start - end;
    int64_t stride = std::abs(step);
    sizes[axis] = distance <= 0 ? 0 : (distance + stride - 1) / stride;
    first[axis] = start, strides[axis] = step;
  }
  n.output(0, b.slice(x, first, sizes, strides));
}

void importPad(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  std::string mode = n.string("mode", "constant");
  int64_t rank = x.rank();
  Dims pads, axes;
  Number fill;
  if (n.opset() < 11) {
    pads = n.hasAttribute("pads") ? n.integers("pads") : n.integers("paddings");
    fill = numberOf(x.type, n.real("value", 0));
  } else {
    auto given = integersOf(n, 1, "pads");
    if (!given) return;
    pads = *given;
    if (n.has(2)) {
      const ConstantTensor* value = n.constant(2, "constant_value");
      if (!value) return;
      if (value->count() != 1 || value->type != x.type)
        return n.fail("constant_value is not a scalar of type " + name(x.type));
      fill = value->at(0);
    }
  }
  for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  if (n.has(3)) {
    auto given = integersOf(n, 3, "axes");
    if (!given) return;
    axes = n.axes(*given, rank);
    if (!b.ok()) return;
  }
  if (pads.size() != 2 * axes.size())
    return n.fail("there are " + std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) + " axes");
  Dims low(x.shape.size(), 0), high(x.shape.size(), 0);
  for (size_t i = 0; i < axes.size(); ++i) low[axes[i]] = pads[i], high[axes[i]] = pads[i + axes.size()];
  if (mode == "constant") return n.output(0, b.pad(x, low, high, fill));
  if (mode != "reflect" && mode != "edge" && mode != "wrap")
    return n.fail("attribute 'mode' is '" + mode + "'; expected constant, reflect, edge or wrap");
  Tensor padded = x;
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t size = x.shape[axis];
    if (low[axis] == 0 && high[axis] == 0) continue;
    if (size == 0 || std::abs(low[axis]) > 65536 || std::abs(high[axis]) > 65536)
      return n.fail("mode '" + mode + "' cannot pad a dimension of " + std::to_string(size) + " by that much");
    if (!b.reserve(I64, size + std::max<int64_t>(low[axis] + high[axis], 0))) return;
    Dims from;
    for (int64_t i = -low[axis]; i < size + high[axis]; ++i) {
      int64_t at = i;
      if (mode == "edge") {
        at = std::clamp<int64_t>(i, 0, size - 1);
      } else if (mode == "wrap") {
        at = ((i % size) + size) % size;
      } else {
        int64_t period = std::max<int64_t>(2 * (size - 1), 1);  // there and back
        at = ((i % period) + period) % period;
        if (at >= size) at = period - at;
      }
      from.push_back(at);
    }
    padded = b.take(padded, axis, b.constant(integers(from)));
  }
  n.output(0, padded);
}

void importTile(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  auto repeats = integersOf(n, 1, "repeats");
  if (!repeats) return;
  if (static_cast<int64_t>(repeats->size()) != x.rank())
    return n.fail("there are " + std::to_string(repeats->size()) + " repeats for a tensor of rank " +
                  std::to_string(x.rank()));
  // Each repeated dimension d becomes 1 x d, which is broadcast to r x d and joined again.
  Shape split, wide, joined;
  for (int64_t i = 0; i < x.rank(); ++i) {
    int64_t repeat = (*repeats)[i];
    if (repeat < 0 || repeat > kMostElements) return n.fail("a repeat count is " + std::to_string(repeat));
    if (repeat != 1) split.push_back(1), wide.push_back(repeat);
    split.push_back(x.shape[i]), wide.push_back(x.shape[i]), joined.push_back(x.shape[i] * repeat);
  }
  n.output(0, b.reshape(b.broadcast(b.reshape(x, split), wide), joined));
}

void importDepthToSpace(Node& n, TensorBuilder& b) {
  std::string mode = n.string("mode", "DCR");
  int64_t block = n.integer("blocksize", 0);
  if (!n.requireRank(0, 4, 4)) return;
  const Tensor& x = n.input(0);
  int64_t images = x.shape[0], channels = x.shape[1], height = x.shape[2], width = x.shape[3];
  if (mode != "DCR" && mode != "CRD") return n.fail("attribute 'mode' is '" + mode + "'; expected DCR or CRD");
  if (block <= 0 || block > 4096 || channels % (block * block))
    return n.fail("attribute 'blocksize' is " + std::to_string(block) + " for " + std::to_string(channels) +
                  " channels");
  int64_t depth = channels / (block * block);
  Tensor split = mode == "DCR" ? b.reshape(x, {images, block, block, depth, height, width})
                               : b.reshape(x, {images, depth, block, block, height, width});
  Tensor moved = b.transpose(split, mode == "DCR" ? Dims{0, 3, 4, 1, 5, 2} : Dims{0, 1, 4, 2, 5, 3});
  n.output(0, b.reshape(moved, {images, depth, height * block, width * block}));
}

void importSpaceToDepth(Node& n, TensorBuilder& b) {
  int64_t block = n.integer("blocksize", 0);
  if (!n.requireRank(0, 4, 4)) return;
  const Tensor& x = n.input(0);
  int64_t images = x.shape[0], channels = x.shape[1], height = x.shape[2], width = x.shape[3];
  if (block <= 0 || block > 4096 || height % block || width % block)
    return n.fail("attribute 'blocksize' is " + std::to_string(block) + " for an image of " + std::to_string(height) +
                  "x" + std::to_string(width));
  Tensor split = b.reshape(x, {images, channels, height / block, block, width / block, block});
  Tensor moved = b.transpose(split, {0, 3, 5, 1, 2, 4});
  n.output(0, b.reshape(moved, {images, channels * block * block, height / block, width / block}));
}

}  // namespace phx::compiler::onnx
