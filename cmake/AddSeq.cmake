# Thin wrappers: one library a folder.
#
#   add_seq_library(name SOURCES a.cpp b.cpp LIBS other [LLVM] [MLIR])
#
# LLVM: uses LLVM's headers. MLIR: uses MLIR's headers as well, precompiled.
function(add_seq_library name)
  cmake_parse_arguments(A "MLIR" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC ${A_LIBS})
  if(A_MLIR)
    seq_use_mlir_pch(${name})
  endif()
endfunction()

# One precompiled header of MLIR's core serves every library that asks for it.
function(seq_use_mlir_pch name)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_precompile_headers(${name} REUSE_FROM seqMlirPch)
    # The header was compiled for a library; a program's own -fPIE would not match.
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
endfunction()
