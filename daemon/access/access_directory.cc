#include "daemon/access/access_directory.h"

#include <pthread.h>

#include "daemon/access/signed_out.h"
#include "pipeline/kinds/slots.h"
#include "storage/state_snapshot.h"

namespace vtq {
namespace {

constexpr std::chrono::milliseconds kLookEvery{50};

TimeMs moment_of(const v1::Event& event) { return event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000; }

bool is_of(std::string_view slot, std::string_view kind) { return slot.size() > kind.size() && slot.starts_with(kind) && slot[kind.size()] == ' '; }

std::shared_ptr<const AccessFacts> read(const Store& store, const AccessSecret& secret, std::uint64_t reference) {
  auto found = std::make_shared<AccessFacts>();
  found->reference = reference;
  std::map<std::string, TimeMs> revoked;
  StateSnapshot state(store);
  state.hold();
  state.each_reference([&](std::string_view slot, const Stamp&, std::string_view bytes) {
    bool made = is_of(slot, kAccessKeySlot), ended = is_of(slot, kAccessKeyRevokedSlot);
    bool out = is_of(slot, kPersonSignedOutSlot), centre = is_of(slot, kCentreSlot);
    if (!made && !ended && !out && !centre && !is_of(slot, kQualificationSlot)) return;
    v1::Event event;
    if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    if (ended) {
      bool sealed = is_sealed(event.access_key_revoked(), secret);
      if (sealed) revoked.emplace(event.access_key_revoked().key(), moment_of(event));
      found->unsealed += sealed ? 0 : 1;
    } else if (made) {
      auto key = read_key(event.access_key_made(), moment_of(event), secret);
      found->unsealed += key ? 0 : 1;
      if (key) found->keys.insert_or_assign(key->id, std::move(*key));
    } else if (out) {
      const auto& fact = event.person_signed_out();
      bool sealed = is_sealed(fact, secret);
      found->unsealed += sealed ? 0 : 1;
      if (!sealed) return;
      TimeMs& latest = found->signed_out[fact.person()];
      latest = std::max(latest, static_cast<TimeMs>(fact.before_ms()));
    } else if (centre) {
      const auto& fact = event.centre_defined();
      if (auto id = parse_centre(fact.centre())) found->centres.push_back({*id, fact.name(), fact.urn(), fact.ukprn()});
    } else {
      auto id = parse_qualification(event.qualification_defined().qualification());
      auto owner = parse_awarding_organisation(event.qualification_defined().awarding_organisation());
      if (id && owner) found->owners.insert_or_assign(*id, *owner);
    }
  });
  state.let_go();
  for (const auto& [id, at] : revoked)
    if (auto key = found->keys.find(id); key != found->keys.end()) key->second.revoked_ms = at;
  return found;
}

}  // namespace

std::optional<AwardingOrganisationId> AccessFacts::owner(QualificationId id) const {
  auto found = owners.find(id);
  return found == owners.end() ? std::nullopt : std::optional(found->second);
}

AccessDirectory::AccessDirectory(const Store& store, const AccessSecret& secret) : store_(store), secret_(secret) {
  up_to_date();
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "access");
}

AccessDirectory::~AccessDirectory() { stop(); }

void AccessDirectory::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const AccessFacts> AccessDirectory::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const AccessFacts> AccessDirectory::up_to_date() {
  std::lock_guard lock(reading_);
  // Counted before it is read: what a commit brings meanwhile is looked at the next time.
  const std::uint64_t reference = store_.versions().reference;
  if (auto known = current(); known && known->reference == reference) return known;
  auto found = read(store_, secret_, reference);
  std::lock_guard publishing(mutex_);
  current_ = std::move(found);
  return current_;
}

void AccessDirectory::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kLookEvery);
    if (stopping_) return;
    lock.unlock();
    try {
      up_to_date();
    } catch (const StoreError&) {
      // The engine meets the same, and says so; what was known stands.
    } catch (const std::bad_alloc&) {
    }
    lock.lock();
  }
}

}  // namespace vtq
