#include "tools/bench/serve.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/format.h"
#include "tools/bench/measure.h"
#include "tools/bench/subject.h"
#include "tools/common.h"
#include "tools/run/outputs.h"
#include "tools/run/tier.h"

namespace gcomp::tools {
namespace {

class Server {
 public:
  Server(std::shared_ptr<Engine> engine, Tier tier) : engine_(std::move(engine)), tier_(tier) {}

  Json Answer(const std::string& line) {
    StatusOr<Json> answer = Handle(line);
    if (answer.ok()) return *std::move(answer);
    return {{"error",
             {{"id", InfoOf(answer.status().id()).name}, {"message", answer.status().message()}}}};
  }

 private:
  StatusOr<Json> Handle(const std::string& line) {
    Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!request.is_object()) return Status(ErrorId::E701, "a request must be a JSON object");
    if (request.contains("load")) return Load(request);
    if (request.contains("round_ms")) return Time(request["round_ms"]);
    return Status(ErrorId::E701, "a request has `load` or `round_ms`");
  }

  // A member that must be a string; empty if it is left out.
  static StatusOr<std::string> Text(const Json& request, const char* key) {
    if (!request.contains(key)) return std::string();
    if (!request[key].is_string()) return Status(ErrorId::E701, Format("`{}` is no string", key));
    return request[key].get<std::string>();
  }

  StatusOr<Json> Load(const Json& request) {
    stopwatch_.reset();
    subject_.reset();
    GCOMP_ASSIGN_OR_RETURN(std::string graph, Text(request, "load"));
    GCOMP_ASSIGN_OR_RETURN(std::string data, Text(request, "data"));
    GCOMP_ASSIGN_OR_RETURN(std::string outputs, Text(request, "outputs"));
    GCOMP_ASSIGN_OR_RETURN(std::string tier_name, Text(request, "tier"));
    Tier tier = tier_;
    if (!tier_name.empty()) {
      GCOMP_ASSIGN_OR_RETURN(tier, ParseTier(tier_name));
    }
    GCOMP_ASSIGN_OR_RETURN(Subject subject, LoadSubject(engine_, graph, data, tier, nullptr));
    if (!outputs.empty()) {
      GCOMP_RETURN_IF_ERROR(WriteOutputs({"@" + outputs}, subject.output_names, subject.outputs));
    }
    subject_.emplace(std::move(subject));
    return Json{{"name", subject_->name},
                {"argument_bytes", subject_->argument_bytes},
                {"flop", subject_->flop}};
  }

  StatusOr<Json> Time(const Json& round_ms) {
    if (!subject_) return Status(ErrorId::E705, "`round_ms` before a graph was loaded");
    double ms = round_ms.is_number() ? round_ms.get<double>() : 0;
    if (!(ms >= 0.1 && ms <= 60000)) {
      return Status(ErrorId::E701, "`round_ms` must be a number in [0.1, 60000]");
    }
    if (!stopwatch_ || ms != round_ms_) stopwatch_.emplace(*subject_, ms);
    round_ms_ = ms;
    GCOMP_ASSIGN_OR_RETURN(Round round, stopwatch_->Next());
    return Json{{"call_us", round.call_us}, {"copy_us", round.copy_us}, {"calls", round.calls}};
  }

  std::shared_ptr<Engine> engine_;
  Tier tier_;
  std::optional<Subject> subject_;
  std::optional<Stopwatch> stopwatch_;  // of the subject
  double round_ms_ = 0;
};

// A line of standard input without its end; nullopt = there is none left.
std::optional<std::string> ReadLine() {
  std::string line;
  int c = std::getc(stdin);
  if (c == EOF) return std::nullopt;
  for (; c != EOF && c != '\n'; c = std::getc(stdin)) line += static_cast<char>(c);
  return line;
}

}  // namespace

int Serve(const std::shared_ptr<Engine>& engine, Tier tier) {
  Server server(engine, tier);
  while (std::optional<std::string> line = ReadLine()) {
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    std::printf("%s\n", server.Answer(*line).dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace gcomp::tools
