// Models and their parameters, from views and from files.
#include "FakeModel.h"
#include "FileForTest.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace fake;
using floats = std::vector<float>;

namespace {
struct Bind : ::testing::Test {
  session s{layer};
  array w{{2, 3}, {1, 2, 3, 4, 5, 6}}, bias{{2}, {10, 20}};

  int bind(std::vector<const DLTensor *> p) {
    return seq_model_bind(s.model, p.data(), static_cast<int32_t>(p.size()));
  }
  int bindFile(const std::string &bytes, int ignore = 0) {
    files::temporary file(".safetensors", bytes);
    int status = seq_model_bind_file(s.model, file.path.c_str(), ignore);
    error = s.error();
    if (error.find(file.path) == 0)
      error = "FILE" + error.substr(file.path.size());
    return status;
  }
  floats project() {
    array x({1, 3}, {1, 0, 1}), y({1, 2});
    EXPECT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_OK) << s.error();
    return y.values();
  }
  std::string error;
};

std::string entry(const char *name, const char *type, const char *shape, int begin, int end) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
         ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}
const std::string w32 = files::raw<float>({1, 2, 3, 4, 5, 6}), b32 = files::raw<float>({10, 20});
const std::string W = entry("layers.0.w", "F32", "[2,3]", 0, 24),
                  B = entry("layers.0.bias", "F32", "[2]", 24, 32);
} // namespace

TEST_F(Bind, Views) {
  ASSERT_EQ(bind({&w.view, &bias.view}), SEQ_OK) << s.error();
  w.data.assign(w.data.size(), 0); // not needed any more
  EXPECT_EQ(project(), (floats{14, 30}));
}

TEST_F(Bind, ThreadsPrepareTogether) {
  session many(layer, 3);
  const DLTensor *p[] = {&w.view, &bias.view};
  ASSERT_EQ(seq_model_bind(many.model, p, 2), SEQ_OK);
  array x({1, 3}, {1, 0, 1}), y({1, 2});
  EXPECT_EQ(many.run(0, {{&x.view}, {&y.view}}), SEQ_OK);
  EXPECT_EQ(y.values(), (floats{14, 30}));
}

TEST_F(Bind, WrongViews) {
  EXPECT_EQ(bind({&w.view}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "`Cell` has 2 parameters, not 1");
  EXPECT_EQ(bind({&w.view, nullptr}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "parameter `layers.0.bias` is missing");
  EXPECT_EQ(bind({&bias.view, &bias.view}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "parameter `layers.0.w` is [2], not [2, 3]");
  w.view.dtype.bits = 64;
  EXPECT_EQ(bind({&w.view, &bias.view}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "parameter `layers.0.w` is f64, not f32");
}

TEST_F(Bind, CallsNeedParameters) {
  array x({1, 3}), y({1, 2});
  EXPECT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "the parameters of `Cell` are not bound");
}

TEST_F(Bind, File) {
  ASSERT_EQ(bindFile(files::safetensors("{" + B + "," + W + "}", w32 + b32)), SEQ_OK) << error;
  EXPECT_EQ(project(), (floats{14, 30}));
  EXPECT_STREQ(seq_last_note(s.ctx), "");
}

TEST_F(Bind, FileWithUnalignedData) {
  for (int pad = 0; pad < 8; pad++) {
    ASSERT_EQ(
        bindFile(files::safetensors("{" + W + "," + B + "}" + std::string(pad, ' '), w32 + b32)),
        SEQ_OK);
    EXPECT_EQ(project(), (floats{14, 30}));
  }
}

TEST_F(Bind, FileOfOtherFloats) {
  std::string w64 = files::raw<double>({1, 2, 3, 4, 5, 6}),
              b16 = files::raw<uint16_t>({0x4120, 0x41A0});
  ASSERT_EQ(bindFile(files::safetensors("{" + entry("layers.0.w", "F64", "[2,3]", 0, 48) + "," +
                                            entry("layers.0.bias", "BF16", "[2]", 48, 52) + "}",
                                        w64 + b16)),
            SEQ_OK)
      << error;
  EXPECT_EQ(project(), (floats{14, 30}));
  EXPECT_NE(std::string(seq_last_note(s.ctx)).find("f64 `layers.0.w` was rounded to f32"),
            std::string::npos);
}

TEST_F(Bind, FileOfIntegersDoesNotConvert) {
  EXPECT_EQ(bindFile(files::safetensors(
                "{" + W + "," + entry("layers.0.bias", "I32", "[2]", 24, 32) + "}", w32 + b32)),
            SEQ_ERR_ARGUMENT);
  EXPECT_EQ(error, "FILE: `layers.0.bias` holds i32; f32 is needed, and no conversion is made");
}

TEST_F(Bind, FileThatLacksAParameter) {
  EXPECT_EQ(bindFile(files::safetensors("{" + W + "," + entry("bias", "F32", "[2]", 24, 32) + "}",
                                        w32 + b32)),
            SEQ_ERR_ARGUMENT);
  EXPECT_EQ(error, "FILE lacks parameter `layers.0.bias` of `Cell`; it holds, unused, `bias`");
  EXPECT_EQ(bindFile(files::safetensors("{}", "")), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(error, "FILE lacks parameters `layers.0.w`, `layers.0.bias` of `Cell`");
}

TEST_F(Bind, FileWithMore) {
  std::string more = "{" + W + "," + B;
  for (int i = 0; i < 7; i++)
    more += "," + entry(("extra" + std::to_string(i)).c_str(), "I64", "[0]", 32, 32);
  more = files::safetensors(more + "}", w32 + b32);
  EXPECT_EQ(bindFile(more), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(
      error,
      "FILE holds `extra0`, `extra1`, `extra2`, `extra3`, `extra4` and 2 more, which `Cell` has no "
      "parameter for; --ignore-extra permits that");
  EXPECT_EQ(bindFile(more, 1), SEQ_OK);
  EXPECT_EQ(project(), (floats{14, 30}));
}

TEST_F(Bind, FileOfOtherShapes) {
  EXPECT_EQ(bindFile(files::safetensors(
                "{" + entry("layers.0.w", "F32", "[3,2]", 0, 24) + "," + B + "}", w32 + b32)),
            SEQ_ERR_SHAPE);
  EXPECT_EQ(error, "FILE: `layers.0.w` is [3, 2], the parameter is [2, 3]: it looks transposed");
}

TEST_F(Bind, FileThatIsNone) {
  EXPECT_EQ(bindFile("hello"), SEQ_ERR_IO);
  EXPECT_EQ(seq_model_bind_file(s.model, "/nowhere", 0), SEQ_ERR_IO);
  EXPECT_EQ(s.error(), "/nowhere cannot be opened: No such file or directory");
}

TEST(Model, DescriptorsAreChecked) {
  seq_model_desc bad = plain;
  bad.magic = 1;
  EXPECT_EQ(session(bad).created, SEQ_ERR_MODEL);
  bad = plain;
  bad.abi_version = 77;
  session s(bad);
  EXPECT_EQ(s.created, SEQ_ERR_MODEL);
  EXPECT_EQ(
      s.error(),
      "`Plain` was compiled for version 77 of the binary interface; this runtime has 6: compile "
      "it again");
  EXPECT_EQ(s.model, nullptr);
}

TEST(Model, FunctionsHaveNumbers) {
  session s;
  EXPECT_EQ(seq_model_function(s.model, "ring"), RING);
  EXPECT_EQ(seq_model_function(s.model, "rung"), -1);
  EXPECT_EQ(seq_model_descriptor(s.model), &plain);
}

namespace {
void one(const seq_call *c, int32_t tid, int32_t) {
  if (tid == 0)
    *out(c, 0) = 1;
}
void three(const seq_call *c, int32_t tid, int32_t) {
  if (tid == 0)
    *out(c, 0) = 3;
}
float level(const char *most, const seq_variant *variants, int32_t n, int *status,
            std::string *error) {
  seq_function_desc fn = functions[RING];
  fn.variants = variants;
  fn.n_variants = n;
  seq_model_desc desc = plain;
  desc.functions = &fn;
  desc.n_functions = 1;
  setenv("SEQC_CPU_LEVEL", most, 1);
  session s(desc);
  unsetenv("SEQC_CPU_LEVEL");
  *status = s.created;
  *error = s.error();
  array x({1, 1}), y({1});
  if (s.model) {
    EXPECT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_OK) << s.error();
  }
  return y.data[0];
}
} // namespace

TEST(Model, PicksTheBestVariant) {
  const seq_variant variants[] = {{1, 0, nullptr, one, nullptr, 0, nullptr},
                                  {3, 0, nullptr, three, nullptr, 0, nullptr}};
  int status;
  std::string error;
  EXPECT_EQ(level("1", variants, 2, &status, &error), 1);
  EXPECT_EQ(level("2", variants, 2, &status, &error), 1);
  if (seq_cpu_level() >= 3) {
    EXPECT_EQ(level("4", variants, 2, &status, &error), 3);
  }
  level("1", variants + 1, 1, &status, &error);
  EXPECT_EQ(status, SEQ_ERR_MODEL);
  EXPECT_EQ(error, "`ring` was compiled for x86-64-v3; this CPU is x86-64-v1: compile it with "
                   "--target=x86-64-v1");
  level("1", variants, 0, &status, &error);
  EXPECT_EQ(error, "`ring` has no code");
}
