// The chain of one partition's audit, and the tree over it. Each record names the leaf hash of the one before; the same leaf hashes are those of a
// Merkle tree as RFC 6962 has it, of which only the roots of its complete subtrees are kept: as many as the size has ones in binary. Plain values.
#pragma once

#include <string_view>
#include <vector>

#include "pipeline/base/sha256.h"

namespace vtq {

/// How far a partition's audit has come.
struct AuditHead {
  std::uint64_t size = 0;  ///< records; the number of the next one
  Hash256 last{};          ///< leaf hash of the last; zeroes: there is none
  std::vector<Hash256> peaks;

  bool operator==(const AuditHead&) const = default;
};

/// SHA-256 of a zero byte and the line.
Hash256 leaf_hash(std::string_view line);
/// SHA-256 of a byte 1 and both.
Hash256 node_hash(const Hash256& left, const Hash256& right);

/// The line is the next record.
void append(AuditHead& head, std::string_view line);
/// The tree's root; of no records the hash of nothing.
Hash256 root_of(const AuditHead& head);

/// What proves, with its leaf hash, that record `number` is among `leaves` (RFC 6962, 2.1.1). `number` is less than their count.
std::vector<Hash256> inclusion_proof(const std::vector<Hash256>& leaves, std::uint64_t number);
/// The root that such a proof leads to in a tree of `size`; nothing: it is no proof for that place.
std::optional<Hash256> root_by_proof(const Hash256& leaf, std::uint64_t number, std::uint64_t size, const std::vector<Hash256>& proof);

}  // namespace vtq
