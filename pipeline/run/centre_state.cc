#include "pipeline/run/centre_state.h"

#include <algorithm>

namespace vtq {
namespace {

bool before_by_key(const Entry* a, const Entry* b) { return a->key < b->key; }

}  // namespace

Entry* Centre::find(const EntryKey& key) {
  auto at = index_.find(key);
  return at == index_.end() ? nullptr : *at;
}

const Entry* Centre::find(const EntryKey& key) const {
  auto at = index_.find(key);
  return at == index_.end() ? nullptr : *at;
}

Entry& Centre::add(const EntryKey& key) {
  Entry& entry = entries.emplace_back();
  entry.key = key;
  index_.insert(&entry);
  if (!by_key_.empty()) by_key_.insert(std::upper_bound(by_key_.begin(), by_key_.end(), &entry, before_by_key), &entry);
  return entry;
}

const std::vector<const Entry*>& Centre::by_key() const {
  if (by_key_.empty()) {
    by_key_.reserve(entries.size());
    for (const Entry& entry : entries) by_key_.push_back(&entry);
    std::sort(by_key_.begin(), by_key_.end(), before_by_key);
  }
  return by_key_;
}

void Centre::unload() {
  loaded = false;
  facts = {};
  scrutiny = nullptr;
  index_ = {};
  by_key_ = {};
  entries = {};
  waiting = {};
}

}  // namespace vtq
