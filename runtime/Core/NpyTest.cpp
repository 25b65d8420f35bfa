// npy: what is read, how it converts, what is refused and with which words.
#include "FileForTest.h"
#include "seq/io.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace files;

namespace {
// The array as doubles, or the error.
struct Result {
  int status;
  std::vector<double> values;
  std::vector<int64_t> shape;
  int32_t notes = 0;
  std::string error;
};

double at(const seq_array &a, int64_t i) {
  switch (a.dtype) {
  case SEQ_F32:
    return static_cast<float *>(a.data)[i];
  case SEQ_F64:
    return static_cast<double *>(a.data)[i];
  case SEQ_I32:
    return static_cast<int32_t *>(a.data)[i];
  case SEQ_BOOL:
    return static_cast<uint8_t *>(a.data)[i];
  default:
    return double(static_cast<int64_t *>(a.data)[i]);
  }
}

Result read(const std::string &bytes, int32_t dtype) {
  seq_array a;
  seq_message err;
  Result r{};
  // An exact copy, so that AddressSanitizer sees a read past the end.
  std::vector<char> copy(bytes.begin(), bytes.end());
  r.status = seq_npy_parse(copy.data(), copy.size(), "x.npy", dtype, &a, &err);
  if (r.status != SEQ_OK) {
    r.error = err.text;
    EXPECT_NE(r.error.find("x.npy"), std::string::npos) << r.error;
    EXPECT_EQ(a.data, nullptr);
    return r;
  }
  for (int64_t i = 0; i < a.count; i++)
    r.values.push_back(at(a, i));
  r.shape.assign(a.shape, a.shape + a.rank);
  r.notes = a.notes;
  seq_array_free(&a);
  return r;
}

using doubles = std::vector<double>;
const std::string six = raw<float>({1, 2, 3, 4, 5, 6});
} // namespace

TEST(Npy, ReadsFloats) {
  Result r = read(npy("<f4", "(2, 3)", six), SEQ_F32);
  EXPECT_EQ(r.values, (doubles{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(r.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(read(npy(">f4", "(6,)", reversed(six, 4)), SEQ_F32).values, r.values);
  EXPECT_EQ(read(npy("=f4", "(6,)", six), SEQ_F64).values, r.values);
}

TEST(Npy, FortranOrderIsHonoured) {
  Result r = read(npy("<f4", "(2, 3)", six, "True"), SEQ_F32);
  EXPECT_EQ(r.values, (doubles{1, 3, 5, 2, 4, 6}));
  r = read(npy("<f4", "(1, 3, 2)", six, "True"), SEQ_F64);
  EXPECT_EQ(r.values, (doubles{1, 4, 2, 5, 3, 6}));
}

TEST(Npy, ScalarsAndEmptyArrays) {
  Result r = read(npy("<f4", "()", raw<float>({7})), SEQ_F32);
  EXPECT_EQ(r.values, doubles{7});
  EXPECT_TRUE(r.shape.empty());
  r = read(npy("<f4", "(0, 4)", ""), SEQ_F32);
  EXPECT_EQ(r.status, SEQ_OK);
  EXPECT_EQ(r.shape, (std::vector<int64_t>{0, 4}));
  EXPECT_EQ(read(npy("<f4", "(0, 4)", "", "True"), SEQ_F64).status, SEQ_OK);
}

TEST(Npy, VersionsTwoAndThree) {
  for (int version : {1, 2, 3})
    EXPECT_EQ(
        read(npyText("{'shape':(6,),'fortran_order':False,'descr':\"<f4\"}", six, version), SEQ_F32)
            .values,
        (doubles{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(read(npyText("{}", "", 4), SEQ_F32).status, SEQ_ERR_IO);
}

TEST(Npy, HalfFloats) {
  Result r = read(
      npy("<f2", "(6,)", raw<uint16_t>({0x3C00, 0xC000, 0x0001, 0x7C00, 0x7BFF, 0x8400})), SEQ_F32);
  EXPECT_EQ(r.values, (doubles{1, -2, std::ldexp(1, -24), HUGE_VAL, 65504, -std::ldexp(1, -14)}));
  EXPECT_TRUE(std::isnan(read(npy("<f2", "(1,)", raw<uint16_t>({0x7E00})), SEQ_F64).values[0]));
}

TEST(Npy, DoublesRoundWithANote) {
  Result r = read(npy("<f8", "(2,)", raw<double>({0.1, 1e300})), SEQ_F32);
  EXPECT_EQ(r.values, (doubles{0.1f, HUGE_VAL}));
  EXPECT_EQ(r.notes, SEQ_NOTE_ROUNDED);
  r = read(npy("<f8", "(2,)", raw<double>({0.1, 1e300})), SEQ_F64);
  EXPECT_EQ(r.notes, 0);
  EXPECT_EQ(r.values, (doubles{0.1, 1e300}));
}

TEST(Npy, IntegersOfAnyWidthThatFit) {
  EXPECT_EQ(read(npy("<i8", "(2,)", raw<int64_t>({-5, INT32_MAX})), SEQ_I32).values,
            (doubles{-5, INT32_MAX}));
  EXPECT_EQ(read(npy("|i1", "(2,)", raw<int8_t>({-128, 127})), SEQ_I32).values,
            (doubles{-128, 127}));
  EXPECT_EQ(read(npy(">i2", "(1,)", reversed(raw<int16_t>({-300}), 2)), SEQ_I32).values,
            doubles{-300});
  EXPECT_EQ(read(npy("|u1", "(1,)", raw<uint8_t>({255})), SEQ_I32).values, doubles{255});
  EXPECT_EQ(read(npy("<u4", "(1,)", raw<uint32_t>({5})), SEQ_IO_I64).values, doubles{5});
  EXPECT_EQ(read(npy("<i8", "(1,)", raw<int64_t>({INT64_MIN})), SEQ_IO_I64).values,
            doubles{double(INT64_MIN)});
  Result r = read(npy("<i8", "(2,)", raw<int64_t>({1, -3000000000})), SEQ_I32);
  EXPECT_EQ(r.error, "x.npy: element 1 is -3000000000, which i32 cannot hold");
  r = read(npy("<u8", "(1,)", raw<uint64_t>({UINT64_MAX})), SEQ_IO_I64);
  EXPECT_EQ(r.error, "x.npy: element 0 is 18446744073709551615, which i64 cannot hold");
}

TEST(Npy, IntegersBecomeFloatsWhereExact) {
  EXPECT_EQ(read(npy("<i4", "(2,)", raw<int32_t>({-7, 1 << 30})), SEQ_F32).values,
            (doubles{-7, 1 << 30}));
  EXPECT_NE(read(npy("<i4", "(1,)", raw<int32_t>({16777217})), SEQ_F32).status, SEQ_OK);
  EXPECT_EQ(read(npy("<i8", "(1,)", raw<int64_t>({INT64_MIN})), SEQ_F64).values,
            doubles{double(INT64_MIN)});
}

TEST(Npy, BoolsComeFromBoolsAlone) {
  EXPECT_EQ(read(npy("|b1", "(3,)", std::string("\0\1\7", 3)), SEQ_BOOL).values,
            (doubles{0, 1, 1}));
  EXPECT_EQ(read(npy("|b1", "(1,)", "\1"), SEQ_I32).error,
            "x.npy holds bool; i32 is needed, and no conversion is made");
  EXPECT_NE(read(npy("|u1", "(1,)", "\1"), SEQ_BOOL).status, SEQ_OK);
  EXPECT_NE(read(npy("<f4", "(1,)", raw<float>({1})), SEQ_I32).status, SEQ_OK);
}

TEST(Npy, OtherTypesAreNamed) {
  EXPECT_NE(read(npy("<c8", "(1,)", six), SEQ_F32).error.find("complex numbers of type '<c8'"),
            std::string::npos);
  EXPECT_NE(read(npy("|O", "(2,)", six), SEQ_F32).error.find("pickle"), std::string::npos);
  EXPECT_NE(read(npy("<U5", "(2,)", six), SEQ_F32).error.find("strings"), std::string::npos);
  EXPECT_NE(read(npy("<M8[ns]", "(2,)", six), SEQ_F32).error.find("dates"), std::string::npos);
  for (const char *type : {"<f16", "<f3", "", "<", "f", "<<f4", "|V8", "<i3"})
    EXPECT_EQ(read(npy(type, "(1,)", six), SEQ_F32).status, SEQ_ERR_IO) << type;
  std::string fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }";
  EXPECT_NE(read(npyText(fields, six), SEQ_F32).error.find("structured"), std::string::npos);
}

TEST(Npy, HeadersThatAreNoHeaders) {
  const char *tail = ", 'fortran_order': False, 'shape': (6,), }";
  std::string good = "{'descr': '<f4'" + std::string(tail);
  ASSERT_EQ(read(npyText(good, six), SEQ_F32).status, SEQ_OK);
  std::vector<std::string> bad = {
      "",
      "{",
      "}",
      "{}",
      "[]",
      good + "x",
      good + good,
      good.substr(0, good.size() - 1),
      "{'descr': __import__('os').system('touch pwned')" + std::string(tail),
      "{'descr': '<f4', 'descr': '<f4'" + std::string(tail),
      "{'descr': '<f4' 'x'" + std::string(tail),
      "{'descr': '<f4\\n'" + std::string(tail),
      "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}",
      "{'descr': '<f4', 'fortran_order': False}",
      "{descr: '<f4'" + std::string(tail),
      "{'descr': <f4" + std::string(tail)};
  for (const char *shape : {"6", "(6)", "[6]", "(-6,)", "(6.0,)", "(2 3)", "(,)", "(06,)", "(6,,)",
                            "(((6,),),)", "(0x6,)", "(6", "('6',)", "(9223372036854775808,)", "()"})
    bad.push_back("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + "}");
  std::string nested(5000, '(');
  bad.push_back("{'descr': '<f4', 'fortran_order': False, 'shape': " + nested + "}");
  std::string axes;
  for (int i = 0; i < 40; i++)
    axes += "1, ";
  bad.push_back("{'descr': '<f4', 'fortran_order': False, 'shape': (" + axes + "6)}");
  for (const std::string &header : bad)
    EXPECT_EQ(read(npyText(header, six), SEQ_F32).status, SEQ_ERR_IO) << header;
}

TEST(Npy, AnyCutIsAnError) {
  std::string whole = npy("<f4", "(2, 3)", six);
  for (size_t n = 0; n < whole.size(); n++)
    EXPECT_EQ(read(whole.substr(0, n), SEQ_F32).status, SEQ_ERR_IO) << n;
  EXPECT_EQ(read(whole.substr(0, whole.size() - 2), SEQ_F32).error,
            "x.npy is cut short: its shape needs 24 bytes of data, it has 22");
  EXPECT_EQ(read(whole + "x", SEQ_F32).error,
            "x.npy is too long: its shape needs 24 bytes of data, it has 25");
  EXPECT_EQ(read("", SEQ_F32).error, "x.npy is no npy file: it is empty");
}

TEST(Npy, AbsurdShapesAreRefusedBeforeMemoryIsAskedFor) {
  EXPECT_EQ(read(npy("<f4", "(4000000000, 4000000000, 4)", six), SEQ_F32).status, SEQ_ERR_IO);
  EXPECT_EQ(read(npy("|i1", "(9000000000000000000,)", six), SEQ_F64).status, SEQ_ERR_IO);
  EXPECT_EQ(read(npy("<f4", "(1000000000000,)", six), SEQ_F32).status, SEQ_ERR_IO);
}

TEST(Npy, WritesWhatItReads) {
  temporary file(".npy", "");
  seq_message err;
  seq_array a;
  int64_t shape[] = {2, 3};
  ASSERT_EQ(seq_npy_write(file.path.c_str(), SEQ_F32, 2, shape, six.data(), &err), SEQ_OK)
      << err.text;
  ASSERT_EQ(seq_npy_read(file.path.c_str(), SEQ_F32, &a, &err), SEQ_OK) << err.text;
  EXPECT_EQ(std::memcmp(a.data, six.data(), 24), 0);
  seq_array_free(&a);
  seq_npy_info info;
  ASSERT_EQ(seq_npy_read_info(file.path.c_str(), &info, &err), SEQ_OK);
  EXPECT_EQ(info.elem, SEQ_ELEM_F32);
  EXPECT_EQ(info.rank, 2);
  EXPECT_EQ(info.shape[1], 3);
  FILE *f = fopen(file.path.c_str(), "rb");
  char head[128];
  ASSERT_EQ(fread(head, 1, 128, f), 128u);
  fclose(f);
  EXPECT_EQ(std::string(head + 10, 58),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ");
  EXPECT_EQ(head[127], '\n');
}

TEST(Npy, WritesEveryTypeAndRank) {
  temporary file(".npy", "");
  seq_message err;
  seq_array a;
  std::vector<int64_t> shape(32, 1), data = {1};
  const int32_t types[] = {SEQ_F32, SEQ_F64, SEQ_I32, SEQ_BOOL, SEQ_IO_I64};
  for (int32_t dtype : types)
    for (int32_t rank : {0, 1, 2, 32}) {
      ASSERT_EQ(seq_npy_write(file.path.c_str(), dtype, rank, shape.data(), data.data(), &err),
                SEQ_OK);
      ASSERT_EQ(seq_npy_read(file.path.c_str(), dtype, &a, &err), SEQ_OK) << err.text;
      EXPECT_EQ(a.rank, rank);
      seq_array_free(&a);
    }
}

TEST(Npy, FilesThatAreNone) {
  seq_message err;
  seq_array a;
  EXPECT_EQ(seq_npy_read("/nowhere/x.npy", SEQ_F32, &a, &err), SEQ_ERR_IO);
  EXPECT_STREQ(err.text, "/nowhere/x.npy cannot be opened: No such file or directory");
  EXPECT_EQ(seq_npy_read("/tmp", SEQ_F32, &a, &err), SEQ_ERR_IO);
  EXPECT_STREQ(err.text, "/tmp is a directory");
  EXPECT_EQ(seq_npy_read("/dev/zero", SEQ_F32, &a, &err), SEQ_ERR_IO);
  EXPECT_EQ(seq_npy_write("/nowhere/x.npy", SEQ_F32, 0, nullptr, "1234", &err), SEQ_ERR_IO);
  EXPECT_EQ(seq_npy_read("/nowhere/x.npy", SEQ_F32, &a, nullptr), SEQ_ERR_IO);
}
