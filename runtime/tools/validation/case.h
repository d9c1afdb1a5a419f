// A case: one workload on one machine, how it is scheduled, and what was published about it. docs/validation.md
// describes the files that cases are read from.
//
// Types are the names programs use ("f16", "bf16", "f32", "s8", "f8e4m3", ...). Sizes are elements unless the name says
// bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::validation {

// Whether the source says it, or we had to guess.
enum class Evidence : uint8_t { stated, guessed };
const char* name_of(Evidence evidence);

// A tensor that a workload reads beside those its fields name.
struct Operand {
  std::vector<int64_t> shape;
  std::string type;
};

// c[m, n] = a b, in batches where batch > 0; sums in f32, or s32 for integers.
struct Gemm {
  int64_t m = 0, n = 0, k = 0, batch = 0;
  std::string a = "f16", b, c = "f32";            // b empty: as a
  bool transpose_a = false, transpose_b = false;  // a is stored as [k, m], b as [n, k]
  std::string then;                               // expression of c and of operands; empty: c itself
  std::map<std::string, Operand> operands;
};

// One result per expression over operands of one shape; the operands are the names that the expressions use.
struct Elementwise {
  std::vector<int64_t> shape;
  std::string type;
  std::vector<std::string> results;         // "add(a, b)"
  std::map<std::string, Operand> operands;  // those that differ from shape and type
};

// op over some axes of an expression.
struct Reduction {
  std::vector<int64_t> shape;
  std::string type, op = "sum";  // sum, max, min, product
  std::vector<int64_t> axes;
  std::string of = "x";
  std::map<std::string, Operand> operands;
};

// Bytes from one memory to another: a device of the machine by its number, or the host (-1).
struct Copy {
  int64_t from = 0, to = 0;
  uint64_t bytes = 0;
  bool read = false;  // the receiving side issues it; else the sending side
};

// A program of its own, MLIR or ONNX.
struct Program {
  std::string file;  // found beside the case file
  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, int64_t> dimensions;
  double operations = 0, bytes = 0;  // of one run, for published rates; 0: not known
};

using Workload = std::variant<Gemm, Elementwise, Reduction, Copy, Program>;

// What is in the L2 when the measured run starts.
enum class CacheState : uint8_t {
  cold,   // nothing
  warm,   // what the same run just before left there
  dirty,  // lines of other data that have to be written back
};
const char* name_of(CacheState state);

// A published number.
struct Published {
  std::string quantity;  // "time", "rate", "overhead", or a pipe's "mte2_busy"
  bool busiest = false;  // of a pipe: the core where it worked longest; else the mean over the cores used
  double value = 0;      // in `unit`
  std::string unit;      // "us", "TFLOPS", ...
  std::string source;
  bool frozen = false;   // counts for the frozen list
  std::string excluded;  // why it does not; empty: it does
  uint64_t line = 0;
};

struct ScheduleField {
  std::string value;
  Evidence tag = Evidence::guessed;
};

struct Case {
  std::string id, family, note;
  std::string machine;
  std::vector<std::string> overrides;  // "chip.clock=1.8GHz"
  Workload workload;
  std::string workload_kind;  // "gemm", ...
  std::map<std::string, ScheduleField> schedule;
  CacheState l2 = CacheState::cold;
  double prologue = 0;               // seconds that the measured program's own software took on each core, first
  std::vector<std::string> guessed;  // names of fields that the source does not state
  std::vector<Published> published;
  std::string group;     // times of one group are compared with each other
  std::string before;    // id of the case of which this one changes a knob
  bool slow = false;     // left out of quick runs
  std::string excluded;  // why the case is not run; empty: it is
  std::string file;
  uint64_t line = 0;

  Evidence weakest() const { return guessed.empty() ? Evidence::stated : Evidence::guessed; }
  std::string schedule_text() const;  // "base_m=128,base_n=256"
  Diagnostic objection(std::string message) const { return error_at(file, line, std::move(message)); }
};

// Operations (a multiply-add counts two) and bytes in and out of one run; 0 if not known.
double operations(const Case& one);
double bytes_moved(const Case& one);

uint64_t bits_of_type(const std::string& type);  // 0: there is no such type
bool is_float(const std::string& type);

}  // namespace phx::validation
