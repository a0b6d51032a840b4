// What is sealed and comes from outside: an event's sealed part, a stored value, a file of age, a key file. Nothing but what was sealed opens.
#include "storage/sealing/age.h"
#include "storage/sealing/sealed_event.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  static const Seal seal("3f9a01c2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  v1::Event event;
  event.set_sealed(std::string(bytes));
  if (!open_event(&seal, event)) fuzz::require(!event.has_sealed(), "what was opened is not sealed any more");
  std::string plain, again;
  BatchKey key;
  if (seal.open(SealedAs::record, "place", bytes, plain) == Opening::opened)
    fuzz::require(seal.open(SealedAs::record, "other", bytes, again) != Opening::opened, "a value opens in one place");
  if (seal.open_batch("place", bytes, plain) == Opening::opened)
    fuzz::require(seal.batch_key_of("place", bytes, key) == Opening::opened, "a batch that opens has its key");
  static const age::Identity identity = age::identity_of(BatchKey{});
  if (auto opened = age::decrypt(bytes, identity)) fuzz::require(opened->size() < size, "a file is larger than what is in it");
  try {
    Seal read(bytes);
    fuzz::require(read.first() != 0, "a key has an id");
  } catch (const SealError& error) {
    fuzz::require(*error.what() != '\0', "an error says what");
  }
  parse_seal_recipient(bytes);
  return 0;
}
