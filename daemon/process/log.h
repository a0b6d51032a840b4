// The log: one JSON object per line on standard error. Any thread. Never a learner's number, name or date of birth, nor an entry's key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace vtq::log {

enum class Level { debug, info, warning, error, critical };

struct Field {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
};

/// `level` is a value of the setting log.level.
void start(std::string_view level);
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
/// Waits until everything is written.
void flush();

}  // namespace vtq::log
