#include "pipeline/facts/said.h"

#include <algorithm>
#include <cstring>
#include <utility>

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

/// Writes into memory that has room for all that is written.
class Pen {
 public:
  explicit Pen(std::size_t most) {
    if (most > sizeof small_) large_ = std::make_unique_for_overwrite<char[]>(most);
    begin_ = at_ = large_ ? large_.get() : small_;
  }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;

  void write(std::string_view text) { at_ += text.copy(at_, text.size()); }
  void write(char byte) { *at_++ = byte; }
  template <class Number>
  void write_number(Number value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  std::string_view written() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

 private:
  char small_[1024];
  std::unique_ptr<char[]> large_;
  char *begin_, *at_;
};

struct Record {
  std::uint32_t tie = 0;
  Said said;
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
    const std::uint32_t tie_before = record.tie;
    if (!take(record.tie) || !take(flags)) return false;
    bool same_source = flags & kSameSource;
    if (!same_source) {
      std::string_view before = std::exchange(source_, {});
      if (!take(size) || !take_text(size, source_) || (any_ && source_ <= before)) return false;
    }
    record.said.source = source_;
    record.said.sequence.reset();
    if (flags & kNumbered) {
      if (!take(record.said.sequence.emplace())) return false;
    }
    if (!take(shared) || !take(size) || shared + std::size_t{size} > kTextMax || !take_text(size, text)) return false;
    if (same_source ? !any_ || !goes_on(shared, text, tie_before < record.tie) : shared > 0) return false;
    text.copy(id_ + shared, text.size());
    id_size_ = shared + text.size();
    record.said.id = {id_, id_size_};
    any_ = true;
    broken_ = false;
    return true;
  }
  bool broken() const { return broken_; }
  /// Bytes not read yet.
  std::size_t left() const { return rest_.size(); }

 private:
  template <class Number>
  bool take(Number& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return true;
  }
  /// Whether an id that shares so much with the one before comes behind it, and shares no more.
  bool goes_on(std::size_t shared, std::string_view rest, bool tie_goes_on) const {
    if (shared > id_size_) return false;
    if (shared == id_size_) return !rest.empty() || tie_goes_on;
    return !rest.empty() && static_cast<unsigned char>(id_[shared]) < static_cast<unsigned char>(rest.front());
  }
  bool take_text(std::size_t size, std::string_view& text) {
    if (rest_.size() < size) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  std::string_view source_;
  char id_[kTextMax];
  std::size_t id_size_ = 0;
  bool any_ = false;
  bool broken_ = false;
};

/// The parts of a whole record, as they are written.
struct Fields {
  std::string_view tie, source, numbered;
  std::size_t shared = 0;
  std::string_view id;  ///< the rest of it
  std::string_view behind;
};

Fields fields_of(std::string_view packed) {
  auto take = [&](std::size_t size) {
    std::string_view part = packed.substr(0, size);
    packed.remove_prefix(size);
    return part;
  };
  auto number = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(packed[at])); };
  Fields fields;
  fields.tie = take(sizeof(std::uint32_t));
  char flags = take(1).front();
  if (!(flags & kSameSource)) fields.source = take(1 + number(0));
  if (flags & kNumbered) fields.numbered = take(sizeof(std::uint64_t));
  fields.shared = number(0);
  std::size_t rest = number(1);
  take(2);
  fields.id = take(rest);
  fields.behind = packed;
  return fields;
}

std::string_view cut(std::string_view text) { return text.substr(0, kTextMax); }

std::size_t bytes_shared(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

/// A record takes no more.
constexpr std::size_t kRecordMax = sizeof(std::uint32_t) + 1 + 1 + kTextMax + sizeof(std::uint64_t) + 2 + kTextMax;

/// Writes a record behind one of which it has the source, and the first bytes of the id.
void pack(Pen& pen, std::uint32_t tie, const Said& said, bool same_source, std::size_t shared) {
  std::string_view source = cut(said.source), id = cut(said.id);
  pen.write_number(tie);
  pen.write(static_cast<char>((same_source ? kSameSource : 0) | (said.sequence ? kNumbered : 0)));
  if (!same_source) {
    pen.write(static_cast<char>(source.size()));
    pen.write(source);
  }
  if (said.sequence) pen.write_number(*said.sequence);
  pen.write(static_cast<char>(shared));
  pen.write(static_cast<char>(id.size() - shared));
  pen.write(id.substr(shared));
}

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

namespace {

/// Goes along records in their order, and tells of each how it stands to one that is looked for. Only what differs from the record before
/// is compared: the bytes are such as `from` read, or `add` packed.
class Along {
 public:
  Along(std::string_view packed, const Said& wanted)
      : at_(packed.data()), end_(at_ + packed.size()), source_(cut(wanted.source)), id_(cut(wanted.id)) {}

  /// False at the end.
  bool next() {
    if (at_ == end_) return false;
    std::memcpy(&tie, at_, sizeof tie);
    at_ += sizeof tie;
    const char flags = *at_++;
    if (!(flags & kSameSource)) {
      source_order_ = take_text(take_size()) <=> source_;
      id_order_ = std::strong_ordering::less;
      shared_ = 0;
    }
    if (flags & kNumbered) at_ += sizeof(std::uint64_t);
    const std::size_t as_before = take_size();
    std::string_view rest = take_text(take_size());
    if (source_order_ == 0) compare_id(as_before, rest);
    return true;
  }
  bool same_source() const { return source_order_ == 0; }
  bool same_id() const { return source_order_ == 0 && id_order_ == 0; }
  /// How the record's source and id go against those looked for.
  std::strong_ordering order() const { return source_order_ != 0 ? source_order_ : id_order_; }
  /// Bytes of the id that are those of the id looked for; 0 for other sources.
  std::size_t shared() const { return shared_; }
  const char* at() const { return at_; }

  std::uint32_t tie = 0;

 private:
  std::size_t take_size() { return static_cast<unsigned char>(*at_++); }
  std::string_view take_text(std::size_t size) { return {std::exchange(at_, at_ + size), size}; }
  /// `as_before`: bytes that it shares with the id before it, and no more of them.
  void compare_id(std::size_t as_before, std::string_view rest) {
    // It differs from the one looked for where the one before did.
    if (as_before > shared_) return;
    if (as_before < shared_) {
      // Ids ascend: where it left the one before, it went beyond.
      shared_ = as_before;
      id_order_ = std::strong_ordering::greater;
      return;
    }
    std::string_view wanted = id_.substr(shared_);
    std::size_t more = bytes_shared(rest, wanted);
    shared_ += more;
    id_order_ = rest.substr(more) <=> wanted.substr(more);
  }

  const char* at_;
  const char* end_;
  std::string_view source_, id_;
  std::size_t shared_ = 0;
  std::strong_ordering source_order_ = std::strong_ordering::less;
  std::strong_ordering id_order_ = std::strong_ordering::less;
};

}  // namespace

Sayings::Look Sayings::look(std::uint32_t tie, const Said& said) const {
  Look found;
  std::string_view all = packed();
  for (Along record(all, said); record.next();) {
    found.held = found.held || record.tie == tie;
    found.otherwise = found.otherwise || (record.same_id() && record.tie != tie);
    if (!found.last) continue;
    std::strong_ordering order = record.order();
    if (order == 0) order = record.tie <=> tie;
    if (order > 0) {
      found.last = false;
      found.next_same_source = record.same_source();
      found.next_shared = record.shared();
    } else {
      found.at = static_cast<std::size_t>(record.at() - all.data());
      found.same_source = record.same_source();
      found.shared = record.shared();
    }
  }
  return found;
}

std::optional<Saying> Sayings::find(std::uint32_t tie) const {
  Reader reader(packed());
  for (Record record; reader.next(record);)
    if (record.tie == tie) return Saying{std::string(record.said.source), record.said.sequence, std::string(record.said.id)};
  return std::nullopt;
}

void Sayings::add(const Look& look, std::uint32_t tie, const Said& said) {
  if (look.held) return;
  std::string_view all = packed();
  // The one behind it may have to give a source that it shared.
  Pen pen(all.size() + 2 * kRecordMax);
  pen.write(all.substr(0, look.at));
  pack(pen, tie, said, look.same_source, look.shared);
  if (!look.last) {
    // The one behind it shares more with this one than with the one before: ids are in their order.
    Fields next = fields_of(all.substr(look.at));
    pen.write(next.tie);
    pen.write(static_cast<char>((next.numbered.empty() ? 0 : kNumbered) | (look.next_same_source ? kSameSource : 0)));
    if (!look.next_same_source) pen.write(next.source);
    pen.write(next.numbered);
    std::size_t more = look.next_shared - next.shared;
    pen.write(static_cast<char>(look.next_shared));
    pen.write(static_cast<char>(next.id.size() - more));
    pen.write(next.id.substr(more));
    pen.write(next.behind);
  }
  hold(pen.written());
}

void Sayings::remove(std::uint32_t tie) {
  std::string_view all = packed();
  Pen pen(all.size() + kRecordMax);
  Reader reader(all);
  std::string_view source;
  char id[kTextMax];
  std::size_t id_size = 0;
  bool any = false;
  for (Record record; reader.next(record);) {
    if (record.tie == tie) continue;
    bool same_source = any && record.said.source == source;
    pack(pen, record.tie, record.said, same_source, same_source ? bytes_shared({id, id_size}, record.said.id) : 0);
    source = record.said.source;
    id_size = record.said.id.copy(id, kTextMax);
    any = true;
  }
  hold(pen.written());
}

}  // namespace vtq
