#include "daemon/reads/read_pool.h"

#include <pthread.h>

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
      if (options_.gives_way) give_way();
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
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (tasks_.size() < options_.waiting_max) {
      tasks_.push_back({request.arrived, request.arrived + options_.time_max, request.gone, std::move(respond), std::move(answer)});
      changed_.notify_all();
      return;
    }
  }
  respond(reply_busy("reads-waiting-max", "Too many reads wait for their turn; ask again."));
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
    }
    if (task.gone && *task.gone) {
      task.respond(reply_to_nobody());
      continue;
    }
    ReadBounds bounds{task.arrived, task.until, task.gone, options_.reply_bytes_max};
    bounds_of_this_thread = &bounds;
    task.answer();
    bounds_of_this_thread = nullptr;
  }
}

void ReadPool::give_up_overdue() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty())
      changed_.wait(lock);
    else
      changed_.wait_until(lock, std::min(tasks_.front().until, Steady::now() + 4 * kLookAgain));
    // They came in this order, and all have the same time.
    std::vector<Task> overdue;
    auto now = Steady::now();
    while (!tasks_.empty() && (tasks_.front().until <= now || (tasks_.front().gone && *tasks_.front().gone))) {
      overdue.push_back(std::move(tasks_.front()));
      tasks_.pop_front();
    }
    if (overdue.empty()) continue;
    lock.unlock();
    refuse(std::move(overdue));
    lock.lock();
  }
}

void ReadPool::refuse(std::vector<Task>&& tasks) {
  for (Task& task : tasks) task.respond(task.gone && *task.gone ? reply_to_nobody() : overdue(options_.has_room()));
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
