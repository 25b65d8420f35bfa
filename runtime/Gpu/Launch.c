/* Code on a CUDA device: which runs there, loading it, launching its kernels. */
#include "Cuda.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver's own limit of arguments, 32,764 bytes from CUDA 12.1 on; before that, 4096. */
#define MOST_ARGUMENTS 4095

typedef struct loaded_kernel {
  cu_function function;
  int64_t most_blocks; /* of a cooperative one: how many run at once; else what a grid holds */
} loaded_kernel;

typedef struct loaded {
  cu_module module;
  loaded_kernel *kernels;
} loaded;

/* --- which code runs */

/* "sm_90a" as 90 and 'a'; false where it is no such name. */
static bool read_chip(const char *chip, int32_t *number, char *suffix) {
  char *end;
  if (!chip || strncmp(chip, "sm_", 3) != 0 || chip[3] < '0' || chip[3] > '9')
    return false;
  long n = strtol(chip + 3, &end, 10);
  *number = n > 100000 ? 100000 : (int32_t)n;
  *suffix = *end;
  return *end == 0 || ((*end == 'a' || *end == 'f') && end[1] == 0);
}

/* Suffix a: this chip alone. f: the chip's family, later ones of it too. A cubin runs on later
 * chips of the same major number, PTX on all later ones. */
static bool runs(const seq_device_code *code, int32_t number, char suffix, int32_t chip) {
  if (suffix == 'a')
    return number == chip;
  if (suffix == 'f' || !code->is_ptx)
    return number / 10 == chip / 10 && number <= chip;
  return number <= chip;
}

int32_t seq_cuda_suits(const seq_device *device, const seq_variant *variant) {
  int32_t number;
  char suffix;
  if (variant->kind != SEQ_ON_CUDA || !variant->code ||
      !read_chip(variant->code->chip, &number, &suffix) ||
      !runs(variant->code, number, suffix, device->chip))
    return 0;
  /* Code for special instructions first; a cubin before PTX, which the driver must compile. */
  return 1 + !variant->code->is_ptx + 2 * (suffix != 0);
}

/* --- loading */

static int load_failed(seq_cuda *cuda, cu_result r, const seq_device_code *code, const char *log) {
  int status = seq_cuda_check(cuda, r, "cuModuleLoadDataEx");
  if (cuda->lost || status == SEQ_ERR_MEMORY)
    return status;
  char text[300];
  snprintf(text, sizeof text, "%.299s", cuda->base.error.text);
  const char *chip = code->chip ? code->chip : "";
  seq_message *err = &cuda->base.error;
  if (r == CU_UNSUPPORTED_PTX)
    return seq_message_set(err, status,
                           "the NVIDIA driver, for CUDA %d.%d, is too old for this PTX of %s: "
                           "update the driver, or compile to a cubin: %s",
                           cuda->version / 1000, cuda->version % 1000 / 10, chip, text);
  if (r == CU_JIT_COMPILER_NOT_FOUND)
    return seq_message_set(err, status,
                           "the NVIDIA driver's compiler of PTX (libnvidia-ptxjitcompiler.so.1) is "
                           "not installed: install it, or compile to a cubin: %s",
                           text);
  if (r == CU_NO_BINARY)
    return seq_message_set(err, status, "this code of %s does not run on sm_%d: %s", chip,
                           (int)cuda->base.chip, text);
  return seq_message_set(err, status, "the code of %s cannot be loaded on sm_%d: %s%s%.600s", chip,
                         (int)cuda->base.chip, text, *log ? ": " : "", log);
}

/* A kernel has to ask for more shared memory than every device gives. */
static int allow_shared(seq_cuda *cuda, const seq_kernel *kernel, cu_function function) {
  if (kernel->shared_bytes <= 48 * 1024)
    return SEQ_OK;
  return seq_cuda_check(
      cuda, cuda->driver.function_set(function, CU_MOST_SHARED_BYTES, kernel->shared_bytes),
      "cuFuncSetAttribute of shared memory");
}

/* How many blocks of a kernel whose blocks wait for each other run at once. */
static int find_limit(seq_cuda *cuda, const seq_kernel *kernel, loaded_kernel *k) {
  k->most_blocks = INT_MAX;
  if (!(kernel->flags & SEQ_KERNEL_COOPERATIVE))
    return SEQ_OK;
  if (!cuda->cooperative)
    return seq_message_set(&cuda->base.error, SEQ_ERR_MODEL,
                           "kernel `%s` needs all of its blocks at once, and sm_%d has no "
                           "cooperative launch",
                           kernel->name, (int)cuda->base.chip);
  int each = 0;
  int status = seq_cuda_check(
      cuda,
      cuda->driver.occupancy(&each, k->function, kernel->threads, (size_t)kernel->shared_bytes),
      "cuOccupancyMaxActiveBlocksPerMultiprocessor");
  k->most_blocks = (int64_t)each * cuda->multiprocessors;
  return status;
}

static int find_kernels(seq_cuda *cuda, const seq_device_code *code, loaded *l) {
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < code->n_kernels; i++) {
    const seq_kernel *kernel = &code->kernels[i];
    if (kernel->n_args < 0 || kernel->n_args > MOST_ARGUMENTS || kernel->threads < 1 ||
        kernel->shared_bytes < 0)
      return seq_message_set(&cuda->base.error, SEQ_ERR_MODEL,
                             "kernel `%s` of %d arguments and %d threads cannot be launched",
                             kernel->name, (int)kernel->n_args, (int)kernel->threads);
    cu_result r = cuda->driver.module_function(&l->kernels[i].function, l->module, kernel->name);
    if (r) {
      char call[200];
      snprintf(call, sizeof call, "cuModuleGetFunction of `%.100s`", kernel->name);
      return seq_cuda_check(cuda, r, call);
    }
    status = allow_shared(cuda, kernel, l->kernels[i].function);
    if (!status)
      status = find_limit(cuda, kernel, &l->kernels[i]);
  }
  return status;
}

static int load_module(seq_cuda *cuda, const seq_device_code *code, loaded *l) {
  char log[4096] = "";
  int names[] = {CU_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  if (!code->image)
    return seq_message_set(&cuda->base.error, SEQ_ERR_MODEL, "there is no code for %s",
                           code->chip ? code->chip : "this chip");
  cu_result r = cuda->driver.module_load(&l->module, code->image, 2, names, values);
  if (r)
    return load_failed(cuda, r, code, log);
  int status = find_kernels(cuda, code, l);
  if (status)
    cuda->driver.module_unload(l->module);
  return status;
}

int seq_cuda_load(seq_device *device, const seq_device_code *code, void **module) {
  seq_cuda *cuda = (seq_cuda *)device;
  size_t n = code->n_kernels > 0 ? (size_t)code->n_kernels : 1;
  loaded *l = calloc(1, sizeof *l);
  if (!l || !(l->kernels = calloc(n, sizeof *l->kernels))) {
    free(l);
    return seq_message_set(&device->error, SEQ_ERR_MEMORY, "no memory for a model's kernels");
  }
  int status = seq_cuda_enter(cuda);
  if (!status)
    status = seq_cuda_leave(cuda, load_module(cuda, code, l));
  if (status) {
    free(l->kernels);
    free(l);
    return status;
  }
  *module = l;
  return SEQ_OK;
}

void seq_cuda_unload(seq_device *device, void *module) {
  seq_cuda *cuda = (seq_cuda *)device;
  loaded *l = module;
  if (seq_cuda_enter(cuda) == SEQ_OK) {
    cuda->driver.stream_wait(cuda->stream); /* its kernels may still run */
    cuda->driver.module_unload(l->module);
    seq_cuda_leave(cuda, SEQ_OK);
  }
  free(l->kernels);
  free(l);
}

/* --- launching */

/* Eight bytes an argument, one behind the other, as the kernel's parameters lie. */
static cu_result launch_packed(seq_cuda *cuda, const seq_launch *l, const seq_kernel *kernel,
                               cu_function function) {
  size_t bytes = (size_t)kernel->n_args * sizeof *l->args;
  void *extra[] = {CU_LAUNCH_ARGUMENTS, (void *)l->args, CU_LAUNCH_ARGUMENTS_BYTES, &bytes,
                   CU_LAUNCH_END};
  return cuda->driver.launch(function, (unsigned)l->blocks, 1, 1, (unsigned)kernel->threads, 1, 1,
                             (unsigned)kernel->shared_bytes, cuda->stream, NULL,
                             kernel->n_args > 0 ? extra : NULL);
}

/* This entry point takes pointers to the arguments alone. */
static cu_result launch_cooperative(seq_cuda *cuda, const seq_launch *l, const seq_kernel *kernel,
                                    cu_function function) {
  void *pointers[MOST_ARGUMENTS + 1];
  for (int32_t i = 0; i < kernel->n_args; i++)
    pointers[i] = (void *)&l->args[i];
  return cuda->driver.launch_cooperative(function, (unsigned)l->blocks, 1, 1,
                                         (unsigned)kernel->threads, 1, 1,
                                         (unsigned)kernel->shared_bytes, cuda->stream, pointers);
}

static int launch(seq_cuda *cuda, const seq_launch *l) {
  const seq_kernel *kernel = &l->code->kernels[l->kernel];
  const loaded_kernel *k = &((const loaded *)l->module)->kernels[l->kernel];
  bool cooperative = kernel->flags & SEQ_KERNEL_COOPERATIVE;
  if (l->blocks > k->most_blocks)
    return seq_message_set(&cuda->base.error, SEQ_ERR_DEVICE,
                           cooperative ? "%lld blocks of %d threads that wait for each other are "
                                         "wanted, and CUDA device %d runs %lld at once"
                                       : "%lld blocks of %d threads are wanted, and a grid of CUDA "
                                         "device %d has at most %lld: split the batch",
                           (long long)l->blocks, (int)kernel->threads,
                           (int)cuda->base.where.device_id, (long long)k->most_blocks);
  cu_result r = cooperative ? launch_cooperative(cuda, l, kernel, k->function)
                            : launch_packed(cuda, l, kernel, k->function);
  if (r == CU_SUCCESS)
    return SEQ_OK;
  char call[120];
  snprintf(call, sizeof call, "%s of %lld blocks of %d threads",
           cooperative ? "cuLaunchCooperativeKernel" : "cuLaunchKernel", (long long)l->blocks,
           (int)kernel->threads);
  return seq_cuda_check(cuda, r, call);
}

int seq_cuda_launch(seq_device *device, const seq_launch *l) {
  seq_cuda *cuda = (seq_cuda *)device;
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  if ((status = launch(cuda, l))) {
    char text[sizeof device->error.text - 128];
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, device->error.text);
    seq_message_set(&device->error, status, "kernel `%.100s`: %s", l->code->kernels[l->kernel].name,
                    text);
  }
  return seq_cuda_leave(cuda, status);
}

/* --- tensor maps */

int seq_cuda_tensor_map(seq_device *device, const seq_tensor_map *tensor, uint64_t *to) {
  seq_cuda *cuda = (seq_cuda *)device;
  if (!cuda->driver.tensor_map)
    return seq_message_set(&device->error, SEQ_ERR_DEVICE,
                           "the NVIDIA driver, for CUDA %d.%d, has no cuTensorMapEncodeTiled: "
                           "update the driver",
                           cuda->version / 1000, cuda->version % 1000 / 10);
  uint64_t sizes[5], strides[4];
  uint32_t box[5], steps[5];
  for (int i = 0; i < 5; i++) {
    sizes[i] = (uint64_t)tensor->sizes[i];
    box[i] = (uint32_t)tensor->box[i];
    steps[i] = 1;
    if (i < 4)
      strides[i] = (uint64_t)tensor->strides[i];
  }
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  cu_result r = cuda->driver.tensor_map(
      to, tensor->type == SEQ_F16 ? CU_TENSOR_F16 : CU_TENSOR_BF16, (uint32_t)tensor->rank,
      (void *)(uintptr_t)tensor->base, sizes, strides, box, steps, /*interleave=*/0, CU_SWIZZLE_128,
      CU_PROMOTE_128, /*fill=*/0);
  return seq_cuda_leave(cuda, seq_cuda_check(cuda, r, "cuTensorMapEncodeTiled"));
}
