# phx_library(name DIR dir SOURCES ... LINK ...): the one way a folder becomes a library.
#
# Public headers of ours are included as "device_sim/isa/isa.h" from the repository root, or as
# <phalanx/...> from an include/ folder (INCLUDE). Device values never see contraction or host fast-math,
# hence -ffp-contract=off for every target.
include(GNUInstallDirs)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

add_library(phx_options INTERFACE)
target_compile_options(phx_options INTERFACE -ffp-contract=off -Wall -Wextra -Wno-unused-parameter -Werror=switch
                       -Werror=return-type)
target_include_directories(phx_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                           $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
if(PHALANX_SANITIZE)
  target_compile_options(phx_options INTERFACE -fsanitize=${PHALANX_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined)
  target_link_options(phx_options INTERFACE -fsanitize=${PHALANX_SANITIZE})
endif()
if(CMAKE_LINKER_TYPE STREQUAL "LLD")
  target_link_options(phx_options INTERFACE -fuse-ld=lld)
endif()

function(phx_library name)
  cmake_parse_arguments(ARG "SHARED;INTERFACE" "" "SOURCES;LINK;PRIVATE_LINK;INCLUDE" ${ARGN})
  if(ARG_INTERFACE)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE phx_options ${ARG_LINK})
    foreach(dir ${ARG_INCLUDE})
      target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/${dir}>)
    endforeach()
    return()
  endif()
  if(ARG_SHARED)
    add_library(${name} SHARED ${ARG_SOURCES})
  else()
    add_library(${name} STATIC ${ARG_SOURCES})
  endif()
  # Our own compile options are no business of programs that use an installed Phalanx.
  target_link_libraries(${name} PUBLIC $<BUILD_INTERFACE:phx_options> ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  foreach(dir ${ARG_INCLUDE})
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/${dir}>)
  endforeach()
endfunction()

# phx_unit_test(name SOURCES ... LINK ...): a doctest binary, registered with ctest as "unit/<name>".
function(phx_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/unit/doctest_main.cpp)
  target_link_libraries(test_${name} PRIVATE phx_options ${ARG_LINK})
  add_test(NAME unit/${name} COMMAND test_${name})
endfunction()
