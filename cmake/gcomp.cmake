# How every target of gcomp is built: the one place for flags.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# -O3 for kernels and benchmarks alone, -O1 for tests and test tools: compile time counts too.
if(PROJECT_IS_TOP_LEVEL)
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
endif()
# The sloppiness is what ccache asks for with precompiled headers.
find_program(GCOMP_CCACHE ccache)
if(GCOMP_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${GCOMP_CCACHE})
endif()

# Headers of the standard library cost each file 0.8 s; precompiled they are nearly free. Only they
# and those of third parties are precompiled: files name what they use (GCOMP_PCH=OFF shows it).
option(GCOMP_PCH "Precompile headers of the standard library and of third parties" ON)
set(GCOMP_STD_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <limits> <map>
    <memory> <numeric> <optional> <span> <string> <string_view> <unordered_map> <utility> <variant>
    <vector>)

# gcomp_precompile(target HEADERS ...): the standard headers and HEADERS, precompiled.
function(gcomp_precompile target)
  if(GCOMP_PCH)
    target_precompile_headers(${target} PRIVATE ${GCOMP_STD_HEADERS} ${ARGN})
  endif()
endfunction()

# Small files that include the same headers compile several at a time: a cold build takes a quarter
# less. (OFF compiles each by itself, which an editor wants, and shows what a file forgets to name.)
option(GCOMP_UNITY "Compile small files of a target several at a time" ON)

# gcomp_unity(target [files ...]): the target's files, or those of them, several at a time.
function(gcomp_unity target)
  set(batch 6)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${GCOMP_UNITY} UNITY_BUILD_BATCH_SIZE ${batch})
  if(ARGN)
    set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
    set(count 0)
    foreach(file IN LISTS ARGN)
      math(EXPR group "${count} / ${batch}")
      set_source_files_properties(${file} PROPERTIES UNITY_GROUP group${group})
      math(EXPR count "${count} + 1")
    endforeach()
  endif()
endfunction()

# What gcomp's own code and those who include its headers share.
add_library(gcomp_headers INTERFACE)
target_compile_features(gcomp_headers INTERFACE cxx_std_20)
target_include_directories(gcomp_headers INTERFACE ${PROJECT_SOURCE_DIR})

# What gcomp's own code is compiled with; nothing of it reaches an embedder.
# Baseline x86-64 everywhere: kernels carry their v3 and v4 builds as function attributes, and the
# check of the processor runs before any of them. No contraction of a * b + c: docs/numerics.md.
add_library(gcomp_flags INTERFACE)
target_link_libraries(gcomp_flags INTERFACE gcomp_headers)
target_compile_options(gcomp_flags INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion
  $<IF:$<CXX_COMPILER_ID:GNU>,-Wshadow=local,-Wshadow>
  # False alarms of g++ 12 on std::string + std::string (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(GCOMP_WERROR)
  target_compile_options(gcomp_flags INTERFACE -Werror)
endif()
if(GCOMP_SANITIZE)
  target_compile_options(gcomp_flags INTERFACE
    -fsanitize=${GCOMP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(gcomp_flags INTERFACE -fsanitize=${GCOMP_SANITIZE})
endif()
if(GCOMP_FUZZ)
  # Coverage of every library guides the fuzzers.
  target_compile_options(gcomp_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(gcomp_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# gcomp_library(name DEPS ... [PRIVATE_DEPS ...] [UNITY]): the library gcomp_<name> of all *.cc files
# in the current folder (and in the folders given as DIRS), with hidden visibility.
function(gcomp_library name)
  cmake_parse_arguments(ARG "UNITY" "" "DEPS;PRIVATE_DEPS;DIRS" ${ARGN})
  set(patterns *.cc)
  foreach(dir IN LISTS ARG_DIRS)
    list(APPEND patterns ${dir}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  add_library(gcomp_${name} STATIC ${sources})
  target_link_libraries(gcomp_${name}
    PUBLIC gcomp_headers ${ARG_DEPS} PRIVATE gcomp_flags ${ARG_PRIVATE_DEPS})
  set_target_properties(gcomp_${name} PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  gcomp_precompile(gcomp_${name})
  if(ARG_UNITY)
    gcomp_unity(gcomp_${name})
  endif()
endfunction()

# gcomp_program(name SOURCES ... DEPS ...): a tool, example or benchmark, built into bin/.
function(gcomp_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE gcomp_flags ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
