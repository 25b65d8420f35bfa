// safetensors: well-formed files in all their liberties, and hostile ones.
#include "FileForTest.h"
#include "seq/io.h"

#include <gtest/gtest.h>

using namespace files;

namespace {
const std::string data = raw<float>({1, 2, 3, 4});

// The error, "" for none; *names gets what was read.
std::string parse(const std::string &bytes, std::vector<std::string> *names = nullptr) {
  seq_safetensors *file = nullptr;
  seq_message err;
  std::vector<char> copy(bytes.begin(), bytes.end());
  int status = seq_safetensors_parse(copy.data(), copy.size(), "w.safetensors", &file, &err);
  if (status != SEQ_OK) {
    EXPECT_EQ(status, SEQ_ERR_IO);
    EXPECT_EQ(file, nullptr);
    EXPECT_EQ(std::string(err.text).find("w.safetensors"), 0u) << err.text;
    return err.text;
  }
  for (int64_t i = 0; i < seq_safetensors_count(file); i++) {
    const seq_file_tensor *t = &seq_safetensors_tensors(file)[i];
    EXPECT_EQ(seq_safetensors_find(file, t->name), t);
    if (names)
      names->push_back(t->name);
  }
  EXPECT_EQ(seq_safetensors_find(file, "no such name"), nullptr);
  seq_safetensors_close(file);
  return "";
}

std::string one(const std::string &fields, const std::string &bytes = data) {
  return parse(safetensors("{\"w\": " + fields + "}", bytes));
}

using names = std::vector<std::string>;
const char *const AB = "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                       "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
} // namespace

TEST(Safetensors, ReadsTensorsInAnyOrder) {
  seq_safetensors *file;
  seq_message err;
  std::string bytes = safetensors(AB, data);
  ASSERT_EQ(seq_safetensors_parse(bytes.data(), bytes.size(), "w", &file, &err), SEQ_OK)
      << err.text;
  ASSERT_EQ(seq_safetensors_count(file), 2);
  const seq_file_tensor *b = seq_safetensors_find(file, "b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->rank, 1);
  EXPECT_EQ(b->shape[0], 2);
  float values[2];
  ASSERT_EQ(seq_convert(b, SEQ_F32, SEQ_CONVERT_WEIGHTS, values, nullptr, "w", &err), SEQ_OK);
  EXPECT_EQ(values[1], 4);
  const seq_file_tensor *a = seq_safetensors_find(file, "a");
  EXPECT_EQ(a->shape[1], 2);
  seq_safetensors_close(file);
}

TEST(Safetensors, MetadataPaddingAndEscapes) {
  names n;
  EXPECT_EQ(
      parse(safetensors(
                "{\"__metadata__\":{\"k\":\"v\\n\\\"\",\"l\":\"\"}, \"\\u00e9\\ud83d\\ude00\":"
                "{\"shape\":[4],\"data_offsets\":[0,16],\"dtype\":\"F32\"}}   \n",
                data),
            &n),
      "");
  EXPECT_EQ(n, names{"\xC3\xA9\xF0\x9F\x98\x80"});
  EXPECT_EQ(parse(safetensors("{}", "")), "");
  EXPECT_EQ(parse(safetensors("{\"__metadata__\":{}}", "")), "");
}

TEST(Safetensors, ScalarsEmptyTensorsAndOtherTypes) {
  EXPECT_EQ(one("{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}", data.substr(0, 8)), "");
  EXPECT_EQ(one("{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}", ""), "");
  EXPECT_EQ(one("{\"dtype\":\"F8_E4M3\",\"shape\":[16],\"data_offsets\":[0,16]}"), "");
  EXPECT_EQ(one("{\"dtype\":\"F4\",\"shape\":[32],\"data_offsets\":[0,16]}"), "");
  EXPECT_EQ(parse(safetensors("{\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}," +
                                  std::string(AB + 1),
                              data)),
            "");
}

TEST(Safetensors, DuplicateKeys) {
  std::string w = "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
  EXPECT_EQ(parse(safetensors("{\"w\":" + w + ",\"\\u0077\":" + w + "}", data.substr(0, 8))),
            "w.safetensors: tensor `w` appears twice in the header");
  EXPECT_NE(one("{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}"), "");
  EXPECT_NE(parse(safetensors("{\"__metadata__\":{},\"__metadata__\":{}}", "")), "");
}

TEST(Safetensors, Offsets) {
  auto two = [](const char *b, const char *e, const std::string &bytes) {
    return parse(safetensors(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":"
        "\"U8\",\"shape\":[8],\"data_offsets\":[" +
            std::string(b) + "," + e + "]}}",
        bytes));
  };
  EXPECT_EQ(two("8", "16", data), "");
  EXPECT_EQ(two("4", "12", data.substr(0, 12)),
            "w.safetensors: tensor `b` overlaps another tensor's data");
  EXPECT_EQ(two("9", "17", data + "x"), "w.safetensors: tensor `b` begins after a gap in the data");
  EXPECT_NE(two("8", "16", data + "x"), "");
  EXPECT_EQ(two("8", "16", data.substr(1)),
            "w.safetensors: tensor `b` has `data_offsets` outside of the file");
  EXPECT_NE(two("16", "8", data), "");
  EXPECT_NE(two("-8", "0", data), "");
  EXPECT_NE(two("8", "18446744073709551632", data), "");
  EXPECT_EQ(two("8", "15", data.substr(1)),
            "w.safetensors: tensor `b` needs 8 bytes for its shape, its `data_offsets` give 7");
}

TEST(Safetensors, Shapes) {
  for (const char *shape : {"[-4]", "4", "[4.0]", "[4e0]", "[\"4\"]", "[04]", "[4,]", "[,4]",
                            "[[4]]", "[4", "null", "[9223372036854775807,9223372036854775807]",
                            "[18446744073709551620]", "{}", "[4294967296,4294967296,4]"})
    EXPECT_NE(
        one("{\"dtype\":\"F32\",\"shape\":" + std::string(shape) + ",\"data_offsets\":[0,16]}"), "")
        << shape;
  std::string axes = "1";
  for (int i = 0; i < 40; i++)
    axes += ",1";
  EXPECT_NE(one("{\"dtype\":\"F32\",\"shape\":[" + axes + ",4],\"data_offsets\":[0,16]}"), "");
}

TEST(Safetensors, Fields) {
  EXPECT_EQ(one("{\"dtype\":\"F32\",\"shape\":[4]}"),
            "w.safetensors: tensor `w` lacks `dtype`, `shape` or `data_offsets`");
  for (const char *fields :
       {"{}", "[]", "3", "null", "{\"dtype\":7,\"shape\":[4],\"data_offsets\":[0,16]}",
        "{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"more\":1}",
        "{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16,16]}",
        "{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}",
        "{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],}",
        "{\"dtype\":\"F32\" \"shape\":[4],\"data_offsets\":[0,16]}"})
    EXPECT_NE(one(fields), "") << fields;
}

TEST(Safetensors, HeadersThatAreNone) {
  for (const char *header : {"",
                             "[1, 2, 3]",
                             "{",
                             "{\"",
                             "null",
                             "{}{}",
                             "{} x",
                             "{\"w\"}",
                             "{\"w\":}",
                             "{,}",
                             "{\"__metadata__\":{\"a\":1}}",
                             "{\"__metadata__\":[]}",
                             "{\"__metadata__\":{\"a\"}}",
                             "{\"__metadata__\":{\"a\":\"b\",}}",
                             "{\"__metadata__\":{\"a\":\"\x01\"}}",
                             "{\"__metadata__\":{\"a\":\"\\x\"}}",
                             "{\"__metadata__\":{\"a\":\"\\ud800\"}}",
                             "{\"__metadata__\":{\"a\":\"\\udc00\"}}",
                             "{\"__metadata__\":{\"a\":\"\\u00\"}}",
                             "{\"__metadata__\":{\"a\":\"\xFF\"}}",
                             "{\"__metadata__\":{\"a\":\"\xC0\x80\"}}",
                             "{\"__metadata__\":{\"a\":\"\xED\xA0\x80\"}}",
                             "{\"__metadata__\":{\"a\":\"\xE2\x82\"}}",
                             "{\"__metadata__\":{\"a\":\"\\u0000\"}}",
                             "{\"a\\u001bb\":{}}"})
    EXPECT_NE(parse(safetensors(header, "")), "") << header;
  std::string deep(100000, '[');
  EXPECT_NE(parse(safetensors("{\"a\":" + deep, "")), "");
}

TEST(Safetensors, HeaderLengths) {
  EXPECT_NE(parse(""), "");
  EXPECT_NE(parse("1234567"), "");
  EXPECT_NE(parse(npy("<f4", "(4,)", data)).find("npy file"), std::string::npos);
  EXPECT_NE(parse(std::string("\xf8\xff\xff\xff\xff\xff\xff\xff{}", 10)), "");
  EXPECT_NE(parse(std::string("\xff\xff\xff\xff\0\0\0\0{}", 10)), "");
  EXPECT_NE(parse(std::string("\3\0\0\0\0\0\0\0{}", 10)), "");
  std::string whole = safetensors(AB, data);
  for (size_t n = 0; n < whole.size(); n++)
    EXPECT_NE(parse(whole.substr(0, n)), "") << n;
}

TEST(Safetensors, HeaderOver100MBIsRefused) {
  std::string whole = safetensors("{" + std::string(100000001, ' ') + "}", "");
  seq_safetensors *file;
  seq_message err;
  EXPECT_EQ(seq_safetensors_parse(whole.data(), whole.size(), "w", &file, &err), SEQ_ERR_IO);
  EXPECT_NE(std::string(err.text).find("100 MB"), std::string::npos);
}

TEST(Safetensors, Conversions) {
  auto convert = [](const char *type, const std::string &bytes, int32_t dtype, void *out) {
    std::string whole = safetensors("{\"w\":{\"dtype\":\"" + std::string(type) +
                                        "\",\"shape\":[1],\"data_offsets\":[0," +
                                        std::to_string(bytes.size()) + "]}}",
                                    bytes);
    seq_safetensors *file;
    seq_message err;
    EXPECT_EQ(seq_safetensors_parse(whole.data(), whole.size(), "w", &file, &err), SEQ_OK)
        << err.text;
    int32_t notes = 0;
    int status = seq_convert(seq_safetensors_tensors(file), dtype, SEQ_CONVERT_WEIGHTS, out, &notes,
                             "w", &err);
    seq_safetensors_close(file);
    return status == SEQ_OK ? notes : -1;
  };
  float f;
  int32_t i;
  EXPECT_EQ(convert("BF16", raw<uint16_t>({0xC040}), SEQ_F32, &f), 0);
  EXPECT_EQ(f, -3);
  EXPECT_EQ(convert("F16", raw<uint16_t>({0x4500}), SEQ_F32, &f), 0);
  EXPECT_EQ(f, 5);
  EXPECT_EQ(convert("F64", raw<double>({0.25}), SEQ_F32, &f), SEQ_NOTE_ROUNDED);
  EXPECT_EQ(f, 0.25);
  EXPECT_EQ(convert("I32", raw<int32_t>({9}), SEQ_F32, &f), -1);
  EXPECT_EQ(convert("I64", raw<int64_t>({9}), SEQ_I32, &i), -1);
  EXPECT_EQ(convert("F8_E5M2", "x", SEQ_F32, &f), -1);
  EXPECT_EQ(convert("I32", raw<int32_t>({9}), SEQ_I32, &i), 0);
  EXPECT_EQ(i, 9);
}
