//===- Report.cpp - What running verbs print and write ----------------------------------===//
#include "compiler/Tools/seqc/Report.h"

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

Comparison compareArrays(const Array &got, const Array &want) {
  Comparison c;
  bool isFloat = got.dtype() == SEQ_F32 || got.dtype() == SEQ_F64;
  double top = 0;
  for (int64_t i = 0; i < want.count(); ++i)
    if (std::isfinite(want.at(i)))
      top = std::fmax(top, std::fabs(want.at(i)));
  c.tolerance = !isFloat                 ? 0
                : got.dtype() == SEQ_F64 ? std::fmax(1e-12 * top, 1e-13)
                                         : std::fmax(2e-5 * top, 1e-6);
  bool wrong = got.shape() != want.shape();
  for (int64_t i = 0; !wrong && i < want.count(); ++i) {
    double g = got.at(i), w = want.at(i);
    if (std::isfinite(w) && std::isfinite(g))
      c.absolute = std::fmax(c.absolute, std::fabs(g - w));
    else
      wrong = !(std::isnan(g) && std::isnan(w)) && g != w;
  }
  c.relative = top > 0 ? c.absolute / top : c.absolute;
  c.units = wrong || (!isFloat && c.absolute > 0) ? INFINITY
            : isFloat                             ? c.absolute / c.tolerance
                                                  : 0;
  return c;
}

} // namespace seq::tool
