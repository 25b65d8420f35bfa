//===- Kernels.h - Instructions of one, two and three operands --------------------===//
#ifndef SEQC_REFERENCE_KERNELS_H
#define SEQC_REFERENCE_KERNELS_H

#include "compiler/Reference/Machine.h"

namespace seq::reference {

/// dst = Op()(a) for A → R.
template <class Op, class A, class R>
void unaryKernel(Machine &, Frame &f, const Instr &in, int n) {
  Reg &a = f[in.in[0]];
  const A *x = a.read<A>(n);
  Form form = a.varying() ? Form::Varying : Form::Uniform;
  R *out = f[in.dst].write<R>(form);
  int lanes = form == Form::Varying ? n : 1;
  for (int l = 0; l < lanes; ++l)
    out[l] = Op()(x[l]);
}

/// dst = Op()(a, b) for A × B → R.
template <class Op, class A, class B, class R>
void binaryKernel(Machine &, Frame &f, const Instr &in, int n) {
  Reg &a = f[in.in[0]], &b = f[in.in[1]];
  const A *x = a.read<A>(n);
  const B *y = b.read<B>(n);
  bool va = a.varying(), vb = b.varying();
  R *__restrict out = f[in.dst].write<R>(va || vb ? Form::Varying : Form::Uniform);
  if (va && vb) {
    for (int l = 0; l < n; ++l)
      out[l] = Op()(x[l], y[l]);
  } else if (va) {
    B s = *y;
    for (int l = 0; l < n; ++l)
      out[l] = Op()(x[l], s);
  } else if (vb) {
    A s = *x;
    for (int l = 0; l < n; ++l)
      out[l] = Op()(s, y[l]);
  } else {
    *out = Op()(*x, *y);
  }
}

} // namespace seq::reference

#endif
