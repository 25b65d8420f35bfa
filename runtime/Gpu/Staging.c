/* Copies from the host to the device that do not wait for it. */
#include "Cuda.h"

#include <string.h>

static int make(seq_cuda *cuda) {
  seq_staging *s = &cuda->staging;
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < SEQ_SLOTS; i++)
    if (!s->events[i])
      status = seq_cuda_check(cuda, cuda->driver.event_create(&s->events[i], CU_EVENT_NO_TIMING),
                              "cuEventCreate");
  if (status)
    return status;
  void *memory = NULL;
  status = seq_cuda_check(cuda, cuda->driver.host_alloc(&memory, SEQ_SLOTS * SEQ_SLOT_BYTES),
                          "cuMemAllocHost");
  s->memory = memory;
  return status;
}

/* One slot's copy. Waits only where all slots are still to be read. */
static int copy_piece(seq_cuda *cuda, cu_pointer to, const void *host, size_t bytes) {
  seq_staging *s = &cuda->staging;
  int32_t slot = s->next;
  int status = SEQ_OK;
  if (s->pending[slot])
    status = seq_cuda_check(cuda, cuda->driver.event_wait(s->events[slot]), "cuEventSynchronize");
  if (status)
    return status;
  s->pending[slot] = false;
  void *from = s->memory + (size_t)slot * SEQ_SLOT_BYTES;
  memcpy(from, host, bytes);
  status = seq_cuda_check(cuda, cuda->driver.copy_in(to, from, bytes, cuda->stream),
                          "cuMemcpyHtoDAsync");
  if (!status)
    status = seq_cuda_check(cuda, cuda->driver.event_record(s->events[slot], cuda->stream),
                            "cuEventRecord");
  s->pending[slot] = status == SEQ_OK;
  if (status) /* without its event nothing tells when the slot is free again */
    cuda->driver.stream_wait(cuda->stream);
  s->next = (slot + 1) % SEQ_SLOTS;
  return status;
}

int seq_staging_copy(seq_cuda *cuda, cu_pointer to, const void *host, int64_t bytes) {
  if (bytes > (int64_t)SEQ_SLOTS * SEQ_SLOT_BYTES) {
    /* Parameters, whole states: from where they lie, and waited for. */
    int status = seq_cuda_check(cuda, cuda->driver.copy_in(to, host, (size_t)bytes, cuda->stream),
                                "cuMemcpyHtoDAsync");
    return status ? status
                  : seq_cuda_check(cuda, cuda->driver.stream_wait(cuda->stream),
                                   "cuStreamSynchronize");
  }
  int status = cuda->staging.memory ? SEQ_OK : make(cuda);
  for (int64_t at = 0; !status && at < bytes; at += SEQ_SLOT_BYTES) {
    int64_t n = bytes - at < SEQ_SLOT_BYTES ? bytes - at : SEQ_SLOT_BYTES;
    status = copy_piece(cuda, to + (cu_pointer)at, (const char *)host + at, (size_t)n);
  }
  return status;
}

void seq_staging_destroy(seq_cuda *cuda) {
  seq_staging *s = &cuda->staging;
  for (int32_t i = 0; i < SEQ_SLOTS; i++)
    if (s->events[i])
      cuda->driver.event_destroy(s->events[i]);
  if (s->memory)
    cuda->driver.host_free(s->memory);
}
