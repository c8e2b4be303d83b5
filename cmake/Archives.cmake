# Static archives of gRPC, Abseil and re2 instead of their shared libraries.
#
# A shared library calls its own functions through tables, as another library might replace them,
# and asks a function for its thread-local variables. Without both, and with the allocator linked
# in, a call takes 0.77 of the CPU with 1 and 8 in flight, 0.81 with 64 and 0.80 with 256; the bare
# echo 0.8 to 0.9. Only what no other library of the process uses: libtorch brings Protobuf's shared
# library, and of that there must be one copy.
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
list(FILTER imported INCLUDE REGEX "^(absl|gRPC)::")
foreach(target IN LISTS imported)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "SHARED_LIBRARY")
    continue()
  endif()
  get_target_property(shared ${target} LOCATION)
  string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive ${shared})
  if(NOT EXISTS ${archive})
    message(FATAL_ERROR "${archive} is missing: run scripts/setup")
  endif()
  get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
  foreach(configuration IN LISTS configurations)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${configuration} ${archive})
  endforeach()
endforeach()

# re2 too, which gRPC uses: Debian 13's shared one would bring a second Abseil into the process.
if(TARGET re2::re2)
  find_library(RE2_ARCHIVE libre2.a REQUIRED)
  set_property(TARGET re2::re2 PROPERTY INTERFACE_LINK_LIBRARIES ${RE2_ARCHIVE}
    $<TARGET_NAME_IF_EXISTS:absl::absl_log> absl::flat_hash_map absl::str_format
    absl::synchronization)
endif()
