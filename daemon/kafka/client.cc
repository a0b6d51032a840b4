#include "daemon/kafka/client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>

#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// Requests that change a transaction: AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit.
constexpr std::int16_t kTransactional[] = {24, 25, 26, 28};

/// Clients whose login was refused, on whatever thread polled them.
class Refusals {
 public:
  void add(const rd_kafka_t* client) {
    std::lock_guard lock(mutex_);
    clients_.insert(client);
  }
  bool has(const rd_kafka_t* client) {
    std::lock_guard lock(mutex_);
    return clients_.contains(client);
  }
  void forget(const rd_kafka_t* client) {
    std::lock_guard lock(mutex_);
    clients_.erase(client);
  }

 private:
  std::mutex mutex_;
  std::set<const rd_kafka_t*> clients_;
};

Refusals& refusals() {
  static Refusals& all = *new Refusals;  // a client that did not close in time may outlive what is destroyed at the end of the process
  return all;
}

std::atomic<std::int64_t> broke_ms{0};

void note_broken_connection() { broke_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count(); }

void take_error(rd_kafka_t* client, int error, const char* reason, void*) {
  auto code = static_cast<rd_kafka_resp_err_t>(error);
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TIMED_OUT)
    note_broken_connection();
  if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) refusals().add(client);
  log::write(log::Level::debug, "kafka",
             {{"client", std::string(rd_kafka_name(client))}, {"error", std::string(rd_kafka_err2name(code))}, {"reason", std::string(reason)}});
}

void take_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  if (std::string_view(facility) == "FAIL") note_broken_connection();
  // Its warnings are mostly connections that come and go, which await_brokers and the metrics tell better.
  log::write(level <= 3 ? log::Level::warning : log::Level::debug, "librdkafka",
             {{"client", std::string(rd_kafka_name(client))}, {"facility", std::string(facility)}, {"text", std::string(text)}});
}

/// What librdkafka says of files that it cannot use, in the words of the settings; values are paths, no secrets.
std::string setting_that_fails(const rd_kafka_conf_t* config, std::string_view why) {
  constexpr std::pair<const char*, const char*> kFiles[] = {{"ssl.ca.location", "kafka.ssl_ca_location"},
                                                            {"ssl.certificate.location", "kafka.ssl_certificate_location"},
                                                            {"ssl.key.location", "kafka.ssl_key_location"}};
  for (auto [property, setting] : kFiles) {
    if (why.find(property) == why.npos) continue;
    char path[1024] = "";
    std::size_t size = sizeof path;
    rd_kafka_conf_get(config, property, path, &size);
    return std::string(setting) + " = " + path + " cannot be used";
  }
  return "the client cannot be made";
}

void add_if_given(Properties& properties, const char* name, const std::string& value) {
  if (!value.empty()) properties.emplace_back(name, value);
}

}  // namespace

std::int64_t connection_broke_ms() { return broke_ms; }

Properties common_properties(const Settings& s, std::string_view purpose) {
  Properties made = {{"bootstrap.servers", s.kafka_bootstrap_servers},
                     {"client.id", instance_name(s) + "-" + std::string(purpose)},
                     {"security.protocol", s.kafka_security_protocol},
                     {"socket.nagle.disable", "true"},
                     {"partitioner", "murmur2_random"},
                     {"topic.metadata.refresh.interval.ms", "30000"},
                     {"reconnect.backoff.ms", "50"},
                     {"reconnect.backoff.max.ms", "1000"},
                     {"log.connection.close", "false"}};
  if (s.kafka_security_protocol.starts_with("sasl")) {
    made.emplace_back("sasl.mechanism", s.kafka_sasl_mechanism);
    add_if_given(made, "sasl.username", s.kafka_sasl_username);
    add_if_given(made, "sasl.password", s.kafka_sasl_password);
  }
  if (s.kafka_security_protocol.ends_with("ssl")) {
    add_if_given(made, "ssl.ca.location", s.kafka_ssl_ca_location);
    add_if_given(made, "ssl.certificate.location", s.kafka_ssl_certificate_location);
    add_if_given(made, "ssl.key.location", s.kafka_ssl_key_location);
    add_if_given(made, "ssl.key.password", s.kafka_ssl_key_password);
  }
  std::string_view rest = s.kafka_properties;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.empty()) continue;
    auto equals = one.find('=');
    if (equals == one.npos) throw KafkaError("kafka.properties: each is name=value, with ; between them.");
    made.emplace_back(one.substr(0, equals), one.substr(equals + 1));
  }
  return made;
}

void Answers::watch(rd_kafka_conf_t* config) {
  // `error` is what kept the answer from coming: what the brokers say stands in the answer. On librdkafka's threads.
  static constexpr auto kOnAnswer = [](rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request, std::int16_t, std::int32_t, std::size_t,
                                       std::int64_t, rd_kafka_resp_err_t error, void* self) {
    if (error && std::find(std::begin(kTransactional), std::end(kTransactional), request) != std::end(kTransactional))
      static_cast<Answers*>(self)->missing_ = true;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  static constexpr auto kOnNew = [](rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*, std::size_t) {
    return rd_kafka_interceptor_add_on_response_received(client, "answers", kOnAnswer, self);
  };
  rd_kafka_conf_interceptor_add_on_new(config, "answers", kOnNew, this);
}

Config make_config(const Properties& properties) {
  Config config(rd_kafka_conf_new());
  rd_kafka_conf_set_error_cb(config.get(), take_error);
  rd_kafka_conf_set_log_cb(config.get(), take_log);
  for (const auto& [name, value] : properties) {
    char why[256] = "";
    // A value may be a password: it is not repeated.
    rd_kafka_conf_res_t result = rd_kafka_conf_set(config.get(), name.c_str(), value.c_str(), why, sizeof why);
    if (result == RD_KAFKA_CONF_UNKNOWN) throw KafkaError("Kafka: librdkafka has no property " + name + "; mend kafka.properties.");
    if (result == RD_KAFKA_CONF_INVALID)
      throw KafkaError("Kafka: librdkafka does not take the value of " + name + "; mend the kafka settings that set it.");
  }
  return config;
}

Client make_client(rd_kafka_type_t type, Config config) {
  char why[512] = "";
  Client client(rd_kafka_new(type, config.get(), why, sizeof why));
  if (!client)
    throw KafkaError("Kafka: " + setting_that_fails(config.get(), why) + " (" + why +
                     "). Mend the kafka.ssl_ and kafka.sasl_ settings, or kafka.properties.");
  static_cast<void>(config.release());  // rd_kafka_new took it over
  refusals().forget(client.get());      // one before it may have had the same address
  return client;
}

std::vector<Message> take_batch(rd_kafka_queue_t* queue, std::size_t count, int timeout_ms) {
  std::vector<rd_kafka_message_t*> raw(count);
  ssize_t found = rd_kafka_consume_batch_queue(queue, timeout_ms, raw.data(), raw.size());
  std::vector<Message> messages;
  messages.reserve(static_cast<std::size_t>(std::max<ssize_t>(found, 0)));
  for (ssize_t at = 0; at < found; ++at) messages.emplace_back(raw[static_cast<std::size_t>(at)]);
  return messages;
}

std::string instance_name(const Settings& settings) {
  if (!settings.kafka_instance.empty()) return settings.kafka_instance;
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return *host ? host : "resultsd";
}

void await_brokers(rd_kafka_t* client, const Settings& settings, int seconds, const std::function<bool()>& asked_to_stop) {
  auto until = Steady::now() + std::chrono::seconds(seconds);
  bool told = false;
  for (;;) {
    const rd_kafka_metadata_t* found = nullptr;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, nullptr, &found, 1000);
    rd_kafka_poll(client, 0);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      bool any = found->broker_cnt > 0;
      rd_kafka_metadata_destroy(found);
      if (any) return;
    }
    if (asked_to_stop && asked_to_stop()) throw StoppedWaiting("stopped while waiting for Kafka");
    if (refusals().has(client))
      throw KafkaError("Kafka: the brokers at kafka.bootstrap_servers = " + settings.kafka_bootstrap_servers +
                       " refuse the login. Check kafka.security_protocol, kafka.sasl_mechanism, kafka.sasl_username, "
                       "kafka.sasl_password and the kafka.ssl_ settings.");
    if (Steady::now() >= until)
      throw KafkaError("Kafka: no broker answers at kafka.bootstrap_servers = " + settings.kafka_bootstrap_servers + " for " +
                       std::to_string(seconds) + " s (" + text_of(error) + "). Check the address and kafka.security_protocol, and that Kafka runs.");
    if (!std::exchange(told, true))
      log::write(log::Level::warning, "waiting for Kafka", {{"brokers", settings.kafka_bootstrap_servers}, {"seconds", std::int64_t{seconds}}});
    rd_kafka_poll(client, 100);
  }
}

std::string log_identity(const Settings& settings, const std::function<bool()>& asked_to_stop) {
  Client client = make_client(RD_KAFKA_PRODUCER, make_config(common_properties(settings, "cluster")));
  await_brokers(client.get(), settings, static_cast<int>(settings.kafka_broker_wait_seconds), asked_to_stop);
  char* id = rd_kafka_clusterid(client.get(), 10'000);
  std::string text = id ? id : "";
  if (id) rd_kafka_mem_free(client.get(), id);
  if (text.empty()) throw KafkaError("Kafka: the brokers at kafka.bootstrap_servers do not name their cluster; Kafka 0.10.1 or later is needed.");
  return "cluster " + text + ", group " + settings.kafka_group + ", topics " + settings.kafka_topic_prefix + "*";
}

std::string text_of(rd_kafka_resp_err_t error) { return std::string(rd_kafka_err2name(error)) + ": " + rd_kafka_err2str(error); }

std::string text_of(const rd_kafka_error_t* error) { return std::string(rd_kafka_error_name(error)) + ": " + rd_kafka_error_string(error); }

}  // namespace vtq::kafka
