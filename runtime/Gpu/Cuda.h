/* A CUDA device of a context: what the files of this folder share. */
#ifndef SEQ_GPU_CUDA_H
#define SEQ_GPU_CUDA_H

#include "../Core/Internal.h"
#include "Driver.h"

/* Pinned memory through which small copies to the device go: the driver may read it after the
 * call that asks has returned, so a slot is used again only when its event has passed. */
#define SEQ_SLOTS 8
#define SEQ_SLOT_BYTES 65536

typedef struct seq_staging {
  char *memory; /* SEQ_SLOTS of SEQ_SLOT_BYTES; null until the first copy */
  cu_event events[SEQ_SLOTS];
  bool pending[SEQ_SLOTS];
  int32_t next;
} seq_staging;

typedef struct seq_cuda {
  seq_device base;
  seq_cuda_driver driver;
  int32_t version; /* of CUDA, that the driver knows: 12040 */
  int32_t multiprocessors;
  bool cooperative;
  cu_device device;
  cu_context context, before; /* before: the thread's, while one of our operations runs */
  cu_stream stream;
  bool owns_context, owns_stream;
  seq_staging staging;
  bool lost; /* the driver answers every call with the error that broke the context */
  char lost_by[300];
} seq_cuda;

/* Makes the context the thread's for one operation; seq_cuda_leave undoes that and gives
 * `status` on. Leave is called where enter gave SEQ_OK. */
int seq_cuda_enter(seq_cuda *cuda);
int seq_cuda_leave(seq_cuda *cuda, int status);

/* A driver's result as a status, with the error set: "cuMemFree: CUDA_ERROR_... (...)". Marks the
 * context as lost by an error that no later call survives. */
int seq_cuda_check(seq_cuda *cuda, cu_result result, const char *call);

/* --- Staging.c, between enter and leave */

int seq_staging_copy(seq_cuda *cuda, cu_pointer to, const void *host, int64_t bytes);
void seq_staging_destroy(seq_cuda *cuda);

/* --- Launch.c: members of the table */

int32_t seq_cuda_suits(const seq_device *device, const seq_variant *variant);
int seq_cuda_load(seq_device *device, const seq_device_code *code, void **module);
void seq_cuda_unload(seq_device *device, void *module);
int seq_cuda_launch(seq_device *device, const seq_launch *launch);
int seq_cuda_tensor_map(seq_device *device, const seq_tensor_map *tensor, uint64_t *to);

#endif
