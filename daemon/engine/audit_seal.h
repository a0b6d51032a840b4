// What is sealed with the access secret where events go by Kafka, to which others can write: who said an event, in a header beside it, and what
// resultsd notes for the audit. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "vtq/v1/event.pb.h"

namespace vtq {

/// Of who said an event: serialised AuditActor, and the event's bytes.
inline std::string said_by_text(std::string_view actor, std::string_view event) {
  return "by " + std::to_string(actor.size()) + "\n" + std::string(actor) + std::string(event);
}

/// Of an AuditNoted: all of the event, but for its seal.
inline std::string note_text(const v1::Event& event) {
  v1::Event bare = event;
  bare.mutable_audit_noted()->clear_seal();
  return "AuditNoted\n" + bare.SerializeAsString();
}

}  // namespace vtq
