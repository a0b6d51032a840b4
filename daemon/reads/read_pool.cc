#include "daemon/reads/read_pool.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <new>

#include "daemon/engine/worker.h"

namespace vtq {
namespace {

constexpr std::chrono::milliseconds kLookAgain{25};

thread_local const ReadBounds* bounds_of_this_thread = nullptr;

HttpReply overdue(bool has_room) {
  if (has_room) return reply_busy("read-seconds-max", "The read did not get its turn in time; ask again, for less if it can be less.");
  return reply_busy("replies-bytes-max", "Clients have not yet read the replies made before; ask again.");
}

}  // namespace

ReadBounds ReadBounds::current() {
  if (bounds_of_this_thread) return *bounds_of_this_thread;
  auto now = std::chrono::steady_clock::now();
  return {.arrived = now, .until = now + std::chrono::seconds(10), .gone = nullptr};
}

ReadPool::ReadPool(Options options) : options_(std::move(options)) {
  for (unsigned at = 0; at < options_.threads; ++at) {
    threads_.emplace_back([this] {
      give_way();
      run();
    });
    pthread_setname_np(threads_.back().native_handle(), options_.name.c_str());
  }
  // Looks after those whose time is up while all the others are busy.
  threads_.emplace_back([this] { give_up_overdue(); });
  pthread_setname_np(threads_.back().native_handle(), (options_.name + "-due").substr(0, 15).c_str());
}

ReadPool::~ReadPool() { stop(); }

void ReadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  tasks_.clear();
}

void ReadPool::post(const HttpRequest& request, Respond respond, std::function<void()> answer) {
  post({}, request, std::move(respond), [answer = std::move(answer)]() -> std::optional<HttpReply> {
    answer();
    return std::nullopt;
  });
}

void ReadPool::post_shared(std::string name, const HttpRequest& request, Respond respond, std::function<HttpReply()> answer) {
  post(std::move(name), request, std::move(respond), [answer = std::move(answer)]() -> std::optional<HttpReply> { return answer(); });
}

void ReadPool::post(std::string name, const HttpRequest& request, Respond respond, std::function<std::optional<HttpReply>()> answer) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (waiting_ < options_.waiting_max) {
      ++waiting_;
      Client client{request.arrived, request.arrived + options_.time_max, request.gone, std::move(respond)};
      if (join(name, client)) return;
      tasks_.push_back({std::move(name), {}, std::move(answer)});
      tasks_.back().clients.push_back(std::move(client));
      changed_.notify_all();
      return;
    }
  }
  respond(reply_busy("reads-waiting-max", "Too many reads wait for their turn; ask again."));
}

/// With whoever waits for the same.
bool ReadPool::join(const std::string& name, Client& client) {
  if (name.empty()) return false;
  // All of them have the time of the first.
  auto same = std::find_if(tasks_.begin(), tasks_.end(), [&](const Task& task) {
    return task.name == name && task.clients.size() < kSharersMax && client.arrived - task.clients.front().arrived <= options_.time_max / 4;
  });
  if (same == tasks_.end()) return false;
  same->clients.push_back(std::move(client));
  return true;
}

void ReadPool::run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      // Room comes as clients read: nobody says so, it is looked at again.
      if (!options_.has_room()) {
        changed_.wait_for(lock, kLookAgain);
        continue;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
      waiting_ -= task.clients.size();
    }
    std::erase_if(task.clients, [](Client& client) {
      if (!client.has_gone()) return false;
      client.respond(reply_to_nobody());
      return true;
    });
    if (!task.clients.empty()) answer(std::move(task));
  }
}

void ReadPool::answer(Task task) {
  const Client& first = task.clients.front();
  // What was committed before the last of them asked is there. One that goes stops no answer that others wait for.
  ReadBounds bounds{task.clients.back().arrived, first.until, task.clients.size() == 1 ? first.gone : nullptr, options_.reply_bytes_max};
  bounds_of_this_thread = &bounds;
  std::optional<HttpReply> reply = task.answer();
  bounds_of_this_thread = nullptr;
  if (!reply) return;
  if (reply->body.size() > kSharedBytesMax && task.clients.size() > 1) {
    std::lock_guard lock(mutex_);
    for (std::size_t at = task.clients.size(); --at > 0; ++waiting_) {
      tasks_.push_front({{}, {}, task.answer});
      tasks_.front().clients.push_back(std::move(task.clients[at]));
    }
    task.clients.resize(1);
    changed_.notify_all();
  }
  for (Client& client : task.clients) {
    HttpReply own;
    try {
      own = &client == &task.clients.back() ? std::move(*reply) : *reply;
    } catch (const std::bad_alloc&) {
      own = reply_without_memory();
    }
    client.respond(std::move(own));
  }
}

void ReadPool::give_up_overdue() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty()) {
      changed_.wait(lock);
    } else {
      // A copy: it is looked at again after the wait, when the client may be answered and gone.
      Steady::time_point until = std::min(tasks_.front().clients.front().until, Steady::now() + 4 * kLookAgain);
      changed_.wait_until(lock, until);
    }
    // They came in this order, and all have the same time.
    std::vector<Client> overdue;
    auto now = Steady::now();
    while (!tasks_.empty()) {
      std::vector<Client>& clients = tasks_.front().clients;
      auto stays = std::find_if(clients.begin(), clients.end(), [&](const Client& client) { return client.until > now && !client.has_gone(); });
      std::move(clients.begin(), stays, std::back_inserter(overdue));
      clients.erase(clients.begin(), stays);
      if (!clients.empty()) break;
      tasks_.pop_front();
    }
    if (overdue.empty()) continue;
    waiting_ -= overdue.size();
    lock.unlock();
    refuse(std::move(overdue));
    lock.lock();
  }
}

void ReadPool::refuse(std::vector<Client>&& clients) {
  for (Client& client : clients) client.respond(client.has_gone() ? reply_to_nobody() : overdue(options_.has_room()));
}

HttpReply reply_busy(std::string rule, std::string detail) {
  HttpReply reply = reply_with({503, "Busy", std::move(detail), "", std::move(rule)});
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

HttpReply reply_to_nobody() {
  return reply_with({499, "Client gone", "The client closed the connection before it was answered.", "", "client-gone"});
}

}  // namespace vtq
