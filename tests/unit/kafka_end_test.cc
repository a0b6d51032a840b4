// Requests of a transaction whose answers never come. What librdkafka does then no broker can be asked for: its mock cluster hangs up instead
// of answering. Whether transactions are exact is shown on real Kafka.
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "daemon/kafka/transaction.h"
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

namespace vtq::kafka {
namespace {

constexpr std::int16_t kProduce = 0, kAddPartitions = 24, kEnd = 26;

class KafkaEnd : public testing::Test {
 protected:
  KafkaEnd() : client_(make_client(RD_KAFKA_PRODUCER, make_config({}))), cluster_(rd_kafka_mock_cluster_new(client_.get(), 1)) {
    LoadedSettings loaded =
        load_settings("", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=" + std::string(rd_kafka_mock_cluster_bootstraps(cluster_.get())),
                           "RESULTSD_KAFKA_INSTANCE=end-test", "RESULTSD_PARTITIONS=1", "RESULTSD_KAFKA_TRANSACTION_TIMEOUT_MS=1000"});
    EXPECT_TRUE(loaded.errors.empty());
    transaction_ = std::make_unique<Transaction>(loaded.settings, TopicNames(loaded.settings.kafka_topic_prefix));
  }

  void answer(std::int16_t request, rd_kafka_resp_err_t with) { rd_kafka_mock_push_request_errors(cluster_.get(), request, 1, with); }

  void begin_and_produce() {
    transaction_->begin();
    Outgoing outgoing(1);
    outgoing.change(0, "key", "value");
    transaction_->produce(outgoing);
  }

  Client client_;
  std::unique_ptr<rd_kafka_mock_cluster_t, Release<rd_kafka_mock_cluster_destroy>> cluster_;
  std::unique_ptr<Transaction> transaction_;
};

TEST_F(KafkaEnd, after_answers_to_everything_the_next_one_begins) {
  begin_and_produce();
  transaction_->commit();
  begin_and_produce();
  transaction_->abort();
  begin_and_produce();
  transaction_->commit();
}

TEST_F(KafkaEnd, after_an_answer_to_try_again_the_next_one_begins) {
  answer(kAddPartitions, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
  begin_and_produce();
  answer(kEnd, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  transaction_->commit();
  EXPECT_NO_THROW(transaction_->begin());
}

TEST_F(KafkaEnd, a_commit_that_was_not_answered_may_still_end_the_next_one_so_there_is_none) {
  begin_and_produce();
  answer(kEnd, RD_KAFKA_RESP_ERR__TRANSPORT);
  transaction_->commit();
  EXPECT_THROW(transaction_->begin(), Lost);
}

TEST_F(KafkaEnd, after_an_abort_that_was_answered_the_next_one_begins) {
  begin_and_produce();
  answer(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_THROW(transaction_->commit(), Aborted);
  EXPECT_NO_THROW(transaction_->begin());
}

TEST_F(KafkaEnd, after_an_abort_that_was_not_it_does_not) {
  begin_and_produce();
  answer(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  answer(kEnd, RD_KAFKA_RESP_ERR__TRANSPORT);
  EXPECT_THROW(transaction_->commit(), Aborted);
  EXPECT_THROW(transaction_->begin(), Lost);
}

TEST_F(KafkaEnd, nor_after_partitions_that_were_added_without_an_answer) {
  answer(kAddPartitions, RD_KAFKA_RESP_ERR__TRANSPORT);
  begin_and_produce();
  transaction_->commit();
  EXPECT_THROW(transaction_->begin(), Lost);
}

TEST_F(KafkaEnd, what_the_brokers_do_not_take_is_named_by_topic_and_partition_with_what_to_do) {
  // The missing right comes last: librdkafka takes nothing for such a topic before it has asked about it anew.
  for (auto [error, advice] : {std::pair{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "raise max.message.bytes of vtq.changelog"},
                               std::pair{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "the right to write vtq.changelog"}}) {
    begin_and_produce();
    answer(kProduce, error);
    std::string said;
    try {
      transaction_->commit();
    } catch (const std::exception& failure) {
      said = failure.what();
    }
    EXPECT_NE(said.find("partition 0 of vtq.changelog did not take a record of 8 bytes"), std::string::npos) << said;
    EXPECT_NE(said.find(advice), std::string::npos) << said;
  }
}

TEST_F(KafkaEnd, fenced_within_its_time_another_has_its_name) {
  begin_and_produce();
  answer(kEnd, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  EXPECT_THROW(transaction_->commit(), Fenced);
}

TEST_F(KafkaEnd, fenced_after_its_time_it_was_only_late) {
  begin_and_produce();
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));  // kafka.transaction_timeout_ms
  answer(kEnd, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  try {
    transaction_->commit();
    FAIL() << "it was committed";
  } catch (const Lost& lost) {
    EXPECT_EQ(dynamic_cast<const Fenced*>(&lost), nullptr) << lost.what();
  }
}

}  // namespace
}  // namespace vtq::kafka
