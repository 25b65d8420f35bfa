//===- Report.cpp - What running verbs print and write ----------------------------------===//
#include "compiler/Tools/seqc/Report.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace seq::tool {

std::string shortNumber(double v) {
  if (std::isnan(v)) // whose sign means nothing
    return "nan";
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", v);
  return text;
}

std::string jsonNumber(double v) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", v);
  return std::isfinite(v) ? text : "null";
}

std::string jsonText(const std::string &s) {
  std::string out = "\"";
  for (char c : s) {
    char escape[8];
    if (c == '"' || c == '\\')
      out += '\\';
    if ((unsigned char)c < 0x20) {
      std::snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)c);
      out += escape;
    } else
      out += c;
  }
  return out + "\"";
}

std::string resultName(const Session &session, size_t i) {
  return session.entry().results[i].name;
}

Summary summarize(const Array &array) {
  Summary s;
  if (array.count() > 0)
    s.low = s.high = array.at(0);
  for (int64_t i = 0; i < array.count(); ++i) {
    double v = array.at(i);
    s.nans += std::isnan(v);
    s.low = std::fmin(s.low, v);
    s.high = std::fmax(s.high, v);
    s.mean += v;
  }
  s.mean /= double(array.count());
  return s;
}

std::string summaryLine(const std::string &name, const Array &array) {
  std::string line = name + "  " + seq_dtype_name(array.dtype()) + shapeText(array.shape());
  if (array.count() == 0)
    return line + "  no elements";
  if (array.shape().empty())
    return line + "  " + shortNumber(array.at(0));
  Summary s = summarize(array);
  line += "  min " + shortNumber(s.low) + " max " + shortNumber(s.high) + " mean " +
          shortNumber(s.mean);
  return s.nans ? line + "  (" + std::to_string(s.nans) + " NaN)" : line;
}

bool prepareFolder(Session &session) {
  const std::string &dir = session.options.outDir;
  if (dir.empty())
    return true;
  std::error_code code;
  if (std::filesystem::exists(dir, code) && !std::filesystem::is_directory(dir, code)) {
    session.diags.error(Diag::OutputFile, dir, "is a file, not a folder");
    return false;
  }
  return true;
}

bool writeResults(Session &session, const std::vector<Array> &outputs) {
  const std::string &dir = session.options.outDir;
  if (dir.empty())
    return true;
  std::error_code code;
  std::filesystem::create_directories(dir, code);
  if (code) {
    session.diags.error(Diag::OutputFile, dir, "cannot be made: " + code.message());
    return false;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Array &a = outputs[i];
    std::string name = outputs.size() == 1 ? "/out.npy" : "/out." + std::to_string(i) + ".npy";
    seq_message message;
    if (seq_npy_write((dir + name).c_str(), a.dtype(), int32_t(a.shape().size()), a.shape().data(),
                      a.data(), &message) != SEQ_OK) {
      session.error(Diag::OutputFile, dir + name, message.text);
      return false;
    }
  }
  return true;
}

Tolerance Tolerance::of(int dtype, double rounding) {
  double share = dtype == SEQ_F64 ? 1e-12 : 2e-5;
  return {std::fmax(share, rounding), dtype == SEQ_F64 ? 1e-13 : 1e-6};
}

double roundingOf(Session &session) {
  double rounding = 0;
  // What is widened again is rounded on the way, not as a result.
  session.seqModule().walk([&](mlir::arith::TruncFOp op) {
    bool onTheWay = llvm::any_of(op->getUsers(), llvm::IsaPred<mlir::arith::ExtFOp>);
    if (onTheWay && op.getType().isBF16())
      rounding = 0x1p-8;
    else if (onTheWay && op.getType().isF16())
      rounding = std::fmax(rounding, 0x1p-11);
  });
  return rounding;
}

/// From a float of 16 bits to the next one.
static double lastPlace(int dtype, double value) {
  int digits = dtype == SEQ_BF16 ? 8 : 11, least = dtype == SEQ_BF16 ? -126 : -14;
  int exponent = value == 0 ? least : std::max(std::ilogb(value), least);
  return std::ldexp(1, exponent - (digits - 1));
}

Comparison compareArrays(const Array &got, const Array &want, double rounding) {
  Comparison c;
  bool isShort = got.isFloat() && seq_dtype_size(got.dtype()) == 2;
  double top = 0;
  for (int64_t i = 0; i < want.count(); ++i)
    if (std::isfinite(want.at(i)))
      top = std::fmax(top, std::fabs(want.at(i)));
  Tolerance of = Tolerance::of(got.dtype(), rounding);
  double tolerance = got.isFloat() ? std::fmax(of.share * top, of.least) : 0;
  bool wrong = got.shape() != want.shape();
  for (int64_t i = 0; !wrong && i < want.count(); ++i) {
    double g = got.at(i), w = want.at(i);
    if (!std::isfinite(w) || !std::isfinite(g)) {
      wrong = !(std::isnan(g) && std::isnan(w)) && g != w;
      continue;
    }
    double off = std::fabs(g - w);
    double allowed =
        tolerance + (isShort ? lastPlace(got.dtype(), std::fmax(std::fabs(g), std::fabs(w))) : 0);
    c.absolute = std::fmax(c.absolute, off);
    if (off > 0)
      c.units = std::fmax(c.units, off / allowed); // of integers: infinite
  }
  c.relative = top > 0 ? c.absolute / top : c.absolute;
  if (wrong)
    c.units = INFINITY;
  return c;
}

} // namespace seq::tool
