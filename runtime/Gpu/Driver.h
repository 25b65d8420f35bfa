/* The CUDA driver's library: what the runtime uses of it, opened at run time. The names are
 * the library's symbols; the declarations are written from the driver's documentation of them,
 * so that neither its header nor its library is needed to build. */
#ifndef SEQ_GPU_DRIVER_H
#define SEQ_GPU_DRIVER_H

#include "seq/io.h"

typedef int cu_result;
typedef int cu_device;
typedef uint64_t cu_pointer; /* of the device's memory */
typedef struct cu_context_object *cu_context;
typedef struct cu_module_object *cu_module;
typedef struct cu_function_object *cu_function;
typedef struct cu_stream_object *cu_stream;
typedef struct cu_event_object *cu_event;

/* Results that are treated apart. */
enum {
  CU_SUCCESS = 0,
  CU_INVALID_VALUE = 1,
  CU_OUT_OF_MEMORY = 2,
  CU_NO_DEVICE = 100,
  CU_NO_BINARY = 209,
  CU_ECC_UNCORRECTABLE = 214,
  CU_JIT_COMPILER_NOT_FOUND = 221,
  CU_UNSUPPORTED_PTX = 222,
  CU_ILLEGAL_ADDRESS = 700,
  CU_LAUNCH_TIMEOUT = 702,
  CU_CONTEXT_IS_DESTROYED = 709,
  CU_ASSERT = 710,
  CU_HARDWARE_STACK_ERROR = 714,
  CU_ILLEGAL_INSTRUCTION = 715,
  CU_MISALIGNED_ADDRESS = 716,
  CU_INVALID_ADDRESS_SPACE = 717,
  CU_INVALID_PC = 718,
  CU_LAUNCH_FAILED = 719,
  CU_COOPERATIVE_LAUNCH_TOO_LARGE = 720
};

enum { /* attributes of a device */
       CU_ATTRIBUTE_MULTIPROCESSORS = 16,
       CU_ATTRIBUTE_MAJOR = 75,
       CU_ATTRIBUTE_MINOR = 76,
       CU_ATTRIBUTE_COOPERATIVE_LAUNCH = 95
};
enum { CU_POINTER_MEMORY_TYPE = 2, CU_POINTER_IS_MANAGED = 8, CU_POINTER_DEVICE = 9 };
enum { CU_MEMORY_HOST = 1, CU_MEMORY_DEVICE = 2, CU_MEMORY_UNIFIED = 4 };
enum { CU_JIT_ERROR_LOG = 5, CU_JIT_ERROR_LOG_BYTES = 6 };
enum { CU_MOST_SHARED_BYTES = 8 }; /* of function_set: dynamic shared memory of a block */
#define CU_STREAM_ORDINARY 0u      /* waits for the legacy default stream */
#define CU_EVENT_NO_TIMING 2u
#define CU_LAUNCH_END ((void *)0)
#define CU_LAUNCH_ARGUMENTS ((void *)1)
#define CU_LAUNCH_ARGUMENTS_BYTES ((void *)2)

/* X(field, symbol, parameters) */
#define SEQ_CUDA_SYMBOLS(X)                                                                        \
  X(init, "cuInit", (unsigned flags))                                                              \
  X(version, "cuDriverGetVersion", (int *version))                                                 \
  X(error_name, "cuGetErrorName", (cu_result result, const char **text))                           \
  X(error_text, "cuGetErrorString", (cu_result result, const char **text))                         \
  X(device_count, "cuDeviceGetCount", (int *count))                                                \
  X(device_get, "cuDeviceGet", (cu_device * device, int ordinal))                                  \
  X(device_name, "cuDeviceGetName", (char *name, int bytes, cu_device device))                     \
  X(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, cu_device device))       \
  X(device_memory, "cuDeviceTotalMem_v2", (size_t *bytes, cu_device device))                       \
  X(primary_retain, "cuDevicePrimaryCtxRetain", (cu_context * context, cu_device device))          \
  X(primary_release, "cuDevicePrimaryCtxRelease_v2", (cu_device device))                           \
  X(context_get, "cuCtxGetCurrent", (cu_context * context))                                        \
  X(context_set, "cuCtxSetCurrent", (cu_context context))                                          \
  X(context_device, "cuCtxGetDevice", (cu_device * device))                                        \
  X(memory_info, "cuMemGetInfo_v2", (size_t *free_bytes, size_t *all_bytes))                       \
  X(alloc, "cuMemAlloc_v2", (cu_pointer * p, size_t bytes))                                        \
  X(free, "cuMemFree_v2", (cu_pointer p))                                                          \
  X(host_alloc, "cuMemAllocHost_v2", (void **p, size_t bytes))                                     \
  X(host_free, "cuMemFreeHost", (void *p))                                                         \
  X(copy_in, "cuMemcpyHtoDAsync_v2",                                                               \
    (cu_pointer to, const void *from, size_t bytes, cu_stream stream))                             \
  X(copy_out, "cuMemcpyDtoHAsync_v2", (void *to, cu_pointer from, size_t bytes, cu_stream stream)) \
  X(copy, "cuMemcpyDtoDAsync_v2",                                                                  \
    (cu_pointer to, cu_pointer from, size_t bytes, cu_stream stream))                              \
  X(set, "cuMemsetD8Async", (cu_pointer to, unsigned char value, size_t bytes, cu_stream stream))  \
  X(pointer_attributes, "cuPointerGetAttributes",                                                  \
    (unsigned n, int *attributes, void **values, cu_pointer p))                                    \
  X(stream_create, "cuStreamCreate", (cu_stream * stream, unsigned flags))                         \
  X(stream_destroy, "cuStreamDestroy_v2", (cu_stream stream))                                      \
  X(stream_wait, "cuStreamSynchronize", (cu_stream stream))                                        \
  X(stream_context, "cuStreamGetCtx", (cu_stream stream, cu_context * context))                    \
  X(event_create, "cuEventCreate", (cu_event * event, unsigned flags))                             \
  X(event_destroy, "cuEventDestroy_v2", (cu_event event))                                          \
  X(event_record, "cuEventRecord", (cu_event event, cu_stream stream))                             \
  X(event_wait, "cuEventSynchronize", (cu_event event))                                            \
  X(module_load, "cuModuleLoadDataEx",                                                             \
    (cu_module * module, const void *image, unsigned n, int *options, void **values))              \
  X(module_unload, "cuModuleUnload", (cu_module module))                                           \
  X(module_function, "cuModuleGetFunction",                                                        \
    (cu_function * function, cu_module module, const char *name))                                  \
  X(function_set, "cuFuncSetAttribute", (cu_function function, int attribute, int value))          \
  X(occupancy, "cuOccupancyMaxActiveBlocksPerMultiprocessor",                                      \
    (int *blocks, cu_function function, int threads, size_t shared_bytes))                         \
  X(launch, "cuLaunchKernel",                                                                      \
    (cu_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,    \
     unsigned block_y, unsigned block_z, unsigned shared_bytes, cu_stream stream, void **pointers, \
     void **extra))                                                                                \
  X(launch_cooperative, "cuLaunchCooperativeKernel",                                               \
    (cu_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,    \
     unsigned block_y, unsigned block_z, unsigned shared_bytes, cu_stream stream,                  \
     void **pointers))

/* From CUDA 12.0 on, as are the chips that need them; null in older drivers. */
#define SEQ_CUDA_LATER_SYMBOLS(X)                                                                  \
  X(tensor_map, "cuTensorMapEncodeTiled",                                                          \
    (void *to, int type, uint32_t rank, void *base, const uint64_t *sizes,                         \
     const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,          \
     int swizzle, int promotion, int fill))
enum { CU_TENSOR_F16 = 6, CU_TENSOR_BF16 = 9, CU_SWIZZLE_128 = 3, CU_PROMOTE_128 = 2 };

typedef struct seq_cuda_driver {
#define SEQ_CUDA_FIELD(field, symbol, parameters) cu_result(*field) parameters;
  SEQ_CUDA_SYMBOLS(SEQ_CUDA_FIELD)
  SEQ_CUDA_LATER_SYMBOLS(SEQ_CUDA_FIELD)
#undef SEQ_CUDA_FIELD
} seq_cuda_driver;

/* Opens the library and starts it; a status. It stays open: other parts of the process may use
 * it, and it does not bear to be closed. *version (may be null) is set where it is known. */
int seq_cuda_open(seq_cuda_driver *driver, int32_t *version, seq_message *err);

/* "cuMemAlloc: CUDA_ERROR_INVALID_VALUE (invalid argument)"; returns `text`. */
const char *seq_cuda_text(const seq_cuda_driver *driver, cu_result result, const char *call,
                          char *text, size_t bytes);

#endif
