#include "storage/sealing/sealed_event.h"

namespace vtq {
namespace {

/// The place of every sealed event: what it says of itself stands in it too, and must agree.
constexpr std::string_view kPlace = "event";

v1::Event outside_of(const v1::Event& event) {
  v1::Event outside;
  outside.set_id(event.id());
  outside.set_source(event.source());
  if (event.has_occurred_at()) *outside.mutable_occurred_at() = event.occurred_at();
  if (event.has_sequence()) outside.set_sequence(event.sequence());
  return outside;
}

Rejection wrong(std::string rule, std::string value, std::string message) {
  return {"sealed", std::move(rule), std::move(value), std::move(message)};
}

/// The field outside that says something else than what is sealed; empty: none.
std::string field_that_differs(const v1::Event& outside, const v1::Event& inside) {
  if (!outside.id().empty() && outside.id() != inside.id()) return "id";
  if (!outside.source().empty() && outside.source() != inside.source()) return "source";
  if (outside.has_occurred_at() &&
      (outside.occurred_at().seconds() != inside.occurred_at().seconds() || outside.occurred_at().nanos() != inside.occurred_at().nanos()))
    return "occurredAt";
  if (outside.has_sequence() && (!inside.has_sequence() || outside.sequence() != inside.sequence())) return "sequence";
  return "";
}

}  // namespace

std::string seal_event(const Seal& seal, const v1::Event& event) {
  v1::Event outside = outside_of(event);
  seal.close(SealedAs::event, kPlace, event.SerializeAsString(), *outside.mutable_sealed());
  return outside.SerializeAsString();
}

v1::Event seal_event(const SealRecipient& to, const v1::Event& event) {
  v1::Event outside = outside_of(event);
  outside.set_sealed(close_box(to, event.SerializeAsString()));
  return outside;
}

std::optional<Rejection> open_event(const Seal* seal, v1::Event& event) {
  const std::string& sealed = event.sealed();
  if (event.fact_case() != v1::Event::FACT_NOT_SET) return wrong("sealed-alone", "", "The event has a fact beside what is sealed; send one of them.");
  auto id = Seal::key_of(sealed);
  const std::string named = id ? text_of_seal_key(*id) : "";
  if (!id || (sealed[0] != Seal::kDirect && sealed[0] != Seal::kBox))
    return wrong("sealed-opens", std::to_string(sealed.size()) + " bytes",
                 "This is nothing that was sealed for resultsd; seal the event with resultsctl seal events, or to the key of GET /v1/seal/key.");
  if (!seal)
    return wrong("sealed-key-known", named, "This resultsd has no seal key; set seal.key_file to the file with this key, then replay the record.");
  std::string opened;
  Opening opening = sealed[0] == Seal::kBox ? seal->open_box(sealed, opened) : seal->open(SealedAs::event, kPlace, sealed, opened);
  if (opening == Opening::unknown_key)
    return wrong("sealed-key-known", named, "The key of this id is not in seal.key_file; seal the event to the key of GET /v1/seal/key.");
  v1::Event inside;
  if (opening != Opening::opened || !inside.ParseFromString(opened) || inside.has_sealed())
    return wrong("sealed-opens", named, "What is sealed does not open, or is no event; seal the event again as it is.");
  if (std::string field = field_that_differs(event, inside); !field.empty())
    return wrong("sealed-agrees", field, "What is sealed has another " + field + " than the event that it came in; leave it out there.");
  event.Swap(&inside);
  return std::nullopt;
}

}  // namespace vtq
