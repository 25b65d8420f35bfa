//===- BenchPeak.h - The machine's peaks, measured ------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_BENCHPEAK_H
#define SEQC_TOOLS_SEQC_BENCHPEAK_H

namespace seq::tool {

/// Of this machine, measured now on `threads` threads.
struct Peaks {
  double flops = 0; ///< a second, f32 fused multiply-adds as two
  double bytes = 0; ///< a second, a triad over arrays beyond the caches
};
Peaks measurePeaks(int threads);

} // namespace seq::tool

#endif
