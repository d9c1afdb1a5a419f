// toml++ as this project uses it: header only, without exceptions. Include it in implementation files only.
//
// toml++ 3.3 asserts (and, with NDEBUG, assumes) things about its input that a damaged file violates, in places where
// the code after the assertion reports the error properly. Both are taken out.
#pragma once

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>
