// The report as one page for a browser: tables, timeline, roofline. It holds the report's JSON text and everything that
// draws it, loads nothing, and works from a file.
#pragma once

#include <string>
#include <string_view>

namespace phx::rt {

// `lanes`: what trace_lanes() made of a trace; empty: the timeline shows the launches and transfers of the report.
std::string profile_html(std::string_view report_json, std::string_view lanes = {});

// "x.html" or "x.htm": the report is written as a page.
bool is_page_name(std::string_view path);

extern const char* const kViewerPage;  // with the places of both texts, from viewer.html

}  // namespace phx::rt
