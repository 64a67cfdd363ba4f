// Cell and List: host state that traced functions may read and write.
//
// A read becomes a guard: the trace holds for that value alone (tensors in it are inputs of the
// graph instead, so another tensor of the same type needs no new trace). A write is a side effect:
// jit gives the cell the value of each run. In bodies of regions a write to a cell from outside of
// the body is E107, except in reusable regions, where written arrays leave as results that the
// caller does not see. Cells made inside a body are free.
//
// Plain C++ variables are not seen: what a function reads from them is part of the graph.
// Thread safety: one thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "frontends/trace/tracer.h"
#include "frontends/trace/tree.h"

namespace gcomp {

template <class T>
class Cell {
 public:
  explicit Cell(T value = {}, std::string name = "cell")
      : state_(std::make_shared<State>(State{std::move(value), std::move(name), 0, 0})) {
    if (internal::Tracer* tracer = internal::Tracer::Current(); tracer != nullptr) {
      state_->trace = tracer->id();
      state_->frame = tracer->frame_id();
    }
  }

  T get() const {
    Meet(true);
    return state_->value;
  }

  void set(T value) {
    if (internal::CellRecord* record = Meet(false); record != nullptr) {
      internal::Tracer::Current()->NoteCellWrite(*record);
    }
    state_->value = std::move(value);
  }

 private:
  template <class U>
  friend class List;

  struct State {
    T value;
    std::string name;
    uint64_t trace;  // in which it was made; 0 = outside of one
    uint32_t frame;
  };

  // Tells the trace in progress of this cell. `read`: its value now is what the graph holds for.
  internal::CellRecord* Meet(bool read) const {
    internal::Tracer* tracer = internal::Tracer::Current();
    if (tracer == nullptr) return nullptr;
    internal::CellRecord* record = tracer->FindCell(state_.get());
    const bool inside = state_->trace == tracer->id();
    if (record == nullptr) {
      internal::CellRecord made;
      made.cell = state_;
      made.name = state_->name;
      State* state = state_.get();
      made.arrays = [state] { return ArraysOf(state->value); };
      if (inside) {
        made.frame_id = state_->frame;
      } else {
        made.snapshot = [state] {
          return [state, before = state->value] { state->value = before; };
        };
        made.restore = made.snapshot();
        made.commit = [state = state_] { return Commit(state, state->value); };
      }
      record = tracer->AddCell(std::move(made));
    }
    if (read && !inside && record->guard == nullptr && record->written_in.empty()) {
      Watch(*tracer, *record);
    }
    return record;
  }

  static std::vector<Array*> ArraysOf(T& value) {
    internal::Flattener flat("");
    flat.Visit(value);
    return std::move(flat.arrays);
  }

  static std::function<void(std::span<const Array>)> Commit(std::shared_ptr<State> state, T value) {
    return [state = std::move(state), value = std::move(value)](std::span<const Array> arrays) {
      state->value = value;
      std::vector<Array*> leaves = ArraysOf(state->value);
      for (size_t i = 0; i < leaves.size() && i < arrays.size(); ++i) *leaves[i] = arrays[i];
    };
  }

  // The value read becomes a guard; its tensors are inputs that each run takes from the cell.
  void Watch(internal::Tracer& tracer, internal::CellRecord& record) const {
    auto flatten = [](T& value) {
      internal::Flattener flat("");
      flat.Visit(value);
      return flat;
    };
    internal::Flattener flat = flatten(state_->value);
    std::string types;
    for (size_t i = 0; i < flat.arrays.size(); ++i) {
      const Tensor* tensor = internal::TensorOf(*flat.arrays[i]);
      if (tensor == nullptr) continue;
      types += tensor->TypeString();
      tracer.CaptureFrom(state_->name, *tensor, [state = state_, i] {
        std::vector<Array*> arrays = ArraysOf(state->value);
        if (i >= arrays.size()) return Tensor();
        StatusOr<Tensor> now = arrays[i]->tensor();
        return now.ok() ? *now : Tensor();
      });
    }
    record.guard = [state = state_, tree = std::move(flat.tree), types, flatten] {
      internal::Flattener now = flatten(state->value);
      std::string difference = tree.Difference(now.tree);
      std::string now_types;
      for (Array* array : now.arrays) {
        StatusOr<Tensor> tensor = array->tensor();
        if (tensor.ok()) now_types += tensor->TypeString();
      }
      if (difference.empty() && types != now_types) difference = types + ", now " + now_types;
      return difference.empty() ? difference : state->name + ": " + difference;
    };
  }

  std::shared_ptr<State> state_;
};

template <class T>
class List {
 public:
  explicit List(std::vector<T> values = {}, std::string name = "list")
      : cell_(std::move(values), std::move(name)) {}

  size_t size() const { return cell_.get().size(); }

  // T() past the end.
  T at(size_t index) const {
    std::vector<T> values = cell_.get();
    return index < values.size() ? std::move(values[index]) : T();
  }

  std::vector<T> get() const { return cell_.get(); }

  void push_back(T value) {
    Change([&](std::vector<T>& values) { values.push_back(std::move(value)); });
  }

  void pop_back() {
    Change([](std::vector<T>& values) {
      if (!values.empty()) values.pop_back();
    });
  }

  void clear() {
    Change([](std::vector<T>& values) { values.clear(); });
  }

 private:
  template <class F>
  void Change(F&& change) {
    std::vector<T> values = cell_.get();
    change(values);
    cell_.set(std::move(values));
  }

  Cell<std::vector<T>> cell_;
};

// While it lives, the body that is being traced may write cells from outside of it; bodies inside
// of that body may not.
class AllowHostEffects {
 public:
  AllowHostEffects();
  ~AllowHostEffects();
  AllowHostEffects(const AllowHostEffects&) = delete;
  AllowHostEffects& operator=(const AllowHostEffects&) = delete;

 private:
  uint32_t frame_ = 0;
  bool before_ = false;
};

}  // namespace gcomp
