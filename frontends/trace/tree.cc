#include "frontends/trace/tree.h"

#include <algorithm>

#include "base/format.h"

namespace gcomp {

bool Tree::operator==(const Tree& other) const {
  return structure == other.structure && values.size() == other.values.size() &&
         std::equal(values.begin(), values.end(), other.values.begin(),
                    [](const auto& a, const auto& b) { return a->Equals(*b); });
}

std::string Tree::Difference(const Tree& other) const {
  if (*this == other) return {};
  if (leaves.size() != other.leaves.size()) {
    return Format("structure {}, now {}", structure, other.structure);
  }
  for (size_t i = 0; i < leaves.size(); ++i) {
    const Leaf& a = leaves[i];
    const Leaf& b = other.leaves[i];
    if (a.path == b.path && (a.kind != b.kind || a.text != b.text)) {
      return Format("{}: {}, now {}", a.path, a.text, b.text);
    }
  }
  if (structure == other.structure) return "a static argument changed";
  return Format("structure {}, now {}", structure, other.structure);
}

size_t Tree::CountOf(LeafKind kind) const {
  return static_cast<size_t>(std::count_if(leaves.begin(), leaves.end(),
                                           [&](const Leaf& leaf) { return leaf.kind == kind; }));
}

namespace internal {

void Flattener::BeginArg(const std::vector<std::string>& names, size_t index) {
  path_ = index < names.size() ? names[index] : Format("x{}", index);
}

void Flattener::OnArray(Array& array) {
  arrays.push_back(&array);
  array_paths.push_back(path_);
  tree.structure += '*';
  tree.leaves.push_back({Tree::LeafKind::kTensor, path_, "a tensor"});
}

void Flattener::OnSize(SymInt& size) {
  sizes.push_back(&size);
  tree.structure += '#';
  tree.leaves.push_back({Tree::LeafKind::kSize, path_, "a size"});
}

void Flattener::OnNone() {
  tree.structure += "none";
  tree.leaves.push_back({Tree::LeafKind::kNone, path_, "none"});
}

void Flattener::OnStatic(std::string text) {
  tree.structure += text;
  tree.leaves.push_back({Tree::LeafKind::kStatic, path_, std::move(text)});
}

void Flattener::OnValue(std::string_view type, std::shared_ptr<const Tree::Value> value) {
  tree.structure += Format("<{}>", type);
  tree.leaves.push_back({Tree::LeafKind::kStatic, path_, Format("a value of {}", type)});
  tree.values.push_back(std::move(value));
}

void Flattener::OnUnknown(std::string_view type) {
  if (!status.ok()) return;
  status = Status(ErrorId::E204,
                  Format("{} is of type {}, which is neither a tensor, a number, a node of a tree "
                         "(GCOMP_FIELDS) nor hashable",
                         path_.empty() ? "the argument" : path_, type));
}

void Flattener::Close(char bracket) {
  if (tree.structure.ends_with(", ")) tree.structure.resize(tree.structure.size() - 2);
  tree.structure += bracket;
}

size_t Flattener::Enter(std::string_view name, bool named) {
  if (named) tree.structure += Format("{}: ", name);
  size_t length = path_.size();
  if (!path_.empty()) path_ += '.';
  path_ += name;
  return length;
}

void Flattener::Leave(size_t length) {
  path_.resize(length);
  tree.structure += ", ";
}

std::string StaticText(int64_t value, std::string_view type) {
  return Format("{} {}", type, value);
}

std::string StaticText(uint64_t value, std::string_view type) {
  return Format("{} {}", type, value);
}

std::string StaticText(double value, std::string_view type) {
  return Format("{} {}", type, value);
}

std::string StaticText(std::string_view value) {
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

std::string ChildName(size_t index) {
  return std::to_string(index);
}

}  // namespace internal
}  // namespace gcomp
