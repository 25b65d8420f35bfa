//===- BatchTest.cpp - Ragged batches ---------------------------------------------------===//
#include "compiler/Reference/Reference.h"
#include "dialect/Seq.h"
#include "runtime/include/seq/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace seq::reference;

namespace {

/// y[t, c] = Σ_{u ≤ t} x[u, c] · w[c], and the sum of all of x, over [T, 2].
constexpr const char *kRunning = R"(
#x = affine_map<()[s0] -> (s0, 2)>
#w = affine_map<()[s0] -> (2)>
#none = affine_map<()[s0] -> ()>
func.func @running(%w: tensor<2xf32> {seq.weight, seq.shape = #w},
                   %x: tensor<?x2xf32> {seq.shape = #x})
    -> (tensor<?x2xf32> {seq.shape = #x}, tensor<f32> {seq.shape = #none})
    attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c2 = arith.constant 2 : index
  %y = seq.map (%t, %c) in (%T, %c2) -> (tensor<?x2xf32>) {
    %s = seq.reduce [sum] (%u) in (%T) -> (f32) {
      %v = seq.read %x[%u, %c] : tensor<?x2xf32>
      %p = arith.cmpi sle, %u, %t : index
      seq.yield %v : f32 when %p
    }
    %k = seq.read %w[%c] : tensor<2xf32>
    %r = arith.mulf %s, %k : f32
    seq.yield %r : f32
  }
  %z = seq.map () in () -> (tensor<f32>) {
    %s = seq.reduce [sum] (%u, %c) in (%T, %c2) -> (f32) {
      %v = seq.read %x[%u, %c] check "x[u, c]" : tensor<?x2xf32>
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return %y, %z : tensor<?x2xf32>, tensor<f32>
})";

/// w[idx[t]] for t < T, of a table of 3.
constexpr const char *kGather = R"(
#idx = affine_map<()[s0] -> (s0)>
func.func @gather(%w: tensor<3xf32>, %idx: tensor<?xi32> {seq.shape = #idx})
    -> (tensor<?xf32> {seq.shape = #idx}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %k = seq.read %idx[%t] : tensor<?xi32>
    %j = arith.index_cast %k : i32 to index
    %v = seq.read %w[%j] check "w[idx[t]]" : tensor<3xf32>
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
})";

/// h' = h + x[t] over [T, 2] with a static state and yield, and the final state.
constexpr const char *kStaticYield = R"(
#x = affine_map<()[s0] -> (s0, 2)>
#h = affine_map<()[s0] -> (2)>
func.func @sums(%x: tensor<?x2xf32> {seq.shape = #x})
    -> (tensor<?x2xf32> {seq.shape = #x}, tensor<2xf32> {seq.shape = #h})
    attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c2 = arith.constant 2 : index
  %z = seq.map (%c) in (%c2) -> (tensor<2xf32>) {
    %v = arith.constant 5.0 : f32
    seq.yield %v : f32
  }
  %y, %e = seq.scan (%t) in (%T) states (%h = %z) -> (tensor<?x2xf32>, tensor<2xf32>) {
    %n = seq.map (%c) in (%c2) -> (tensor<2xf32>) {
      %a = seq.read %h[%c] : tensor<2xf32>
      %b = seq.read %x[%t, %c] : tensor<?x2xf32>
      %s = arith.addf %a, %b : f32
      seq.yield %s : f32
    }
    seq.next (%n) yield (%n) : (tensor<2xf32>) yield (tensor<2xf32>)
  }
  return %y, %e : tensor<?x2xf32>, tensor<2xf32>
})";

template <class T> Tensor tensor(Elem elem, std::vector<int64_t> shape, std::vector<T> values) {
  Tensor t = Tensor::zeros(elem, shape);
  std::copy(values.begin(), values.end(), t.data<T>());
  return t;
}
Tensor f32s(std::vector<int64_t> shape, std::vector<float> values) {
  return tensor(Elem::F32, std::move(shape), std::move(values));
}
Tensor i32s(std::vector<int64_t> shape, std::vector<int32_t> values) {
  return tensor(Elem::I32, std::move(shape), std::move(values));
}
template <class T> std::vector<T> values(const Tensor &t) {
  return std::vector<T>(t.data<T>(), t.data<T>() + t.count());
}

class BatchTest : public testing::Test {
protected:
  BatchTest() { context.loadDialect<seq::SeqDialect, arith::ArithDialect, func::FuncDialect>(); }
  func::FuncOp parse(const char *text) {
    module = parseSourceString<ModuleOp>(text, &context);
    return *module->getOps<func::FuncOp>().begin();
  }
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::vector<Tensor> results;
  Failure failure;
};

constexpr float kPad = NAN; ///< would show in every result that reads it

TEST_F(BatchTest, ragged) {
  Tensor w = f32s({2}, {1, 10});
  Tensor x = f32s({3, 3, 2}, {1, 2, 3, 4, 5, 6,                     // T = 3
                              7, 8, kPad, kPad, kPad, kPad,         // T = 1
                              kPad, kPad, kPad, kPad, kPad, kPad}); // T = 0
  Batch batch{3, {&w, &x}, {false, true}, {{"T", 3}}, {{"T", {3, 1, 0}}}};
  ASSERT_TRUE(interpretBatch(parse(kRunning), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{3, 3, 2}));
  EXPECT_EQ(values<float>(results[0]),
            (std::vector<float>{1, 20, 4, 60, 9, 120, 7, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(results[1].shape, (std::vector<int64_t>{3}));
  EXPECT_EQ(values<float>(results[1]), (std::vector<float>{21, 15, 0}));
}

// Over no steps the yields keep their own axes: the last sequence's row was once padded
// from a tensor of the wrong rank, past the end of the result.
TEST_F(BatchTest, scanOverNoStepsInTheLastSequence) {
  Tensor x = f32s({2, 2, 2}, {1, 2, 3, 4, kPad, kPad, kPad, kPad});
  Batch batch{2, {&x}, {true}, {{"T", 2}}, {{"T", {2, 0}}}};
  ASSERT_TRUE(interpretBatch(parse(kStaticYield), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{2, 2, 2}));
  EXPECT_EQ(values<float>(results[0]), (std::vector<float>{6, 7, 9, 11, 0, 0, 0, 0}));
  EXPECT_EQ(values<float>(results[1]), (std::vector<float>{9, 11, 5, 5}));
}

TEST_F(BatchTest, sharedInputIsCutToo) {
  Tensor w = f32s({2}, {1, 1});
  Tensor x = f32s({3, 2}, {1, 2, 3, 4, 5, 6});
  Batch batch{2, {&w, &x}, {false, false}, {{"T", 3}}, {{"T", {2, 3}}}};
  ASSERT_TRUE(interpretBatch(parse(kRunning), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(values<float>(results[0]), (std::vector<float>{1, 2, 4, 6, 0, 0, 1, 2, 4, 6, 9, 12}));
  EXPECT_EQ(values<float>(results[1]), (std::vector<float>{10, 21}));
}

TEST_F(BatchTest, withoutLengthsEverySequenceIsWhole) {
  Tensor w = f32s({2}, {1, 1});
  Tensor x = f32s({2, 1, 2}, {1, 2, 3, 4});
  Batch batch{2, {&w, &x}, {false, true}, {{"T", 1}}, {}};
  ASSERT_TRUE(interpretBatch(parse(kRunning), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(values<float>(results[1]), (std::vector<float>{3, 7}));
}

TEST_F(BatchTest, f64TakesAndGivesDoubles) {
  Tensor w = tensor<double>(Elem::F64, {2}, {0.1, 1});
  Tensor x = f32s({1, 1, 2}, {3, 4});
  Batch batch{1, {&w, &x}, {false, true}, {{"T", 1}}, {}};
  Options options;
  options.f64 = true;
  ASSERT_TRUE(interpretBatch(parse(kRunning), batch, options, results, failure)) << failure.what;
  ASSERT_EQ(results[0].elem, Elem::F64);
  EXPECT_EQ(values<double>(results[0]), (std::vector<double>{3 * 0.1, 4}));
}

TEST_F(BatchTest, paddingIsNotGathered) {
  Tensor w = f32s({3}, {10, 20, 30});
  Tensor idx = i32s({2, 2}, {2, 0, 1, 99});
  Batch batch{2, {&w, &idx}, {false, true}, {{"T", 2}}, {{"T", {2, 1}}}};
  ASSERT_TRUE(interpretBatch(parse(kGather), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(values<float>(results[0]), (std::vector<float>{30, 10, 20, 0}));
}

TEST_F(BatchTest, failureNamesTheSequence) {
  Tensor w = f32s({3}, {10, 20, 30});
  Tensor idx = i32s({2, 2}, {2, 0, 1, 99});
  Batch batch{2, {&w, &idx}, {false, true}, {{"T", 2}}, {}};
  ASSERT_FALSE(interpretBatch(parse(kGather), batch, {}, results, failure));
  EXPECT_EQ(failure.kind, SEQ_FAIL_INDEX);
  EXPECT_EQ(failure.what, "w[idx[t]]");
  EXPECT_EQ(failure.sequence, 1);
  EXPECT_EQ(failure.value, 99);
  EXPECT_EQ(failure.bound, 3);
  EXPECT_EQ(failure.line, 9u);
}

TEST_F(BatchTest, lengthBeyondThePaddingFails) {
  Tensor w = f32s({3}, {10, 20, 30});
  Tensor idx = i32s({1, 2}, {2, 0});
  Batch batch{1, {&w, &idx}, {false, true}, {{"T", 2}}, {{"T", {3}}}};
  ASSERT_FALSE(interpretBatch(parse(kGather), batch, {}, results, failure));
  EXPECT_EQ(failure.kind, SEQ_FAIL_SIZE);
}

TEST_F(BatchTest, noSequences) {
  Tensor w = f32s({3}, {10, 20, 30});
  Tensor idx = Tensor::zeros(Elem::I32, {0, 2});
  Batch batch{0, {&w, &idx}, {false, true}, {{"T", 2}}, {}};
  ASSERT_TRUE(interpretBatch(parse(kGather), batch, {}, results, failure)) << failure.what;
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{0, 2}));
}

TEST_F(BatchTest, argumentAgainstItsType) {
  Tensor w = f32s({2}, {10, 20});
  Tensor idx = i32s({1}, {0});
  ASSERT_FALSE(interpret(parse(kGather), {&w, &idx}, {{"T", 1}}, {}, results, failure));
  EXPECT_EQ(failure.kind, SEQ_FAIL_SIZE);
  EXPECT_EQ(failure.value, 2);
  EXPECT_EQ(failure.bound, 3);
}

} // namespace
