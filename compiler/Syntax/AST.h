//===- AST.h - The syntax tree ----------------------------------------------===//
//
// What the parser makes of a file: names are unresolved, types are as written.
// Nodes are owned by their parents through unique_ptr; every node has a range.
// Depth is bounded by the parser (kMaxNesting), so recursion over it is safe.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_SYNTAX_AST_H
#define SEQC_SYNTAX_AST_H

#include "compiler/Diagnostics/Diagnostics.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seq::ast {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using StmtPtr = std::unique_ptr<Stmt>;

struct Name {
  std::string text; ///< in NFC, primes included: "h'"
  SourceRange range;
};

/// `i`, `t in 0..T / 2`.
struct IndexDecl {
  Name name;
  ExprPtr lo, hi; ///< both null where no range is written
};

/// `f32[T, D]`, `[T]`, `float`, or a layer's or function's name (`cell: TreeCell`).
struct TypeExpr {
  SourceRange range;
  std::string element;        ///< "" where only brackets are written (means float)
  bool hasShape = false;      ///< brackets were written
  std::vector<ExprPtr> shape; ///< a `_` dimension is a NameRef "_"
};

/// One argument of a call, or an item of a layer's size list.
struct Argument {
  std::optional<Name> name; ///< `bias = false`
  ExprPtr value;
};

/// One item between index brackets: an expression or a slice with optional ends.
struct Subscript {
  SourceRange range;
  bool isSlice = false;
  ExprPtr lo, hi; ///< the index is `lo` where !isSlice
};

struct Block {
  SourceRange range;
  std::vector<StmtPtr> stmts;
};

/// `h: [H] = 0`, `S = S0`, `m = 0.0`.
struct StateDecl {
  Name name;
  std::optional<TypeExpr> type;
  ExprPtr init;
};

enum class ExprKind {
  Number,  ///< text: as written; isFloat
  Bool,    ///< text: true, false
  String,  ///< text
  NameRef, ///< text; also `inf`, `nan`, `pi` (resolved later)
  Member,  ///< a.text
  Unary,   ///< op a               op: "-", "not"
  Binary,  ///< a op b             op: + - * / % ** @ < <= > >= == != and or
  Ternary, ///< a ? b : c
  Index,   ///< a[subscripts]
  Call,    ///< a(args)
  Reduce,  ///< text[indices](a where b)   sum, softmax, ... ; args[1..] kept in args
  List,    ///< [a, b, c]          items in args
  Scan,    ///< scan
  Block,   ///< { stmts; value }
  Grad,    ///< grad(f)  — parsed as a Call; kept for later
};

struct ScanExpr {
  bool reverse = false;
  IndexDecl axis;
  std::vector<StateDecl> states;
  std::vector<Name> as; ///< `as (hs, cs)`
  ExprPtr reset;
  Block body;
};

struct Expr {
  ExprKind kind;
  SourceRange range;
  std::string text;     ///< name, literal, operator
  bool isFloat = false; ///< a Number with a point or an exponent
  SourceRange opRange;  ///< the operator or member name
  ExprPtr a, b, c;
  std::vector<Subscript> subscripts;
  std::vector<IndexDecl> indices; ///< Reduce
  std::vector<Argument> args;
  std::unique_ptr<ScanExpr> scan;
  std::unique_ptr<Block> block;
};

/// A name on the left of `let`, `=`: `i`, `y[t, c in 0..C]`, `_`.
struct Target {
  Name name;
  bool hasIndices = false;
  std::vector<IndexDecl> indices;
  std::optional<TypeExpr> type;
  /// `let loss(M: [K, V]) = …`: a local function.
  bool isFunction = false;
};

struct FnDecl;

enum class StmtKind { Let, Assign, Return, Yield, Value, For, If };

struct Stmt {
  StmtKind kind;
  SourceRange range;
  std::vector<Target> targets; ///< Let, Assign (`h' = …`, `S'[a, b] = …`, `x = …`)
  std::vector<ExprPtr> values; ///< Let and Assign: one; Return, Yield, Value: one or more
  Name loopVar;                ///< For
  ExprPtr lo, hi;              ///< For: `in lo` (an array of layers) or `in lo..hi`
  ExprPtr cond;                ///< If
  Block body, elseBody;        ///< For, If
  bool hasElse = false;
  std::unique_ptr<FnDecl> function; ///< Let of a local function
};

/// A parameter of a function.
struct Param {
  Name name;
  std::optional<TypeExpr> type;
  ExprPtr init; ///< default value
};

struct ResultDecl {
  std::optional<Name> name; ///< `-> y: [T, D]`
  TypeExpr type;
};

struct FnDecl {
  Name name;
  SourceRange range;
  std::string doc;
  std::vector<Param> params;
  std::vector<ResultDecl> results; ///< empty where no `->` is written
  Block body;
};

/// `D`, `N = 16`, `bias = true`, `cell: TreeCell`.
struct SizeParam {
  Name name;
  std::optional<TypeExpr> type;
  ExprPtr init;
};

/// `param w[e, n]: [E, N] = log(n + 1) if cond`
struct ParamDecl {
  Name name;
  SourceRange range;
  std::string doc;
  std::vector<IndexDecl> indices; ///< of the initial value
  std::optional<TypeExpr> type;
  ExprPtr init;      ///< initial value
  ExprPtr condition; ///< `if bias`
};

/// `conv1d: CausalConv(E, K)`, `layers: [L] LSTM(D, D)`, `layers: [L] l => Block(C, 2 ** l)`
struct SubLayerDecl {
  Name name;
  SourceRange range;
  std::string doc;
  ExprPtr count;                ///< null: one
  std::optional<Name> indexVar; ///< `l =>`
  ExprPtr callee;               ///< NameRef or Member (module.Layer)
  std::vector<Argument> args;
};

struct LayerDecl {
  Name name;
  SourceRange range;
  std::string doc;
  bool isModel = false;
  std::vector<SizeParam> sizes;
  std::vector<ParamDecl> params;
  std::vector<SubLayerDecl> subLayers;
  std::vector<std::unique_ptr<FnDecl>> functions;
  /// Order of declaration over params and subLayers: (isSubLayer, index).
  std::vector<std::pair<bool, unsigned>> order;
};

/// `import std.attention`, `import "./cells.seq" as cells`
struct ImportDecl {
  SourceRange range;
  std::string path; ///< "std.attention" or the text between the quotes
  bool isFile = false;
  Name alias; ///< the last component where no `as` is written
};

struct TestDecl {
  std::string title;
  SourceRange range;
  Block body;
};

struct File {
  uint32_t id = 0; ///< of the SourceManager
  std::vector<ImportDecl> imports;
  std::vector<std::unique_ptr<FnDecl>> functions;
  std::vector<std::unique_ptr<LayerDecl>> layers;
  std::vector<TestDecl> tests;
  /// Order over functions and layers: (isLayer, index); "the last fn of the file".
  std::vector<std::pair<bool, unsigned>> order;
};

} // namespace seq::ast

#endif
