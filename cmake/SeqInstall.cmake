# bin/seqc, the runtime, the JIT, headers, the library of layers, and how CMake and
# pkg-config find them.
include(CMakePackageConfigHelpers)
set(config ${CMAKE_CURRENT_BINARY_DIR}/seqcConfig.cmake)
configure_package_config_file(cmake/seqcConfig.cmake.in ${config}
  INSTALL_DESTINATION lib/cmake/seqc)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/seqcConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
file(CONFIGURE OUTPUT seqrt.pc @ONLY CONTENT [[
prefix=${pcfiledir}/../..
Name: seqrt
Description: Runtime of models that seqc compiles
Version: @PROJECT_VERSION@
Libs: -L${prefix}/lib -lseqrt -lm -lpthread
Cflags: -I${prefix}/include
]])

install(TARGETS seqc RUNTIME DESTINATION bin)
install(TARGETS seqJit LIBRARY DESTINATION lib)
get_filename_component(antlr ${ANTLR4_SHARED_RUNTIME} REALPATH)
install(FILES ${antlr} DESTINATION lib)
install(FILES compiler/Jit/include/seq/jit.h DESTINATION include/seq)
install(DIRECTORY stdlib/ DESTINATION share/seqc/stdlib FILES_MATCHING PATTERN "*.seq")
install(FILES ${config} ${CMAKE_CURRENT_BINARY_DIR}/seqcConfigVersion.cmake
  DESTINATION lib/cmake/seqc)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/seqrt.pc DESTINATION lib/pkgconfig)
