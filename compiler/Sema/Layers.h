//===- Layers.h - Instances of layers and functions ---------------------------===//
//
// The Analyzer makes one instance of each layer and set of static values, and one of each
// function, on demand. A *generic* layer has size symbols without values: it is how code
// that nothing calls is checked.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_SEMA_LAYERS_H
#define SEQC_SEMA_LAYERS_H

#include "compiler/Sema/Modules.h"
#include "compiler/Sema/Static.h"

namespace seq {

using SizeMap = std::vector<std::pair<const SizeSymbol *, Size>>;
Size translate(const Size &size, const SizeMap &sizes);
typed::Type translate(const typed::Type &type, const SizeMap &sizes);

struct Layer;

/// A sub-layer as its holder sees it.
struct SubLayer {
  std::string name; ///< "conv1d", "layers.3"
  Layer *layer = nullptr;
  SizeMap sizes; ///< its symbols in the holder's terms
};

struct SubLayerGroup {
  const ast::SubLayerDecl *decl = nullptr;
  bool isArray = false;
  Size count;             ///< in the holder's terms
  bool countKnown = true; ///< false: `members` holds one that stands for all
  std::vector<SubLayer> members;
};

struct LayerWeight {
  const ast::ParamDecl *decl = nullptr;
  typed::Type type;
  bool present = true;
};

struct Layer {
  const Module *module = nullptr;
  const ast::LayerDecl *decl = nullptr;
  typed::LayerInstance *instance = nullptr;
  bool generic = false;
  std::unordered_map<std::string, StaticValue> statics;
  std::unordered_map<std::string, LayerWeight> weights;
  std::unordered_map<std::string, SubLayerGroup> subLayers;
  std::unordered_map<std::string, const ast::FnDecl *> functions;
  unsigned depth = 1;
  uint64_t count = 1; ///< of layers in the tree below it, itself included

  const StaticValue *findStatic(const std::string &name) const;
};

/// To the kind that a parameter has: an integer becomes a float. False: it does not convert.
bool adapt(StaticValue &value, StaticValue::Kind kind);

class Analyzer {
public:
  Analyzer(const SemaOptions &options, typed::Program &program, DiagnosticEngine &diags)
      : options(options), program(program), diags(diags) {}

  /// One value for each parameter, in the terms of the evaluator's names. With `open`,
  /// values that are neither given nor have a default are left out (nullopt inside).
  struct Bound {
    std::vector<std::optional<StaticValue>> values;
    std::vector<bool> given;
  };
  std::optional<Bound> bindArguments(const ast::LayerDecl &decl,
                                     const std::vector<ast::Argument> &args, SourceRange at,
                                     const StaticEvaluator::Lookup &outer, bool open,
                                     DiagnosticEngine *reports);
  static StaticValue::Kind kindOf(const ast::SizeParam &param);

  /// Null after an error. `values` has one entry for each parameter.
  Layer *layer(const Module &module, const ast::LayerDecl &decl,
               const std::vector<StaticValue> &values, bool generic, SourceRange at);
  Layer *genericLayer(const Module &module, const ast::LayerDecl &decl, bool openBools);
  /// The checked function; null after an error. `owner` is null for a `fn`.
  typed::FunctionInstance *function(const Module &module, const ast::FnDecl &decl, Layer *owner,
                                    SourceRange at);

  SizeSymbol *makeSymbol(std::string name, bool isStatic, std::optional<int64_t> value,
                         bool generic);
  typed::Var *makeVar(typed::VarKind kind, std::string name, typed::Type type, SourceRange range,
                      bool generic);
  Size opaqueSize(const ast::Expr &expr);
  Size opaqueSymbol(const std::string &name);
  const Module *moduleOf(uint32_t file) const;

  /// The element type that a type's text means; reports what is unknown.
  std::optional<typed::Elem> elementOf(const ast::TypeExpr &type);
  /// The declaration of a layer by name or `module.Layer`.
  std::pair<const Module *, const ast::LayerDecl *> findLayer(const Module &module,
                                                              const ast::Expr &callee);
  /// What a bare name means: a declaration of the file, else a public one of the prelude,
  /// unless the file has anything else of that name. Null: none.
  std::pair<const Module *, const ast::LayerDecl *> layerNamed(const Module &module,
                                                               const std::string &name);
  std::pair<const Module *, const ast::FnDecl *> functionNamed(const Module &module,
                                                               const std::string &name);
  /// All names of a file, for the nearest one.
  static std::vector<std::string> namesOf(const Module &module);
  /// The public names of the prelude.
  std::vector<std::string> preludeNames(bool layersOnly);

  /// While it lives, `at` uses something of `module`. The library is right by itself: what
  /// goes wrong in it then goes wrong at its use.
  class Use {
  public:
    Use(Analyzer &analyzer, const Module &module, SourceRange use) : diags(analyzer.diags) {
      begin(analyzer, module, use);
    }
    ~Use();

  private:
    void begin(Analyzer &analyzer, const Module &module, SourceRange use);
    DiagnosticEngine &diags;
    SourceRange at;
    size_t before = 0;
  };

  const SemaOptions &options;
  ModuleSet *modules = nullptr;
  typed::Program &program;
  typed::Program scratch; ///< holds what belongs to generic layers
  DiagnosticEngine &diags;

private:
  struct FunctionEntry {
    typed::FunctionInstance *instance = nullptr;
    const ast::FnDecl *decl = nullptr;
    bool done = false, good = false;
  };
  bool declareMembers(Layer &layer);
  bool addWeight(Layer &layer, const ast::ParamDecl &decl);
  bool addSubLayers(Layer &layer, const ast::SubLayerDecl &decl);
  bool addSubLayer(Layer &layer, const ast::SubLayerDecl &decl, std::string name,
                   std::optional<Size> index, SubLayerGroup &group);
  bool fill(Layer &layer);
  void reportRecursion(const ast::FnDecl &decl, SourceRange at);
  typed::Program &store(bool generic) { return generic ? scratch : program; }

  std::map<std::string, std::unique_ptr<Layer>> layers; ///< by declaration and values
  std::vector<const ast::LayerDecl *> layerStack;
  std::map<std::pair<const ast::FnDecl *, const Layer *>, FunctionEntry> functions;
  std::vector<const ast::FnDecl *> functionStack;
  unsigned nextSymbol = 0;
};

} // namespace seq

#endif
