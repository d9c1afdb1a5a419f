// What a user reads when a case file is wrong (the texts are part of the interface), and what right ones mean.
#include <string>

#include <doctest/doctest.h>

#include "runtime/tools/validation/case_file.h"
#include "runtime/tools/validation/expression.h"
#include "runtime/tools/validation/tensor_text.h"
#include "runtime/tools/validation/units.h"

using namespace phx;
using namespace phx::validation;

namespace {

const std::string kHead = "family = \"f\"\nmachine = \"ascend-910b1\"\n";  // two lines
const std::string kGemm = "gemm = { m = 16, n = 16, k = 16 }\n";

std::string complaint(const std::string& text) {
  auto cases = parse_cases(text, "x.toml");
  return cases ? "none" : cases.diagnostic().str();
}

std::vector<Case> cases_of(const std::string& text) {
  auto cases = parse_cases(text, "x.toml");
  INFO((cases ? std::string() : cases.diagnostic().str()));
  REQUIRE(cases.ok());
  return *cases;
}

}  // namespace

TEST_CASE("whatever is wrong has its place and says what was expected") {
  CHECK(complaint("") == "x.toml: has no [[case]]");
  CHECK(complaint("case = 1") == "x.toml:1:8: 'case' must be a list");
  CHECK(complaint("family = 3").starts_with("x.toml:1:10: 'family' must be a non-empty string"));
  CHECK(complaint("x = [").starts_with("x.toml:1"));
  CHECK(complaint("colour = 1\n[[case]]\nid = \"a\"") ==
        "x.toml:1:1: unknown key 'colour'; expected case, family, machine, override, sources, title");
  CHECK(complaint("[[case]]\nid = \"a\"\n" + kGemm) == "x.toml:1:1: case 'a' names no machine, nor does the file");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"") ==
        "x.toml:3:1: case 'a' has no workload; expected one of gemm, elementwise, reduction, copy, program");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\ngemm = { m = 16, n = 16 }") == "x.toml:5:8: 'gemm' needs 'k'");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\ngemm = { m = 0, n = 16, k = 1 }")
            .starts_with("x.toml:5:14: 'gemm.m' must be between 1 and "));
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\ngemm = { m = 1.5, n = 16, k = 1 }") ==
        "x.toml:5:14: 'gemm.m' must be a whole number");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\ngemm = { m = 1, n = 16, k = 1, a = \"f7\" }") ==
        "x.toml:5:36: 'gemm.a' is 'f7', which is no element type");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\ngemm = { m = { v = 1, tag = \"sure\" }, n = 16, k = 1 }") ==
        "x.toml:5:29: 'gemm.m' has a tag that is neither stated nor guessed");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\n" + kGemm + "schedule = { base_m = 128 }") ==
        "x.toml:6:23: 'schedule.base_m' must be { v = .., tag = \"stated\" or \"guessed\" }");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\n" + kGemm + "l2 = \"hot\"") ==
        "x.toml:6:6: 'l2' is 'hot'; expected one of cold, warm, dirty");
  const std::string published = kHead + "[[case]]\nid = \"a\"\n" + kGemm;
  CHECK(complaint(published + "published = [{ quantity = \"time\", v = 1, unit = \"GB/s\", src = \"s\" }]") ==
        "x.toml:6:49: 'published[0].unit' is 'GB/s'; expected one of us, ns, ms, s, cycle");
  CHECK(complaint(published + "published = [{ quantity = \"time\", v = 0, unit = \"us\", src = \"s\" }]") ==
        "x.toml:6:39: 'published[0].v' must be above zero");
  CHECK(complaint(published + "published = [{ quantity = \"time\", v = 1, unit = \"us\" }]") ==
        "x.toml:6:14: 'published[0]' needs 'src'");
  CHECK(complaint(published + "published = [{ quantity = \"time\", v = 1, unit = \"us\", src = \"@no\" }]") ==
        "x.toml:6:61: 'published[0].src' cites '@no', which is not in [sources]");
  CHECK(complaint(published +
                  "published = [{ quantity = \"time\", core = \"mean\", v = 1, unit = \"us\", src = \"s\" }]") ==
        "x.toml:6:42: 'published[0].core' is for the busy times of pipes only");
  CHECK(
      complaint(kHead + "[[case]]\nid = \"a\"\nelementwise = { shape = [2], type = \"f16\", result = \"plus(a, b)\" }")
          .starts_with("x.toml:5:53: 'elementwise.result' : expression 'plus(a, b)' uses 'plus'; functions are add, "));
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\nreduction = { shape = [2], type = \"f16\", axes = [1] }") ==
        "x.toml:5:50: 'reduction.axes' must be between 0 and 0, got 1");
  CHECK(complaint(kHead +
                  "[[case]]\nid = \"a\"\ncopy = { from = \"host\", to = 0, op = \"write\", bytes = \"1 mile\" }") ==
        "x.toml:5:55: 'copy.bytes' is '1 mile'; expected bytes, as in 4096 or \"1 MiB\"");
  CHECK(
      complaint(kHead + "[[case]]\nid = \"a\"\ncopy = { from = \"host\", to = \"host\", op = \"write\", bytes = 1 }") ==
      "x.toml:5:8: 'copy' has the host on both sides; host code is free");
  CHECK(complaint(kHead + "[[case]]\nid = \"a\"\n" + kGemm + "sweep = { field = \"gemm.m\" }") ==
        "x.toml:6:9: 'sweep' must be { field = \"copy.bytes\", values = [..] }");
}

TEST_CASE("a sweep stands for one case a value") {
  const std::vector<Case> cases = cases_of(kHead + R"(
[[case]]
id = "c"
copy = { from = 0, to = 1, op = "read", bytes = { v = 1, tag = "guessed" } }
sweep = { field = "copy.bytes", values = ["1 KiB", 4096] }
published = [{ quantity = "rate", v = [1.5, 2], unit = "GB/s", src = "s" }]
)");
  REQUIRE(cases.size() == 2);
  CHECK(cases[0].id == "c/1KiB");
  CHECK(cases[1].id == "c/4096");
  CHECK(std::get<Copy>(cases[0].workload).bytes == 1024);
  CHECK(std::get<Copy>(cases[1].workload).bytes == 4096);
  CHECK(std::get<Copy>(cases[1].workload).read);
  CHECK(cases[0].published[0].value == 1.5);
  CHECK(cases[1].published[0].value == 2);
  CHECK(cases[0].guessed == std::vector<std::string>{"bytes"});
}

TEST_CASE("defaults of the file, tags and the schedule") {
  const std::vector<Case> cases = cases_of(R"(family = "f"
machine = "ascend-910b1"
override = ["chip.clock=1.8GHz"]
[sources]
doc = "Document"
[[case]]
id = "g"
machine = "ascend-910b2"
override = ["dma.rate=90 B/cycle"]
gemm = { m = 1024, n = 512, k = 256, a = "s8" }
published = [{ quantity = "mte2_busy", core = "busiest", v = 1, unit = "us", src = "@doc, page 3" }]
[case.schedule]
base_m = { v = 128, tag = "stated" }
unit_flag = { v = true, tag = "guessed" }
)");
  REQUIRE(cases.size() == 1);
  const Case& one = cases[0];
  CHECK(one.machine == "ascend-910b2");
  CHECK(one.overrides == std::vector<std::string>{"chip.clock=1.8GHz", "dma.rate=90 B/cycle"});
  CHECK(std::get<Gemm>(one.workload).c == "s32");
  CHECK(one.schedule_text() == "base_m=128,unit_flag=1");
  CHECK(one.weakest() == Evidence::guessed);
  CHECK(one.published[0].busiest);
  CHECK(one.published[0].source == "Document, page 3");
  CHECK(operations(one) == 2.0 * 1024 * 512 * 256);
  CHECK(bytes_moved(one) == 1024 * 256 + 512 * 256 + 1024 * 512 * 4);
}

TEST_CASE("bytes of elementwise work count each operand once") {
  Case one;
  Elementwise e;
  e.shape = {8192, 8192};
  e.type = "f16";
  e.results = {"add(a, mul(a, cast(b, f16)))", "exp(a)"};
  e.operands["b"] = {{1, 8192}, "f32"};
  one.workload = e;
  CHECK(bytes_moved(one) == 3.0 * 8192 * 8192 * 2 + 8192 * 4);
  auto text = tensor_text(one.workload);
  REQUIRE(text.ok());
  CHECK(text->find("%b: tensor<8192xf32>") != std::string::npos);
  CHECK_FALSE(text->find("%a: tensor<8192x8192xf16>") == std::string::npos);
}

TEST_CASE("mixed types want a cast") {
  Elementwise e;
  e.shape = {16, 16};
  e.type = "f32";
  e.operands["h"] = {{16, 16}, "f16"};
  e.results = {"add(x, h)"};
  auto text = tensor_text(e);
  REQUIRE_FALSE(text.ok());
  CHECK(text.diagnostic().message == "'add' of f32 and f16: use cast(.., f32)");
  e.results = {"add(x, cast(h, f32))"};
  CHECK(tensor_text(e).ok());
}

TEST_CASE("units") {
  CHECK(bytes_of_text("1.5 KiB") == 1536.0);
  CHECK(bytes_of_text("2 MB") == 2e6);
  CHECK_FALSE(bytes_of_text("MiB").has_value());
  CHECK(factor_of("cycle", 2e9) == 0.5e-9);
  CHECK(factor_of("GiB/s", 1) == 1073741824.0);
  CHECK(unit_fits("rate", "TFLOPS"));
  CHECK_FALSE(unit_fits("v_busy", "TFLOPS"));
}
