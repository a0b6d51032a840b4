// Who said a fact, and in which turn: what orders facts of one moment. Pure values.
//
// At one moment, facts go by the source's name, then by the source's own sequence, then by id, then by content; names and ids are compared
// as people count. The order is total, so that whatever order facts come in, the same one holds; vtq/v1/event.proto tells publishers.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vtq/v1/event.pb.h"

namespace vtq {

/// Runs of digits by their number, all else by its bytes: `row-9` before `row-10`. Equal only where the texts are.
std::strong_ordering compare_as_counted(std::string_view a, std::string_view b);

/// What told two facts about the same thing apart.
enum class DecidedBy : std::uint8_t { moment, stop, source, sequence, id, content };

/// Who says an event, and in which turn. Lives as long as the event.
struct Said {
  std::string_view source;
  std::optional<std::uint64_t> sequence;
  std::string_view id;

  bool same_id(const Said& other) const { return id == other.id && source == other.source; }
  /// Whether its source gave it a larger sequence number than the other, which is of the same source.
  bool numbered_after(const Said& other) const { return sequence && other.sequence && source == other.source && *sequence > *other.sequence; }
};
Said said_by(const v1::Event& event);

/// A Said that stands for itself.
struct Saying {
  std::string source;
  std::optional<std::uint64_t> sequence;
  std::string id;

  Said said() const { return {source, sequence, id}; }
};
Saying saying_of(const v1::Event& event);

struct Order {
  std::strong_ordering order = std::strong_ordering::equal;
  DecidedBy by = DecidedBy::content;
};
/// How `a` goes against `b` at one moment. Equal: only content is left to decide.
Order compare(const Said& a, const Said& b);

/// Who said the facts of one entry: one record for every event that holds a slot of it, found by the hash in the slot's stamp. There are
/// many entries with some ten events each, so the records are packed: in the order of source and id, of which each gives only what differs
/// from the record before, if that is of the same source.
///
///   tie (4 bytes), flags, [source: size, bytes], [sequence: 8 bytes], id: bytes shared with the one before, size of the rest, the rest
class Sayings {
 public:
  Sayings() = default;
  Sayings(const Sayings& other);
  Sayings& operator=(const Sayings& other);
  Sayings(Sayings&&) noexcept = default;
  Sayings& operator=(Sayings&&) noexcept = default;

  /// From what `packed` gave; nullopt for bytes that it never gives.
  static std::optional<Sayings> from(std::string_view packed);
  std::string_view packed() const;
  /// It is about to be looked at.
  void prefetch() const { __builtin_prefetch(held_.get()); }

  /// What there is beside a record, and where it belongs. Holds until the records change.
  struct Look {
    bool held = false;       ///< there is one of its hash
    bool otherwise = false;  ///< the source used the id for an event of another hash

   private:
    friend class Sayings;
    std::size_t at = 0;           // where it begins
    bool same_source = false;     // as the one before
    std::size_t shared = 0;       // bytes of the id, with the one before
    bool last = true;             // none comes behind it; of the one that does:
    std::size_t next_shared = 0;  // bytes of its id, with this one
    bool next_same_source = false;
  };
  Look look(std::uint32_t tie, const Said& said) const;
  std::optional<Saying> find(std::uint32_t tie) const;
  /// Adds a record, if there is none of its hash. `look` is the one for it.
  void add(const Look& look, std::uint32_t tie, const Said& said);
  void add(std::uint32_t tie, const Said& said) { add(look(tie, said), tie, said); }
  void remove(std::uint32_t tie);

  bool operator==(const Sayings& other) const { return packed() == other.packed(); }

 private:
  void hold(std::string_view packed);

  std::unique_ptr<char[]> held_;  // its size in 4 bytes, then the records; null: none
};

}  // namespace vtq
