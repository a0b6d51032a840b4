// Does cycles, one after another: gathers records, decides what becomes of each, applies them, and hands what comes of them to the commit.
//
//   gather -> apply:  decide each record's fate -> Pipeline::process -> emit each (outputs, rejected, moved) -> commit, as often as one is due
//
// Works on the partitions that OwnPartitions names; where these come from it does not know. Until `read_from` there are none, and only reference
// data are applied. What is applied and not committed goes with `drop`. Pipeline's thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/engine_parts.h"
#include "daemon/kafka/commits.h"
#include "daemon/kafka/fate.h"
#include "daemon/kafka/given.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/late_rejection.h"
#include "daemon/kafka/own_partitions.h"
#include "daemon/kafka/reference_reading.h"

namespace vtq::kafka {

class Cycle {
 public:
  /// `take_rejections`: those of events that came over HTTP since the last call. `pipeline` is made anew after each `drop`. All outlive it.
  Cycle(const Given& given, Store& store, Outputs& outputs, Parsing& parsing, const std::unique_ptr<Pipeline>& pipeline, OwnPartitions& own,
        ReferenceReading& reference, Commits& commits, std::function<std::vector<LateRejection>()> take_rejections);

  /// Records come from there from now on.
  void read_from(Inputs& inputs) { inputs_ = &inputs; }

  struct Gathered {
    std::vector<InputRecord> records;
    bool unreadable = false;  ///< some cannot be unpacked: reading begins anew behind them, once they are rejected
  };
  /// Waits up to `idle_ms` for a first record. Records arrive while the last cycle is being committed, and then for the rest of
  /// kafka.commit_interval_ms.
  Gathered gather(int idle_ms);
  /// Decides, applies and hands over to be committed. Takes the reference records. Throws as Commits::settle does.
  void apply(std::deque<Message>& reference, std::vector<InputRecord>&& records);
  /// While nothing comes: commits how far the topics were read past the markers of transactions, so that deleting what was read leaves
  /// nothing in doubt; and what the group no longer has.
  void commit_positions();
  /// Lets go of entries beyond engine.entries_in_memory_max.
  void keep_within_memory();

  /// Drops what is applied and not committed, but for rejections that came over HTTP.
  void drop();
  /// Where an event of the batch under way came from, as a serialised RecordOrigin; see Pipeline::set_origins. Any of the pipeline's threads.
  std::string origin_of(std::int64_t token);

  /// What is being committed is not done: it counts as left to be read.
  void add_committing(std::vector<StreamLag>& lags, TimeMs now) const;
  /// The commit under way has ended: its rejections are answered, or go with the next.
  void concluded(bool committed);
  /// Rejections that nobody was answered yet, for the session after this one.
  std::vector<LateRejection> take_late() { return std::exchange(late_, {}); }

 private:
  struct Moved {
    std::int64_t next = 0;
    std::int64_t records = 0;
  };
  using Place = std::pair<std::uint32_t, Topic>;
  using Streams = std::map<Place, Moved>;
  using Positions = std::vector<std::pair<std::uint32_t, v1::PositionRecord>>;

  std::size_t decide();
  template <class Step>
  void work(Step step, TimeMs now);
  void emit(Item& item, const Verdict* verdict, TimeMs now);
  void note_consumed(const Item& item);
  void tell_probe(Item& item, const Verdict& verdict);
  void publish_again(const v1::Event& event, const rd_kafka_message_t& message);
  void reject(Item& item, TimeMs now);
  void commit(TimeMs now);
  std::set<std::uint32_t> touched_partitions() const;
  void name_unmoved(const std::set<std::uint32_t>& touched);
  std::vector<StreamOffset> moved_offsets();
  Positions positions_after(const std::set<std::uint32_t>& touched) const;

  const Given given_;
  Store& store_;
  Outputs& outputs_;
  Parsing& parsing_;
  const std::unique_ptr<Pipeline>& pipeline_;
  OwnPartitions& own_;
  ReferenceReading& reference_;
  Commits& commits_;
  std::function<std::vector<LateRejection>()> take_rejections_;
  Fates fates_;
  std::set<Topic> registry_topics_;
  Inputs* inputs_ = nullptr;  // null: the group was not joined yet
  RecordView view_;

  // The cycle under way.
  std::vector<Item> items_;
  std::vector<Inbound> inbounds_;
  std::vector<std::size_t> item_of_;  // by inbound
  std::size_t consumed_ = 0;          // inbounds
  std::size_t emitted_ = 0;           // items
  std::size_t origin_base_ = 0;       // the inbound that the pipeline knows as token 0
  std::chrono::steady_clock::time_point started_{};
  Streams moved_;                                    // by the transaction under way
  std::map<Place, const rd_kafka_message_t*> last_;  // the last record of each; held by `items_`
  std::vector<LateRejection> late_;                  // each is answered once its transaction is committed
  double processing_seconds_ = 0;                    // since the last commit
  std::size_t processing_events_ = 0;
  std::chrono::steady_clock::time_point positions_committed_{};

  // The cycle that is being committed.
  std::vector<std::pair<std::string, LateRejection>> answers_;
  Streams committing_;
};

}  // namespace vtq::kafka
