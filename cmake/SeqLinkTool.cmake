# What a tool needs of LLVM, MLIR and lld. Static archives are named by their paths: the
# imported targets of a distribution may stand for its shared libraries, and the two must
# not meet. lld takes archives in any order.
find_package(Threads REQUIRED)

function(seq_link_tool name)
  cmake_parse_arguments(A "SHARED_STANDARD_LIBRARY" "" "" ${ARGN})
  # lld compresses sections with them.
  find_library(SEQC_ZSTD_ARCHIVE libzstd.a)
  find_library(SEQC_Z_ARCHIVE libz.a)
  if(SEQC_STATIC)
    file(GLOB mlir ${LLVM_LIBRARY_DIR}/libMLIR*.a)
    file(GLOB llvm ${LLVM_LIBRARY_DIR}/libLLVM*.a)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:seqOtherTargets>)
    target_link_libraries(${name} PRIVATE
      ${LLVM_LIBRARY_DIR}/liblldELF.a ${LLVM_LIBRARY_DIR}/liblldCommon.a ${mlir} ${llvm}
      ${SEQC_ZSTD_ARCHIVE} ${SEQC_Z_ARCHIVE} ${CMAKE_DL_LIBS} m Threads::Threads)
    if(NOT A_SHARED_STANDARD_LIBRARY)
      target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
    endif()
  else()
    target_link_libraries(${name} PRIVATE
      ${LLVM_LIBRARY_DIR}/liblldELF.a ${LLVM_LIBRARY_DIR}/liblldCommon.a MLIR LLVM
      ${SEQC_ZSTD_ARCHIVE} ${SEQC_Z_ARCHIVE} ${CMAKE_DL_LIBS} m Threads::Threads)
  endif()
endfunction()
