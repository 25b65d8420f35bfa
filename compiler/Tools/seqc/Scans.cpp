//===- Scans.cpp - The forms of a program's scans and convolutions ------------------------===//
#include "compiler/Tools/seqc/Scans.h"

#include "compiler/Tools/seqc/Explain.h"
#include "compiler/Transforms/Transforms.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace seq::tool {

bool tryForm(Session &session, StringRef form, std::vector<FormReport> &out) {
  if (!session.emitSeq())
    return false;
  OwningOpRef<ModuleOp> module(session.seqModule().clone());
  pipeline::Options options = session.pipelineOptions();
  options.form = form.str();
  if (!pipeline::deriveForms(*module, options, session.context(), session.internal))
    return false;
  auto func = *module->getOps<func::FuncOp>().begin();
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    FormReport r;
    r.place = placeText(op->getLoc());
    if (auto refused = op->getAttrOfType<DictionaryAttr>(kRefusedAttr)) {
      if (auto state = refused.getAs<StringAttr>("state"))
        r.what = "state `" + state.str() + "`";
      r.why = cast<StringAttr>(refused.get("why")).str();
      out.push_back(std::move(r));
    } else if (auto name = op->getAttrOfType<StringAttr>(kFormAttr)) {
      r.taken = true;
      r.form = name.str();
      if (auto chunk = op->getAttrOfType<IntegerAttr>(kChunkAttr))
        r.chunk = chunk.getInt();
      out.push_back(std::move(r));
    }
  });
  return true;
}

bool takenForm(Session &session, StringRef form, FormReport &out) {
  std::vector<FormReport> reports;
  if (!tryForm(session, form, reports))
    return false;
  out.form = "sequential";
  for (const FormReport &r : llvm::reverse(reports))
    if (r.taken && r.form != kConvFormNames[0])
      out = r;
  return true;
}

bool formExists(Session &session) {
  const std::string &form = session.options.form;
  if (form.empty() || form == "sequential")
    return true;
  if (!parseForm(form)) {
    session.diags.error(Diag::UnknownForm, "--form", "there is no form `" + form + "`")
        .hint("forms of recurrences are `sequential`, `scan`, `chunked`, `two-level`, and "
              "`chunked:32` with a chunk of up to 256 steps; of convolutions `direct` and `fft`");
    return false;
  }
  std::vector<FormReport> reports;
  if (!tryForm(session, form, reports))
    return false;
  if (llvm::any_of(reports, [](const FormReport &r) { return r.taken; }))
    return true;
  for (const FormReport &r : reports)
    session.diags.error(Diag::UnknownForm, r.place,
                        r.what + " has no form `" + parseForm(form)->name.str() + "`: " + r.why);
  if (reports.empty())
    session.diags.error(Diag::UnknownForm, "--form",
                        "`" + session.entry().name + "` has no " +
                            (llvm::is_contained(kConvFormNames, form) ? "convolution" : "state") +
                            " that could have a form");
  return false;
}

} // namespace seq::tool
