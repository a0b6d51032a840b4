#include "daemon/audit/verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vtq {
namespace {

struct Named {
  std::uint64_t partition = 0, number = 0;
  Hash256 previous{};
};

std::optional<Named> named_in(const std::string& line) {
  auto json = nlohmann::json::parse(line, nullptr, false);
  auto counts = [&](const char* name) { return json.contains(name) && json[name].is_number_unsigned(); };
  if (!json.is_object() || !counts("partition") || !counts("number") || !json.contains("previous") || !json["previous"].is_string())
    return std::nullopt;
  auto previous = hash_of_hex(json["previous"].get<std::string>());
  if (!previous) return std::nullopt;
  return Named{json["partition"], json["number"], *previous};
}

std::optional<AuditFault> fault_of(const std::string& line, std::uint32_t partition, const AuditHead& head) {
  auto is = named_in(line);
  if (!is) return AuditFault{head.size, "audit-form", "It is no record of an audit: not JSON with partition, number and previous."};
  if (is->partition != partition)
    return AuditFault{head.size, "audit-partition", "It is a record of partition " + std::to_string(is->partition) + "."};
  if (is->number > head.size)
    return AuditFault{head.size, "audit-gap", "It is missing: record " + std::to_string(is->number) + " stands in its place."};
  if (is->number < head.size) return AuditFault{head.size, "audit-order", "Record " + std::to_string(is->number) + " stands in its place."};
  if (is->previous != head.last)
    return AuditFault{head.size == 0 ? 0 : head.size - 1, "audit-chain",
                      head.size == 0 ? "The first record names one before it."
                                     : "Its content is not what record " + std::to_string(head.size) + " was chained to."};
  return std::nullopt;
}

struct Signed {
  Checkpoint says;
};

std::optional<AuditFault> wrong_root(const Checkpoint& says, const AuditHead& head) {
  if (root_of(head) == says.root) return std::nullopt;
  return AuditFault{says.size, "checkpoint-root",
                    "The first " + std::to_string(says.size) +
                        " records are not those that the checkpoint was signed for: one of them, or all, were written anew."};
}

}  // namespace

AuditVerified verify_audit(std::istream& lines, std::uint32_t partition, const std::vector<std::string>& checkpoints, const NoteVerifier& key) {
  AuditVerified found;
  auto fail = [&](AuditFault&& fault) {
    found.fault = std::move(fault);
    return found;
  };
  std::vector<Signed> all;
  for (const std::string& note : checkpoints) {
    auto text = key.open(note);
    if (!text) return fail({0, "checkpoint-signature", "The checkpoint is not signed by " + key.name() + "."});
    auto says = read_checkpoint(*text);
    if (!says) return fail({0, "checkpoint-form", "What is signed is no checkpoint."});
    if (says->origin != origin_of(key.name(), partition))
      return fail({0, "checkpoint-origin", "The checkpoint is of " + says->origin + ", not of " + origin_of(key.name(), partition) + "."});
    all.push_back({std::move(*says)});
  }
  if (all.empty()) return fail({0, "checkpoint-given", "There is no checkpoint: nobody answers for these records."});
  std::sort(all.begin(), all.end(), [](const Signed& a, const Signed& b) { return a.says.size < b.says.size; });

  AuditHead head;
  std::size_t next = 0;
  auto meet = [&]() -> std::optional<AuditFault> {
    for (; next < all.size() && all[next].says.size == head.size; ++next)
      if (auto wrong = wrong_root(all[next].says, head)) return wrong;
    return std::nullopt;
  };
  if (auto wrong = meet()) return fail(std::move(*wrong));
  for (std::string line; std::getline(lines, line);) {
    if (auto wrong = fault_of(line, partition, head)) return fail(std::move(*wrong));
    append(head, line);
    found.records = head.size;
    if (auto wrong = meet()) return fail(std::move(*wrong));
  }
  if (next < all.size())
    return fail({head.size, "audit-truncated",
                 "It is missing, and all after it: the checkpoint was signed for " + std::to_string(all.back().says.size) + " records."});
  found.signed_records = all.back().says.size;
  return found;
}

}  // namespace vtq
