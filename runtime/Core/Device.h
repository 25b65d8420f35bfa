/* Devices: where the memory that kernels see lies, and how kernels run there.
 *
 * A device is one of a context's own, so used by one thread at a time. Its operations take
 * effect in the order of the calls, but need not have happened when a call returns. What
 * returns int gives a seq_status and, where that is not SEQ_OK, has set `error`; `free` and
 * `destroy` wait for what is under way and keep silent. */
#ifndef SEQ_CORE_DEVICE_H
#define SEQ_CORE_DEVICE_H

#include "seq/io.h"
#include "seq/runtime.h"

#include <stdbool.h>

typedef struct seq_device seq_device;

typedef struct seq_launch {
  const seq_device_code *code;
  void *module; /* what `load` made of the code */
  int32_t kernel;
  int64_t blocks; /* at least 1 */
  const uint64_t *args;
} seq_launch;

typedef struct seq_device_table {
  void (*destroy)(seq_device *device);

  /* Blocks that run at once, for code to choose by; the `nthreads` of its functions. */
  int32_t (*workers)(const seq_device *device);

  /* 0: the variant does not run here. Of those of one level the highest number is best. */
  int32_t (*suits)(const seq_device *device, const seq_variant *variant);

  /* Aligned to 64; for 0 bytes too never null. SEQ_ERR_MEMORY with an empty error where there
   * is nothing to tell but how much was asked for. */
  int (*alloc)(seq_device *device, int64_t bytes, void **out);
  void (*free)(seq_device *device, void *p); /* null is allowed */

  /* Bytes may be 0. copy_in is done with the host's memory when it returns, and copy_out has
   * filled it. */
  int (*copy_in)(seq_device *device, void *to, const void *host, int64_t bytes);
  int (*copy_out)(seq_device *device, void *host, const void *from, int64_t bytes);
  int (*copy)(seq_device *device, void *to, const void *from, int64_t bytes);
  int (*zero)(seq_device *device, void *p, int64_t bytes);
  int (*synchronise)(seq_device *device);

  /* All below may be null: there is nothing to do. */

  /* Is p memory of this device? The error goes on after "input `x` ". */
  int (*check_pointer)(seq_device *device, const void *p);

  int (*load)(seq_device *device, const seq_device_code *code, void **module);
  void (*unload)(seq_device *device, void *module);
  int (*launch)(seq_device *device, const seq_launch *launch); /* the error names the kernel */

  /* Where it is null, code cannot ask for it. */
  int (*tensor_map)(seq_device *device, const seq_tensor_map *tensor, uint64_t *to);

  /* What the kernels of the next region may touch: nothing, and more. `what` is for messages
   * and outlives the region. */
  void (*forget)(seq_device *device);
  int (*allow)(seq_device *device, const void *p, int64_t bytes, bool writable, const char *what);
} seq_device_table;

struct seq_device {
  const seq_device_table *table;
  int32_t kind;   /* SEQ_ON_ ... */
  int32_t chip;   /* 90 for sm_90, 0 on the CPU */
  int32_t level;  /* the CPU's x86-64 level */
  DLDevice where; /* of views of its memory */
  seq_message error;
};

/* --- the three kinds; on failure *err is set */

int seq_cpu_device(seq_device **out, seq_message *err);
int seq_sim_device(const seq_ctx_options *options, seq_device **out, seq_message *err);
int seq_cuda_device(const seq_ctx_options *options, seq_device **out, seq_message *err);

/* --- Cpu/Device.c: for tables of devices whose memory is the host's */

int seq_host_alloc(seq_device *device, int64_t bytes, void **out);
void seq_host_free(seq_device *device, void *p);
int seq_host_copy(seq_device *device, void *to, const void *from, int64_t bytes);
int seq_host_zero(seq_device *device, void *p, int64_t bytes);
int seq_host_synchronise(seq_device *device);

#endif
