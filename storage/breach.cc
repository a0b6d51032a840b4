// After a restore, or a loss that was accepted: numbers that may have left the house are not given again, and what happened is kept.
#include <algorithm>

#include "storage/database.h"

namespace vtq {
namespace {

/// Stores opened to be mended: one thread, little memory.
StoreOptions for_mending() { return {.partitions = 0, .block_cache_bytes = 8u << 20, .write_buffer_bytes = 8u << 20}; }

}  // namespace

std::size_t Store::Database::skip_numbers(rocksdb::WriteBatch& batch, const std::map<BatchRun, std::uint32_t>& highest, std::uint32_t from,
                                          TimeMs at) {
  std::map<CentreId, CentreSummary> summaries;
  for (std::uint32_t partition = 0; partition < options.partitions; ++partition)
    scan(state, keys::summaries(partition),
         [&](std::string_view held, std::string_view bytes) { summaries[keys::summary_centre(held)] = records::decode_summary(bytes); });
  std::map<BatchRun, std::uint32_t> last = highest;
  for (const auto& [centre, summary] : summaries)
    for (const BatchSequence& sequence : summary.sequences) {
      std::uint32_t& number = last[{centre, sequence.awarding_organisation, sequence.series}];
      number = std::max({number, sequence.number, from > 0 ? from - 1 : 0});
    }
  std::size_t skipped = 0;
  for (const auto& [run, number] : last) {
    CentreSummary& summary = summaries[run.centre];
    auto held = std::find_if(summary.sequences.begin(), summary.sequences.end(), [&run = run](const BatchSequence& one) {
      return one.awarding_organisation == run.awarding_organisation && one.series == run.series;
    });
    if (held == summary.sequences.end()) held = summary.sequences.insert(held, {run.awarding_organisation, run.series, 0});
    if (held->number >= number) continue;
    v1::NumberGap gap;
    gap.set_to(number);
    gap.set_at_ms(at);
    batch.Put(state, slice(keys::gap({run.centre, run.awarding_organisation, run.series, held->number + 1})), slice(gap.SerializeAsString()));
    held->number = number;
    std::string value;
    records::encode(summary, value);
    batch.Put(state, slice(keys::summary(murmur2_partition(text_of(run.centre), options.partitions), run.centre)), slice(value));
    ++skipped;
  }
  return skipped;
}

void Store::Database::begin_epoch(bool restored, const HeadFile::Found& found, const std::map<BatchRun, std::uint32_t>& issued_before,
                                  std::uint32_t batch_numbers_from, TimeMs now) {
  const std::optional<Reached>& known = found.reached;
  v1::StoreBreach& breach = *mark.add_breaches();
  breach.set_at_ms(now);
  breach.set_restored(restored);
  breach.set_kept_commit(reached.commit);
  breach.set_kept_ms(reached.at_ms);
  breach.set_known_commit(known ? known->commit : 0);
  breach.set_known_ms(known ? known->at_ms : 0);
  breach.set_batch_numbers_from(batch_numbers_from);
  mark.set_epoch(std::max(mark.epoch(), known ? known->epoch : 0) + 1);
  mark.set_awaits_head(true);

  rocksdb::WriteBatch batch;
  skip_numbers(batch, issued_before, batch_numbers_from, now);
  batch.Put(state, slice(keys::kMark), slice(mark.SerializeAsString()));
  if (known && known->rejected > counters[0].rejected_last) batch.Put(state, slice(keys::rejected_last(0)), slice(keys::u64(known->rejected)));
  // Commits go on above what was acknowledged: no two have one number.
  std::uint64_t commit = std::max(reached.commit, known ? known->commit : 0);
  batch.Put(state, slice(keys::kCommit), slice(keys::u64(commit) + keys::u64(static_cast<std::uint64_t>(reached.at_ms))));
  rocksdb::WriteOptions write;
  write.sync = true;
  require(db->Write(write, &batch), "marking the store");
  require(db->Flush(rocksdb::FlushOptions{}, handles), "flushing the store");
}

std::string Store::accept_loss(const std::filesystem::path& directory, std::uint32_t batch_numbers_from, TimeMs now) {
  if (!std::filesystem::exists(directory / "CURRENT"))
    throw StoreError("Store: there is none in " + directory.string() + " to go on with; restore a backup with `resultsctl restore`.");
  HeadFile::Found head = HeadFile::read(directory);
  IssuedFile::Found issued = IssuedFile::read(directory);
  auto database = std::make_unique<Database>();
  database->options = for_mending();
  database->directory = directory;
  database->open(false, true);
  try {
    database->hold_against_head(head);
    return "Nothing is missing: the store ends with commit " + std::to_string(database->reached.commit) + " of " + utc_text(database->reached.at_ms) +
           ". It was left as it is.";
  } catch (const StoreError&) {
    // A loss, as expected.
  }
  require_numbers(directory, issued, batch_numbers_from);
  Reached kept = database->reached;
  database->begin_epoch(false, head, issued.highest, batch_numbers_from, now);
  std::string text = "The store goes on from commit " + std::to_string(kept.commit) + " of " + utc_text(kept.at_ms) + ".";
  if (head.reached && head.reached->commit > kept.commit)
    text += " Lost: " + std::to_string(head.reached->commit - kept.commit) + " commits, up to commit " + std::to_string(head.reached->commit) +
            " of " + utc_text(head.reached->at_ms) + ".";
  return text + " " + std::string(kHowToFindOut);
}

std::vector<NumberGap> Store::number_gaps(std::optional<CentreId> centre) const {
  std::vector<NumberGap> gaps;
  database_->scan(database_->state, keys::gaps(centre), [&](std::string_view key, std::string_view value) {
    v1::NumberGap gap;
    if (!gap.ParseFromArray(value.data(), static_cast<int>(value.size()))) throw StoreDamage("Store: a gap in batch numbers cannot be read.");
    gaps.push_back({keys::gap_from(key), gap.to(), gap.at_ms()});
  });
  return gaps;
}

void Store::require_numbers(const std::filesystem::path& directory, const IssuedFile::Found& issued, std::uint32_t batch_numbers_from) {
  if ((issued.is_there && issued.damaged_lines == 0) || batch_numbers_from > 0) return;
  throw StoreError(
      "Store: which batches were issued since is not known: " + IssuedFile::beside(directory).string() +
      (issued.is_there ? " is damaged" : " is missing") +
      ". A batch number must never come twice. Ask the centres for the highest number they hold, and give one above it with --batch-numbers-from "
      "(1001 is safe where no centre has a thousand batches in a series; 1 if nothing was issued since).");
}

}  // namespace vtq
