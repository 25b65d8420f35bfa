/* A CUDA device: its context, its stream and its memory.
 *
 * Work goes into one stream in order. Memory comes from cuMemAlloc: it is asked for when
 * something grows, never in a call that has its sizes, so a pool would gain nothing. Other parts
 * of the process may use the device as well, hence the primary context, which they share, and a
 * thread's current context that is as it was after each operation.
 *
 * Some errors (a kernel's illegal address, say) break the driver's context for good: it answers
 * every later call with the same error until the process ends. Then `lost` is set, and every
 * operation says so, instead of blaming the call that found it. */
#include "Cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static seq_cuda *cuda_of(seq_device *device) {
  return (seq_cuda *)device;
}

static cu_pointer address(const void *p) {
  return (cu_pointer)(uintptr_t)p;
}

/* --- errors */

static bool breaks_context(cu_result result) {
  switch (result) {
  case CU_ECC_UNCORRECTABLE:
  case CU_ILLEGAL_ADDRESS:
  case CU_LAUNCH_TIMEOUT:
  case CU_CONTEXT_IS_DESTROYED:
  case CU_ASSERT:
  case CU_HARDWARE_STACK_ERROR:
  case CU_ILLEGAL_INSTRUCTION:
  case CU_MISALIGNED_ADDRESS:
  case CU_INVALID_ADDRESS_SPACE:
  case CU_INVALID_PC:
  case CU_LAUNCH_FAILED:
    return true;
  default:
    return false;
  }
}

static int lost(seq_cuda *cuda) {
  return seq_message_set(&cuda->base.error, SEQ_ERR_DEVICE,
                         "%s, by this call or by a kernel before it; CUDA device %d is of no more "
                         "use to this process: start it again",
                         cuda->lost_by, (int)cuda->base.where.device_id);
}

int seq_cuda_check(seq_cuda *cuda, cu_result result, const char *call) {
  if (result == CU_SUCCESS)
    return SEQ_OK;
  char text[300];
  seq_cuda_text(&cuda->driver, result, call, text, sizeof text);
  if (breaks_context(result)) {
    if (!cuda->lost)
      snprintf(cuda->lost_by, sizeof cuda->lost_by, "%s", text);
    cuda->lost = true;
    return lost(cuda);
  }
  return seq_message_set(&cuda->base.error,
                         result == CU_OUT_OF_MEMORY ? SEQ_ERR_MEMORY : SEQ_ERR_DEVICE, "%s", text);
}

int seq_cuda_enter(seq_cuda *cuda) {
  cuda->base.error.text[0] = 0;
  if (cuda->lost)
    return lost(cuda);
  int status = seq_cuda_check(cuda, cuda->driver.context_get(&cuda->before), "cuCtxGetCurrent");
  if (!status && cuda->before != cuda->context)
    status = seq_cuda_check(cuda, cuda->driver.context_set(cuda->context), "cuCtxSetCurrent");
  return status;
}

int seq_cuda_leave(seq_cuda *cuda, int status) {
  if (cuda->before != cuda->context)
    cuda->driver.context_set(cuda->before); /* what the thread had is good enough to go back to */
  return status;
}

/* --- memory */

static int alloc(seq_device *device, int64_t bytes, void **out) {
  seq_cuda *cuda = cuda_of(device);
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  cu_pointer p = 0;
  size_t free_bytes = 0, all_bytes = 0;
  status =
      seq_cuda_check(cuda, cuda->driver.alloc(&p, bytes > 0 ? (size_t)bytes : 1), "cuMemAlloc");
  *out = (void *)(uintptr_t)p;
  if (status == SEQ_ERR_MEMORY && !cuda->driver.memory_info(&free_bytes, &all_bytes)) {
    char text[300];
    snprintf(text, sizeof text, "%.299s", device->error.text);
    seq_message_set(&device->error, status, "%s: %lld of the %lld bytes of CUDA device %d are free",
                    text, (long long)free_bytes, (long long)all_bytes,
                    (int)device->where.device_id);
  }
  return seq_cuda_leave(cuda, status);
}

/* The driver may not wait for kernels that use the memory, so this does. */
static void release(seq_device *device, void *p) {
  seq_cuda *cuda = cuda_of(device);
  if (!p || seq_cuda_enter(cuda))
    return;
  cuda->driver.stream_wait(cuda->stream);
  cuda->driver.free(address(p));
  seq_cuda_leave(cuda, SEQ_OK);
}

static int copy_in(seq_device *device, void *to, const void *host, int64_t bytes) {
  seq_cuda *cuda = cuda_of(device);
  if (bytes == 0)
    return SEQ_OK;
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  return seq_cuda_leave(cuda, seq_staging_copy(cuda, address(to), host, bytes));
}

static int wait(seq_cuda *cuda) {
  return seq_cuda_check(cuda, cuda->driver.stream_wait(cuda->stream), "cuStreamSynchronize");
}

static int copy_out(seq_device *device, void *host, const void *from, int64_t bytes) {
  seq_cuda *cuda = cuda_of(device);
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  if (bytes > 0)
    status = seq_cuda_check(cuda,
                            cuda->driver.copy_out(host, address(from), (size_t)bytes, cuda->stream),
                            "cuMemcpyDtoHAsync");
  if (!status)
    status = wait(cuda);
  return seq_cuda_leave(cuda, status);
}

static int copy(seq_device *device, void *to, const void *from, int64_t bytes) {
  seq_cuda *cuda = cuda_of(device);
  if (bytes == 0)
    return SEQ_OK;
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  cu_result r = cuda->driver.copy(address(to), address(from), (size_t)bytes, cuda->stream);
  return seq_cuda_leave(cuda, seq_cuda_check(cuda, r, "cuMemcpyDtoDAsync"));
}

static int zero(seq_device *device, void *p, int64_t bytes) {
  seq_cuda *cuda = cuda_of(device);
  if (bytes == 0)
    return SEQ_OK;
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  cu_result r = cuda->driver.set(address(p), 0, (size_t)bytes, cuda->stream);
  return seq_cuda_leave(cuda, seq_cuda_check(cuda, r, "cuMemsetD8Async"));
}

static int synchronise(seq_device *device) {
  seq_cuda *cuda = cuda_of(device);
  int status = seq_cuda_enter(cuda);
  return status ? status : seq_cuda_leave(cuda, wait(cuda));
}

/* All at once, for the call that asks for several never fails for memory of others. */
static int check_pointer(seq_device *device, const void *p) {
  seq_cuda *cuda = cuda_of(device);
  int status = seq_cuda_enter(cuda);
  if (status)
    return status;
  int attributes[] = {CU_POINTER_MEMORY_TYPE, CU_POINTER_IS_MANAGED, CU_POINTER_DEVICE};
  uint32_t type = 0, managed = 0;
  int32_t ordinal = -1, own = device->where.device_id;
  void *values[] = {&type, &managed, &ordinal};
  cu_result r = cuda->driver.pointer_attributes(3, attributes, values, address(p));
  const char *hint = "copy the array there (seq_ctx_alloc, seq_ctx_copy_in)";
  if (r != CU_SUCCESS && r != CU_INVALID_VALUE)
    status = seq_cuda_check(cuda, r, "cuPointerGetAttributes");
  else if (managed)
    status = SEQ_OK;
  else if (r == CU_INVALID_VALUE || (type != CU_MEMORY_DEVICE && type != CU_MEMORY_UNIFIED))
    status = seq_message_set(
        &device->error, SEQ_ERR_ARGUMENT,
        "points to memory that is not of CUDA device %d but %s: %s", (int)own,
        type == CU_MEMORY_HOST ? "pinned memory of the host" : "the host's, or freed", hint);
  else if (ordinal != own)
    status = seq_message_set(&device->error, SEQ_ERR_ARGUMENT,
                             "points to memory of CUDA device %d, not %d: %s", (int)ordinal,
                             (int)own, hint);
  return seq_cuda_leave(cuda, status);
}

/* --- making */

static void destroy(seq_device *device) {
  seq_cuda *cuda = cuda_of(device);
  if (cuda->context && seq_cuda_enter(cuda) == SEQ_OK) {
    if (cuda->stream)
      cuda->driver.stream_wait(cuda->stream);
    seq_staging_destroy(cuda);
    if (cuda->owns_stream)
      cuda->driver.stream_destroy(cuda->stream);
    seq_cuda_leave(cuda, SEQ_OK);
  }
  if (cuda->owns_context)
    cuda->driver.primary_release(cuda->device);
  free(cuda);
}

/* Two blocks a multiprocessor, as hide each other's waits. */
static int32_t workers(const seq_device *device) {
  return 2 * ((const seq_cuda *)device)->multiprocessors;
}

static const seq_device_table table = {.destroy = destroy,
                                       .workers = workers,
                                       .suits = seq_cuda_suits,
                                       .alloc = alloc,
                                       .free = release,
                                       .copy_in = copy_in,
                                       .copy_out = copy_out,
                                       .copy = copy,
                                       .zero = zero,
                                       .synchronise = synchronise,
                                       .check_pointer = check_pointer,
                                       .load = seq_cuda_load,
                                       .unload = seq_cuda_unload,
                                       .launch = seq_cuda_launch,
                                       .tensor_map = seq_cuda_tensor_map};

static int find_device(seq_cuda *cuda, int32_t ordinal) {
  int n = 0;
  int status = seq_cuda_check(cuda, cuda->driver.device_count(&n), "cuDeviceGetCount");
  if (status)
    return status;
  if (ordinal < 0 || ordinal >= n)
    return seq_message_set(&cuda->base.error, SEQ_ERR_DEVICE,
                           "there is no CUDA device %d: this process sees %d", (int)ordinal, n);
  return seq_cuda_check(cuda, cuda->driver.device_get(&cuda->device, ordinal), "cuDeviceGet");
}

static int read_attributes(seq_cuda *cuda) {
  static const int attributes[] = {CU_ATTRIBUTE_MAJOR, CU_ATTRIBUTE_MINOR,
                                   CU_ATTRIBUTE_MULTIPROCESSORS, CU_ATTRIBUTE_COOPERATIVE_LAUNCH};
  int values[4] = {0};
  int status = SEQ_OK;
  for (int i = 0; !status && i < 4; i++)
    status =
        seq_cuda_check(cuda, cuda->driver.device_attribute(&values[i], attributes[i], cuda->device),
                       "cuDeviceGetAttribute");
  cuda->base.chip = values[0] * 10 + values[1];
  cuda->multiprocessors = values[2] > 0 ? values[2] : 1;
  cuda->cooperative = values[3] != 0;
  return status;
}

/* The two names of default streams, which exist in every context. */
static bool is_default_stream(const void *stream) {
  return (uintptr_t)stream == 1 || (uintptr_t)stream == 2;
}

/* The context of the host's stream, which has to be on the device that was asked for. */
static int adopt_stream(seq_cuda *cuda, void *stream) {
  cuda->stream = stream;
  int status = seq_cuda_check(cuda, cuda->driver.stream_context(cuda->stream, &cuda->context),
                              "cuStreamGetCtx");
  if (!status)
    status = seq_cuda_enter(cuda);
  if (status)
    return status;
  cu_device device = 0;
  status = seq_cuda_leave(
      cuda, seq_cuda_check(cuda, cuda->driver.context_device(&device), "cuCtxGetDevice"));
  if (status || device == cuda->device)
    return status;
  return seq_message_set(&cuda->base.error, SEQ_ERR_ARGUMENT,
                         "seq_ctx_options.stream is a stream of another device than the CUDA "
                         "device %d of the options",
                         (int)cuda->base.where.device_id);
}

static int make_stream(seq_cuda *cuda, void *stream) {
  if (stream && !is_default_stream(stream))
    return adopt_stream(cuda, stream);
  int status = seq_cuda_check(cuda, cuda->driver.primary_retain(&cuda->context, cuda->device),
                              "cuDevicePrimaryCtxRetain");
  if (status)
    return status;
  cuda->owns_context = true;
  cuda->stream = stream;
  if (stream || (status = seq_cuda_enter(cuda)))
    return status;
  status = seq_cuda_check(cuda, cuda->driver.stream_create(&cuda->stream, CU_STREAM_ORDINARY),
                          "cuStreamCreate");
  cuda->owns_stream = status == SEQ_OK;
  return seq_cuda_leave(cuda, status);
}

int seq_cuda_device(const seq_ctx_options *options, seq_device **out, seq_message *err) {
  seq_cuda *cuda = calloc(1, sizeof *cuda);
  if (!cuda)
    return seq_message_set(err, SEQ_ERR_MEMORY, "no memory for a context");
  cuda->base =
      (seq_device){.table = &table, .kind = SEQ_ON_CUDA, .where = {kDLCUDA, options->device}};
  int status = seq_cuda_open(&cuda->driver, &cuda->version, err);
  if (status) {
    free(cuda);
    return status;
  }
  status = find_device(cuda, options->device);
  if (!status)
    status = read_attributes(cuda);
  if (!status)
    status = make_stream(cuda, options->stream);
  if (status) {
    seq_message_set(err, status, "%s", cuda->base.error.text);
    destroy(&cuda->base);
    return status;
  }
  *out = &cuda->base;
  return SEQ_OK;
}
