/* The simulator behind a context, for tools that count or change orders. */
#ifndef SEQ_GPUSIM_DEVICE_H
#define SEQ_GPUSIM_DEVICE_H

#include "Sim.h"
#include "seq/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Null where the context does not simulate. */
seq_sim *seq_ctx_sim(const seq_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
