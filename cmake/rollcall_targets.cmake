# rollcall_library(<folder> SOURCES … [PUBLIC …] [PRIVATE …])
#   One static library per folder of common: target common_<folder>, alias common::<folder>.
function(rollcall_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(common_${name} STATIC ${ARG_SOURCES})
  add_library(common::${name} ALIAS common_${name})
  target_link_libraries(common_${name} PUBLIC project_options ${ARG_PUBLIC} PRIVATE project_warnings ${ARG_PRIVATE})
endfunction()

# add_worker(<name> CORE … LIB … [LINKS …])
#   <name>_core   pure decisions: links common::core alone, so that a decision cannot reach outside
#   <name>_lib    adapters and handler; what tests link
#   rollcall-<name with dashes>   main.cpp only
function(add_worker name)
  cmake_parse_arguments(ARG "" "" "CORE;LIB;LINKS" ${ARGN})
  set(lib_links common::core)
  if(ARG_CORE)
    add_library(${name}_core STATIC ${ARG_CORE})
    target_link_libraries(${name}_core PUBLIC common::core PRIVATE project_warnings)
    set(lib_links ${name}_core)
  endif()
  add_library(${name}_lib STATIC ${ARG_LIB})
  target_link_libraries(${name}_lib PUBLIC project_options ${lib_links} ${ARG_LINKS} PRIVATE project_warnings)
  string(REPLACE "_" "-" program rollcall-${name})
  add_executable(${program} main.cpp)
  target_link_libraries(${program} PRIVATE ${name}_lib project_warnings)
endfunction()

set(rollcall_test_environment "ROLLCALL_BIN=${PROJECT_BINARY_DIR}/bin;ROLLCALL_SOURCE=${PROJECT_SOURCE_DIR}")
if(ROLLCALL_SANITIZE STREQUAL "thread")
  list(APPEND rollcall_test_environment "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.suppressions")
endif()

# rollcall_test(<label> <area> SOURCES … LINKS … [PROPERTIES …])
#   One Catch2 program per area, labelled unit, integration or e2e: `ctest -L unit`.
function(rollcall_test label area)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINKS" ${ARGN})
  set(target ${label}_${area})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE test_main ${ARG_LINKS} project_options project_warnings)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "${rollcall_test_environment}")
  if(NOT label STREQUAL "unit")
    # They share one PostgreSQL and one Kafka, and the machine; each still uses names of its own.
    set_tests_properties(${target} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# embed_files(<target> <glob>): a library with embedded::<target>(). Globbed on purpose: adding a file is enough.
function(embed_files target glob)
  file(GLOB files CONFIGURE_DEPENDS ${glob})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${target} "-DFILES=${files}" -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  add_library(${target} STATIC ${out})
  target_link_libraries(${target} PUBLIC project_options)
endfunction()
