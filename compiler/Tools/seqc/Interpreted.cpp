//===- Interpreted.cpp - The interpreter behind the runtime's interface ---------------===//
#include "compiler/Tools/seqc/Interpreted.h"

#include "seq/io.h"

#include <cstring>

using seq::reference::Tensor;

namespace seq::tool {

static thread_local Interpreted *current = nullptr;

static int64_t noWorkspace(const seq_call *, int32_t) {
  return 0;
}

Interpreted::Interpreted(mlir::ModuleOp module, std::unique_ptr<codegen::Descriptor> descriptor,
                         bool f64)
    : descriptor(std::move(descriptor)) {
  for (mlir::func::FuncOp func : module.getOps<mlir::func::FuncOp>())
    funcs.push_back(func);
  options.f64 = f64;
  seq_region_fn functions[] = {forward<0>, forward<1>, forward<2>};
  for (size_t i = 0; i < this->descriptor->functionCount(); ++i) {
    seq_variant variant = {1, 0, prepare, functions[i], noWorkspace, sizeof(Interpreted *)};
    this->descriptor->setVariants(i, variant);
  }
}

void Interpreted::makeCurrent() {
  current = this;
}

/// Generated code keeps what it makes of the parameters in `prepared`; this keeps itself.
void Interpreted::prepare(const seq_call *call, int32_t tid, int32_t) {
  if (tid != 0)
    return;
  std::memcpy(call->prepared, &current, sizeof current);
  current->readWeights(call);
}

template <size_t Function> void Interpreted::forward(const seq_call *call, int32_t tid, int32_t) {
  if (tid != 0)
    return;
  Interpreted *self;
  std::memcpy(&self, call->prepared, sizeof self);
  self->run(Function, call);
}

static reference::Elem elemOf(int32_t dtype) {
  using E = reference::Elem;
  static const E elems[] = {E::F32, E::F64, E::I32, E::Bool, E::BF16, E::F16}; // SEQ_F32 …
  return elems[dtype];
}

/// The value of a size program.
static int64_t evaluate(const seq_dim &dim, const int64_t *sizes) {
  std::vector<int64_t> stack;
  for (int64_t i = 0; i < dim.n; ++i) {
    seq_dim_op op = dim.ops[i];
    if (op.op == SEQ_DIM_CONST || op.op == SEQ_DIM_SIZE) {
      stack.push_back(op.op == SEQ_DIM_CONST ? op.value : sizes[op.value]);
      continue;
    }
    int64_t b = stack.back();
    stack.pop_back();
    int64_t &a = stack.back();
    int64_t floor = b ? a / b - (a % b != 0 && (a < 0) != (b < 0)) : 0;
    a = op.op == SEQ_DIM_ADD        ? a + b
        : op.op == SEQ_DIM_SUB      ? a - b
        : op.op == SEQ_DIM_MUL      ? a * b
        : op.op == SEQ_DIM_FLOORDIV ? floor
                                    : a - b * floor;
  }
  return stack.back();
}

static Tensor copyOf(const seq_tensor_desc &desc, const int64_t *sizes, int64_t batch,
                     const void *data) {
  std::vector<int64_t> shape;
  if (batch >= 0)
    shape.push_back(batch);
  for (int32_t i = 0; i < desc.rank; ++i)
    shape.push_back(evaluate(desc.dims[i], sizes));
  Tensor t = Tensor::zeros(elemOf(desc.dtype), std::move(shape));
  if (reference::storedBytes(t.elem) != reference::elemBytes(t.elem))
    for (int64_t i = 0; i < t.count(); ++i)
      t.data<float>()[i] = float(seq_element_get(data, desc.dtype, i));
  else if (!t.bytes.empty())
    std::memcpy(t.bytes.data(), data, t.bytes.size());
  return t;
}

void Interpreted::readWeights(const seq_call *call) {
  weights.clear();
  const seq_model_desc &m = descriptor->model();
  for (int32_t i = 0; i < m.n_params; ++i)
    weights.push_back(copyOf(m.params[i], nullptr, -1, call->params[i]));
}

void Interpreted::readInputs(const seq_function_desc &f, const seq_call *call,
                             reference::Batch &batch, std::vector<Tensor> &tensors) {
  for (int32_t i = 0; i < f.n_inputs; ++i) {
    bool batched = call->input_strides[i] != 0;
    tensors.push_back(
        copyOf(f.inputs[i], call->sizes, batched ? call->batch : -1, call->inputs[i]));
    batch.batched.push_back(batched);
  }
}

void Interpreted::readSizes(const seq_function_desc &f, const seq_call *call,
                            reference::Batch &batch) {
  batch.batch = call->batch;
  for (int32_t i = 0; i < f.n_sizes; ++i) {
    batch.sizes[f.size_names[i]] = call->sizes[i];
    const int64_t *own = call->lengths + i * call->batch;
    batch.lengths[f.size_names[i]].assign(own, own + call->batch);
  }
}

void Interpreted::run(size_t function, const seq_call *call) {
  const seq_function_desc &f = descriptor->function(function);
  reference::Batch batch;
  std::vector<Tensor> tensors;
  batch.batched.assign(weights.size(), false);
  readInputs(f, call, batch, tensors);
  readSizes(f, call, batch);
  for (const Tensor &w : weights)
    batch.args.push_back(&w);
  for (const Tensor &t : tensors)
    batch.args.push_back(&t);
  reference::Failure failure;
  last.clear();
  if (reference::interpretBatch(funcs[function], batch, options, last, failure))
    writeOutputs(f, call);
  else
    fail(function, call, failure);
}

void Interpreted::writeOutputs(const seq_function_desc &f, const seq_call *call) {
  for (int32_t i = 0; i < f.n_outputs; ++i) {
    const Tensor &t = last[size_t(i)];
    int32_t dtype = f.outputs[i].dtype;
    bool wide = t.elem == reference::Elem::F64;
    if (wide != (dtype == SEQ_F64) || seq_dtype_size(dtype) == 2)
      for (int64_t k = 0; k < t.count(); ++k)
        seq_element_set(call->outputs[i], dtype, k,
                        wide ? t.data<double>()[k] : double(t.data<float>()[k]));
    else if (!t.bytes.empty())
      std::memcpy(call->outputs[i], t.bytes.data(), t.bytes.size());
  }
}

void Interpreted::fail(size_t function, const seq_call *call, const reference::Failure &failure) {
  lowering::Place place;
  place.file = failure.file;
  place.what = failure.what;
  place.line = failure.line;
  place.column = failure.column;
  place.kind = failure.kind;
  descriptor->setPlaces(function, place);
  seq_rt_fail(call, 0, failure.sequence, failure.value, failure.bound);
}

} // namespace seq::tool
