/* Failures of the program on its data, and the order of a ragged batch. */
#include "Internal.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

void seq_failure_reset(seq_failure *failure) {
  failure->set = false;
}

/* The first by (seq, place). Failures of one place of one sequence may come from several
 * threads in any order, so the numbers decide between them: the text is the same for
 * any number of threads. */
static bool comes_before(const seq_failure *x, const seq_failure *y) {
  if (x->seq != y->seq)
    return x->seq < y->seq;
  if (x->place != y->place)
    return x->place < y->place;
  if (x->value != y->value)
    return x->value < y->value;
  return x->bound < y->bound;
}

void seq_rt_fail(const seq_call *call, int32_t place, int64_t seq, int64_t value, int64_t bound) {
  seq_failure *first = call->failure;
  seq_failure now = {.place = place, .seq = seq, .value = value, .bound = bound};
  while (atomic_flag_test_and_set_explicit(&first->lock, memory_order_acquire))
    sched_yield(); /* held for a few instructions, unless its holder lost the core */
  if (!first->set || comes_before(&now, first)) {
    first->set = true;
    first->place = place;
    first->seq = seq;
    first->value = value;
    first->bound = bound;
  }
  atomic_flag_clear_explicit(&first->lock, memory_order_release);
}

int seq_failure_text(const seq_failure_info *f, char *text, int64_t bytes) {
  long long value = f->value, bound = f->bound;
  size_t n = bytes > 0 ? (size_t)bytes : 0;
  switch (f->kind) {
  case SEQ_FAIL_INDEX:
    return snprintf(text, n, "index %lld is outside of an axis of %lld in `%s`", value, bound,
                    f->what);
  case SEQ_FAIL_DIV_ZERO:
    return snprintf(text, n, "division by zero in `%s`", f->what);
  case SEQ_FAIL_CONVERT:
    return snprintf(text, n, "a value that no integer holds (too large or NaN) in `%s`", f->what);
  case SEQ_FAIL_EMPTY:
    return snprintf(text, n, "nothing to choose from in `%s`", f->what);
  case SEQ_FAIL_SIZE:
    return snprintf(text, n, "a size came out as %lld where %lld is needed in `%s`", value, bound,
                    f->what);
  case SEQ_FAIL_REQUIRED:
    return snprintf(text, n, "`%s` needs `%s`, here %lld and %lld", f->what, f->rule ? f->rule : "",
                    value, bound);
  default:
    return snprintf(text, n, "failure %d in `%s`", (int)f->kind, f->what);
  }
}

/* Keeps what failed where, and sets the message. */
static int report(seq_ctx *ctx, int status, const seq_place *place, const char *rule,
                  const seq_failure *failure, bool batched) {
  seq_failure_info *info = &ctx->failed;
  *info = (seq_failure_info){.kind = place->kind,
                             .line = place->line,
                             .column = place->column,
                             .batched = batched,
                             .file = place->file,
                             .what = place->what,
                             .seq = failure->seq,
                             .value = failure->value,
                             .bound = failure->bound,
                             .rule = rule};
  char text[640];
  seq_failure_text(info, text, sizeof text);
  if (!batched)
    return seq_ctx_fail(ctx, status, "%s:%d:%d: error: %s", info->file, (int)info->line,
                        (int)info->column, text);
  return seq_ctx_fail(ctx, status, "%s:%d:%d: error: %s (sequence %lld of the batch)", info->file,
                      (int)info->line, (int)info->column, text, (long long)info->seq);
}

int seq_failure_report(seq_ctx *ctx, const seq_function_desc *fn, bool batched) {
  const seq_failure *first = &ctx->failure;
  if (!first->set)
    return SEQ_OK;
  if (first->place < 0 || first->place >= fn->n_places)
    return seq_ctx_fail(ctx, SEQ_ERR_MODEL, "`%s` failed at place %d of %d", fn->name,
                        (int)first->place, (int)fn->n_places);
  return report(ctx, SEQ_ERR_RUN, &fn->places[first->place], NULL, first, batched);
}

int seq_requirement_fail(seq_ctx *ctx, const seq_requirement *r, bool batched, int64_t seq,
                         int64_t lhs, int64_t rhs) {
  seq_failure failure = {.seq = seq, .value = lhs, .bound = rhs};
  return report(ctx, SEQ_ERR_SHAPE, &r->place, r->text, &failure, batched);
}

int seq_ctx_failure(const seq_ctx *ctx, seq_failure_info *out) {
  if (!ctx || ctx->failed.kind == 0)
    return 0;
  *out = ctx->failed;
  return 1;
}

/* Longest first; equal ones by number, so any sort gives the same order. */
static bool goes_after(const int64_t *extents, int64_t x, int64_t y) {
  return extents[x] != extents[y] ? extents[x] < extents[y] : x > y;
}

/* Restores the heap below `root`: a parent goes after its children. */
static void sift_down(const int64_t *extents, int64_t *heap, int64_t root, int64_t n) {
  for (;;) {
    int64_t child = 2 * root + 1;
    if (child >= n)
      return;
    if (child + 1 < n && goes_after(extents, heap[child + 1], heap[child]))
      child++;
    if (!goes_after(extents, heap[child], heap[root]))
      return;
    int64_t swapped = heap[root];
    heap[root] = heap[child];
    heap[child] = swapped;
    root = child;
  }
}

/* Heap sort: no memory but the result, n log n for any input. */
void seq_rt_order(const seq_call *call, const int64_t *extents, int64_t *order) {
  int64_t n = call->batch;
  for (int64_t i = 0; i < n; i++)
    order[i] = i;
  for (int64_t i = n / 2 - 1; i >= 0; i--)
    sift_down(extents, order, i, n);
  for (int64_t end = n - 1; end > 0; end--) {
    int64_t last = order[0];
    order[0] = order[end];
    order[end] = last;
    sift_down(extents, order, 0, end);
  }
}
