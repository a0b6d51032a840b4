#include "daemon/simulator/event_book.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

namespace vtq::simulator {

namespace {

constexpr std::uint64_t kChunkBytes = 64u << 20;
constexpr std::size_t kWriteBytes = 4u << 20;

std::string to_json(const v1::Event& event) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(event, &json);
  if (!status.ok()) throw std::logic_error("simulator: event without JSON form: " + status.ToString());
  return json;
}

class EventFile {
 public:
  explicit EventFile(const std::filesystem::path& path) : path_(path), json_(path.extension() == ".jsonl"), out_(path, std::ios::binary) {
    if (!out_) throw std::runtime_error("cannot write events to " + path.string());
  }

  void append(const char* bytes, std::uint32_t size) {
    if (json_) {
      if (!event_.ParseFromArray(bytes, static_cast<int>(size))) throw std::logic_error("simulator: event does not parse");
      buffer_ += to_json(event_);
      buffer_ += '\n';
    } else {
      std::uint8_t length[5];
      const auto* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(size, length);
      buffer_.append(reinterpret_cast<const char*>(length), static_cast<std::size_t>(end - length));
      buffer_.append(bytes, size);
    }
    if (buffer_.size() >= kWriteBytes) flush();
  }

  std::uint64_t close() {
    flush();
    out_.close();
    if (!out_) throw std::runtime_error("cannot write events to " + path_.string());
    return bytes_;
  }

 private:
  void flush() {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    bytes_ += buffer_.size();
    buffer_.clear();
  }

  std::filesystem::path path_;
  bool json_;
  std::ofstream out_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  v1::Event event_;
};

}  // namespace

void check_events_path(const std::filesystem::path& path) {
  if (path.empty()) throw std::runtime_error("name a file for the events, ending in .jsonl or .pb");
  if (path.extension() != ".jsonl" && path.extension() != ".pb") {
    throw std::runtime_error("events file " + path.string() + " must end in .jsonl (JSON Lines) or .pb (length-delimited protobuf)");
  }
}

void EventBook::add(const v1::Event& event, Millis arrival, Millis again) {
  const auto bytes = static_cast<std::uint32_t>(event.ByteSizeLong());
  if (chunks_.empty() || end_ + bytes > chunks_.size() * kChunkBytes) {
    end_ = chunks_.size() * kChunkBytes;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
  }
  auto* target = reinterpret_cast<std::uint8_t*>(chunks_.back().get() + end_ % kChunkBytes);
  event.SerializeWithCachedSizesToArray(target);
  arrivals_.push_back({arrival, end_, bytes});
  if (again != 0) arrivals_.push_back({again, end_, bytes});
  end_ += bytes;
}

const char* EventBook::at(std::uint64_t position) const { return chunks_[position / kChunkBytes].get() + position % kChunkBytes; }

EventBook::Written EventBook::write(const std::filesystem::path& path, std::optional<Millis> until, const v1::Event& last,
                                    const std::function<void(std::uint64_t)>& written) {
  std::sort(arrivals_.begin(), arrivals_.end(),
            [](const Arrival& a, const Arrival& b) { return a.at != b.at ? a.at < b.at : a.position < b.position; });
  EventFile file(path);
  Written total;
  for (const auto& arrival : arrivals_) {
    if (until && arrival.at > *until) break;
    file.append(at(arrival.position), arrival.bytes);
    if (++total.events % 50'000 == 0 && written) written(total.events);
  }
  const std::string bytes = last.SerializeAsString();
  file.append(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  ++total.events;
  total.bytes = file.close();
  return total;
}

}  // namespace vtq::simulator
