//===- DescriptorIr.cpp - The descriptor as constants of a module -------------------===//
//
// Every struct of seq/abi.h is written field by field in the order of its declaration;
// all are naturally aligned without holes, so that plain LLVM structs have their layout.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/DescriptorIr.h"
#include "compiler/Codegen/Target.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"

using namespace llvm;

namespace seq::codegen {

namespace {
class Writer {
public:
  Writer(Module &module, const Descriptor &descriptor, const std::vector<Variant> &variants)
      : module(module), descriptor(descriptor), variants(variants), context(module.getContext()) {}

  void write() {
    const seq_model_desc &d = descriptor.model();
    SmallVector<Constant *> functions;
    for (size_t i = 0; i < descriptor.functionCount(); ++i)
      functions.push_back(function(i));
    Constant *all[] = {i32(d.magic),    i32(d.abi_version), text(d.name),
                       i32(d.n_params), i32(d.n_functions), tensors(d.params, d.n_params),
                       array(functions)};
    auto *value = ConstantStruct::getAnon(all);
    auto *global = new GlobalVariable(module, value->getType(), true, GlobalValue::ExternalLinkage,
                                      value, descriptorSymbol(d.name));
    global->setAlignment(Align(8));
  }

private:
  Constant *i32(uint32_t v) { return ConstantInt::get(Type::getInt32Ty(context), v); }
  Constant *i64(int64_t v) { return ConstantInt::getSigned(Type::getInt64Ty(context), v); }
  Constant *null() { return ConstantPointerNull::get(PointerType::get(context, 0)); }

  Constant *global(Constant *value) {
    auto *g =
        new GlobalVariable(module, value->getType(), true, GlobalValue::PrivateLinkage, value);
    g->setAlignment(Align(8));
    return g;
  }

  /// A pointer to the items, null for none.
  Constant *array(ArrayRef<Constant *> items) {
    if (items.empty())
      return null();
    return global(ConstantArray::get(ArrayType::get(items[0]->getType(), items.size()), items));
  }

  Constant *text(const std::string &s) { return global(ConstantDataArray::getString(context, s)); }
  Constant *text(const char *s) {
    if (!s)
      return null();
    Constant *&known = texts[s];
    if (!known)
      known = global(ConstantDataArray::getString(context, s));
    return known;
  }

  Constant *dim(const seq_dim &d) {
    SmallVector<Constant *> ops;
    for (int64_t i = 0; i < d.n; ++i)
      ops.push_back(ConstantStruct::getAnon({i64(d.ops[i].op), i64(d.ops[i].value)}));
    return ConstantStruct::getAnon({array(ops), i64(d.n)});
  }

  Constant *tensor(const seq_tensor_desc &t) {
    SmallVector<Constant *> dims;
    for (int32_t i = 0; i < t.rank; ++i)
      dims.push_back(dim(t.dims[i]));
    Constant *value =
        t.default_value
            ? global(ConstantFP::get(Type::getDoubleTy(context), APFloat(*t.default_value)))
            : null();
    return ConstantStruct::getAnon(
        {text(t.name), i32(t.dtype), i32(t.rank), array(dims), text(t.shape_text), value});
  }

  Constant *tensors(const seq_tensor_desc *t, int32_t n) {
    SmallVector<Constant *> items;
    for (int32_t i = 0; i < n; ++i)
      items.push_back(tensor(t[i]));
    return array(items);
  }

  Constant *place(const seq_place &p) {
    return ConstantStruct::getAnon(
        {text(p.file), i32(p.line), i32(p.column), i32(p.kind), i32(0), text(p.what)});
  }

  Constant *requirement(const seq_requirement &r) {
    return ConstantStruct::getAnon(
        {dim(r.lhs), dim(r.rhs), text(r.text), place(r.place), i32(r.equal), i32(0)});
  }

  Constant *symbol(StringRef name) {
    Constant *f = name.empty() ? nullptr : module.getFunction(name);
    return f ? f : null();
  }

  Constant *kernel(const Variant &v, size_t k) {
    const lowering::Kernel &kernel = v.kernels[k];
    bool simulated = v.target.machine == lowering::Machine::GpuSim;
    int32_t flags = simulated && v.waiting[k] ? SEQ_KERNEL_SYNCHRONISES : 0;
    flags |= kernel.cooperative ? SEQ_KERNEL_COOPERATIVE : 0;
    return ConstantStruct::getAnon({text(kernel.name), i32(kernel.args), i32(kernel.threads),
                                    i32(kernel.sharedBytes), i32(flags),
                                    simulated ? symbol(kernel.name) : null()});
  }

  /// What all functions of a variant for a device share.
  Constant *deviceCode(const Variant &v) {
    Constant *&known = codes[&v];
    if (known || !v.target.isGpu())
      return known ? known : null();
    SmallVector<Constant *> kernels;
    for (size_t k = 0; k < v.kernels.size(); ++k)
      kernels.push_back(kernel(v, k));
    // PTX is text that ends in 0.
    Constant *image =
        v.image.empty() ? null() : global(ConstantDataArray::getString(context, v.image, true));
    return known =
               global(ConstantStruct::getAnon({text(v.target.cpu), image, i64(v.image.size()),
                                               i32(v.isPtx), i32(kernels.size()), array(kernels)}));
  }

  Constant *variant(const Variant &v, size_t i) {
    const lowering::Function &f = v.functions[i];
    return ConstantStruct::getAnon({i32(v.target.level), i32(kindOf(v.target.machine)),
                                    symbol(f.prepare), symbol(f.forward), symbol(f.workspace),
                                    i64(f.preparedBytes), deviceCode(v)});
  }

  Constant *function(size_t i) {
    const seq_function_desc &f = descriptor.function(i);
    SmallVector<Constant *> names, sequence, places, codes, requirements;
    for (int32_t k = 0; k < f.n_sizes; ++k) {
      names.push_back(text(f.size_names[k]));
      sequence.push_back(i32(f.size_is_sequence[k]));
    }
    for (int32_t k = 0; k < f.n_places; ++k)
      places.push_back(place(f.places[k]));
    for (int32_t k = 0; k < f.n_requirements; ++k)
      requirements.push_back(requirement(f.requirements[k]));
    for (const Variant &v : variants)
      codes.push_back(variant(v, i));
    return ConstantStruct::getAnon({text(f.name), i32(f.n_sizes), i32(f.n_inputs), i32(f.n_outputs),
                                    i32(f.n_places), i32(codes.size()), i32(f.is_stream),
                                    array(names), array(sequence), tensors(f.inputs, f.n_inputs),
                                    tensors(f.outputs, f.n_outputs), array(places), array(codes),
                                    i32(f.n_states), i32(f.time), i32(requirements.size()), i32(0),
                                    array(requirements)});
  }

  Module &module;
  const Descriptor &descriptor;
  const std::vector<Variant> &variants;
  LLVMContext &context;
  StringMap<Constant *> texts;
  DenseMap<const Variant *, Constant *> codes;
};
} // namespace

static_assert(sizeof(seq_variant) == 48 && sizeof(seq_tensor_desc) == 40 &&
              sizeof(seq_place) == 32 && sizeof(seq_function_desc) == 104 &&
              sizeof(seq_requirement) == 80 && sizeof(seq_kernel) == 32 &&
              sizeof(seq_device_code) == 40 && sizeof(seq_model_desc) == 40);

void emitDescriptor(Module &module, const Descriptor &descriptor,
                    const std::vector<Variant> &variants) {
  Writer(module, descriptor, variants).write();
}

} // namespace seq::codegen
