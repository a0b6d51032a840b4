#include "daemon/process/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace vtq::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::critical:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

/// Never destroyed: threads of libraries may write until the process is gone. Stays reachable, so that it is no leak.
std::shared_ptr<spdlog::logger>& started() {
  static auto& logger = *new std::shared_ptr<spdlog::logger>;
  return logger;
}

spdlog::logger* current() { return started() ? started().get() : spdlog::default_logger_raw(); }

}  // namespace

void start(std::string_view level) {
  auto logger = spdlog::stderr_logger_mt("resultsd");
  logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(logger);
  started() = std::move(logger);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  spdlog::logger* logger = current();
  if (!logger->should_log(to_spdlog(level))) return;
  nlohmann::ordered_json line;
  line["message"] = message;
  for (const Field& field : fields) std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
  std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  logger->log(to_spdlog(level), std::string_view(text).substr(1, text.size() - 2));
}

void flush() { current()->flush(); }

}  // namespace vtq::log
