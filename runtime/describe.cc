#include "runtime/describe.h"

#include <map>

#include "base/format.h"
#include "ir/text.h"

namespace gcomp {
namespace {

// Where each slot's storage is: "buffer at 64", "output 0", "parameter".
std::map<uint32_t, std::string> PlacesOf(const BlockCode& code) {
  std::map<uint32_t, std::string> places;
  for (const BlockCode::ArenaSlot& slot : code.arena_slots) {
    places[slot.slot] = Format("buffer at {}", slot.offset);
  }
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (code.yields[i].direct) places[code.yields[i].slot] = Format("output {}", i);
  }
  return places;
}

std::string DescribeBlock(const BlockCode& code, const std::string& sizes) {
  const ir::Function& function = *code.function;
  const std::string& label = function.block(code.block).label;
  std::string text =
      Format("@{}{}{}: {} steps, {} bytes of buffers\n", function.name,
             label.empty() ? "" : "/" + label, sizes, code.instructions.size(), code.arena_bytes);
  std::map<uint32_t, std::string> places = PlacesOf(code);
  for (const Instruction& instruction : code.instructions) {
    const std::string name = NameOf(code, instruction);
    if (name.empty()) {
      text += "  copied, for a result that goes into a parameter\n";
      continue;
    }
    std::string where;
    std::string results;
    for (uint32_t slot : code.ResultsOf(instruction)) {
      where += (where.empty() ? "" : ", ") + places[slot];
      if (!code.values[slot].valid()) continue;
      const ir::Value& value = function.value(code.values[slot]);
      results += Format("{}%{}: {}", results.empty() ? "" : ", ", value.name,
                        value.type.ToString(function.Namer()));
    }
    const std::string line = instruction.op.valid()
                                 ? ir::PrintOpLine(function, function.op(instruction.op))
                                 : results + " = " + name;
    text += Format("  {:<15} {}\n", where, line);
  }
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (code.yields[i].direct) continue;
    text += Format("  {:<15} {}\n", Format("output {}", i),
                   code.yields[i].alias ? "is a view of a parameter" : "copied at the end");
  }
  if (code.tail.has_value()) text += "  the rest follows when its sizes are known\n";
  return text;
}

}  // namespace

std::string SizesOf(const Specialization& code, const BlockCode& block) {
  std::string sizes;
  if (&block != &code.root()) return sizes;
  const ir::Function& function = *block.function;
  for (size_t i = 0; i < function.symbols.size(); ++i) {
    if (!code.knows(i)) continue;
    sizes += Format("{}{} = {}", sizes.empty() ? " at " : ", ", function.symbols[i].name,
                    code.symbols()[i]);
  }
  return sizes;
}

std::string Describe(const Frame& frame) {
  std::string text;
  frame.ForEach([&](const Frame& part) {
    for (const auto& block : part.code().blocks()) {
      text += DescribeBlock(*block, SizesOf(part.code(), *block));
    }
  });
  return text;
}

}  // namespace gcomp
