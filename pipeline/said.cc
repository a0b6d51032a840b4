#include "pipeline/said.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace vtq {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the run of digits that `text` begins with, without leading zeros.
std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && digit(text[end])) ++end;
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

constexpr char kSameSource = 1;
constexpr char kNumbered = 2;
/// Of a source or an id; `check` lets fewer pass.
constexpr std::size_t kTextMax = 255;

template <class Number>
void append(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

struct Record {
  std::uint32_t tie = 0;
  Said said;

  auto place() const { return std::tuple(said.source, said.id, tie); }
};

/// Reads packed records one by one. A record holds until the next is read.
class Reader {
 public:
  explicit Reader(std::string_view packed) : rest_(packed) {}

  /// False at the end, and when the bytes are no record; `broken` tells.
  bool next(Record& record) {
    if (rest_.empty() || broken_) return false;
    char flags = 0;
    unsigned char size = 0, shared = 0;
    std::string_view text;
    broken_ = true;
    if (!take(record.tie) || !take(flags)) return false;
    if (!(flags & kSameSource)) {
      if (!take(size) || !take_text(size, source_)) return false;
    }
    record.said.source = source_;
    record.said.sequence.reset();
    if (flags & kNumbered) {
      if (!take(record.said.sequence.emplace())) return false;
    }
    if (!take(shared) || shared > id_size_ || !take(size) || shared + std::size_t{size} > kTextMax || !take_text(size, text)) return false;
    text.copy(id_ + shared, text.size());
    id_size_ = shared + text.size();
    record.said.id = {id_, id_size_};
    broken_ = false;
    return true;
  }
  bool broken() const { return broken_; }

 private:
  template <class Number>
  bool take(Number& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return true;
  }
  bool take_text(std::size_t size, std::string_view& text) {
    if (rest_.size() < size) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  std::string_view source_;
  char id_[kTextMax] = {};
  std::size_t id_size_ = 0;
  bool broken_ = false;
};

/// Packs records, which come in their order.
class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) { out_.clear(); }

  void add(std::uint32_t tie, const Said& said) {
    std::string_view source = said.source.substr(0, kTextMax), id = said.id.substr(0, kTextMax);
    bool same = !out_.empty() && source == source_;
    append(out_, tie);
    out_ += static_cast<char>((same ? kSameSource : 0) | (said.sequence ? kNumbered : 0));
    if (!same) {
      out_ += static_cast<char>(source.size());
      out_ += source;
      source_ = source;
    }
    if (said.sequence) append(out_, *said.sequence);
    std::string_view before(id_, id_size_);
    auto shared = static_cast<std::size_t>(std::mismatch(before.begin(), before.end(), id.begin(), id.end()).second - id.begin());
    out_ += static_cast<char>(shared);
    out_ += static_cast<char>(id.size() - shared);
    out_ += id.substr(shared);
    id_size_ = id.copy(id_, kTextMax);
  }

 private:
  std::string& out_;
  std::string_view source_;
  char id_[kTextMax] = {};
  std::size_t id_size_ = 0;
};

}  // namespace

std::strong_ordering compare_as_counted(std::string_view a, std::string_view b) {
  std::string_view first = a, second = b;
  while (!first.empty() && !second.empty()) {
    if (digit(first.front()) && digit(second.front())) {
      std::string_view x = take_number(first), y = take_number(second);
      if (x.size() != y.size()) return x.size() <=> y.size();
      if (auto order = x <=> y; order != 0) return order;
      continue;
    }
    auto x = static_cast<unsigned char>(first.front()), y = static_cast<unsigned char>(second.front());
    if (x != y) return x <=> y;
    first.remove_prefix(1);
    second.remove_prefix(1);
  }
  if (first.empty() != second.empty()) return second.empty() <=> first.empty();
  return a <=> b;  // numbers may be written with leading zeros
}

Said said_by(const v1::Event& event) {
  Said said{event.source(), std::nullopt, event.id()};
  if (event.has_sequence()) said.sequence = event.sequence();
  return said;
}

Saying saying_of(const v1::Event& event) {
  Said said = said_by(event);
  return {std::string(said.source), said.sequence, std::string(said.id)};
}

Order compare(const Said& a, const Said& b) {
  if (auto order = compare_as_counted(a.source, b.source); order != 0) return {order, DecidedBy::source};
  if (auto order = a.sequence <=> b.sequence; order != 0) return {order, DecidedBy::sequence};
  if (auto order = compare_as_counted(a.id, b.id); order != 0) return {order, DecidedBy::id};
  return {};
}

Sayings::Sayings(const Sayings& other) { hold(other.packed()); }

Sayings& Sayings::operator=(const Sayings& other) {
  if (this != &other) hold(other.packed());
  return *this;
}

std::optional<Sayings> Sayings::from(std::string_view packed) {
  Reader reader(packed);
  Record record;
  while (reader.next(record)) {
  }
  if (reader.broken()) return std::nullopt;
  Sayings made;
  made.hold(packed);
  return made;
}

std::string_view Sayings::packed() const {
  if (!held_) return {};
  std::uint32_t size;
  std::memcpy(&size, held_.get(), sizeof size);
  return {held_.get() + sizeof size, size};
}

void Sayings::hold(std::string_view packed) {
  if (packed.empty()) return held_.reset();
  auto size = static_cast<std::uint32_t>(packed.size());
  auto held = std::make_unique_for_overwrite<char[]>(sizeof size + packed.size());
  std::memcpy(held.get(), &size, sizeof size);
  packed.copy(held.get() + sizeof size, packed.size());
  held_ = std::move(held);
}

bool Sayings::has(std::uint32_t tie) const {
  Reader reader(packed());
  for (Record record; reader.next(record);)
    if (record.tie == tie) return true;
  return false;
}

std::optional<Saying> Sayings::find(std::uint32_t tie) const {
  Reader reader(packed());
  for (Record record; reader.next(record);)
    if (record.tie == tie) return Saying{std::string(record.said.source), record.said.sequence, std::string(record.said.id)};
  return std::nullopt;
}

bool Sayings::says_otherwise(std::uint32_t tie, const Said& said) const {
  Reader reader(packed());
  for (Record record; reader.next(record);)
    if (record.tie != tie && record.said.same_id(said)) return true;
  return false;
}

void Sayings::add(std::uint32_t tie, const Said& said) {
  if (has(tie)) return;
  std::string made;
  made.reserve(packed().size() + said.source.size() + said.id.size() + 16);
  Packer packer(made);
  Reader reader(packed());
  Record record, added{tie, said};
  bool put = false;
  while (reader.next(record)) {
    if (!put && added.place() < record.place()) {
      packer.add(tie, said);
      put = true;
    }
    packer.add(record.tie, record.said);
  }
  if (!put) packer.add(tie, said);
  hold(made);
}

void Sayings::remove(std::uint32_t tie) {
  std::string made;
  made.reserve(packed().size() + kTextMax);
  Packer packer(made);
  Reader reader(packed());
  for (Record record; reader.next(record);)
    if (record.tie != tie) packer.add(record.tie, record.said);
  hold(made);
}

}  // namespace vtq
