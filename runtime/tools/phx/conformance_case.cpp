// One case: from its folder to a verdict.
#include <algorithm>
#include <filesystem>

#include "device_sim/image/image.h"
#include "phalanx/compiler/onnx.h"
#include "runtime/tools/phx/conformance.h"
#include "runtime/tools/phx/tensor_program.h"

namespace phx::tools {
namespace {

namespace fs = std::filesystem;

CaseResult failed(std::string reason) {
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return {Verdict::fail, std::move(reason)};
}

// A refusal is one line that is not about the compiler itself. Its place is the model's file, which the case names.
CaseResult refused(const Diagnostic& diagnostic, const std::string& file) {
  std::string text = diagnostic.str();
  if (text.starts_with(file + ":")) text.erase(0, file.size() + 1);
  text.erase(0, text.find_first_not_of(' '));
  const bool clear = text.find('\n') == std::string::npos && text.find("internal error") == std::string::npos;
  return clear ? CaseResult{Verdict::unsupported, std::move(text)} : failed(std::move(text));
}

std::vector<std::string> data_sets(const std::string& folder) {
  std::vector<std::string> sets;
  std::error_code bad;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, bad))
    if (entry.is_directory(bad) && entry.path().filename().string().starts_with("test_data_set_"))
      sets.push_back(entry.path().string());
  std::sort(sets.begin(), sets.end());
  return sets;
}

// ONNX's data has the bits of bf16 numbers as u16, for NumPy lacks the type; `declared` is the model's.
Expected<compiler::TensorValue> read_tensor(const std::string& path, std::string_view declared) {
  auto bytes = read_bytes(path);
  if (!bytes) return bytes.diagnostic();
  auto value = compiler::readOnnxTensor(*bytes, path);
  if (value && value->type == "u16" && declared == "bf16") value->type = declared;
  return value;
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::unsupported:
      return "unsupported";
  }
  return "?";
}

Expected<std::vector<ConformanceCase>> find_cases(const std::string& data, const std::regex& filter) {
  std::vector<ConformanceCase> cases;
  std::error_code bad;
  for (fs::recursive_directory_iterator at(data, bad), end; !bad && at != end; at.increment(bad)) {
    if (at->path().filename() != "model.onnx") continue;
    const fs::path folder = at->path().parent_path();
    const std::string name = fs::relative(folder, data, bad).string();
    if (!data_sets(folder.string()).empty() && std::regex_search(name, filter))
      cases.push_back({name, folder.string()});
  }
  if (bad) return error_at(data, 0, "cannot be read: " + bad.message());
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return cases;
}

hal::Status CaseRunner::open() {
  if (session_) return {};
  model::SessionOptions options;
  options.machine = machine_name_;
  options.options = {{"mode", mode_}, {"threads", "1"}};
  auto session = model::Session::open(std::move(options));
  if (!session) return session.status();
  session_ = std::move(*session);
  return {};
}

CaseResult CaseRunner::run(const ConformanceCase& which) {
  auto model = read_bytes(which.folder + "/model.onnx");
  if (!model) return failed(model.diagnostic().str());
  for (const std::string& folder : data_sets(which.folder))
    if (CaseResult result = run_data_set(which, *model, folder); result.verdict != Verdict::pass) return result;
  return {Verdict::pass, {}};
}

CaseResult CaseRunner::run_data_set(const ConformanceCase& which, std::span<const std::byte> model,
                                    const std::string& folder) {
  const std::string file = which.folder + "/model.onnx";
  auto wanted_inputs = compiler::onnxInputs(model, file);
  if (!wanted_inputs) return refused(wanted_inputs.diagnostic(), file);
  compiler::TensorCompileOptions options;
  options.machine = machine_;
  for (size_t i = 0; i < wanted_inputs->size(); ++i) {
    // An optional input that is left out has no file; what is no tensor of ours the compiler refuses itself.
    const std::string path = folder + "/input_" + std::to_string(i) + ".pb";
    if ((*wanted_inputs)[i].type.empty() || !fs::exists(path)) continue;
    auto value = read_tensor(path, (*wanted_inputs)[i].type);
    if (!value) return failed(value.diagnostic().str());
    value->name = (*wanted_inputs)[i].name;
    options.known_inputs.push_back(std::move(*value));
  }
  auto compiled = compiler::compileTensorProgram(model, file, options);
  if (!compiled) return refused(compiled.diagnostic(), file);

  if (hal::Status status = open(); !status) return failed(status.message());
  auto program = session_->load(image::write(compiled->executable), which.name);
  if (!program) return failed(program.status().message());
  std::vector<std::span<const std::byte>> inputs;
  for (const model::TensorInfo& info : (*program)->inputs()) {
    auto known = std::find_if(options.known_inputs.begin(), options.known_inputs.end(),
                              [&](const compiler::TensorValue& value) { return value.name == info.name; });
    if (known == options.known_inputs.end()) return failed("there is no data for input '" + info.name + "'");
    if (known->type != model::name_of(info.type) || known->shape != info.shape)
      return failed("input '" + info.name + "' has another type or shape in the program than in the data");
    inputs.emplace_back(known->bytes);
  }
  std::vector<std::vector<std::byte>> found;
  std::vector<std::span<std::byte>> outputs;
  for (const model::TensorInfo& info : (*program)->outputs()) {
    // Bytes that nobody wrote must not look right by chance.
    found.emplace_back(info.bytes(), std::byte{0xa5});
    outputs.emplace_back(found.back());
  }
  if (auto ran = (*program)->run(inputs, outputs); !ran) {
    program->reset();
    session_.reset();  // a fault may have left the machine's device lost
    return failed(ran.status().message());
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const model::TensorInfo& info = (*program)->outputs()[i];
    auto wanted = read_tensor(folder + "/output_" + std::to_string(i) + ".pb", model::name_of(info.type));
    if (!wanted) return failed(wanted.diagnostic().str());
    if (std::string why = difference(info, found[i], *wanted); !why.empty())
      return failed("output " + std::to_string(i) + ": " + why);
  }
  if (fs::exists(folder + "/output_" + std::to_string(found.size()) + ".pb"))
    return failed("the program has " + std::to_string(found.size()) + " outputs, the data more");
  return {Verdict::pass, {}};
}

}  // namespace phx::tools
