/* Reads a text with the compiled character model, compares it with PyTorch, and lets it write.
 *
 *   main WEIGHTS TEXT LOGITS.npy BITS
 *
 * LOGITS.npy holds PyTorch's logits of the first bytes of TEXT, BITS the bits per character
 * that it gets on all of it. Exits with 1 where ours are not the same. run.sh builds and runs
 * this. */
#include "charlm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VOCABULARY = 256, WRITTEN = 200 };

/* --- small things ------------------------------------------------------------------ */

static void stop(const char *what) {
  fprintf(stderr, "main: %s\n", what);
  exit(1);
}

/* Stops with the context's message where a call of the model failed. */
static void check(seq_ctx *ctx, int status) {
  if (status != SEQ_OK)
    stop(seq_last_error(ctx));
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The bytes of a file, which the caller frees. */
static unsigned char *read_file(const char *path, long *size) {
  FILE *f = fopen(path, "rb");
  if (!f)
    stop(path);
  fseek(f, 0, SEEK_END);
  *size = ftell(f);
  rewind(f);
  unsigned char *bytes = malloc((size_t)*size + 1);
  if (!bytes || fread(bytes, 1, (size_t)*size, f) != (size_t)*size)
    stop(path);
  fclose(f);
  return bytes;
}

/* A view of dense memory on the CPU. `shape` must outlive it. */
static DLTensor view(void *data, DLDataTypeCode code, int32_t rank, int64_t *shape) {
  DLTensor t = {.data = data, .device = {kDLCPU, 0}, .ndim = rank, .shape = shape};
  t.dtype = (DLDataType){(uint8_t)code, 32, 1};
  return t;
}

/* --- reading ----------------------------------------------------------------------- */

/* logits[n][VOCABULARY] of the byte that follows, at each of the n bytes. */
static void read_text(seq_ctx *ctx, seq_model *model, int32_t *tokens, int64_t n, float *logits) {
  int64_t in_shape[] = {n}, out_shape[] = {n, VOCABULARY};
  DLTensor in = view(tokens, kDLInt, 1, in_shape), out = view(logits, kDLFloat, 2, out_shape);
  check(ctx, seq_charlm_forward(model, (const DLTensor *[]){&in}, (DLTensor *[]){&out}, NULL, 0));
}

/* Mean of −log2 p(byte), over all bytes but the first. */
static double bits_per_character(const float *logits, const int32_t *tokens, int64_t n) {
  double bits = 0;
  for (int64_t t = 0; t + 1 < n; ++t) {
    const float *y = logits + t * VOCABULARY;
    double top = y[0], sum = 0;
    for (int v = 1; v < VOCABULARY; ++v)
      top = fmax(top, y[v]);
    for (int v = 0; v < VOCABULARY; ++v)
      sum += exp(y[v] - top);
    bits += (log(sum) + top - y[tokens[t + 1]]) / log(2);
  }
  return bits / (double)(n - 1);
}

/* The largest difference to the rows of an npy file (version 1, little-endian f32). */
static double largest_difference(const char *path, const float *logits, int64_t n) {
  long size;
  unsigned char *bytes = read_file(path, &size);
  long start = 10 + bytes[8] + 256 * bytes[9];
  int64_t count = (size - start) / 4;
  if (count > n * VOCABULARY)
    stop("more stored logits than bytes of text");
  double worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    float stored;
    memcpy(&stored, bytes + start + 4 * i, 4);
    worst = fmax(worst, fabs(stored - logits[i]));
  }
  free(bytes);
  return worst;
}

/* --- writing ----------------------------------------------------------------------- */

/* Reads `n` tokens and leaves the logits of the byte that follows each. */
typedef int piece(seq_state *, const DLTensor *const *, DLTensor *const *, const seq_lengths *,
                  int32_t);
static void feed(seq_ctx *ctx, piece *run, seq_state *state, int32_t *tokens, int64_t n,
                 float *logits) {
  int64_t in_shape[] = {n}, out_shape[] = {n, VOCABULARY};
  DLTensor in = view(tokens, kDLInt, 1, in_shape), out = view(logits, kDLFloat, 2, out_shape);
  check(ctx, run(state, (const DLTensor *[]){&in}, (DLTensor *[]){&out}, NULL, 0));
}

/* A byte drawn from softmax(logits / temperature); `u` is uniform in [0, 1). */
static int draw(const float *logits, double temperature, double u) {
  double top = logits[0], p[VOCABULARY], sum = 0;
  for (int v = 1; v < VOCABULARY; ++v)
    top = fmax(top, logits[v]);
  for (int v = 0; v < VOCABULARY; ++v)
    sum += p[v] = exp((logits[v] - top) / temperature);
  for (int v = 0; v < VOCABULARY; ++v)
    if ((u -= p[v] / sum) < 0)
      return v;
  return VOCABULARY - 1;
}

/* Prints what the model writes after `prompt`; returns its tokens a second. */
static double write_text(seq_ctx *ctx, seq_model *model, const char *prompt) {
  enum { LONGEST = 64 };
  int32_t tokens[LONGEST], n = 0;
  static float logits[LONGEST * VOCABULARY];
  seq_state *state;
  seq_state_options options = {.struct_size = sizeof options, .batch = -1};
  check(ctx, seq_charlm_state_create(model, &options, &state));
  double start = now();
  for (; prompt[n] && n < LONGEST; ++n)
    tokens[n] = (unsigned char)prompt[n];
  feed(ctx, seq_charlm_prefill, state, tokens, n, logits);
  const float *last = logits + (n - 1) * VOCABULARY;
  uint64_t random = 2;
  for (int i = 0; i < WRITTEN; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int32_t c = draw(last, 0.6, (double)(random >> 11) * 0x1p-53);
    putchar(c);
    feed(ctx, seq_charlm_step, state, &c, 1, logits);
    last = logits;
  }
  double seconds = now() - start;
  seq_state_destroy(state);
  return (n + WRITTEN) / seconds;
}

int main(int argc, char **argv) {
  if (argc != 5)
    stop("usage: main WEIGHTS TEXT LOGITS.npy BITS");
  long n;
  unsigned char *text = read_file(argv[2], &n);
  int32_t *tokens = malloc((size_t)n * sizeof *tokens);
  float *logits = malloc((size_t)n * VOCABULARY * sizeof *logits);
  if (!tokens || !logits)
    stop("no memory");
  for (long i = 0; i < n; ++i)
    tokens[i] = text[i];

  seq_ctx *ctx = seq_ctx_create(0);
  seq_model *model;
  check(ctx, seq_charlm_create(ctx, &model));
  check(ctx, seq_charlm_load(model, argv[1]));

  double start = now();
  read_text(ctx, model, tokens, n, logits);
  double seconds = now() - start;
  double bits = bits_per_character(logits, tokens, n), wanted = atof(argv[4]);
  double difference = largest_difference(argv[3], logits, n);
  printf("bits per character     %.4f on %ld bytes (PyTorch: %.4f)\n", bits, n, wanted);
  printf("largest difference     %.1e to PyTorch's logits\n", difference);
  printf("reading                %.0f tokens/s, %d threads\n", (double)n / seconds,
         seq_ctx_threads(ctx));
  printf("----- %d characters that the model writes -----\n", WRITTEN);
  double rate = write_text(ctx, model, "\n=head1 DESCRIPTION\n\n");
  printf("\n-----\nwriting                %.0f tokens/s, one step a character\n", rate);

  seq_model_destroy(model);
  seq_ctx_destroy(ctx);
  free(logits);
  free(tokens);
  free(text);
  return difference > 1e-3 || fabs(bits - wanted) > 1e-3;
}
