# How a folder becomes a target: one library per folder, warnings are errors.

set(PREDICTD_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
option(PREDICTD_COVERAGE "Instrument for coverage" OFF)

add_library(predictd_flags INTERFACE)
# g++ sees uninitialised values in coroutine frames (14) and in instrumented library code (12).
target_compile_options(predictd_flags INTERFACE -Wall -Wextra -Wpedantic -Werror
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>)
# What gRPC's and hiredis's users get: precompiled headers are refused where such macros differ.
target_compile_options(predictd_flags INTERFACE -pthread)
target_compile_definitions(predictd_flags INTERFACE _FILE_OFFSET_BITS=64)
target_include_directories(predictd_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(PREDICTD_SANITIZE)
  target_compile_options(predictd_flags INTERFACE
    -fsanitize=${PREDICTD_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(predictd_flags INTERFACE -fsanitize=${PREDICTD_SANITIZE})
endif()
if(PREDICTD_COVERAGE)
  target_compile_options(predictd_flags INTERFACE --coverage)
  target_link_options(predictd_flags INTERFACE --coverage)
endif()

# predictd_library(<name> <library>...): all .cc files of this folder as predictd_<name>, linking
# what the folder may use. A link is permission to include: what is not linked here directly is for
# scripts/check-includes to refuse.
function(predictd_library name)
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  add_library(predictd_${name} STATIC ${sources})
  target_link_libraries(predictd_${name} PUBLIC predictd_flags ${ARGN})
endfunction()

# Every test program's main, compiled once; unoptimised, because Catch2's runner takes minutes.
add_library(predictd_test_main STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/main.cc)
target_compile_options(predictd_test_main PRIVATE -O0)
target_link_libraries(predictd_test_main PUBLIC predictd_flags)
if(TARGET Catch2::Catch2WithMain)
  target_link_libraries(predictd_test_main PUBLIC Catch2::Catch2)
endif()

# predictd_test(<name> <label> <seconds> <library>...): the *_test.cc files of this folder as one
# program that must run at least one test and must end within the time limit. A folder may set
# PREDICTD_TEST_HEADERS to the target whose precompiled headers its programs use.
function(predictd_test name label seconds)
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE predictd_test_main ${ARGN})
  if(PREDICTD_TEST_HEADERS)
    target_precompile_headers(${name} REUSE_FROM ${PREDICTD_TEST_HEADERS})
  endif()
  # A program without a test must fail: Catch2 3 does so by itself.
  if(Catch2_VERSION VERSION_LESS 3)
    set(no_tests --warn NoTests)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${no_tests})
  if(PREDICTD_SANITIZE)
    math(EXPR seconds "4 * ${seconds}")
  endif()
  # Side by side, those that may take long begin first.
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds} COST ${seconds})
endfunction()
