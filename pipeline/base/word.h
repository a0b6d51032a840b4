// A short text of which few distinct values exist: a grade, a grading scale. A Word is a pointer to text that is counted and never changed.
// Grading scales hold the words that they define, and entries share them: hundreds of thousands of entries stay small, and a text from
// outside lives no longer than what holds it. Any thread.
#pragma once

#include <algorithm>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <string>
#include <string_view>

namespace vtq {

class Word {
 public:
  Word() = default;
  explicit Word(std::string_view text) : text_(text.empty() ? nullptr : new Text(text)) {}

  std::string_view view() const { return text_ ? std::string_view{text_->text} : std::string_view{}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return text_ == nullptr; }
  bool operator==(const Word& other) const { return text_ == other.text_ || view() == other.view(); }
  bool operator==(std::string_view text) const { return view() == text; }
  /// Whether both share one text.
  bool is(const Word& other) const { return text_ == other.text_; }

 private:
  struct Text : boost::intrusive_ref_counter<Text> {
    explicit Text(std::string_view of) : text(of) {}
    const std::string text;
  };
  boost::intrusive_ptr<const Text> text_;
};

/// At most `N` bytes, in place.
template <std::size_t N>
class FixedText {
 public:
  FixedText() = default;
  /// `text` longer than N is cut.
  explicit FixedText(std::string_view text) : size_(static_cast<unsigned char>(std::min(text.size(), N))) { text.copy(bytes_, size_); }
  std::string_view view() const { return {bytes_, size_}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return size_ == 0; }
  bool operator==(std::string_view text) const { return view() == text; }

 private:
  char bytes_[N] = {};
  unsigned char size_ = 0;
};

}  // namespace vtq
