//===- SimulateAsync.cpp - Barriers in memory, bulk copies, fences, for the simulator -------===//
#include "compiler/Codegen/SimulateOps.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace seq::codegen {

//===----------------------------------------------------------------------===//
// Barriers in shared memory
//===----------------------------------------------------------------------===//

/// Takes ".scope.cta.space.cluster" and its like from the end, or ".shared". The block's own
/// threads wait; a relaxed operation, which orders no memory, is not known.
static bool dropSpace(StringRef &name) {
  if (name.contains(".relaxed"))
    return false;
  size_t scope = name.find(".scope.");
  if (scope == StringRef::npos) {
    name.consume_back(".shared");
    return true;
  }
  StringRef rest = name.substr(scope);
  name = name.take_front(scope);
  return (rest.consume_front(".scope.cta") || rest.consume_front(".scope.cluster")) &&
         (rest == ".space.cta" || rest == ".space.cluster");
}

static Value *waitForBarrier(Site &s, StringRef name) {
  bool blocks = name.consume_front("try.wait");
  if (!blocks && !name.consume_front("test.wait"))
    return nullptr;
  bool parity = name.consume_front(".parity");
  name.consume_back(".tl"); // a limit of time
  if (!name.empty())
    return nullptr;
  Value *passed = s.op(parity ? "mbarrier_wait" : "mbarrier_wait_token", s.i32(),
                       {s.flat(s.arg(0)), s.arg(1), s.b.getInt32(blocks), s.where()});
  return s.b.CreateICmpNE(passed, s.b.getInt32(0));
}

static Value *arriveAtBarrier(Site &s, StringRef name) {
  if (!name.consume_front("arrive"))
    return nullptr;
  bool drops = name.consume_front(".drop"), expects = name == ".expect.tx";
  if (!name.empty() && !expects)
    return nullptr;
  Value *one = s.b.getInt32(1), *zero = s.b.getInt32(0);
  Value *count = expects || s.call.arg_size() < 2 ? one : s.arg(1);
  return s.op("mbarrier_arrive", s.b.getInt64Ty(),
              {s.flat(s.arg(0)), count, expects ? s.arg(1) : zero, s.b.getInt32(drops), s.where()});
}

static Value *replaceMbarrier(Site &s, StringRef name) {
  if (!name.consume_front("mbarrier."))
    return nullptr;
  s.waits = true;
  if (name == "pending.count")
    return s.op("mbarrier_pending", s.i32(), {s.arg(0)});
  if (!dropSpace(name))
    return nullptr;
  if (name == "init")
    return s.act("mbarrier_init", {s.flat(s.arg(0)), s.arg(1), s.where()});
  if (name == "inval")
    return s.act("mbarrier_inval", {s.flat(s.arg(0)), s.where()});
  if (name == "expect.tx")
    return s.act("mbarrier_expect", {s.flat(s.arg(0)), s.arg(1), s.where()});
  if (name == "complete.tx")
    return s.act("mbarrier_complete", {s.flat(s.arg(0)), s.arg(1), s.where()});
  if (Value *v = arriveAtBarrier(s, name))
    return v;
  return waitForBarrier(s, name);
}

//===----------------------------------------------------------------------===//
// Bulk copies
//===----------------------------------------------------------------------===//

/// The blocks of a multicast: a mask, and whether it counts.
static Value *blocksOf(Site &s, unsigned mask, unsigned used) {
  Value *blocks = s.b.CreateZExt(s.arg(mask), s.i32());
  return s.b.CreateSelect(s.arg(used), blocks, s.b.getInt32(0));
}

static Value *replaceRun(Site &s, StringRef name) {
  bool multicast = name == "global.to.shared.cluster";
  if (multicast || name == "global.to.shared.cta" || name == "shared.cta.to.cluster")
    return s.act("bulk_load", {s.flat(s.arg(0)), s.flat(s.arg(2)), s.arg(3), s.flat(s.arg(1)),
                               multicast ? blocksOf(s, 4, 6) : s.b.getInt32(0), s.where()});
  if (name == "shared.cta.to.global")
    return s.act("bulk_store", {s.flat(s.arg(0)), s.flat(s.arg(1)), s.arg(2), s.where()});
  return nullptr;
}

Value *storeCoordinates(Site &s, ArrayRef<Value *> start) {
  Value *list = s.scratch(ArrayType::get(s.i32(), 5));
  for (auto [i, v] : enumerate(start))
    s.b.CreateStore(v, s.b.CreateConstInBoundsGEP1_64(s.i32(), list, i));
  return list;
}

static Value *coordinates(Site &s, unsigned first, unsigned rank) {
  std::vector<Value *> all(s.call.arg_begin(), s.call.arg_end());
  return storeCoordinates(s, ArrayRef(all).slice(first, rank));
}

static Value *replaceTensor(Site &s, StringRef name) {
  bool multicast = name.consume_front("g2s.tile."), stores = name.consume_front("s2g.tile.");
  unsigned rank = 0;
  if (!multicast && !stores && !name.consume_front("g2s.cta.tile."))
    return nullptr;
  if (name.consumeInteger(10, rank) || name != "d" || rank < 1 || rank > 5)
    return nullptr;
  if (stores)
    return s.act("tensor_store", {s.flat(s.arg(1)), s.flat(s.arg(0)), s.b.getInt32(int(rank)),
                                  coordinates(s, 2, rank), s.where()});
  Value *blocks = multicast ? blocksOf(s, 3 + rank, 5 + rank) : s.b.getInt32(0);
  return s.act("tensor_load",
               {s.flat(s.arg(2)), s.flat(s.arg(0)), s.flat(s.arg(1)), s.b.getInt32(int(rank)),
                coordinates(s, 3, rank), blocks, s.where()});
}

static Value *replaceBulk(Site &s, StringRef name) {
  if (name.starts_with("prefetch.tensormap") || name.starts_with("cp.async.bulk.prefetch.") ||
      name.starts_with("cp.async.bulk.tensor.prefetch."))
    return s.done();
  if (!name.consume_front("cp.async.bulk."))
    return nullptr;
  s.waits = true;
  if (name == "commit.group")
    return s.act("bulk_commit", {});
  if (name == "wait.group" || name == "wait.group.read")
    return s.act("bulk_wait", {s.arg(0), s.b.getInt32(name.ends_with(".read"))});
  if (name.consume_front("tensor."))
    return replaceTensor(s, name);
  return replaceRun(s, name);
}

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

static Value *replaceFence(Site &s, StringRef name) {
  if (name == "nanosleep")
    return s.act("yield", {s.where()});
  if (name == "membar.cta" || name == "membar.gl" || name == "membar.sys" ||
      name == "fence.sc.cluster")
    return s.act("fence", {s.b.getInt32(name == "membar.cta")});
  // One memory holds what is reached under two addresses.
  if (name == "fence.proxy.alias")
    return s.done();
  bool barriers = name == "fence.mbarrier_init.release.cluster";
  if (!barriers && name != "fence.proxy.async" && name != "fence.proxy.async.global" &&
      name != "fence.proxy.async.shared_cta" && name != "fence.proxy.async.shared_cluster")
    return nullptr;
  return s.act(barriers ? "fence_mbarriers" : "fence_proxy", {});
}

//===----------------------------------------------------------------------===//
// Clusters and products of warp groups
//===----------------------------------------------------------------------===//

/// Clusters have one axis, as blocks and grids.
static Value *replaceClusterRegister(Site &s, StringRef name) {
  Value *blocks = s.ops.index(s.b, "cluster_count");
  if (name == "clusterid.x")
    return s.b.CreateUDiv(s.ops.index(s.b, "block_index"), blocks);
  if (name == "nclusterid.x")
    return s.b.CreateUDiv(s.ops.index(s.b, "block_count"), blocks);
  if (!name.ends_with(".y") && !name.ends_with(".z"))
    return nullptr;
  name = name.drop_back(2);
  if (name == "clusterid" || name == "cluster.ctaid")
    return s.b.getInt32(0);
  return name == "nclusterid" || name == "cluster.nctaid" ? s.b.getInt32(1) : nullptr;
}

static Value *replaceCluster(Site &s, StringRef name) {
  if (name.consume_front("read.ptx.sreg."))
    return replaceClusterRegister(s, name);
  s.waits = true;
  if (name == "mapa" || name == "mapa.shared.cluster") {
    Value *p = s.op("map", s.b.getPtrTy(), {s.flat(s.arg(0)), s.arg(1), s.where()});
    return s.b.CreateAddrSpaceCast(p, s.call.getType());
  }
  if (name == "getctarank" || name == "getctarank.shared.cluster")
    return s.op("rank_of", s.i32(), {s.flat(s.arg(0)), s.where()});
  if (!name.consume_front("barrier.cluster."))
    return nullptr;
  name.consume_back(".aligned");
  if (name == "wait")
    return s.act("cluster_wait", {s.where()});
  if (name != "arrive" && name != "arrive.relaxed")
    return nullptr;
  return s.act("cluster_arrive", {s.b.getInt32(name == "arrive.relaxed"), s.where()});
}

static Value *replaceProducts(Site &s, StringRef name) {
  if (!name.consume_front("wgmma.") || !name.consume_back(".sync.aligned"))
    return nullptr;
  s.waits = true;
  if (name == "fence" || name == "commit_group")
    return s.act(name == "fence" ? "wgmma_fence" : "wgmma_commit", {s.where()});
  if (name == "wait_group")
    return s.act("wgmma_wait", {s.b.CreateTrunc(s.arg(0), s.i32()), s.where()});
  return nullptr;
}

/// Moves registers between warps, which the simulator has enough of.
static Value *replaceRegisterCount(Site &s, StringRef name) {
  return name.starts_with("setmaxnreg.") ? s.done() : nullptr;
}

Value *replaceAsync(Site &s, StringRef name) {
  for (auto family : {replaceMbarrier, replaceBulk, replaceProducts, replaceFence,
                      replaceRegisterCount, replaceCluster})
    if (Value *v = family(s, name))
      return v;
  s.waits = false;
  return nullptr;
}

} // namespace seq::codegen
