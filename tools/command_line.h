// CommandLine: the arguments of a tool, read into its variables.
//
//   CommandLine line("gcomp-x", "Does x.");
//   line.AddOption("file", &options.file, "What to read", {.required = true});
//   line.AddOption("--jobs", &options.jobs, "Threads", {.check = InRange(1, 64)});
//   line.AddFlag("-v,--verbose", &options.verbose, "Show more");
//   if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
//
// CLI11 does the work. Its header takes longer to compile than most tools, so only command_line.cc
// includes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace gcomp::tools {

// What a value must be, besides something that its variable can hold.
struct ValueCheck {
  // Says what is wrong with the text of a value; empty = nothing.
  std::function<std::string(const std::string& text)> problem;
  std::string name = {};  // in --help, behind the type of the value
};

ValueCheck InRange(int low, int high);
ValueCheck NotNegative();

// All that an option may have and most do not.
struct OptionTraits {
  bool required = false;
  bool show_default = false;    // in --help
  bool one_value_each = false;  // of a list: `--x a --x b`, not `--x a b`
  char delimiter = '\0';        // of a list: `--x a,b` with ','
  // The value that the option has when it stands alone. It then never takes the next argument as
  // its value: `--x=a`, or `--x`.
  std::string value_alone = {};
  std::string type = {};   // in --help; empty = by the type of the variable
  std::string group = {};  // the heading in --help; empty = that of most options
  ValueCheck check = {};
};

class CommandLine {
 public:
  // What an option sets. A variable that no argument names keeps its value.
  using Variable = std::variant<std::string*, std::vector<std::string>*, int*, unsigned*, int64_t*,
                                uint64_t*, double*>;

  CommandLine(const std::string& tool, const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The text below the options in --help.
  void SetFooter(const std::string& text);

  // --version, which prints the text.
  void AddVersionFlag(const std::string& text);

  // `names` as in "-o,--output"; one without dashes is a positional argument.
  void AddOption(const std::string& names, Variable variable, const std::string& help,
                 const OptionTraits& traits = {});

  // A name with `!` in front sets false. `--name{text}` sets a string to that text, or to another
  // one given as `--name=another`.
  void AddFlag(const std::string& names, std::variant<bool*, std::string*> variable,
               const std::string& help, const std::string& group = {});

  // Says that the command line is wrong; returns the exit code to end with.
  using ErrorPrinter = std::function<int(const std::string& what)>;

  // Sets the variables. The code to exit with if there is nothing to run: 0 after --help and
  // --version, and that of `print_error` if the arguments are wrong. Requires that all variables
  // live; called once.
  std::optional<int> Parse(int argc, const char* const* argv,
                           const ErrorPrinter& print_error = PrintUsageError);

  // Whether an argument named the option.
  bool Given(const std::string& name) const;

  // Writes what is wrong, and that --help helps, to stderr.
  static int PrintUsageError(const std::string& what);

 private:
  std::unique_ptr<CLI::App> app_;
  std::vector<std::pair<std::string, std::string>> alone_;  // name, value
};

}  // namespace gcomp::tools
