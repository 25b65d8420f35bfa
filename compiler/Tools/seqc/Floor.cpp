//===- Floor.cpp - What a call could take at best -------------------------------------===//
#include "compiler/Tools/seqc/Floor.h"

#include "compiler/Lowering/Gpu/Chips.h"

#include "compiler/Tools/seqc/Session.h"

#include "seq/runtime.h"

#include <algorithm>
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

/// Below level 3 products and sums are two instructions.
static float mulAddLoop(int64_t n) {
  __m128 a[12], x = _mm_set1_ps(0.999f), y = _mm_set1_ps(1e-3f);
  for (int i = 0; i < 12; ++i)
    a[i] = _mm_set1_ps(float(i));
  for (int64_t k = 0; k < n; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; ++i)
      a[i] = _mm_add_ps(_mm_mul_ps(a[i], x), y);
  for (int i = 1; i < 12; ++i)
    a[0] = _mm_add_ps(a[0], a[i]);
  return _mm_cvtss_f32(a[0]);
}

/// The best of several short runs: the first ones find the clock low.
static double flopsOfOneThread(unsigned level) {
  int64_t n = 500000;
  double best = 0;
  for (int k = 0; k < 8; ++k) {
    auto start = Clock::now();
    volatile float sink = level >= 4 ? fmaLoopWide(n) : level == 3 ? fmaLoop(n) : mulAddLoop(n);
    (void)sink;
    double lanes = level >= 4 ? 16 : level == 3 ? 8 : 4;
    best = std::max(best, double(n) * 12 * 2 * lanes / seconds(start));
  }
  return best;
}
#else
static double flopsOfOneThread(unsigned) {
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

Peaks measurePeaks(int threads, unsigned level) {
  Peaks peaks;
  level = std::min(level, unsigned(seq_cpu_level()));
  peaks.flops = onThreads(threads, [level] { return flopsOfOneThread(level); });
  peaks.bytes = onThreads(threads, bytesOfOneThread);
  return peaks;
}

Peaks publishedPeaks(const lowering::Target &target) {
  const gpu::Chip &chip = gpu::chipOf(target.level);
  double flops = target.roundsFactors()                          ? chip.half
                 : target.products == lowering::Products::Tf32x3 ? chip.tf32 / 3
                                                                 : chip.f32;
  return {flops * 1e12, chip.bandwidth * 1e9};
}

double floorOf(const Demand &demand, const Peaks &peaks) {
  return std::max(peaks.flops > 0 ? demand.flops / peaks.flops : 0, demand.bytes / peaks.bytes);
}

double weightBytes(const Session &session) {
  double sum = 0;
  for (const typed::EntryWeight &w : session.program->weights)
    sum += double(elementCount(w.shape).value_or(0)) *
           double(seq_dtype_size(codegen::dtypeOf(w.elem)));
  return sum;
}

} // namespace seq::tool
