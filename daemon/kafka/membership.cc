#include "daemon/kafka/membership.h"

#include <algorithm>

#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

/// How long the brokers may take to say what the group's offsets are.
constexpr int kOffsetsMs = 500;

/// For what a person has to decide.
std::string with_repair_advice(std::string text) {
  return std::move(text) + " Run " + kRepairCommand + ": it says what it would do, and with --apply does it.";
}

}  // namespace

Membership::Membership(const Given& given, Store& store, const std::unique_ptr<Pipeline>& pipeline, Changelog& changelog, PositionWatch& watch,
                       Tables& tables, OwnPartitions& own, ReferenceReading& reference, Commits& commits)
    : given_(given),
      store_(store),
      pipeline_(pipeline),
      changelog_(changelog),
      watch_(watch),
      tables_(tables),
      own_(own),
      reference_(reference),
      commits_(commits),
      inputs_(given.settings, given.names, [&commits] { commits.wait(); }) {}

v1::PositionRecord Membership::position_of(std::uint32_t partition) const { return store_.position(partition).value_or(v1::PositionRecord{}); }

// ---- partitions come and go ----

bool Membership::take_assignment() {
  if (!inputs_.has_changes()) return false;
  commits_.settle();
  Inputs::Changes changes = inputs_.take_changes();
  // Marks made since: of a partition that may be another's now. Whoever waits for one finds that it is not there.
  if (!changes.revoked.empty()) commits_.drop();
  if (given_.kafka_probe) given_.kafka_probe->rebalance();
  if (changes.lost) {
    if (given_.kafka_probe) given_.kafka_probe->fenced();
    throw Lost("the group took this instance's partitions away: it was silent for longer than kafka.session_timeout_ms");
  }
  for (std::uint32_t partition : changes.revoked) revoke(partition);
  if (changes.assigned) assign(*changes.assigned, changes.incomplete);
  halt(unworkable(changes.incomplete));
  store_.refuse_marks(suspended());
  if (!suspended()) start_inputs();
  return true;
}

void Membership::revoke(std::uint32_t partition) {
  assigned_.erase(partition);
  surplus_.erase(partition);
  own_.forget_surplus(partition);
  halted_.erase(partition);
  if (restoring_.erase(partition) > 0) {
    changelog_.release(partition);
    changelog_.follow(partition);
  }
  if (!own_.has(partition)) return;
  // Eager rebalancing takes all and gives most of them back.
  if (given_.settings.kafka_assignment != "range")
    give_up(partition);
  else
    suspended_.insert(partition);
}

void Membership::assign(const std::set<std::uint32_t>& partitions, const std::map<std::uint32_t, std::string>& incomplete) {
  std::int32_t generation = inputs_.generation();
  // With a generation between, somebody else may have had them.
  bool unbroken = generation == generation_ + 1;
  generation_ = generation;
  for (std::uint32_t partition : partitions) (partition < given_.partitions() ? assigned_ : surplus_).insert(partition);
  for (std::uint32_t partition : std::exchange(suspended_, {}))
    if (!unbroken || !assigned_.contains(partition)) give_up(partition);
  for (std::uint32_t partition : assigned_)
    if (!own_.has(partition)) restoring_.try_emplace(partition);
  std::erase_if(halted_, [&](const auto& one) { return !assigned_.contains(one.first) && !incomplete.contains(one.first); });
  for (std::uint32_t partition = 0; partition < given_.partitions(); ++partition)
    if (!assigned_.contains(partition)) changelog_.follow(partition);
  changed_ = true;
  log::write(log::Level::info, "partitions assigned",
             {{"partitions", static_cast<std::int64_t>(assigned_.size())},
              {"restoring", static_cast<std::int64_t>(restoring_.size())},
              {"generation", std::int64_t{generation}}});
}

/// Of what the group gave, what cannot be worked on, and why. `incomplete`: what is missing.
std::map<std::uint32_t, std::string> Membership::unworkable(const std::map<std::uint32_t, std::string>& incomplete) {
  std::map<std::uint32_t, std::string> whys;
  if (!given_.by_wall_clock())
    for (std::uint32_t partition : std::exchange(surplus_, {}))
      whys[partition] = "Partition " + std::to_string(partition) +
                        ": the input topics have more partitions than partitions = " + std::to_string(given_.partitions()) +
                        ". With time.source = event they must have as many: make topics with another kafka.topic_prefix "
                        "and publish the season there; " +
                        kRepairCommand + " cannot take partitions away.";
  for (const auto& [partition, missing] : incomplete)
    whys[partition] = with_repair_advice("Partition " + std::to_string(partition) + ": the group gives it to this instance without that of " +
                                         missing + ". The input topics have different numbers of partitions, or another client uses the group " +
                                         given_.settings.kafka_group + ".");
  return whys;
}

void Membership::give_up(std::uint32_t partition) {
  pipeline_->give_up(partition);
  store_.give_up(partition);
  own_.give_up(partition);
  changelog_.follow(partition);
  changed_ = true;
}

void Membership::give_up_all() {
  for (const auto& [partition, position] : own_.positions()) {
    pipeline_->give_up(partition);
    store_.give_up(partition);
  }
  own_.give_up_all();
  suspended_.clear();
  changed_ = true;
}

void Membership::release_restoring() {
  for (const auto& [partition, restoring] : restoring_) changelog_.release(partition);
}

// ---- on the way to being worked on ----

void Membership::advance() {
  if (std::string why = changelog_.failure(); !why.empty()) throw KafkaError(why);
  retry_halted();
  ask_group();
  ask_group_of_surplus();
  hear_changelog();
  look_at_positions();
  // Of entries that refer to what this instance has not read yet it could not say anything.
  std::vector<std::uint32_t> ready;
  std::map<std::uint32_t, std::string> wrong;
  for (const auto& [partition, restoring] : restoring_) {
    if (!restoring.restored || !restoring.logs) continue;
    v1::CommitRecord record = record_of(partition);
    if (std::string why = verify(partition, restoring, record); !why.empty())
      wrong[partition] = std::move(why);
    else if (reference_.has_read(record.reference()))
      ready.push_back(partition);
  }
  halt(wrong);
  if (!ready.empty() && !hear_log(ready)) activate(ready);
}

void Membership::ask_group() {
  for (auto& [partition, restoring] : restoring_) {
    if (restoring.group) continue;
    // First the offsets, stable: no transaction of an earlier owner is open that could still move them. Then the changelog's end.
    restoring.group = inputs_.committed(partition, kOffsetsMs);
    if (!restoring.group) break;
    changelog_.finish(partition);
  }
}

void Membership::ask_group_of_surplus() {
  for (std::uint32_t partition : surplus_) {
    if (own_.surplus().contains(partition) || own_.none()) continue;
    auto offsets = inputs_.committed(partition, kOffsetsMs);
    if (!offsets) break;
    own_.put_surplus(partition, std::move(*offsets));
    start_inputs();
  }
}

void Membership::hear_changelog() {
  std::map<std::uint32_t, std::string> refused = changelog_.take_refused();
  std::erase_if(refused, [&](const auto& one) { return !restoring_.contains(one.first); });
  halt(refused);
  for (std::uint32_t partition : changelog_.take_finished())
    if (auto restoring = restoring_.find(partition); restoring != restoring_.end()) restoring->second.restored = true;
}

void Membership::look_at_positions() {
  stopped_.merge(inputs_.take_stopped());
  if (auto answer = watch_.take()) hear_positions(std::move(*answer));
  if (watch_.busy()) return;
  auto asked = positions_to_ask();
  if (!asked.empty()) watch_.ask(std::move(asked));
}

void Membership::hear_positions(PositionWatch::Answer answer) {
  for (const auto& [partition, record] : answer.asked)
    if (!answer.logs.contains(partition)) unanswered_.insert(partition);
  std::map<std::uint32_t, std::string> wrong;
  bool readable = false;
  for (const auto& [partition, logs] : answer.logs) {
    const v1::CommitRecord& asked = answer.asked.at(partition);
    // A session before this one may have asked; others have gone on with the partition since.
    auto restoring = restoring_.find(partition);
    if (restoring != restoring_.end() && restoring->second.restored && asked.transaction() == record_of(partition).transaction())
      restoring->second.logs = logs;
    if (!own_.has(partition)) continue;
    std::vector<PositionFault> faults = faults_of(partition, asked, nullptr, logs);
    if (!faults.empty()) wrong[partition] = words_for(faults);
    // Nothing is wrong any more: reading is begun again.
    if (faults.empty()) readable = stopped_.erase(partition) > 0 || readable;
  }
  halt(wrong);
  if (readable && !suspended()) start_inputs();
}

std::map<std::uint32_t, v1::CommitRecord> Membership::positions_to_ask() {
  auto every = std::chrono::seconds(given_.settings.kafka_position_check_seconds);
  std::map<std::uint32_t, v1::CommitRecord> asked;
  for (const auto& [partition, restoring] : restoring_)
    if (restoring.restored && !restoring.logs) asked[partition] = record_of(partition);
  std::erase_if(stopped_, [&](std::uint32_t partition) { return !own_.has(partition); });
  if (!stopped_.empty() || Steady::now() - looked_ >= every) {
    for (const auto& [partition, position] : own_.positions()) asked[partition] = position.commit();
    looked_ = Steady::now();
  }
  for (std::uint32_t partition : std::exchange(unanswered_, {}))
    if (auto own = own_.positions().find(partition); own != own_.positions().end()) asked[partition] = own->second.commit();
  return asked;
}

std::string Membership::words_for(const std::vector<PositionFault>& faults) const {
  std::string all;
  for (const PositionFault& fault : faults) all += (all.empty() ? "" : " ") + text_of(fault, given_.names, given_.settings.kafka_group);
  return with_repair_advice(std::move(all));
}

std::string Membership::verify(std::uint32_t partition, const Restoring& restoring, const v1::CommitRecord& record) const {
  std::string place = "Topic " + given_.names.changelog() + ", partition " + std::to_string(partition);
  if (record.schema() > kCommitSchema) return place + ": it was written by a later version of resultsd; use that.";
  if (!record.time_source().empty() && record.time_source() != given_.settings.time_source)
    return place + ": it was written with time.source = \"" + record.time_source() + "\", not \"" + given_.settings.time_source +
           "\"; set time.source to that at all instances, or use another kafka.group and kafka.topic_prefix.";
  std::vector<PositionFault> faults = faults_of(partition, record, &restoring.group.value(), restoring.logs.value());
  return faults.empty() ? "" : words_for(faults);
}

bool Membership::hear_log(const std::vector<std::uint32_t>& partitions) {
  if (!given_.by_wall_clock()) return false;
  TimeMs latest = 0;
  for (std::uint32_t partition : partitions) latest = std::max(latest, record_of(partition).time_ms());
  given_.clock.log_says(latest, store_.clock_confirmation());
  if (!reference_.passed_over()) return false;
  const ClockState clock = given_.clock.state();
  std::optional<std::int64_t> from = clock.trusted ? std::nullopt : reference_.read_again(latest_event(clock));
  if (from) tables_.rewind(*from);
  if (!from && own_.none()) reference_.leave_passed_over();
  return from.has_value();
}

void Membership::activate(const std::vector<std::uint32_t>& partitions) {
  for (std::uint32_t partition : partitions) {
    v1::PositionRecord position = position_of(partition);
    // The group's offsets expire while nobody uses it; the commit record knows them.
    const InputOffsets& group = restoring_.at(partition).group.value();
    InputOffsets known = offsets_of(position.commit());
    bool lacks = std::any_of(known.begin(), known.end(), [&](const auto& one) { return !group.contains(one.first); });
    if (lacks)
      log::write(log::Level::warning, "the group has no offsets of a partition, which goes on from those of its changelog",
                 {{"partition", std::int64_t{partition}}, {"group", given_.settings.kafka_group}});
    if (halted_.erase(partition) > 0) log::write(log::Level::info, "a partition that stood still goes on", {{"partition", std::int64_t{partition}}});
    store_.take(partition);
    take_into_pipeline(partition, position);
    // Whoever has partition 0 rejects or moves what is wrong in the reference data, also in those that were read, and passed over, when
    // nobody had it.
    if (partition == 0)
      if (auto from = reference_.answer_from(position.commit().answered())) tables_.rewind(*from);
    restoring_.erase(partition);
    own_.put(partition, std::move(position));
    if (lacks) own_.note_group_lacks(partition);
  }
  log::write(log::Level::info, "partitions are worked on",
             {{"partitions", static_cast<std::int64_t>(partitions.size())}, {"restoring", static_cast<std::int64_t>(restoring_.size())}});
  changed_ = true;
  start_inputs();
}

void Membership::take_into_pipeline(std::uint32_t partition, const v1::PositionRecord& position) {
  pipeline_->take(partition);
  if (reference_.is_ahead_of(position.commit().reference())) pipeline_->partition(partition).reference_changed_unseen();
}

void Membership::go_back() {
  for (const auto& [partition, before] : own_.positions()) {
    v1::PositionRecord position = position_of(partition);
    take_into_pipeline(partition, position);
    own_.put(partition, std::move(position));
  }
  own_.forget_surplus();  // the group knows them
  std::optional<std::int64_t> answered;
  if (own_.has(0)) answered = own_.positions().at(0).commit().answered();
  tables_.rewind(reference_.go_on_from(answered));
}

// ---- partitions that stand still ----

void Membership::halt(const std::map<std::uint32_t, std::string>& whys) {
  if (whys.empty()) return;
  bool was_worked_on = std::any_of(whys.begin(), whys.end(), [&](const auto& one) { return own_.has(one.first); });
  if (was_worked_on) commits_.settle();
  for (const auto& [partition, why] : whys) {
    if (own_.has(partition)) give_up(partition);
    restoring_.erase(partition);
    stopped_.erase(partition);
    std::string& told = halted_[partition];
    if (told == why) continue;
    told = why;
    changed_ = true;
    log::write(log::Level::error, "a partition stands still; the others go on", {{"partition", std::int64_t{partition}}, {"why", why}});
  }
  retried_ = Steady::now();
  if (was_worked_on && !suspended()) start_inputs();
}

void Membership::retry_halted() {
  auto every = std::chrono::seconds(given_.settings.kafka_position_check_seconds);
  if (halted_.empty() || !restoring_.empty() || Steady::now() - retried_ < every) return;
  retried_ = Steady::now();
  for (const auto& [partition, why] : halted_)
    if (assigned_.contains(partition)) restoring_.try_emplace(partition);
}

// ---- reading ----

void Membership::start_inputs() {
  std::map<std::uint32_t, Start> starts;
  for (const auto& [partition, position] : own_.positions())
    starts[partition] = {offsets_of(position.commit()), pipeline_->partition(partition).time()};
  if (!own_.none())
    for (const auto& [partition, offsets] : own_.surplus()) starts[partition] = {offsets, 0};
  inputs_.start(starts);
}

std::vector<StreamLag> Membership::lags(TimeMs now) {
  std::vector<StreamLag> found = inputs_.lags(now);
  for (const StreamLag& lag : found) tell_held(lag, now);
  return found;
}

/// A publisher's transaction that stays open holds up what comes after it, for everybody: said once, and once more when it has ended.
void Membership::tell_held(const StreamLag& lag, TimeMs now) {
  std::pair place(lag.topic, lag.partition);
  bool long_held = lag.held_since_ms != 0 && now - lag.held_since_ms >= given_.settings.kafka_open_transaction_seconds * 1000;
  std::string topic = given_.names.of(lag.topic);
  std::int64_t partition = lag.partition;
  if (long_held && held_told_.insert(place).second)
    log::write(log::Level::warning,
               "a publisher's transaction is open, and the records behind it wait: it ends with its time-out, or kafka-transactions.sh "
               "find-hanging and abort end it",
               {{"topic", topic}, {"partition", partition}, {"records", lag.held_records}, {"since", utc_text(lag.held_since_ms)}});
  if (lag.held_since_ms == 0 && held_told_.erase(place) > 0)
    log::write(log::Level::info, "the publisher's transaction has ended, and the records behind it are read",
               {{"topic", topic}, {"partition", partition}});
}

}  // namespace vtq::kafka
