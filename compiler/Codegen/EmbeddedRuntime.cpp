//===- EmbeddedRuntime.cpp - The runtime's archive inside the compiler --------------===//
#include "compiler/Codegen/Link.h"

__asm__(".section .rodata.seqrt,\"a\",@progbits\n"
        ".balign 16\n"
        ".globl seqRuntimeBegin\n"
        ".hidden seqRuntimeBegin\n"
        "seqRuntimeBegin:\n"
        ".incbin \"" SEQC_RUNTIME_ARCHIVE "\"\n"
        ".globl seqRuntimeEnd\n"
        ".hidden seqRuntimeEnd\n"
        "seqRuntimeEnd:\n"
        ".byte 0\n"
        ".previous\n");

extern "C" const char seqRuntimeBegin[], seqRuntimeEnd[];

namespace seq::codegen {

llvm::StringRef runtimeArchive() {
  return {seqRuntimeBegin, size_t(seqRuntimeEnd - seqRuntimeBegin)};
}

} // namespace seq::codegen
