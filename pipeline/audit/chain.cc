#include "pipeline/audit/chain.h"

#include <bit>

namespace vtq {
namespace {

/// Of `count` leaves, of which there is at least one.
Hash256 root_between(const Hash256* leaves, std::uint64_t count) {
  if (count == 1) return *leaves;
  const std::uint64_t left = std::bit_floor(count - 1);
  return node_hash(root_between(leaves, left), root_between(leaves + left, count - left));
}

void prove(const Hash256* leaves, std::uint64_t count, std::uint64_t number, std::vector<Hash256>& proof) {
  if (count == 1) return;
  const std::uint64_t left = std::bit_floor(count - 1);
  if (number < left) {
    prove(leaves, left, number, proof);
    proof.push_back(root_between(leaves + left, count - left));
  } else {
    prove(leaves + left, count - left, number - left, proof);
    proof.push_back(root_between(leaves, left));
  }
}

}  // namespace

Hash256 leaf_hash(std::string_view line) {
  std::string text(1, '\0');
  text += line;
  return sha256(text);
}

Hash256 node_hash(const Hash256& left, const Hash256& right) { return sha256('\1' + bytes_of(left) + bytes_of(right)); }

void append(AuditHead& head, std::string_view line) {
  head.last = leaf_hash(line);
  Hash256 subtree = head.last;
  // Each one at the end of the size is a subtree that the new leaf makes a larger one of.
  for (std::uint64_t size = head.size; (size & 1) != 0; size >>= 1) {
    subtree = node_hash(head.peaks.back(), subtree);
    head.peaks.pop_back();
  }
  head.peaks.push_back(subtree);
  ++head.size;
}

Hash256 root_of(const AuditHead& head) {
  if (head.peaks.empty()) return sha256("");
  Hash256 root = head.peaks.back();
  for (std::size_t at = head.peaks.size() - 1; at > 0; --at) root = node_hash(head.peaks[at - 1], root);
  return root;
}

std::vector<Hash256> inclusion_proof(const std::vector<Hash256>& leaves, std::uint64_t number) {
  std::vector<Hash256> proof;
  if (number < leaves.size()) prove(leaves.data(), leaves.size(), number, proof);
  return proof;
}

std::optional<Hash256> root_by_proof(const Hash256& leaf, std::uint64_t number, std::uint64_t size, const std::vector<Hash256>& proof) {
  // RFC 9162, 2.1.3.2.
  if (number >= size) return std::nullopt;
  std::uint64_t at = number, last = size - 1;
  Hash256 root = leaf;
  for (const Hash256& other : proof) {
    if (last == 0) return std::nullopt;
    if ((at & 1) != 0 || at == last) {
      root = node_hash(other, root);
      while (at != 0 && (at & 1) == 0) at >>= 1, last >>= 1;
    } else {
      root = node_hash(root, other);
    }
    at >>= 1, last >>= 1;
  }
  if (last != 0) return std::nullopt;
  return root;
}

}  // namespace vtq
