#include "tools/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/status.h"

namespace gcomp::tools {
namespace {

// A check by a validator of CLI11.
ValueCheck CheckBy(const CLI::Validator& validator) {
  return {[validator](const std::string& text) { return validator(text); },
          validator.get_description()};
}

}  // namespace

ValueCheck InRange(int low, int high) {
  return CheckBy(CLI::Range(low, high));
}

ValueCheck NotNegative() {
  return CheckBy(CLI::NonNegativeNumber);
}

CommandLine::CommandLine(const std::string& tool, const std::string& description)
    : app_(std::make_unique<CLI::App>(description, tool)) {}

CommandLine::~CommandLine() = default;

void CommandLine::SetFooter(const std::string& text) {
  app_->footer(text);
}

void CommandLine::AddVersionFlag(const std::string& text) {
  app_->set_version_flag("--version", text);
}

void CommandLine::AddOption(const std::string& names, Variable variable, const std::string& help,
                            const OptionTraits& traits) {
  CLI::Option* option =
      std::visit([&](auto* value) { return app_->add_option(names, *value, help); }, variable);
  option->required(traits.required);
  if (traits.show_default) option->capture_default_str();
  if (traits.one_value_each) option->allow_extra_args(false);
  if (traits.delimiter != '\0') option->delimiter(traits.delimiter);
  if (!traits.value_alone.empty()) alone_.emplace_back(names, traits.value_alone);
  if (!traits.type.empty()) option->type_name(traits.type);
  if (!traits.group.empty()) option->group(traits.group);
  if (traits.check.problem) option->check(traits.check.problem, traits.check.name);
}

void CommandLine::AddFlag(const std::string& names, std::variant<bool*, std::string*> variable,
                          const std::string& help, const std::string& group) {
  CLI::Option* option =
      std::visit([&](auto* value) { return app_->add_flag(names, *value, help); }, variable);
  if (!group.empty()) option->group(group);
}

std::optional<int> CommandLine::Parse(int argc, const char* const* argv,
                                      const ErrorPrinter& print_error) {
  // CLI11 takes arguments from the back.
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    for (const auto& [name, value] : alone_) {
      if (argument == name) argument += "=" + value;
    }
    arguments.push_back(std::move(argument));
  }
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::Success& asked) {
    return app_->exit(asked);
  } catch (const CLI::ParseError& error) {
    return print_error(error.what());
  }
  return std::nullopt;
}

bool CommandLine::Given(const std::string& name) const {
  return app_->count(name) > 0;
}

int CommandLine::PrintUsageError(const std::string& what) {
  std::fprintf(stderr, "%s\nRun with --help for more information.\n", what.c_str());
  return InfoOf(ErrorId::E701).exit_code;
}

}  // namespace gcomp::tools
