//===- BenchPeak.cpp - The machine's peaks, measured ------------------------------------===//
#include "compiler/Tools/seqc/BenchPeak.h"

#include "seq/runtime.h"

#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace seq::tool {

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

#if defined(__x86_64__)
/// Twelve independent chains of fused multiply-adds; returns something of the result.
__attribute__((target("avx2,fma"))) static float fmaLoop(int64_t n) {
  __m256 a[12], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
  for (int i = 0; i < 12; ++i)
    a[i] = _mm256_set1_ps(float(i));
  for (int64_t k = 0; k < n; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; ++i)
      a[i] = _mm256_fmadd_ps(a[i], x, y);
  for (int i = 1; i < 12; ++i)
    a[0] = _mm256_add_ps(a[0], a[i]);
  return _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) static float fmaLoopWide(int64_t n) {
  __m512 a[12], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
  for (int i = 0; i < 12; ++i)
    a[i] = _mm512_set1_ps(float(i));
  for (int64_t k = 0; k < n; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; ++i)
      a[i] = _mm512_fmadd_ps(a[i], x, y);
  for (int i = 1; i < 12; ++i)
    a[0] = _mm512_add_ps(a[0], a[i]);
  return _mm512_cvtss_f32(a[0]);
}

/// The best of several short runs: the first ones find the clock low.
static double flopsOfOneThread() {
  int level = seq_cpu_level();
  int64_t n = 1000000;
  double best = 0;
  for (int k = 0; level >= 3 && k < 8; ++k) {
    auto start = Clock::now();
    volatile float sink = level >= 4 ? fmaLoopWide(n) : fmaLoop(n);
    (void)sink;
    best = std::max(best, double(n) * 12 * 2 * (level >= 4 ? 16 : 8) / seconds(start));
  }
  return best;
}
#else
static double flopsOfOneThread() {
  return 0;
}
#endif

static double bytesOfOneThread() {
  constexpr size_t n = size_t(8) << 20;
  std::vector<float> a(n), b(n, 1.0f), c(n, 2.0f);
  double best = 0;
  for (int k = 0; k < 3; ++k) {
    auto start = Clock::now();
    for (size_t i = 0; i < n; ++i)
      a[i] = b[i] + 0.5f * c[i];
    best = std::max(best, 12.0 * double(n) / seconds(start));
    volatile float sink = a[n / 2];
    (void)sink;
  }
  return best;
}

/// The sum of what each of the threads reaches while all run.
template <class F> static double onThreads(int threads, F body) {
  std::vector<double> results(static_cast<size_t>(threads));
  std::vector<std::thread> running;
  for (double &r : results)
    running.emplace_back([&r, body] { r = body(); });
  double sum = 0;
  for (size_t i = 0; i < running.size(); ++i) {
    running[i].join();
    sum += results[i];
  }
  return sum;
}

Peaks measurePeaks(int threads) {
  Peaks peaks;
  peaks.flops = onThreads(threads, flopsOfOneThread);
  peaks.bytes = onThreads(threads, bytesOfOneThread);
  return peaks;
}

} // namespace seq::tool
