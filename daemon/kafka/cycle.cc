#include "daemon/kafka/cycle.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>

#include "daemon/engine/audit_seal.h"
#include "daemon/kafka/crash_points.h"
#include "daemon/kafka/positions.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// How long records are waited for while a commit is under way, whose end wakes.
constexpr int kWhileCommittingMs = 100;
constexpr auto kPositionsEvery = std::chrono::seconds(1);

double seconds_since(Steady::time_point from) { return std::chrono::duration<double>(Steady::now() - from).count(); }

}  // namespace

Cycle::Cycle(const Given& given, Store& store, Outputs& outputs, Parsing& parsing, const std::unique_ptr<Pipeline>& pipeline, OwnPartitions& own,
             ReferenceReading& reference, Commits& commits, std::function<std::vector<LateRejection>()> take_rejections)
    : given_(given),
      store_(store),
      outputs_(outputs),
      parsing_(parsing),
      pipeline_(pipeline),
      own_(own),
      reference_(reference),
      commits_(commits),
      take_rejections_(std::move(take_rejections)),
      fates_(given),
      registry_topics_(registry_topics(given.settings)) {}

void Cycle::drop() {
  items_.clear();
  inbounds_.clear();
  moved_.clear();
  last_.clear();
}

void Cycle::keep_within_memory() {
  if (!pipeline_->holds_more_than(given_.options.entries_in_memory_max)) return;
  commits_.settle();  // what is let go of is read again from the store
  pipeline_->evict(given_.options.entries_in_memory_max);
}

Cycle::Gathered Cycle::gather(int idle_ms) {
  std::size_t most = given_.options.batch_events_max;
  Gathered found;
  if (given_.options.time_source == TimeSource::event) {
    found.records = inputs_->gather_in_order(most, idle_ms, kLatestEventMs);
  } else {
    auto due = commits_.handed_over() + std::chrono::milliseconds(given_.settings.kafka_commit_interval_ms);
    found.records = inputs_->gather(most, idle_ms, [&]() -> int {
      if (commits_.busy()) return kWhileCommittingMs;
      return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(due - Steady::now()).count()));
    });
  }
  std::vector<InputRecord> unreadable = inputs_->take_unreadable();
  found.unreadable = !unreadable.empty();
  std::move(unreadable.begin(), unreadable.end(), std::back_inserter(found.records));
  return found;
}

void Cycle::apply(std::deque<Message>& reference, std::vector<InputRecord>&& records) {
  parsing_.arena.Reset();
  items_.clear();
  items_.reserve(reference.size() + records.size());
  for (Message& message : reference) items_.push_back({.input = {std::move(message), Topic::reference, 0}});
  reference.clear();
  for (InputRecord& record : records) items_.push_back({.input = std::move(record)});

  const ClockState clock = given_.clock.state();
  const TimeMs now = clock.now_ms;
  started_ = Steady::now();
  std::size_t references = decide();
  if (!own_.none())
    for (LateRejection& one : take_rejections_()) late_.push_back(std::move(one));
  bool wakes = given_.by_wall_clock() && clock.trusted && pipeline_->next_wake() <= now;
  bool late = !late_.empty() && !own_.none();
  if (items_.empty() && !late && !wakes && !commits_.outgoing().touched_any()) return;

  if (inbounds_.size() > references) pass_crash_point(TransactionPoint::before_apply);
  processing_events_ = items_.size();
  consumed_ = 0;
  emitted_ = 0;
  if (references > 0)
    work([&] { return pipeline_->process_reference(std::span(inbounds_).subspan(consumed_, references - consumed_), !clock.trusted); }, now);
  if (inputs_) work([&] { return pipeline_->process(std::span(inbounds_).subspan(consumed_), now, !clock.trusted); }, now);
  for (const Item& item : items_)
    if (item.input.topic == Topic::reference) reference_.read(item.input.message->offset);
  items_.clear();
}

/// Decides of every item, and lists what is to be applied: first the reference data, so many of them.
std::size_t Cycle::decide() {
  inbounds_.clear();
  item_of_.clear();
  std::size_t references = 0;
  for (std::size_t at = 0; at < items_.size(); ++at) {
    Item& item = items_[at];
    bool reference = item.input.topic == Topic::reference;
    item.mine = !reference || own_.answer_for_reference(item.input.message->offset);
    auto* event = google::protobuf::Arena::CreateMessage<v1::Event>(&parsing_.arena);
    Inbound inbound;
    fates_.decide(item, *pipeline_, *event, inbound);
    if (item.ahead_ms) reference_.pass_over(item.input.message->offset, *item.ahead_ms);
    if (item.fate != Item::Fate::apply) continue;
    inbound.answered = item.mine;
    inbound.read_before = reference && reference_.has_read(item.input.message->offset + 1);
    references += reference;
    item.inbound = inbounds_.size();
    inbounds_.push_back(std::move(inbound));
    item_of_.push_back(at);
  }
  return references;
}

/// Has the pipeline go on, step by step, until it has finished; after each step what was consumed is emitted and committed.
template <class Step>
void Cycle::work(Step step, TimeMs now) {
  for (bool finished = false; !finished;) {
    origin_base_ = consumed_;
    Pipeline::Progress progress = step();
    std::size_t before = consumed_;
    consumed_ += progress.consumed;
    finished = progress.finished;
    std::size_t until = consumed_ < inbounds_.size() ? item_of_[consumed_] : items_.size();
    std::size_t verdict = before;
    for (; emitted_ < until; ++emitted_) {
      bool applied = items_[emitted_].fate == Item::Fate::apply;
      emit(items_[emitted_], applied ? &pipeline_->verdicts()[verdict++ - before] : nullptr, now);
    }
    processing_seconds_ += seconds_since(started_);
    commit(now);
    if (!finished) keep_within_memory();
    started_ = Steady::now();
  }
}

/// What becomes of a record besides the pipeline's outputs, and that it was consumed.
void Cycle::emit(Item& item, const Verdict* verdict, TimeMs now) {
  const InputRecord& input = item.input;
  // A TimeReached changes nothing: if it counted, whoever takes a partition over would think that a change was missed, and wake all of it.
  if (input.topic == Topic::reference && item.fate == Item::Fate::pass) return;
  note_consumed(item);
  if (verdict && given_.probe) tell_probe(item, *verdict);
  // An older fact, or one that nobody vouches for, came after the one that holds in its slot, and would outlive it when the topic is compacted.
  const v1::Event* outlives = item.unvouched;
  if (verdict && verdict->kind == Verdict::Kind::superseded) outlives = inbounds_[item.inbound].event;
  // Not a calendar: each is kept under a key of its own, under which the latest would take its place, and with it a gate that it shut.
  if (input.topic == Topic::reference && outlives && item.mine && !outlives->has_calendar_defined()) publish_again(*outlives, *input.message);
  if (item.fate == Item::Fate::reject) reject(item, now);
  if (item.fate != Item::Fate::route) return;
  commits_.outgoing().route(item.route_to, item.route_partition, item.route_key, *input.message,
                            item.rewritten ? std::optional<std::string_view>(item.held) : std::nullopt);
  if (given_.kafka_probe) given_.kafka_probe->routed(input.topic);
}

void Cycle::note_consumed(const Item& item) {
  const InputRecord& input = item.input;
  if (input.topic == Topic::reference) return reference_.processed(input.message->offset, !own_.none());
  Moved& moved = moved_[{input.partition, input.topic}];
  moved.next = input.message->offset + 1;
  ++moved.records;
  if (!input.message->err) last_[{input.partition, input.topic}] = input.message.get();
}

void Cycle::tell_probe(Item& item, const Verdict& verdict) {
  const Inbound& inbound = inbounds_[item.inbound];
  given_.probe->event_processed(item.input.topic, verdict.kind);
  for (Rejection& warning : warnings(*inbound.event, inbound.address, pipeline_->reference())) item.warnings.push_back(std::move(warning));
  if (verdict.clash.any())
    for (Rejection& warning : warnings_of(verdict.clash, *inbound.event, verdict.kind == Verdict::Kind::accepted))
      item.warnings.push_back(std::move(warning));
  for (const Rejection& warning : item.warnings) given_.probe->event_warned(warning.rule);
}

/// The fact that is in force in the event's slot, once more, under the key of the message.
void Cycle::publish_again(const v1::Event& event, const rd_kafka_message_t& message) {
  const auto* held = pipeline_->reference().in_force(event);
  if (!held) return;
  std::string by;
  // It was vouched for when it was taken; who reads it anew asks for that again.
  if (v1::Event again; given_.options.vouched && again.ParseFromString(held->event) && must_be_vouched_for(again)) {
    v1::AuditActor actor;
    actor.set_name("instance " + given_.options.instance);
    by = said_by_header(actor.SerializeAsString(), held->event, given_.options.seal);
  }
  commits_.outgoing().reference({static_cast<const char*>(message.key), message.key_len},
                                registry_topics_.contains(Topic::reference) ? in_registry_format(held->event) : held->event, by);
}

void Cycle::reject(Item& item, TimeMs now) {
  const InputRecord& input = item.input;
  view_message(*input.message, view_);
  v1::Rejected record = rejected_record(input.topic, view_.value, false, *item.why, now);
  keep_origin(view_, record);
  outputs_.rejected(own_.home_of(input.partition), std::move(record));
  if (given_.probe) given_.probe->event_processed(input.topic, Verdict::Kind::rejected);
}

std::string Cycle::origin_of(std::int64_t token) {
  if (token < 0) return {};
  std::size_t at = origin_base_ + static_cast<std::size_t>(token);
  RecordView view;
  view_message(*items_[item_of_[at]].input.message, view);
  v1::Rejected record;
  record.set_original(inbounds_[at].bytes.data(), inbounds_[at].bytes.size());
  keep_origin(view, record);
  return record.origin().SerializeAsString();
}

// ---- the commit ----

/// Hands over what was applied since the last time, once that is committed.
void Cycle::commit(TimeMs now) {
  std::vector<std::string> ids;
  if (!own_.none())
    for (LateRejection& one : late_) ids.push_back(outputs_.rejected(own_.positions().begin()->first, v1::Rejected(one.record)));
  pipeline_->write(store_);
  const std::set<std::uint32_t> touched = touched_partitions();
  name_unmoved(touched);
  std::vector<StreamOffset> offsets = moved_offsets();
  commits_.settle();

  Positions positions = positions_after(touched);
  for (const auto& [partition, position] : positions) {
    // One of each partition at least, so that nobody takes it over before this has ended.
    InputOffsets held = offsets_of(position.commit());
    bool moved =
        std::any_of(offsets.begin(), offsets.end(), [&partition = partition](const StreamOffset& one) { return one.partition == partition; });
    if (!moved && !held.empty()) offsets.push_back({held.begin()->first, partition, held.begin()->second});
    commits_.outgoing().commit_record(partition, position.commit());
    own_.put(partition, position);
  }
  for (std::size_t at = 0; at < ids.size(); ++at) answers_.emplace_back(std::move(ids[at]), std::move(late_[at]));
  late_.erase(late_.begin(), late_.begin() + static_cast<std::ptrdiff_t>(ids.size()));
  committing_ = std::exchange(moved_, {});
  last_.clear();
  reference_.committed();
  commits_.hand_over({.outgoing = commits_.take_outgoing(),
                      .consumer = inputs_ ? inputs_->consumer() : nullptr,
                      .offsets = std::move(offsets),
                      .positions = std::move(positions),
                      .cut = store_.cut(),
                      .reference_next = reference_.next(),
                      .written_ms = now,
                      .events = std::exchange(processing_events_, 0),
                      .processing_seconds = std::exchange(processing_seconds_, 0)});
}

/// The partitions that the commit is about.
std::set<std::uint32_t> Cycle::touched_partitions() const {
  std::set<std::uint32_t> touched = own_.group_lacks();
  for (const auto& [place, moved] : moved_) touched.insert(own_.home_of(place.first));
  for (const auto& [partition, position] : own_.positions())
    if (reference_.moved() || commits_.outgoing().touched(partition)) touched.insert(partition);
  return touched;
}

/// Names streams of which nothing came and which the group has to know all the same.
void Cycle::name_unmoved(const std::set<std::uint32_t>& touched) {
  for (std::uint32_t partition : touched) {
    InputOffsets held = offsets_of(own_.positions().at(partition).commit());
    for (auto [topic, next] : held)
      if (own_.group_lacks().contains(partition)) moved_.try_emplace({partition, topic}, Moved{next, 0});
    if (held.size() == kCentreTopics.size()) continue;
    // Where a topic began of which nothing came yet is kept as well: what is deleted before it is read is missed then.
    for (Topic topic : kCentreTopics)
      if (auto read = inputs_ ? inputs_->position(topic, partition) : std::nullopt; read && read->next < 0 && read->reached >= 0)
        moved_.try_emplace({partition, topic}, Moved{read->reached, 0});
  }
}

std::vector<StreamOffset> Cycle::moved_offsets() {
  std::vector<StreamOffset> offsets;
  for (const auto& [place, moved] : moved_) {
    offsets.push_back({place.second, place.first, moved.next});
    if (place.first >= given_.partitions()) own_.move_surplus(place.first, place.second, moved.next);
  }
  return offsets;
}

/// Where the touched partitions stand once this commit has ended.
Cycle::Positions Cycle::positions_after(const std::set<std::uint32_t>& touched) const {
  Positions positions;
  for (std::uint32_t partition : touched) {
    v1::PositionRecord position = own_.positions().at(partition);
    v1::CommitRecord& record = *position.mutable_commit();
    record.set_schema(kCommitSchema);
    record.set_time_source(given_.settings.time_source);
    record.set_time_ms(pipeline_->partition(partition).time());
    record.set_reference(reference_.next());
    if (partition == 0) record.set_answered(reference_.answered());
    record.set_writer(instance_name(given_.settings));
    record.set_seal_key(given_.options.store.seal ? given_.options.store.seal->first() : 0);
    record.set_transaction(record.transaction() + 1);
    for (const auto& [place, moved] : moved_)
      if (place.first == partition) (*record.mutable_inputs())[std::string(topic_name(place.second))] = moved.next;
    for (const auto& [place, message] : last_)
      if (place.first == partition) (*record.mutable_last())[std::string(topic_name(place.second))] = read_record(*message);
    positions.emplace_back(partition, std::move(position));
  }
  return positions;
}

void Cycle::commit_positions() {
  const TimeMs now = given_.clock.now();
  if (commits_.busy() || Steady::now() - positions_committed_ < kPositionsEvery) return;
  positions_committed_ = Steady::now();
  commits_.settle();
  for (const auto& [partition, position] : own_.positions()) {
    for (auto [topic, next] : offsets_of(position.commit())) {
      auto read = inputs_->position(topic, partition);
      if (read && read->next <= next && read->reached > next) moved_[{partition, topic}] = {read->reached, 0};
    }
  }
  if (!moved_.empty() || !own_.group_lacks().empty()) commit(now);
}

void Cycle::add_committing(std::vector<StreamLag>& lags, TimeMs now) const {
  if (!commits_.busy()) return;
  for (StreamLag& lag : lags) {
    auto committing = committing_.find({lag.partition, lag.topic});
    if (committing == committing_.end()) continue;
    lag.records += committing->second.records;
    if (lag.behind_since_ms == 0) lag.behind_since_ms = now;
  }
}

void Cycle::concluded(bool committed) {
  for (auto& [id, one] : std::exchange(answers_, {})) {
    if (committed)
      one.done(std::move(id));
    else
      late_.push_back(std::move(one));
  }
}

}  // namespace vtq::kafka
