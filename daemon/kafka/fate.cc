#include "daemon/kafka/fate.h"

#include <algorithm>

#include "daemon/engine/audit_seal.h"
#include "daemon/engine/engine_parts.h"
#include "daemon/engine/vouched.h"
#include "daemon/kafka/outgoing.h"
#include "storage/sealing/sealed_event.h"

namespace vtq::kafka {
namespace {

/// What is wrong with another's reference data is for that instance to say.
void reject(Item& item, Rejection why) {
  if (!item.mine) return;
  item.fate = Item::Fate::reject;
  item.why = std::move(why);
}

}  // namespace

Fates::Fates(const Given& given) : given_(given), registry_topics_(registry_topics(given.settings)) {}

void Fates::decide(Item& item, const Pipeline& pipeline, v1::Event& event, Inbound& inbound) {
  const rd_kafka_message_t& message = *item.input.message;
  view_message(message, view_);
  bool reference = item.input.topic == Topic::reference;
  if (!message.payload && reference && !message.err) return;  // a tombstone: reference data are never taken back
  if (auto why = read(item, event, inbound)) return reject(item, std::move(*why));
  TimeMs latest = given_.by_wall_clock() ? latest_event(given_.clock.state()) : kLatestEventMs;
  Result<Address> address = check(event, latest);
  if (!address && !item.mine && check(event, kLatestEventMs)) item.ahead_ms = event.occurred_at().seconds() * 1000;
  if (!address) return reject(item, std::move(address).error());
  if (event.has_audit_noted() && !(given_.options.sealed && given_.options.sealed(note_text(event), event.audit_noted().seal())))
    return reject(item, not_own_note());
  inbound.by = said_by(inbound.bytes);
  if (auto why = not_vouched_for(given_.options, event, !inbound.by.empty(), has_header(kByHeader))) {
    item.unvouched = &event;
    return reject(item, std::move(*why));
  }
  inbound.event = &event;
  inbound.address = std::move(address).value();
  place(item, pipeline, inbound);
}

std::optional<Rejection> Fates::read(Item& item, v1::Event& event, Inbound& inbound) {
  const InputRecord& input = item.input;
  if (input.message->err) return unreadable_record(view_, rd_kafka_message_errstr(input.message.get()));
  // A change of the reference data may have to be published once more, as it is.
  if (auto why = too_much(view_, input.topic == Topic::reference ? kMovedBytesMax : kRecordBytesMax)) return why;
  bool framed = registry_topics_.contains(input.topic);
  Result<DecodedEvent> decoded = decode_record(view_, framed ? RecordMode::schema_registry : RecordMode::cloud_events);
  if (!decoded) return std::move(decoded).error();
  inbound.bytes = decoded.value().bytes;
  if (!decoded.value().held.empty()) {
    item.held = std::move(decoded).value().held;
    inbound.bytes = item.held;
  }
  if (!event.ParseFromArray(inbound.bytes.data(), static_cast<int>(inbound.bytes.size()))) return unreadable_event(inbound.bytes);
  if (event.has_sealed()) {
    if (auto why = open_event(given_.options.store.seal.get(), event)) return why;
    item.held = event.SerializeAsString();
    inbound.bytes = item.held;
  }
  if (view_.headers.empty()) return std::nullopt;
  if (fill_from_attributes(view_, event)) {
    item.held = event.SerializeAsString();
    inbound.bytes = item.held;
  }
  return check_attributes(view_, event);
}

/// As the header has it, where it bears the seal of this service and of this event.
std::string_view Fates::said_by(std::string_view event) const {
  for (const auto& [name, value] : view_.headers) {
    if (name != kByHeader) continue;
    if (std::string_view actor = sayer_in(value, event, given_.options.sealed); !actor.empty()) return actor;
  }
  return {};
}

bool Fates::has_header(std::string_view wanted) const {
  return std::any_of(view_.headers.begin(), view_.headers.end(), [&](const auto& header) { return header.first == wanted; });
}

void Fates::place(Item& item, const Pipeline& pipeline, const Inbound& inbound) {
  const InputRecord& input = item.input;
  const v1::Event& event = *inbound.event;
  const Address& to = inbound.address;
  // A TimeReached says of the partition it is in how far that has come: it is right anywhere.
  if (event.has_time_reached()) {
    bool passes = input.topic == Topic::reference || input.partition >= given_.partitions();
    item.fate = passes ? Item::Fate::pass : Item::Fate::apply;
    return;
  }
  Topic right_topic = to.everywhere ? Topic::reference : to.topic;
  std::uint32_t right_partition = to.everywhere ? 0 : pipeline.partition_of(to.centre);
  if (right_topic == input.topic && right_partition == input.partition) {
    item.warnings = warnings(event);
    item.fate = Item::Fate::apply;
    return;
  }
  if (!item.mine) return;
  if (has_header(kRoutedHeader))
    return reject(item, {"record", "record-placement", std::string(topic_name(input.topic)) + " " + std::to_string(input.partition),
                         "The record was moved once already and is in the wrong place again: instances disagree about the number of partitions. "
                         "Check that all have the same setting partitions, then redrive it."});
  if (bytes_of(view_) > kMovedBytesMax)
    return reject(item, {"record", "record-placement", std::string(topic_name(input.topic)) + " " + std::to_string(input.partition),
                         "The record belongs into partition " + std::to_string(right_partition) + " of " + given_.names.of(right_topic) +
                             " and is too large to be moved there: a record that is moved may have " + std::to_string(kMovedBytesMax) +
                             " bytes with its key and headers. Publish it there."});
  item.fate = Item::Fate::route;
  item.route_to = right_topic;
  item.route_partition = right_partition;
  item.route_key = to.everywhere ? slot_of(event) : vtq::text_of(to.centre);
  bool framed = registry_topics_.contains(input.topic);
  bool framed_there = registry_topics_.contains(right_topic);
  const Seal* seal = given_.options.store.seal.get();
  bool sealed = seal && !to.everywhere;
  item.rewritten = framed != framed_there || sealed;
  if (!item.rewritten) return;
  std::string bytes = sealed ? seal_event(*seal, event) : std::string(inbound.bytes);
  item.held = framed_there ? in_registry_format(bytes) : std::move(bytes);
}

}  // namespace vtq::kafka
