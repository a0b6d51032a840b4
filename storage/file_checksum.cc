#include "storage/file_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vtq {
namespace {

constexpr const char* kName = "XXH3-128";

class Xxh3 final : public rocksdb::FileChecksumGenerator {
 public:
  Xxh3() : state_(XXH3_createState(), &XXH3_freeState) {
    if (!state_) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }

  void Update(const char* data, std::size_t size) override { XXH3_128bits_update(state_.get(), data, size); }
  void Finalize() override {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(state_.get()));
    checksum_.assign(reinterpret_cast<const char*>(bytes.digest), sizeof bytes.digest);
  }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return kName; }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
  std::string checksum_;
};

class Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(const rocksdb::FileChecksumGenContext& context) override {
    const std::string& asked = context.requested_checksum_func_name;
    if (asked.empty() || asked == kName) return std::make_unique<Xxh3>();
    return rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator(context);
  }
  const char* Name() const override { return "vtq.FileChecksums"; }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> file_checksums() {
  static const auto made = std::make_shared<Factory>();
  return made;
}

}  // namespace vtq
