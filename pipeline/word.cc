#include "pipeline/word.h"

#include <mutex>
#include <set>

namespace vtq {

Word::Word(std::string_view text) {
  if (text.empty()) return;
  static std::mutex mutex;
  static std::set<std::string, std::less<>> words;
  std::lock_guard lock(mutex);
  auto at = words.find(text);
  if (at == words.end()) at = words.emplace(text).first;
  text_ = &*at;
}

}  // namespace vtq
