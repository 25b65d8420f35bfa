//===- Chips.cpp - What chips can do at best --------------------------------------------===//
//
// From the vendor's data sheets and architecture white papers, as published: A100 80 GB SXM, A40,
// Jetson AGX Orin, L40S, H100 SXM, HGX B200 and B300, GeForce RTX 5090, DGX Spark. A chip comes in
// several products, and code is for the chip: H200 is a chip sm_90 with 4800 GB/s. Where a sheet
// gives sparse peaks alone, half of them; where it gives fewer bits alone (sm_87, sm_121), a half
// for each doubling.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Chips.h"

namespace seq::gpu {

constexpr double kMega = 1 << 20, kKilo = 1 << 10;

static const Chip kChips[] = {
    // sm   product         SMs lanes f64   f32   tf32   half  GB/s   L2           threads shared
    {80, "A100 SXM", 108, 64, 2, 19.5, 156, 312, 2039, 40 * kMega, 2048, 164 * kKilo},
    {86, "A40", 84, 128, 64, 37.4, 74.8, 149.7, 696, 6 * kMega, 1536, 100 * kKilo},
    {87, "AGX Orin", 16, 128, 64, 5.3, 21.3, 42.5, 204.8, 4 * kMega, 1536, 164 * kKilo},
    {89, "L40S", 142, 128, 64, 91.6, 183, 362, 864, 96 * kMega, 1536, 100 * kKilo},
    {90, "H100 SXM", 132, 128, 2, 67, 494, 989, 3350, 50 * kMega, 2048, 228 * kKilo},
    {100, "B200", 148, 128, 2, 75, 1125, 2250, 8000, 126 * kMega, 2048, 228 * kKilo},
    {103, "B300", 148, 128, 64, 75, 1125, 2250, 8000, 126 * kMega, 2048, 228 * kKilo},
    {120, "RTX 5090", 170, 128, 64, 104.8, 104.8, 209.5, 1792, 96 * kMega, 1536, 100 * kKilo},
    {121, "DGX Spark", 48, 128, 64, 31, 62.5, 125, 273, 24 * kMega, 1536, 100 * kKilo},
};

const Chip &chipOf(int number) {
  const Chip *found = kChips;
  for (const Chip &chip : kChips)
    if (chip.number <= number)
      found = &chip;
  return *found;
}

} // namespace seq::gpu
