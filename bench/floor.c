/* What one core of this machine can do: f32 fma rate, and read bandwidth by size of the set.
 * Prints JSON. Compile with -O3 -ffp-contract=fast -march=native; -ffast-math would let the
 * compiler shorten the chains. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vec __attribute__((vector_size(LANES * 4)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Twelve chains of fma hide the latency of four cycles at two a cycle. */
static double fma_rate(void) {
  vec a[12];
  for (int i = 0; i < 12; ++i)
    a[i] = (vec){0} + (float)i;
  vec m = (vec){0} + 0.999f, c = (vec){0} + 0.001f;
  const int64_t n = 4000000;
  double start = now();
  for (int64_t k = 0; k < n; ++k)
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i)
      a[i] = a[i] * m + c;
  double seconds = now() - start;
  volatile float sink = 0;
  for (int i = 0; i < 12; ++i)
    sink += a[i][0];
  return 2.0 * LANES * 12 * (double)n / seconds * 1e-9;
}

/* GB/s of reading `bytes` again and again. */
static double read_rate(int64_t bytes) {
  int64_t n = bytes / (int64_t)sizeof(vec);
  vec *data = aligned_alloc(64, (size_t)bytes);
  for (int64_t i = 0; i < n; ++i)
    data[i] = (vec){0} + 1.0f;
  int64_t times = (int64_t)1500000000 / bytes + 1;
  vec s[8] = {0};
  double start = now();
  for (int64_t t = 0; t < times; ++t)
    for (int64_t i = 0; i + 8 <= n; i += 8)
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k)
        s[k] += data[i + k];
  double seconds = now() - start;
  volatile float sink = 0;
  for (int k = 0; k < 8; ++k)
    sink += s[k][0];
  free(data);
  return (double)bytes * (double)times / seconds * 1e-9;
}

static double best(double (*f)(int64_t), int64_t x) {
  double top = 0;
  for (int i = 0; i < 4; ++i) {
    double v = f(x);
    top = v > top ? v : top;
  }
  return top;
}

static double fma_of(int64_t unused) {
  (void)unused;
  return fma_rate();
}

int main(void) {
  printf("{\"fma_gflop_per_s\": %.1f, \"lanes\": %d, \"read_gbyte_per_s\": {", best(fma_of, 0),
         LANES);
  for (int64_t kib = 64; kib <= 32768; kib *= 2)
    printf("%s\"%lld\": %.1f", kib == 64 ? "" : ", ", (long long)(kib * 1024),
           best(read_rate, kib * 1024));
  printf("}}\n");
  return 0;
}
