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
    const ir::Op& op = function.op(instruction.op);
    std::string where;
    for (size_t r = 0; r < op.results.size(); ++r) {
      uint32_t slot = code.slot_lists[instruction.results + r];
      where += (r == 0 ? "" : ", ") + places[slot];
    }
    text += Format("  {:<15} {}\n", where, ir::PrintOpLine(function, op));
  }
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (code.yields[i].direct) continue;
    text += Format("  {:<15} copied at the end\n", Format("output {}", i));
  }
  return text;
}

}  // namespace

std::string Describe(const Specialization& code) {
  std::string text;
  for (const auto& block : code.blocks()) {
    std::string sizes;
    if (block.get() == &code.root()) {
      const ir::Function& function = *block->function;
      for (size_t i = 0; i < function.num_symbol_params; ++i) {
        sizes += Format("{}{} = {}", i == 0 ? " at " : ", ", function.symbols[i].name,
                        code.symbols()[i]);
      }
    }
    text += DescribeBlock(*block, sizes);
  }
  return text;
}

}  // namespace gcomp
