# Finds LLVM, MLIR and lld 22. Static libraries by default (seqc starts in a few
# milliseconds); SEQC_STATIC=OFF links libLLVM.so and libMLIR.so for quick
# development links. The two must never meet in one binary.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
find_package(LLD CONFIG REQUIRED HINTS /usr/lib/llvm-22/lib/cmake/lld)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include(HandleLLVMOptions OPTIONAL RESULT_VARIABLE ignored)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS} ${LLD_INCLUDE_DIRS})
separate_arguments(definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${definitions})
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
