#include "runtime/src/profile/profile_html.h"

namespace phx::rt {
namespace {

// JSON inside a script element: '<' occurs in strings only, and could end the element there.
void append_embedded(std::string& page, std::string_view json) {
  for (char c : json) {
    if (c == '<')
      page += "\\u003c";
    else
      page += c;
  }
}

}  // namespace

std::string profile_html(std::string_view report_json, std::string_view lanes) {
  constexpr std::string_view kReport = "@PHX_REPORT@", kTrace = "@PHX_TRACE@";
  const std::string_view viewer = kViewerPage;
  const size_t report = viewer.find(kReport), trace = viewer.find(kTrace);
  std::string page(viewer.substr(0, report));
  append_embedded(page, report_json);
  page += viewer.substr(report + kReport.size(), trace - report - kReport.size());
  append_embedded(page, lanes.empty() ? "null" : lanes);
  page += viewer.substr(trace + kTrace.size());
  return page;
}

bool is_page_name(std::string_view path) { return path.ends_with(".html") || path.ends_with(".htm"); }

}  // namespace phx::rt
