// A short text of which few distinct values exist: a grade, a grading scale. Held once per process; a Word is a pointer to it, so that
// hundreds of thousands of entries stay small. Values come from reference data, which bounds their number. Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace vtq {

class Word {
 public:
  Word() = default;
  explicit Word(std::string_view text);

  std::string_view view() const { return text_ ? std::string_view{*text_} : std::string_view{}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return text_ == nullptr; }
  bool operator==(const Word&) const = default;
  bool operator==(std::string_view text) const { return view() == text; }

 private:
  const std::string* text_ = nullptr;
};

/// At most `N` bytes, in place.
template <std::size_t N>
class FixedText {
 public:
  FixedText() = default;
  /// `text` longer than N is cut.
  explicit FixedText(std::string_view text) : size_(static_cast<unsigned char>(std::min(text.size(), N))) {
    text.copy(bytes_, size_);
  }
  std::string_view view() const { return {bytes_, size_}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return size_ == 0; }
  bool operator==(std::string_view text) const { return view() == text; }

 private:
  char bytes_[N] = {};
  unsigned char size_ = 0;
};

}  // namespace vtq
