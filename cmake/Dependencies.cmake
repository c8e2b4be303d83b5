# Everything comes from Debian's packages; scripts/setup installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)

if(NOT PREDICTD_CORE_ONLY)
  find_package(gRPC REQUIRED)
  find_path(CIVETWEB_INCLUDE CivetServer.h REQUIRED)
  find_library(CIVETWEB_LIBRARY civetweb REQUIRED)
  find_library(CIVETWEB_CPP_LIBRARY civetweb-cpp REQUIRED)

  # The two libraries that are used, not Torch's CMake package: that one brings Python along.
  find_path(TORCH_INCLUDE torch/script.h REQUIRED)
  find_library(TORCH_CPU_LIBRARY torch_cpu REQUIRED)
  find_library(C10_LIBRARY c10 REQUIRED)
  add_library(torch_cpu INTERFACE)
  target_include_directories(torch_cpu SYSTEM INTERFACE
    ${TORCH_INCLUDE} ${TORCH_INCLUDE}/torch/csrc/api/include)
  target_link_libraries(torch_cpu INTERFACE ${TORCH_CPU_LIBRARY} ${C10_LIBRARY})

  # An allocator made for threads takes about a fifth of the CPU off a gRPC call. Sanitizers bring
  # their own.
  add_library(allocator INTERFACE)
  if(NOT PREDICTD_SANITIZE)
    find_library(TCMALLOC_ARCHIVE libtcmalloc_minimal.a REQUIRED)
    target_link_libraries(allocator INTERFACE ${TCMALLOC_ARCHIVE})
    target_compile_definitions(allocator INTERFACE PREDICTD_TCMALLOC)
  endif()
endif()

include(Archives)

# Catch2 3 ships targets; version 2 is one header. tests/catch.h and tests/main.cc know both.
find_package(Catch2 REQUIRED)
