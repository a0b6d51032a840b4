#include "daemon/kafka/commits.h"

namespace vtq::kafka {

Commits::Commits(Transaction& transaction, Store& store, std::size_t partitions, std::size_t threads, std::function<void()> finished,
                 std::function<void(const Committer::Work&)> concluded)
    : store_(store),
      partitions_(partitions),
      threads_(threads),
      concluded_(std::move(concluded)),
      outgoing_(partitions, threads),
      spare_(partitions, threads),
      committer_(transaction, store, std::move(finished)) {}

Outgoing Commits::take_outgoing() {
  Outgoing taken = std::exchange(outgoing_, std::move(spare_));
  spare_ = Outgoing(partitions_, threads_);
  return taken;
}

void Commits::hand_over(Committer::Work work) {
  handed_over_ = std::chrono::steady_clock::now();
  committer_.hand_over(std::move(work));
}

void Commits::settle() {
  std::optional<Committer::Work> done = committer_.take();
  if (!done) return;
  std::exception_ptr failure = done->failure;
  conclude(std::move(*done));
  if (failure) std::rethrow_exception(failure);
}

void Commits::conclude() {
  if (std::optional<Committer::Work> done = committer_.take()) conclude(std::move(*done));
}

void Commits::conclude(Committer::Work done) {
  concluded_(done);
  if (done.failure) return;
  done.outgoing.clear();
  spare_ = std::move(done.outgoing);
}

void Commits::drop() {
  store_.discard();
  outgoing_.clear();
}

}  // namespace vtq::kafka
