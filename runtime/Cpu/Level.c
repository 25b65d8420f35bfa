/* The CPU's x86-64 level: what it has and what the operating system keeps on a switch. */
#include "seq/runtime.h"

#include <stdlib.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* XCR0: which registers the system saves. Called only where OSXSAVE is set. */
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__ __volatile__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int all_of(uint32_t word, uint32_t bits) {
  return (word & bits) == bits;
}

static int32_t detect(void) {
  uint32_t a, b, c, d, b7 = 0, ext = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 1;
  uint32_t c1 = c;
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    ext = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
    b7 = b;
  uint32_t v2 = bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
  if (!all_of(c1, v2) || !all_of(ext, bit_LAHF_LM))
    return 1;
  uint32_t v3 = bit_AVX | bit_FMA | bit_F16C | bit_MOVBE | bit_OSXSAVE;
  if (!all_of(c1, v3) || !all_of(b7, bit_AVX2 | bit_BMI | bit_BMI2) || !all_of(ext, bit_LZCNT))
    return 2;
  uint64_t state = saved_state();
  if ((state & 0x06) != 0x06) /* xmm, ymm */
    return 2;
  uint32_t v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  if (!all_of(b7, v4) || (state & 0xE0) != 0xE0) /* mask registers, zmm */
    return 3;
  return 4;
}
#else
static int32_t detect(void) {
  return 1;
}
#endif

int32_t seq_cpu_level(void) {
  int32_t level = detect();
  const char *text = getenv("SEQC_CPU_LEVEL");
  if (text && text[0] >= '1' && text[0] <= '4' && text[1] == 0 && text[0] - '0' < level)
    return text[0] - '0';
  return level;
}
