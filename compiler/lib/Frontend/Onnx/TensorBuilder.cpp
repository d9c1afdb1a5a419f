// Constants and data movement. Loop nests and contractions: TensorCompute.cpp.
#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"

#include <algorithm>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace phx::compiler::onnx {
namespace {

namespace linalg = mlir::linalg;
namespace tensor = mlir::tensor;

// Constants of up to this many elements are moved on the host, and all results together have at most this many bytes: a
// small file must not ask for much memory.
constexpr int64_t kMostFolded = int64_t{1} << 24;
constexpr int64_t kMostFoldedBytes = int64_t{1} << 28;
// A gather of more pieces than this is a selection instead of slices.
constexpr size_t kMostPieces = 64;

llvm::SmallVector<mlir::OpFoldResult> attributes(mlir::Builder& builder, const Dims& values) {
  llvm::SmallVector<mlir::OpFoldResult> out;
  for (int64_t value : values) out.push_back(builder.getIndexAttr(value));
  return out;
}

}  // namespace

Shape withUnits(Shape shape, const Dims& axes) {
  for (int64_t axis : axes) shape[axis] = 1;
  return shape;
}

Dims dimensionsFrom(int64_t first, int64_t rank) {
  Dims dims;
  for (int64_t i = first; i < rank; ++i) dims.push_back(i);
  return dims;
}

void TensorBuilder::fail(std::string message) {
  if (!error_) error_ = std::move(message);
}

bool TensorBuilder::foldable(ElementType type, int64_t count) {
  if (count < 0 || count > kMostFolded) return false;
  int64_t bytes = count * static_cast<int64_t>(byteSize(type));
  if (folded_bytes_ + bytes > kMostFoldedBytes) return false;
  folded_bytes_ += bytes;
  return true;
}

bool TensorBuilder::reserve(ElementType type, int64_t count) {
  if (foldable(type, count)) return true;
  fail("it needs a constant of " + std::to_string(count) + " elements; with the others made so far that is too much");
  return false;
}

bool TensorBuilder::checked(const Shape& shape) {
  if (elementCount(shape) > kMostElements)
    fail("a tensor of " + text(shape) + " elements is larger than 2^31 elements or has an impossible dimension");
  return ok();
}

mlir::RankedTensorType TensorBuilder::tensorType(ElementType type, const Shape& shape) {
  return mlir::RankedTensorType::get(shape, mlirType(type, builder_.getContext()));
}

mlir::Value TensorBuilder::empty(ElementType type, const Shape& shape) {
  return tensor::EmptyOp::create(builder_, location_, shape, mlirType(type, builder_.getContext()));
}

mlir::Value TensorBuilder::scalarValue(ElementType type, Number value) {
  return ScalarBuilder(builder_, location_).materialize({type, value, {}});
}

mlir::Value TensorBuilder::filledValue(ElementType type, const Shape& shape, Number value) {
  mlir::Value element = scalarValue(type, value);
  return linalg::FillOp::create(builder_, location_, mlir::ValueRange{element}, mlir::ValueRange{empty(type, shape)})
      .getResult(0);
}

Tensor TensorBuilder::constant(ConstantTensor tensor) {
  auto shared = std::make_shared<const ConstantTensor>(std::move(tensor));
  return {shared->type, shared->shape, shared, {}, nullptr};
}

Tensor TensorBuilder::scalar(ElementType type, double value) {
  ConstantTensor tensor(type, {});
  tensor.set(0, numberOf(type, value));
  return constant(std::move(tensor));
}

Tensor TensorBuilder::filled(ElementType type, Shape shape, Number value) {
  if (!checked(shape)) return failed(type, std::move(shape));
  int64_t count = elementCount(shape);
  if (count > 4096) {
    mlir::Value fill = filledValue(type, shape, value);
    return result(type, std::move(shape), fill);
  }
  ConstantTensor tensor(type, std::move(shape));
  for (int64_t i = 0; i < count; ++i) tensor.set(i, value);
  return constant(std::move(tensor));
}

mlir::Value TensorBuilder::value(const Tensor& x) {
  if (x.value || !x.constant) return x.value;
  mlir::Value& known = emitted_[x.constant.get()];
  if (known) return known;
  kept_.push_back(x.constant);
  const ConstantTensor& tensor = *x.constant;
  auto type = tensorType(tensor.type, tensor.shape);
  if (tensor.count() == 0) return known = empty(tensor.type, tensor.shape);
  mlir::DenseElementsAttr attribute;
  int64_t distinct = tensor.allEqual() ? 1 : tensor.count();
  if (tensor.type == ElementType::Bool) {
    llvm::SmallVector<bool> bits;
    for (int64_t i = 0; i < distinct; ++i) bits.push_back(tensor.at(i).integer != 0);
    attribute = mlir::DenseElementsAttr::get(type, llvm::ArrayRef<bool>(bits));
  } else {
    attribute = mlir::DenseElementsAttr::getFromRawBuffer(
        type, {reinterpret_cast<const char*>(tensor.bytes.data()), distinct * byteSize(tensor.type)});
  }
  return known = mlir::arith::ConstantOp::create(builder_, location_, type, attribute);
}

Tensor TensorBuilder::reshape(const Tensor& x, Shape shape) {
  if (!checked(shape)) return failed(x.type, std::move(shape));
  if (shape == x.shape) return x;
  if (elementCount(shape) != x.count()) {
    fail("a tensor of shape " + text(x.shape) + " cannot be reshaped to " + text(shape));
    return failed(x.type, std::move(shape));
  }
  if (x.constant && foldable(x.type, x.count())) {
    ConstantTensor copy = *x.constant;
    copy.shape = std::move(shape);
    return constant(std::move(copy));
  }
  if (x.count() == 0) return zeros(x.type, std::move(shape));
  // A reshape of a reshape starts from the first one's source.
  if (mlir::Operation* op = x.value.getDefiningOp();
      mlir::isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    mlir::Value source = op->getOperand(0);
    auto extents = mlir::cast<mlir::RankedTensorType>(source.getType()).getShape();
    return reshape(result(x.type, Shape(extents.begin(), extents.end()), source), std::move(shape));
  }

  // Runs of dimensions of both shapes that hold the same elements. `middle` is the shape with one dimension per run.
  llvm::SmallVector<mlir::ReassociationIndices> from, to;
  Shape middle;
  size_t i = 0, j = 0;
  while (i < x.shape.size() && j < shape.size()) {
    mlir::ReassociationIndices old_run{static_cast<int64_t>(i)}, new_run{static_cast<int64_t>(j)};
    int64_t old_size = x.shape[i++], new_size = shape[j++];
    while (old_size != new_size) {
      if (old_size < new_size) {
        old_run.push_back(i);
        old_size *= x.shape[i++];
      } else {
        new_run.push_back(j);
        new_size *= shape[j++];
      }
    }
    from.push_back(old_run);
    to.push_back(new_run);
    middle.push_back(old_size);
  }
  if (middle.empty()) {
    from.clear(), to.clear();  // one side is a scalar, the other has unit dimensions only
  } else {
    for (; i < x.shape.size(); ++i) from.back().push_back(i);
    for (; j < shape.size(); ++j) to.back().push_back(j);
  }
  mlir::Value current = value(x);
  if (middle != x.shape)
    current = tensor::CollapseShapeOp::create(builder_, location_, tensorType(x.type, middle), current, from);
  if (middle != shape)
    current = tensor::ExpandShapeOp::create(builder_, location_, tensorType(x.type, shape), current, to);
  return result(x.type, std::move(shape), current);
}

Tensor TensorBuilder::transpose(const Tensor& x, Dims permutation) {
  Shape shape;
  for (int64_t from : permutation) shape.push_back(x.shape[from]);
  if (!ok()) return failed(x.type, std::move(shape));
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  if (x.constant && foldable(x.type, x.count())) {
    ConstantTensor out(x.type, shape);
    std::vector<int64_t> strides = rowMajorStrides(x.shape), moved;
    for (int64_t from : permutation) moved.push_back(strides[from]);
    copyStrided(*x.constant, {0, moved}, out, {0, rowMajorStrides(shape)}, shape);
    return constant(std::move(out));
  }
  // Moving unit dimensions about is a reshape.
  Dims longer;
  for (int64_t from : permutation)
    if (x.shape[from] != 1) longer.push_back(from);
  if (std::is_sorted(longer.begin(), longer.end())) return reshape(x, std::move(shape));
  mlir::Value out =
      linalg::TransposeOp::create(builder_, location_, value(x), empty(x.type, shape), permutation)->getResult(0);
  return result(x.type, std::move(shape), out);
}

std::optional<Shape> TensorBuilder::broadcastShape(const std::vector<Tensor>& operands) {
  Shape shape;
  for (const Tensor& x : operands) {
    if (x.shape.size() > shape.size()) shape.insert(shape.begin(), x.shape.size() - shape.size(), 1);
    size_t shift = shape.size() - x.shape.size();
    for (size_t i = 0; i < x.shape.size(); ++i) {
      int64_t& size = shape[shift + i];
      if (size == 1) size = x.shape[i];
      if (x.shape[i] != size && x.shape[i] != 1) return {};
    }
  }
  return shape;
}

Tensor TensorBuilder::broadcast(const Tensor& x, Shape shape) {
  if (!checked(shape) || shape == x.shape) return {x.type, std::move(shape), x.constant, x.value, nullptr};
  Tensor like{x.type, shape, nullptr, {}, nullptr};
  if (broadcastShape({x, like}) != shape) {
    fail("a tensor of shape " + text(x.shape) + " cannot be broadcast to " + text(shape));
    return failed(x.type, std::move(shape));
  }
  int64_t count = elementCount(shape);
  if (x.constant && x.count() == 1) return filled(x.type, std::move(shape), x.constant->at(0));
  if (x.constant && count <= 65536) {
    std::vector<int64_t> strides(shape.size(), 0), own = rowMajorStrides(x.shape);
    size_t shift = shape.size() - x.shape.size();
    for (size_t i = 0; i < own.size(); ++i) strides[shift + i] = x.shape[i] == 1 ? 0 : own[i];
    ConstantTensor out(x.type, shape);
    copyStrided(*x.constant, {0, strides}, out, {0, rowMajorStrides(shape)}, shape);
    return constant(std::move(out));
  }
  Shape same = x.shape;
  same.insert(same.begin(), shape.size() - same.size(), 1);
  if (same == shape) return reshape(x, std::move(shape));
  if (count == 0) return zeros(x.type, std::move(shape));
  Dims present, missing;  // linalg.broadcast wants the broadcast dimensions left out of its input
  Shape kept;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (same[i] == shape[i])
      kept.push_back(shape[i]);
    else
      missing.push_back(static_cast<int64_t>(i));
  }
  mlir::Value input = value(reshape(x, kept));
  mlir::Value out =
      linalg::BroadcastOp::create(builder_, location_, input, empty(x.type, shape), missing)->getResult(0);
  return result(x.type, std::move(shape), out);
}

Tensor TensorBuilder::slice(const Tensor& x, Dims starts, Dims sizes, Dims steps) {
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (!ok()) return failed(x.type, std::move(sizes));
  bool whole = true, backwards = false;
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t last = starts[i] + (sizes[i] - 1) * steps[i];
    if (sizes[i] < 0 ||
        (sizes[i] > 0 && (starts[i] < 0 || starts[i] >= x.shape[i] || last < 0 || last >= x.shape[i]))) {
      fail("a slice reaches outside of a tensor of shape " + text(x.shape));
      return failed(x.type, std::move(sizes));
    }
    whole &= starts[i] == 0 && steps[i] == 1 && sizes[i] == x.shape[i];
    backwards |= steps[i] < 0 && sizes[i] > 1;
    if (sizes[i] <= 1) steps[i] = 1;
  }
  if (whole) return x;
  int64_t count = elementCount(sizes);
  if (count == 0) return zeros(x.type, std::move(sizes));
  if (x.constant && foldable(x.type, count)) {
    StridedView view{0, rowMajorStrides(x.shape)};
    for (size_t i = 0; i < starts.size(); ++i) {
      view.offset += starts[i] * view.strides[i];
      view.strides[i] *= steps[i];
    }
    ConstantTensor out(x.type, sizes);
    copyStrided(*x.constant, view, out, {0, rowMajorStrides(sizes)}, sizes);
    return constant(std::move(out));
  }
  if (backwards) {
    // The other dimensions first: in the nest they must be whole.
    Dims whole_starts(starts.size(), 0), part = x.shape, ones(starts.size(), 1);
    for (size_t i = 0; i < starts.size(); ++i)
      if (steps[i] > 0) std::swap(whole_starts[i], starts[i]), std::swap(ones[i], steps[i]), part[i] = sizes[i];
    return copyBackwards(slice(x, whole_starts, part, ones), starts, std::move(sizes), steps);
  }
  mlir::Value out = tensor::ExtractSliceOp::create(builder_, location_, tensorType(x.type, sizes), value(x),
                                                   attributes(builder_, starts), attributes(builder_, sizes),
                                                   attributes(builder_, steps));
  return result(x.type, std::move(sizes), out);
}

// A slice operation cannot run backwards; a loop nest that reads through a map that counts down can.
Tensor TensorBuilder::copyBackwards(const Tensor& x, const Dims& starts, Shape sizes, const Dims& steps) {
  llvm::SmallVector<mlir::AffineExpr> places;
  for (size_t i = 0; i < starts.size(); ++i)
    places.push_back(builder_.getAffineDimExpr(static_cast<unsigned>(i)) * steps[i] + starts[i]);
  const auto rank = static_cast<unsigned>(sizes.size());
  llvm::SmallVector<mlir::AffineMap> maps{mlir::AffineMap::get(rank, 0, places, builder_.getContext()),
                                          builder_.getMultiDimIdentityMap(rank)};
  llvm::SmallVector<mlir::utils::IteratorType> iterators(rank, mlir::utils::IteratorType::parallel);
  auto nest = mlir::linalg::GenericOp::create(
      builder_, location_, tensorType(x.type, sizes), value(x), empty(x.type, sizes), maps, iterators,
      [](mlir::OpBuilder& body, mlir::Location where, mlir::ValueRange elements) {
        mlir::linalg::YieldOp::create(body, where, elements[0]);
      });
  return result(x.type, std::move(sizes), nest.getResult(0));
}

Tensor TensorBuilder::sliceAxis(const Tensor& x, int64_t axis, int64_t start, int64_t size, int64_t step) {
  Dims starts(x.shape.size(), 0), sizes = x.shape, steps(x.shape.size(), 1);
  starts[axis] = start, sizes[axis] = size, steps[axis] = step;
  return slice(x, starts, sizes, steps);
}

Tensor TensorBuilder::concat(const std::vector<Tensor>& parts, int64_t axis) {
  Shape shape = parts[0].shape;
  shape[axis] = 0;
  bool known = true;
  std::vector<Tensor> present;  // tensors with no elements add nothing
  for (const Tensor& part : parts) {
    shape[axis] += part.shape[axis];
    known &= part.constant != nullptr;
    if (part.count() != 0) present.push_back(part);
  }
  if (!checked(shape)) return failed(parts[0].type, std::move(shape));
  if (present.size() == 1) return present[0];
  int64_t count = elementCount(shape);
  if (count == 0) return zeros(parts[0].type, std::move(shape));
  if (known && foldable(parts[0].type, count)) {
    ConstantTensor out(parts[0].type, shape);
    std::vector<int64_t> strides = rowMajorStrides(shape);
    int64_t offset = 0;
    for (const Tensor& part : present) {
      copyStrided(*part.constant, {0, rowMajorStrides(part.shape)}, out, {offset, strides}, part.shape);
      offset += part.shape[axis] * strides[axis];
    }
    return constant(std::move(out));
  }
  llvm::SmallVector<mlir::Value> values;
  for (const Tensor& part : present) values.push_back(value(part));
  mlir::Value out = tensor::ConcatOp::create(builder_, location_, tensorType(parts[0].type, shape),
                                             static_cast<uint64_t>(axis), values);
  return result(parts[0].type, std::move(shape), out);
}

Tensor TensorBuilder::pad(const Tensor& x, Dims low, Dims high, Number fill) {
  // Cropping first leaves amounts that are not negative.
  Dims starts(x.shape.size(), 0), kept = x.shape;
  Shape shape = x.shape;
  bool nothing = true;
  for (size_t i = 0; i < low.size(); ++i) {
    constexpr int64_t kMost = kMostElements;
    if (std::abs(low[i]) > kMost || std::abs(high[i]) > kMost) low[i] = kMost + 1, high[i] = 0;
    shape[i] += low[i] + high[i];
    nothing &= low[i] == 0 && high[i] == 0;
    int64_t before = std::min(std::max<int64_t>(-low[i], 0), x.shape[i]);
    int64_t after = std::min(std::max<int64_t>(-high[i], 0), x.shape[i] - before);
    starts[i] = before, kept[i] = x.shape[i] - before - after;
    low[i] = std::max<int64_t>(low[i], 0), high[i] = std::max<int64_t>(high[i], 0);
    if (shape[i] != kept[i] + low[i] + high[i]) shape[i] = -1;
  }
  if (!checked(shape)) return failed(x.type, std::move(shape));
  if (nothing) return x;
  Tensor inner = slice(x, starts, kept);
  if (inner.shape == shape) return inner;
  if (inner.count() == 0) return filled(x.type, std::move(shape), fill);
  if (inner.constant && foldable(x.type, elementCount(shape))) {
    ConstantTensor out(x.type, shape);
    for (int64_t i = 0; i < out.count(); ++i) out.set(i, fill);
    StridedView target{0, rowMajorStrides(shape)};
    for (size_t i = 0; i < low.size(); ++i) target.offset += low[i] * target.strides[i];
    copyStrided(*inner.constant, {0, rowMajorStrides(inner.shape)}, out, target, inner.shape);
    return constant(std::move(out));
  }
  mlir::Value out =
      tensor::PadOp::create(builder_, location_, tensorType(x.type, shape), value(inner), attributes(builder_, low),
                            attributes(builder_, high), scalarValue(x.type, fill));
  return result(x.type, std::move(shape), out);
}

Tensor TensorBuilder::insert(const Tensor& part, const Tensor& into, Dims starts, Dims steps) {
  if (!ok() || part.count() == 0) return into;
  mlir::Value out =
      tensor::InsertSliceOp::create(builder_, location_, value(part), value(into), attributes(builder_, starts),
                                    attributes(builder_, part.shape), attributes(builder_, steps));
  return result(into.type, into.shape, out);
}

Tensor TensorBuilder::take(const Tensor& x, int64_t axis, const Tensor& indices) {
  int64_t size = x.shape[axis];
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  if (!checked(shape)) return failed(x.type, std::move(shape));
  if (elementCount(shape) == 0) return zeros(x.type, std::move(shape));
  if (indices.constant) {
    // Runs with one step become one slice each.
    struct Piece {
      int64_t start, size, step;
    };
    std::vector<Piece> pieces;
    for (int64_t i = 0; i < indices.count(); ++i) {
      int64_t at = indices.constant->at(i).integer;
      if (at < -size || at >= size) {
        fail("index " + std::to_string(at) + " is outside of a dimension of " + std::to_string(size));
        return failed(x.type, std::move(shape));
      }
      if (at < 0) at += size;
      Piece* last = pieces.empty() ? nullptr : &pieces.back();
      if (last && last->size == 1) last->step = at - last->start;
      if (last && at == last->start + last->size * last->step)
        ++last->size;
      else
        pieces.push_back({at, 1, 1});
    }
    // Every index the same number of times, as in enlarging an image: a slice whose elements are broadcast.
    const int64_t times = pieces[0].step == 0 ? pieces[0].size : 1, runs = static_cast<int64_t>(pieces.size());
    const int64_t step = runs > 1 ? pieces[1].start - pieces[0].start : 1;
    bool even = times > 1 && runs > 1 && step != 0;
    for (int64_t i = 0; i < runs && even; ++i)
      even = pieces[i].step == 0 && pieces[i].size == times && pieces[i].start == pieces[0].start + i * step;
    if (even) {
      Tensor slice = sliceAxis(x, axis, pieces[0].start, runs, step);
      Shape with = slice.shape;
      with.insert(with.begin() + axis + 1, 1);
      Shape repeated = with;
      repeated[axis + 1] = times;
      return reshape(broadcast(reshape(slice, std::move(with)), std::move(repeated)), std::move(shape));
    }
    if (pieces.size() <= kMostPieces || (x.constant && pieces.size() <= 4096)) {
      std::vector<Tensor> parts;
      for (const Piece& piece : pieces) {
        if (piece.step != 0) {
          parts.push_back(sliceAxis(x, axis, piece.start, piece.size, piece.step));
          continue;
        }
        Shape repeated = x.shape;
        repeated[axis] = piece.size;
        parts.push_back(broadcast(sliceAxis(x, axis, piece.start, 1), std::move(repeated)));
      }
      return reshape(concat(parts, axis), std::move(shape));
    }
  }
  // result[.., i.., ..] = sum over k of x[.., k, ..] where k == indices[i..]; exactly one k does.
  Shape extents = shape;
  extents.push_back(size);
  Dims result_loops, x_loops, index_loops;
  int64_t chosen = static_cast<int64_t>(shape.size());
  for (int64_t i = 0; i < chosen; ++i) {
    result_loops.push_back(i);
    bool indexed = i >= axis && i < axis + indices.rank();
    if (indexed) index_loops.push_back(i);
    if (i == axis) x_loops.push_back(chosen);
    if (!indexed) x_loops.push_back(i);
  }
  if (axis == chosen) x_loops.push_back(chosen);
  return loops(
      extents, {{x, x_loops}, {indices, index_loops}}, result_loops, x.type,
      [&](ScalarBuilder& s, const std::vector<Scalar>& e) {
        Scalar at = s.convert(e[1], ElementType::I32);
        Scalar wrapped = s.select(s.compare(Relation::Less, at, s.integer(ElementType::I32, 0)),
                                  s.add(at, s.integer(ElementType::I32, size)), at);
        return s.select(s.compare(Relation::Equal, wrapped, s.index(static_cast<unsigned>(chosen))), e[0], e[2]);
      },
      Number{});
}

}  // namespace phx::compiler::onnx
