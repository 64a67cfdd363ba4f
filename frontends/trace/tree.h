// Trees: nested arguments and results of model functions as flat lists of leaves.
//
// Nodes: structs with GCOMP_FIELDS, std::vector, std::array, std::pair, std::tuple, std::map (in
// key order), std::optional. Leaves: Array, SymInt, none (std::monostate, std::nullopt_t, an
// optional without value) and static: numbers, enums, strings and all that has std::hash and ==,
// which become part of the graph and are guarded. Other types are E204 at run time, with the path
// of the leaf.
//
//   struct Linear {
//     gcomp::Array weight, bias;
//     GCOMP_FIELDS(weight, bias)
//   };
//
// Flattening is depth first; the path of a leaf names it: `d.y.1.2`. Cost: O(leaves).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "frontends/trace/array.h"

namespace gcomp {

// The shape of a nested value: what is equal for two values that differ in tensors alone.
struct Tree {
  enum class LeafKind : uint8_t { kTensor, kSize, kStatic, kNone };

  struct Leaf {
    LeafKind kind;
    std::string path;
    std::string text;  // of a static leaf: its type and value
  };

  // A static leaf that text can't hold.
  struct Value {
    virtual ~Value() = default;
    virtual bool Equals(const Value& other) const = 0;
  };

  std::string structure;  // `({x: *, y: [*, i64 3]}, none)`; static leaves with their values
  std::vector<Leaf> leaves;
  std::vector<std::shared_ptr<const Value>> values;

  // Equal structure and equal static leaves.
  bool operator==(const Tree& other) const;
  // What the first difference is: "d.n: i64 3, now i64 4". Empty if there is none.
  std::string Difference(const Tree& other) const;

  size_t CountOf(LeafKind kind) const;
};

namespace internal {

// Collects the leaves of one value. Pointers are valid as long as the value stays where it is.
class Flattener {
 public:
  explicit Flattener(std::string root) : path_(std::move(root)) {}

  Tree tree;
  std::vector<Array*> arrays;
  std::vector<std::string> array_paths;
  std::vector<SymInt*> sizes;
  Status status;  // E204

  template <class T>
  void Visit(T& value);

  // `value` as argument number `index`, whose leaves are below names[index], else x0, x1, ...
  template <class T>
  void Arg(const std::vector<std::string>& names, size_t index, T& value) {
    BeginArg(names, index);
    Visit(value);
    tree.structure += "; ";
  }

 private:
  void BeginArg(const std::vector<std::string>& names, size_t index);
  void OnArray(Array& array);
  void OnSize(SymInt& size);
  void OnNone();
  void OnStatic(std::string text);
  void OnValue(std::string_view type, std::shared_ptr<const Tree::Value> value);
  void OnUnknown(std::string_view type);

  void Open(char bracket) { tree.structure += bracket; }

  void Close(char bracket);
  // Enters the child `name`; returns what Leave takes.
  size_t Enter(std::string_view name, bool named);
  void Leave(size_t length);

  template <class T>
  void Child(std::string_view name, T& value, bool named = false) {
    size_t length = Enter(name, named);
    Visit(value);
    Leave(length);
  }

  std::string path_;
};

std::string StaticText(int64_t value, std::string_view type);
std::string StaticText(uint64_t value, std::string_view type);
std::string StaticText(double value, std::string_view type);
std::string StaticText(std::string_view value);
std::string ChildName(size_t index);

template <class T>
constexpr std::string_view TypeName() {
#if defined(__clang__) || defined(__GNUC__)
  constexpr std::string_view name = __PRETTY_FUNCTION__;
  constexpr size_t begin = name.find("T = ") + 4;
  return name.substr(begin, name.find_first_of(";]", begin) - begin);
#else
  return "type";
#endif
}

template <class T>
inline constexpr bool kIsVector = false;
template <class T, class A>
inline constexpr bool kIsVector<std::vector<T, A>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class K, class V, class C, class A>
inline constexpr bool kIsMap<std::map<K, V, C, A>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsNone =
    std::is_same_v<T, std::monostate> || std::is_same_v<T, std::nullopt_t> ||
    std::is_same_v<T, std::nullptr_t>;

template <class T>
concept HasFields = requires(T& value) {
  value.GcompVisit([](std::string_view, auto&) {});
};

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

template <class T>
concept StaticLeaf = requires(const T& value) {
  { std::hash<T>()(value) } -> std::convertible_to<size_t>;
  { value == value } -> std::convertible_to<bool>;
};

template <class T>
struct ValueOf final : Tree::Value {
  explicit ValueOf(const T& v) : value(v) {}

  bool Equals(const Tree::Value& other) const override {
    auto* same = dynamic_cast<const ValueOf<T>*>(&other);
    return same != nullptr && same->value == value;
  }

  T value;
};

template <class T>
void Flattener::Visit(T& value) {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, Array>) {
    OnArray(const_cast<Array&>(value));
  } else if constexpr (std::is_same_v<U, SymInt>) {
    OnSize(const_cast<SymInt&>(value));
  } else if constexpr (kIsNone<U>) {
    OnNone();
  } else if constexpr (std::is_enum_v<U>) {
    OnStatic(StaticText(static_cast<int64_t>(value), TypeName<U>()));
  } else if constexpr (std::is_floating_point_v<U>) {
    OnStatic(StaticText(static_cast<double>(value), TypeName<U>()));
  } else if constexpr (std::is_integral_v<U> && std::is_signed_v<U>) {
    OnStatic(StaticText(static_cast<int64_t>(value), TypeName<U>()));
  } else if constexpr (std::is_integral_v<U>) {
    OnStatic(StaticText(static_cast<uint64_t>(value), TypeName<U>()));
  } else if constexpr (std::is_convertible_v<const U&, std::string_view>) {
    OnStatic(StaticText(std::string_view(value)));
  } else if constexpr (kIsOptional<U>) {
    value.has_value() ? Visit(*value) : OnNone();
  } else if constexpr (kIsVector<U>) {
    Open('[');
    if constexpr (std::is_same_v<typename U::value_type, bool>) {
      for (bool element : value) Child(ChildName(0), element);
    } else {
      for (size_t i = 0; i < value.size(); ++i) Child(ChildName(i), value[i]);
    }
    Close(']');
  } else if constexpr (kIsMap<U>) {
    Open('{');
    for (auto& [key, element] : value) {
      if constexpr (std::is_convertible_v<decltype(key), std::string_view>) {
        Child(std::string_view(key), element, true);
      } else {
        Child(std::to_string(key), element, true);
      }
    }
    Close('}');
  } else if constexpr (HasFields<U>) {
    Open('{');
    const_cast<U&>(value).GcompVisit(
        [this](std::string_view name, auto& field) { Child(name, field, true); });
    Close('}');
  } else if constexpr (TupleLike<U>) {
    Open('(');
    [&]<size_t... I>(std::index_sequence<I...>) {
      (Child(ChildName(I), std::get<I>(value)), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<U>>());
    Close(')');
  } else if constexpr (StaticLeaf<U>) {
    OnValue(TypeName<U>(), std::make_shared<ValueOf<U>>(value));
  } else {
    OnUnknown(TypeName<U>());
  }
}

}  // namespace internal
}  // namespace gcomp

// GCOMP_FIELDS(a, b): inside a struct, its fields as a node of a tree.
#define GCOMP_TREE_PARENS ()
#define GCOMP_TREE_EXPAND(...) GCOMP_TREE_EXPAND2(GCOMP_TREE_EXPAND2(__VA_ARGS__))
#define GCOMP_TREE_EXPAND2(...) GCOMP_TREE_EXPAND3(GCOMP_TREE_EXPAND3(__VA_ARGS__))
#define GCOMP_TREE_EXPAND3(...) GCOMP_TREE_EXPAND4(GCOMP_TREE_EXPAND4(__VA_ARGS__))
#define GCOMP_TREE_EXPAND4(...) GCOMP_TREE_EXPAND5(GCOMP_TREE_EXPAND5(__VA_ARGS__))
#define GCOMP_TREE_EXPAND5(...) GCOMP_TREE_EXPAND6(GCOMP_TREE_EXPAND6(__VA_ARGS__))
#define GCOMP_TREE_EXPAND6(...) __VA_ARGS__
#define GCOMP_TREE_FIELD(field, ...) \
  gcomp_visit(#field, field);        \
  __VA_OPT__(GCOMP_TREE_AGAIN GCOMP_TREE_PARENS(__VA_ARGS__))
#define GCOMP_TREE_AGAIN() GCOMP_TREE_FIELD
#define GCOMP_FIELDS(...)                            \
  template <class GcompVisitor>                      \
  void GcompVisit(GcompVisitor&& gcomp_visit) {      \
    GCOMP_TREE_EXPAND(GCOMP_TREE_FIELD(__VA_ARGS__)) \
  }
