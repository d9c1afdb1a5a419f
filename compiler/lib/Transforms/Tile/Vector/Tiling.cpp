#include "lib/Transforms/Tile/Vector/Tiling.h"

#include <algorithm>
#include <bit>

namespace phx::compiler::vector {
namespace {

constexpr int64_t kRowAlign = 16;          // elements: 32 bytes of 16-bit ones
constexpr int64_t kMostColumns = 65472;    // the count of a vector instruction has 16 bits
constexpr int64_t kMostRows = 4080;        // rows of a tile; as columns of its transpose they fit the pitch
constexpr int64_t kMostPitch = 1023 * 32;  // bytes from row to row

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t roundUp(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }

class Search {
 public:
  Search(const Program& program, const machine::Chip& chip, const Limits& limits)
      : program_(program), chip_(chip), limits_(limits), area_(limits.area) {
    for (const Node& node : program.nodes) {
      levels_ = std::max(levels_, node.level);
      if (node.kind == Node::Kind::reduce && node.mnemonic == "vmul") products_ = true;
      widest_ = std::max(widest_, bytesOf(node.element));
    }
    single_pass_ = divisible(program);
    divisible_ = limits.divide && single_pass_;
  }

  Plan run() {
    if (limits_.fill) {
      forEachTile([&](int, int, int64_t rows, int64_t columns) {
        most_area_ = std::max(most_area_, rows * roundUp(columns, kRowAlign));
      });
    }
    forEachTile([&](int row, int column, int64_t rows, int64_t columns) {
      if (4 * rows * roundUp(columns, kRowAlign) >= 3 * most_area_) consider(row, column, rows, columns);
    });
    return best_;
  }

 private:
  bool reduced(int dim) const { return dim >= 0 && (program_.reduced >> dim & 1); }
  int64_t size(int dim) const { return dim < 0 ? 1 : program_.sizes[static_cast<size_t>(dim)]; }

  // Extents worth a look: even cuts of the dimension, fine near the largest that fits, coarser below.
  std::vector<int64_t> extents(int dim, int64_t most, int64_t multiple) const {
    // The ISA adds rows up and finds their largest element, but has no product of a row: those go one by one.
    if (dim < 0 || (products_ && reduced(dim))) return {1};
    std::vector<int64_t> list;
    const int64_t n = size(dim);
    most = std::max<int64_t>(1, most);
    for (int64_t count = ceilDiv(n, most); count <= n; count += 1 + count / 8) {
      int64_t extent = ceilDiv(n, count);
      int64_t step = multiple;
      while (step > 8 && step > extent) step /= 2;
      if (count > 1 && extent > step) extent = std::min(roundUp(extent, step), n);
      if (extent > most) extent = most >= step ? most / step * step : most;
      if (list.empty() || extent < list.back()) list.push_back(extent);
      if (extent <= 1 || list.size() > 40) break;
    }
    return list;
  }

  // Calls visit(row, column, rows, columns) for the tiles worth a look.
  template <class Visit>
  void forEachTile(Visit visit) const {
    const int dims = static_cast<int>(program_.sizes.size()), column = dims - 1;
    const int64_t pitch = kMostPitch / widest_;
    for (int row = dims - 2; row >= -1; --row) {
      const int64_t most = std::min({area_, kMostColumns, row < 0 ? kMostColumns : pitch});
      for (int64_t columns : extents(column, most, 64)) {
        const int64_t width = roundUp(columns, kRowAlign);
        for (int64_t rows : extents(row, std::min(kMostRows, area_ / width), 8)) visit(row, column, rows, columns);
      }
    }
  }

  void consider(int row, int column, int64_t rows, int64_t columns) {
    Plan plan;
    plan.row = row;
    plan.column = column;
    for (int d = 0; d < static_cast<int>(program_.sizes.size()); ++d) {
      Axis axis{size(d), d == column ? columns : d == row ? rows : 1, reduced(d)};
      (axis.reduced ? plan.steps : plan.items) *= axis.count();
      plan.axes.push_back(axis);
    }
    const double step = stepCycles(plan);
    const double passes = plan.steps == 1 ? 1 : static_cast<double>(levels_ + !single_pass_);
    const double after = itemCycles(plan);
    auto total = [&](int64_t items, int64_t steps, int64_t cores) {
      return perCore() * static_cast<double>(cores) +
             static_cast<double>(ceilDiv(items, cores)) * (static_cast<double>(steps) * passes * step + after);
    };
    const int64_t most = std::min(limits_.cores ? limits_.cores : chip_.aiv, chip_.aiv);
    for (int64_t cores = limits_.cores ? std::min(most, plan.items) : 1; cores <= std::min(most, plan.items); ++cores)
      offer(plan, total(plan.items, plan.steps, cores), 1, cores);
    if (!divisible_) return;
    for (int64_t parts = 2; parts <= std::min(most / plan.items, plan.steps); ++parts) {
      const double join = chip_.launch.base_ns / chip_.ns_per_cycle() + step + after;
      offer(plan, total(plan.items * parts, ceilDiv(plan.steps, parts), plan.items * parts) + join, parts,
            plan.items * parts);
    }
  }

  void offer(Plan& plan, double cycles, int64_t parts, int64_t cores) {
    if (found_ && cycles >= cycles_) return;
    found_ = true;
    cycles_ = cycles;
    best_ = plan;
    best_.parts = parts;
    best_.grid = cores;
  }

  double perCore() const { return chip_.launch.per_core_ns / chip_.ns_per_cycle(); }
  // A flag each way between MTE2, V and MTE3, and the scalar unit's work around them.
  double fixed() const { return 4 * chip_.sync.flag_cycles + chip_.dma.issue_cycles * 8; }

  // Moving a tensor's part of a tile. Rows with gaps between them touch at least a line of L2 each.
  double dmaCycles(const Plan& plan, Dims dims, Element element, double bytes_per_cycle) const {
    const bool has_column = plan.column >= 0 && (dims >> plan.column & 1);
    const bool has_row = plan.row >= 0 && (dims >> plan.row & 1);
    int64_t rows = has_row ? plan.rows() : 1, columns = has_column ? plan.columns() : 1;
    const bool close = !has_row || program_.stride(dims, static_cast<unsigned>(plan.row)) == columns;
    if (close && !has_column) std::swap(rows, columns);
    const auto bytes = static_cast<double>(columns * bytesOf(element));
    const double moved = close ? bytes : std::max(bytes, static_cast<double>(chip_.l2.line_bytes));
    return chip_.dma.issue_cycles + static_cast<double>(rows) * (chip_.dma.request_cycles + moved / bytes_per_cycle);
  }

  // Cycles of one step of one item: the slowest of the three pipes, which overlap.
  double stepCycles(const Plan& plan) const {
    const double rate = static_cast<double>(chip_.l2.line_bytes) / chip_.dma.miss_cycles_per_line;
    double load = 0, store = 0, compute = 0;
    Dims varying = 0;
    for (size_t d = 0; d < plan.axes.size(); ++d)
      if (plan.axes[d].count() > 1) varying |= Dims{1} << d;
    for (const Tensor& tensor : program_.inputs)
      if (varying == 0 || (tensor.dims & varying)) load += dmaCycles(plan, tensor.dims, tensor.element, rate);
    for (const Program::Output& output : program_.outputs)
      if ((output.tensor.dims & program_.reduced) || program_.reduced == 0)
        store += dmaCycles(plan, output.tensor.dims, output.tensor.element, chip_.dma.store_bytes_per_cycle);
    for (const Node& node : program_.nodes)
      if (varying == 0 || (node.dims & varying) || node.kind == Node::Kind::reduce) compute += vectorCycles(plan, node);
    return std::max({load, store, compute}) + fixed();
  }

  double vectorCycles(const Plan& plan, const Node& node) const {
    if (node.kind == Node::Kind::load || node.kind == Node::Kind::constant) return 0;
    const Dims dims = node.kind == Node::Kind::reduce ? program_.nodes[node.operands[0]].dims : node.dims;
    const bool has_column = plan.column >= 0 && (dims >> plan.column & 1);
    const bool has_row = plan.row >= 0 && (dims >> plan.row & 1);
    const int64_t rows = has_row && has_column ? plan.rows() : 1;
    const int64_t columns = has_column ? plan.columns() : has_row ? plan.rows() : 1;
    const int64_t bytes = columns * std::max<int64_t>(bytesOf(node.element), 2);
    return instruction(node.mnemonic, rows * ceilDiv(bytes, chip_.vector.repeat_bytes));
  }
  double instruction(std::string_view mnemonic, int64_t repeats) const {
    const machine::VectorTiming& timing = machine::timing_of(chip_.vector.timing, mnemonic);
    return timing.head_cycles + timing.slope_cycles * static_cast<double>(repeats) + timing.tail_cycles;
  }

  // Once per item: what follows the reductions, the transpose of rows that are reduced, the latency of a first load.
  double itemCycles(const Plan& plan) const {
    double cycles = fixed();
    if (plan.steps > 1) cycles += chip_.hbm.miss_latency_cycles;
    if (reduced(plan.row) && !reduced(plan.column) && plan.rows() > 1) {
      // Each column becomes a row, and each of those a sum.
      const int64_t bytes = plan.rows() * 4, repeat = chip_.vector.repeat_bytes;
      cycles += instruction("vtranspose", ceilDiv(bytes * plan.columns(), repeat));
      cycles += instruction("vcadd", plan.columns() * ceilDiv(bytes, repeat));
    }
    return cycles;
  }

  const Program& program_;
  const machine::Chip& chip_;
  const Limits limits_;
  const int64_t area_;
  int64_t most_area_ = 0;
  unsigned levels_ = 0;
  bool products_ = false, divisible_ = false, single_pass_ = false;
  int64_t widest_ = 2;
  Plan best_;
  double cycles_ = 0;
  bool found_ = false;
};

}  // namespace

bool divisible(const Program& program) {
  if (program.reduced == 0) return false;
  for (const Node& node : program.nodes)
    if (node.level > 1) return false;
  for (const Program::Output& output : program.outputs)
    if (program.nodes[output.node].level == 1 && (output.tensor.dims & program.reduced)) return false;
  return true;
}

Plan choosePlan(const Program& program, const machine::Chip& chip, const Limits& limits) {
  return Search(program, chip, limits).run();
}

}  // namespace phx::compiler::vector
