#include <google/protobuf/util/time_util.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unordered_map>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/event_file.h"
#include "daemon/ctl/output.h"
#include "daemon/intake/event_bodies.h"
#include "storage/sealing/sealed_event.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::json;

/// Below the daemon's default limit of a body.
constexpr std::size_t kBodyBytesMax = 8u << 20;
constexpr std::size_t kRejectionsShown = 10;
constexpr std::size_t kWarningsShown = 10;

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

TimeMs parse_until(const std::string& text) {
  google::protobuf::Timestamp at;
  if (!google::protobuf::util::TimeUtil::FromString(text, &at))
    throw std::runtime_error("--until " + text + " is no time; give RFC 3339, as 2023-08-10T00:00:00Z.");
  return google::protobuf::util::TimeUtil::TimestampToMilliseconds(at);
}

/// When the event occurred; 0 when that cannot be told, so that the daemon says what is wrong with it.
TimeMs occurred_at(const std::string& record, bool json) {
  v1::Event event;
  ReadEvent read = json ? read_json_event(record) : read_protobuf_event(record);
  if (read.submitted.unreadable || !event.ParseFromString(read.submitted.event)) return 0;
  return event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000;
}

class Publisher {
 public:
  Publisher(HttpClient& client, const PublishOptions& options) : client_(client), options_(options), bar_("publishing") {}

  int run() {
    if (!options_.until.empty()) until_ms_ = parse_until(options_.until);
    for (const auto& file : options_.files) total_bytes_ += EventFile(file).bytes();
    for (const auto& file : options_.files) publish_file(file);
    if (until_ms_ > 0) move_time();
    return report();
  }

 private:
  void publish_file(const std::filesystem::path& path) {
    EventFile file(path);
    path_ = path.string();
    std::string record;
    while (file.next(record)) {
      if (until_ms_ > 0 && occurred_at(record, file.json()) > until_ms_) {
        ++left_out_;
        continue;
      }
      if (file.json()) {
        body_ += record + "\n";
      } else {
        append_varint(body_, record.size());
        body_ += record;
      }
      lines_.push_back(file.line());
      if (lines_.size() < options_.batch_events && body_.size() < kBodyBytesMax) continue;
      flush(file.json());
      bar_.show(done_bytes_ + file.bytes_read(), total_bytes_, events_, "events");
    }
    flush(file.json());
    done_bytes_ += file.bytes();
  }

  void flush(bool json) {
    if (lines_.empty()) return;
    count(send(json ? "application/x-ndjson" : "application/x-protobuf-delimited"));
    body_.clear();
    lines_.clear();
  }

  /// In event-time mode nothing moves on without an event: say that all up to this time were sent.
  void move_time() {
    v1::Event event;
    event.set_id("time-" + options_.until);
    event.set_source("resultsctl");
    *event.mutable_occurred_at() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(until_ms_);
    event.mutable_time_reached()->set_centre("*");
    path_ = "--until";
    std::string bytes = event.SerializeAsString();
    append_varint(body_, bytes.size());
    body_ += bytes;
    lines_.push_back(1);
    flush(false);
  }

  /// Sends the body until it is answered. Sending again what was taken already does no harm: it comes back as a duplicate.
  HttpReply send(std::string_view type) {
    auto wait = std::chrono::milliseconds(200);
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options_.give_up_seconds);
    for (;;) {
      std::string why;
      try {
        HttpReply reply = client_.post("/v1/events", type, body_);
        if (reply.status != 503 || reply.body.find("\"setAside\":") != std::string::npos) return reply;
        why = "resultsd is busy or stopping";
      } catch (const Untrusted&) {
        throw;
      } catch (const Unreachable& error) {
        why = error.what();
      }
      if (std::chrono::steady_clock::now() + wait >= until)
        throw Unreachable(why + " Gave up at " + place() + "; publish again from there, or all of it: duplicates do no harm.");
      if (wait >= std::chrono::seconds(1)) bar_.say(why + " Trying again from " + place() + ".");
      std::this_thread::sleep_for(wait);  // back-off towards a daemon that is away or busy: nothing here could tell when it is back
      wait = std::min(wait * 2, std::chrono::milliseconds(5000));
    }
  }

  std::string place() const { return path_ + ":" + std::to_string(lines_.front()); }

  void count(const HttpReply& reply) {
    if (reply.status != 200 && reply.status != 503) throw std::runtime_error(place() + ": " + expect_ok(reply));
    Json answer = Json::parse(reply.body);
    for (auto [outcome, counted] : {std::pair{"accepted", &accepted_},
                                    {"superseded", &superseded_},
                                    {"duplicate", &duplicate_},
                                    {"waiting", &waiting_},
                                    {"rejected", &rejected_}})
      *counted += answer.at(outcome).get<std::uint64_t>();
    set_aside_ += answer.value("setAside", std::uint64_t{0});
    published_ += answer.value("published", std::uint64_t{0});
    events_ += lines_.size();
    for (const Json& event : answer.at("events")) {
      for (const Json& warning : event.value("warnings", Json::array())) {
        ++warned_;
        if (warnings_.size() < kWarningsShown)
          warnings_.push_back(path_ + ":" + std::to_string(lines_.at(event.at("index").get<std::size_t>())) + ": warning: " + words(warning));
      }
      bool aside = event.at("outcome") == "setAside", rejected = event.at("outcome") == "rejected";
      // A calendar that opens nothing earlier is taken, and says so.
      bool noted = event.contains("rule") && !aside && !rejected && event.at("outcome") != "waiting";
      std::vector<std::string>& lines = noted ? notes_ : rejections_;
      if ((!aside && !rejected && !noted) || lines.size() >= kRejectionsShown) continue;
      std::size_t index = event.at("index");
      lines.push_back(path_ + ":" + std::to_string(lines_.at(index)) + ": " + words(event) +
                      (rejected ? " (rejected record " + event.value("rejectedId", "") + ")" : ""));
    }
  }

  static std::string words(const Json& why) {
    return why.value("field", "") + " [" + why.value("rule", "") + "] " + why.value("value", "") + ": " + why.value("message", "");
  }

  int report() {
    bar_.show(total_bytes_, total_bytes_, events_, "events");
    for (const std::string& line : warnings_) bar_.say(line);
    if (warned_ > warnings_.size()) bar_.say("... and " + grouped(static_cast<std::int64_t>(warned_ - warnings_.size())) + " more warnings.");
    for (const std::string& line : notes_) bar_.say(line);
    for (const std::string& line : rejections_) bar_.say(line);
    if (rejected_ > rejections_.size())
      bar_.say("... and " + grouped(static_cast<std::int64_t>(rejected_ - rejections_.size())) + " more; see resultsctl rejected.");
    auto text = [](std::uint64_t number) { return grouped(static_cast<std::int64_t>(number)); };
    std::string line = text(events_) + " events: " + text(accepted_) + " accepted, " + text(superseded_) + " superseded, " + text(duplicate_) +
                       " duplicate, " + text(waiting_) + " waiting, " + text(rejected_) + " rejected" +
                       (published_ > 0 ? ", " + text(published_) + " published to Kafka." : ".");
    if (left_out_ > 0) line += " " + text(left_out_) + " after --until left out.";
    if (set_aside_ > 0)
      line += " " + text(set_aside_) + " not taken, since their centres are set aside; publish them again once the store is mended.";
    if (warned_ > 0) line += " " + text(warned_) + " warnings.";
    bar_.clear();
    std::cout << line << "\n";
    return rejected_ + set_aside_ > 0 ? 1 : 0;
  }

  HttpClient& client_;
  const PublishOptions& options_;
  ProgressBar bar_;
  TimeMs until_ms_ = 0;
  std::string path_, body_;
  std::vector<std::size_t> lines_;
  std::uint64_t total_bytes_ = 0, done_bytes_ = 0, events_ = 0, left_out_ = 0;
  std::uint64_t accepted_ = 0, superseded_ = 0, duplicate_ = 0, waiting_ = 0, rejected_ = 0, published_ = 0, set_aside_ = 0;
  std::uint64_t warned_ = 0;
  std::vector<std::string> rejections_, warnings_;
  std::vector<std::string> notes_;  ///< of events that were taken
};

void print_finding(const std::string& where, const char* kind, const Rejection& why) {
  std::cout << where << ": " << kind << ": " << (why.field.empty() ? "event" : why.field) << " [" << why.rule << "] " << why.value << ": "
            << why.message << "\n";
}

}  // namespace

int publish(HttpClient& client, const PublishOptions& options) { return Publisher(client, options).run(); }

int validate(const std::vector<std::filesystem::path>& files, bool with_warnings, const std::filesystem::path& seal_key) {
  const auto seal = seal_key.empty() ? nullptr : Seal::read(seal_key);
  std::int64_t events = 0, errors = 0, warned = 0, closed = 0;
  std::unordered_map<std::string, std::uint64_t> contents;  // hash of what was said, by source and id
  for (const auto& path : files) {
    EventFile file(path);
    std::string record;
    while (file.next(record)) {
      ++events;
      std::string where = path.string() + ":" + std::to_string(file.line());
      ReadEvent read = file.json() ? read_json_event(record) : read_protobuf_event(record);
      if (read.submitted.unreadable) {
        ++errors;
        print_finding(where, "error", *read.submitted.unreadable);
        continue;
      }
      v1::Event event;
      if (!event.ParseFromString(read.submitted.event)) std::abort();  // it was serialised a moment ago
      if (event.has_sealed()) {
        auto why = open_event(seal.get(), event);
        // All that can be said without a key is that it is sealed to one.
        if (!seal && why && why->rule == "sealed-key-known") {
          ++closed;
          continue;
        }
        if (why) {
          ++errors;
          print_finding(where, "error", *why);
          continue;
        }
      }
      if (Result<Address> address = check(event); !address) {
        ++errors;
        print_finding(where, "error", address.error());
      }
      std::vector<Rejection> found = warnings(event);
      std::uint64_t content = long_hash(content_of(event));
      if (auto [at, fresh] = contents.try_emplace(event.source() + '\n' + event.id(), content); !fresh && at->second != content)
        for (Rejection& reused : warnings_of({.id_reused = true}, event, false)) found.push_back(std::move(reused));
      for (const Rejection& warning : found) {
        ++warned;
        if (with_warnings) print_finding(where, "warning", warning);
      }
    }
  }
  std::cout << grouped(events) << " events: " << grouped(errors) << " errors, " << grouped(warned) << " warnings"
            << (warned > 0 && !with_warnings ? " (shown with --warnings)" : "") << ".\n";
  if (closed > 0)
    std::cout << grouped(closed) << (closed == 1 ? " event is" : " events are")
              << " sealed and cannot be looked into here: resultsd checks them when it opens them, and --seal-key-file does where its key lies.\n";
  return errors > 0 ? 1 : 0;
}

}  // namespace vtq::ctl
