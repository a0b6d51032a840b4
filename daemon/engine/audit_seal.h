// What is sealed with the access secret where events go by Kafka, to which others can write: who said an event, in a header beside it, and what
// resultsd notes for the audit. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vtq/v1/event.pb.h"

namespace vtq {

/// Of who said an event: serialised AuditActor, and the event's bytes.
inline std::string said_by_text(std::string_view actor, std::string_view event) {
  return "by " + std::to_string(actor.size()) + "\n" + std::string(actor) + std::string(event);
}

/// Digits of the seal that a header begins with.
constexpr std::size_t kSealDigits = 64;

/// What goes into the header beside an event: the seal, and who said it. `actor`: serialised AuditActor. `event`: the bytes that readers have, those
/// inside where they are sealed.
inline std::string said_by_header(std::string_view actor, std::string_view event, const std::function<std::string(std::string_view text)>& seal) {
  return seal(said_by_text(actor, event)) + std::string(actor);
}

/// Who said the event, as such a header has it: a serialised AuditActor. Empty: the header is none of this service, or of another event.
inline std::string_view sayer_in(std::string_view header, std::string_view event,
                                 const std::function<bool(std::string_view text, std::string_view seal)>& sealed) {
  if (!sealed || header.size() <= kSealDigits) return {};
  std::string_view actor = header.substr(kSealDigits);
  return sealed(said_by_text(actor, event), header.substr(0, kSealDigits)) ? actor : std::string_view();
}

/// Of an AuditNoted: all of the event, but for its seal.
inline std::string note_text(const v1::Event& event) {
  v1::Event bare = event;
  bare.mutable_audit_noted()->clear_seal();
  return "AuditNoted\n" + bare.SerializeAsString();
}

}  // namespace vtq
