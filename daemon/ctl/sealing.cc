// Sealing: keys of the daemon, events sealed by their publishers, and batches before their gate.
#include <fcntl.h>
#include <unistd.h>

#include <google/protobuf/util/json_util.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/event_file.h"
#include "daemon/intake/event_bodies.h"
#include "pipeline/intake/check.h"
#include "storage/sealing/sealed_event.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string public_key(HttpClient& client) { return Json::parse(expect_ok(client.get("/v1/seal/key"))).value("publicKey", ""); }

std::string varint(std::size_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>((number & 0x7f) | 0x80);
  return bytes + static_cast<char>(number);
}

/// As JSON: only what stands outside, and what is sealed in base64.
std::string line_of(const v1::Event& sealed) {
  std::string text;
  google::protobuf::util::MessageToJsonString(sealed, &text);
  return text + "\n";
}

/// A new file for its owner alone.
void write_new(const std::filesystem::path& file, const std::string& text) {
  int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) throw std::runtime_error(file.string() + " cannot be made: " + std::strerror(errno) + ".");
  bool written = ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  ::close(made);
  if (!written) throw std::runtime_error(file.string() + " cannot be written; is there room on the disk?");
}

}  // namespace

int seal_keygen(const std::filesystem::path& file) {
  Seal::make(file);
  std::cout
      << "Made " << file.string()
      << ". Give it to every instance as seal.key_file, readable by its user alone, and keep a copy where backups are not: without it nothing that "
         "was sealed opens, with it everything does.\n";
  return 0;
}

int seal_new_key() {
  std::cout << Seal::new_line() << "\n";
  std::cerr << "Put this line behind the first of seal.key_file on all instances and start them again; then in front, and once more.\n";
  return 0;
}

int seal_public_key(HttpClient& client) {
  std::cout << public_key(client) << "\n";
  return 0;
}

int seal_events(HttpClient* client, const SealWords& words) {
  auto to = parse_seal_recipient(client ? public_key(*client) : words.public_key);
  if (!to) throw std::runtime_error("That is no public key to seal to; it looks like 3f9a01c2:base64, see resultsctl seal public-key.");
  EventFile in(words.file);
  std::ofstream out(words.out, std::ios::binary | std::ios::trunc);
  if (!out) throw std::runtime_error(words.out.string() + " cannot be written.");
  std::int64_t sealed = 0, wrong = 0;
  for (std::string record; in.next(record);) {
    ReadEvent read = in.json() ? read_json_event(record) : read_protobuf_event(record);
    v1::Event event;
    std::optional<Rejection> why = read.submitted.unreadable;
    if (!why && !event.ParseFromString(read.submitted.event)) why = Rejection{"event", "protobuf-form", "", "The bytes are no event."};
    if (!why)
      if (Result<Address> address = check(event); !address) why = std::move(address).error();
    if (why) {
      std::cerr << words.file.string() << ":" << in.line() << ": " << why->field << " [" << why->rule << "]: " << why->message << "\n";
      ++wrong;
      continue;
    }
    v1::Event made = seal_event(*to, event);
    if (in.json()) {
      out << line_of(made);
    } else {
      std::string bytes = made.SerializeAsString();
      out << varint(bytes.size()) << bytes;
    }
    ++sealed;
  }
  out.close();
  if (!out) throw std::runtime_error(words.out.string() + " cannot be written; is there room on the disk?");
  std::cout << sealed << " events sealed to key " << text_of_seal_key(to->id) << " in " << words.out.string() << ".\n";
  if (wrong > 0) std::cerr << wrong << " are wrong and were left out; mend them and seal the file again.\n";
  return wrong > 0 ? 1 : 0;
}

int batch_sealed(HttpClient& client, const std::string& batch, const std::filesystem::path& out) {
  std::string file = expect_ok(client.get("/v1/batches/" + percent_encode(batch) + "/sealed"));
  std::filesystem::path to = out.empty() ? std::filesystem::path(batch + ".json.age") : out;
  write_new(to, file);
  std::cout << "Wrote " << to.string() << ". At the gate: resultsctl batch key " << batch << " > key, then age -d -i key " << to.string() << "\n";
  return 0;
}

int batch_key(HttpClient& client, const std::string& batch) {
  Json found = Json::parse(expect_ok(client.get("/v1/batches/" + percent_encode(batch) + "/key")));
  std::cout << "# opens batch " << found.value("batch", "") << "\n" << found.value("identity", "") << "\n";
  return 0;
}

}  // namespace vtq::ctl
