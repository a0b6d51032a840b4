#include "daemon/reads/forward.h"

#include <pthread.h>

#include <algorithm>

#include "daemon/reads/answer_parts.h"

namespace vtq {
namespace {

constexpr std::size_t kThreads = 16;
constexpr std::size_t kBusyMax = kThreads / 2;  // requests to one instance at a time
constexpr std::chrono::milliseconds kRetryAfter{20};
constexpr std::chrono::milliseconds kConnectMax{1'000};
constexpr std::chrono::milliseconds kReplyMin{1'000};  // for an answer, however late the request comes to its turn
constexpr std::size_t kReplyBytesMax = 256u << 20;

const std::string* header(const HttpReply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers)
    if (key == name) return &value;
  return nullptr;
}

}  // namespace

HttpReply reply_with(const PartitionMoving& moving) {
  HttpReply reply = reply_with({503, "On the move", std::string(moving.what()) + " Ask again in a second.", "", "partition-moving"});
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

Forward::Forward(const Owners& owners, const Settings& settings, Sign sign)
    : owners_(owners), patience_(settings.kafka_request_wait_ms), ca_file_(settings.http_ca_file), sign_(std::move(sign)) {
  for (std::size_t at = 0; at < kThreads; ++at) {
    threads_.emplace_back([this] { run(); });
    pthread_setname_np(threads_.back().native_handle(), "forward");
  }
}

Forward::~Forward() { stop(); }

void Forward::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  tasks_.clear();
}

void Forward::take(Steady::time_point arrived, Attempt attempt, Respond respond) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  tasks_.emplace(Steady::now(), Task{arrived + patience_, std::move(attempt), std::move(respond)});
  changed_.notify_one();
}

void Forward::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty()) {
      changed_.wait(lock);
      continue;
    }
    auto first = tasks_.begin();
    if (Steady::time_point due = first->first; due > Steady::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    Task task = std::move(tasks_.extract(first).mapped());
    lock.unlock();
    attempt(std::move(task));
    lock.lock();
  }
}

void Forward::attempt(Task&& task) {
  try {
    if (auto reply = task.attempt()) task.respond(std::move(*reply));
  } catch (const PartitionMoving& moving) {
    auto again = Steady::now() + kRetryAfter;
    if (again >= task.until) return task.respond(reply_with(moving));
    std::lock_guard lock(mutex_);
    tasks_.emplace(again, std::move(task));
    changed_.notify_one();
  }
}

std::optional<HttpReply> Forward::pass_on(std::uint32_t partition, const HttpRequest& request) {
  auto owner = owners_.owner(partition);
  if (!owner) throw PartitionMoving("Partition " + std::to_string(partition) + " is between two instances.");
  if (owner->here) return std::nullopt;
  HttpReply answer = send(owner->url, request, request.accept);
  HttpReply reply{.status = answer.status, .content_type = std::move(answer.content_type), .body = std::move(answer.body)};
  for (const char* name : {"Link", "Retry-After"})
    if (const std::string* value = header(answer, name)) reply.headers.emplace_back(name, *value);
  return reply;
}

std::vector<Forward::Part> Forward::parts_of_others(const HttpRequest& request) {
  auto urls = owners_.others();
  if (!urls) throw PartitionMoving("Some partitions are between two instances.");
  std::vector<Part> parts;
  for (const std::string& url : *urls) parts.push_back(part_of(url, request));
  return parts;
}

std::pair<std::vector<Forward::Part>, std::vector<Forward::Silent>> Forward::parts_of_who_answers(const HttpRequest& request) {
  std::pair<std::vector<Part>, std::vector<Silent>> found;
  for (const auto& instance : owners_.instances()) {
    if (instance.here) continue;
    try {
      found.first.push_back(part_of(instance.url, request));
    } catch (const PartitionMoving& silent) {
      found.second.push_back({instance.url, silent.what()});
    }
  }
  return found;
}

Forward::Part Forward::part_of(const std::string& url, const HttpRequest& request) {
  HttpReply reply = send(url, request, std::string(kPartType));
  const std::string* text = header(reply, kPartitionsHeader);
  auto partitions = text ? parse_partitions(*text) : std::nullopt;
  if (reply.status != 200 || reply.content_type != kPartType || !partitions)
    throw PartitionMoving("The instance at " + url + " has no part of this answer: " + std::to_string(reply.status) + ".");
  return {std::move(*partitions), std::move(reply.body)};
}

/// The answer of another instance. It says 503 when the partition is no more there, or when it is not ready: then it may be elsewhere soon.
HttpReply Forward::send(const std::string& url, const HttpRequest& request, const std::string& accept) {
  std::unique_ptr<HttpClient> client;
  {
    std::lock_guard lock(mutex_);
    Peer& peer = peers_[url];
    if (peer.busy >= kBusyMax) throw PartitionMoving("Too many requests wait for the instance at " + url + ".");
    ++peer.busy;
    if (!peer.idle.empty()) {
      client = std::move(peer.idle.back());
      peer.idle.pop_back();
    }
  }
  auto give_back = [&](bool keep) {
    std::lock_guard lock(mutex_);
    Peer& peer = peers_[url];
    --peer.busy;
    if (keep) peer.idle.push_back(std::move(client));
    if (!keep && peer.busy == 0) peers_.erase(url);
  };
  try {
    if (!client)
      client = std::make_unique<HttpClient>(url, HttpClientOptions{.user_agent = "resultsd",
                                                                   .advice = "",
                                                                   .ca_file = ca_file_,
                                                                   .trust_advice = "http.ca_file",
                                                                   .connect_max = kConnectMax,
                                                                   .body_bytes_max = kReplyBytesMax,
                                                                   .credentials = sign_});
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(request.arrived + patience_ - Steady::now());
    client->reply_within(std::max(left, kReplyMin));
    HttpCall call{.method = request.method,
                  .target = request.target,
                  .accept = accept,
                  .content_type = request.content_type,
                  .body = request.body,
                  .forwarded = true,
                  .caller = request.caller};
    HttpReply reply = client->send(call);
    give_back(true);
    // It speaks TLS since it was last heard of.
    if (reply.status == 400 && reply.body.find("\"https-only\"") != reply.body.npos)
      throw PartitionMoving("The instance at " + url + " speaks TLS now.");
    if (reply.status == 503) throw PartitionMoving("The instance at " + url + " cannot answer yet.");
    return reply;
  } catch (const Unreachable& error) {
    give_back(false);
    throw PartitionMoving(error.what());
  } catch (const std::invalid_argument& error) {
    give_back(false);
    throw PartitionMoving(error.what());
  }
}

}  // namespace vtq
