// The checksums of the store's files. RocksDB's own is worked out byte by byte on Debian, without the processor's help, and takes a tenth of
// all that a season costs; XXH3 takes next to nothing.
#pragma once

#include <rocksdb/file_checksum.h>

#include <memory>

namespace vtq {

/// Makes XXH3 checksums of 128 bits; for files of before, the one by which they were written.
std::shared_ptr<rocksdb::FileChecksumGenFactory> file_checksums();

}  // namespace vtq
