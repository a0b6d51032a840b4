#include "storage/sealing/sealed_output.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <algorithm>

#include "storage/sealing/age.h"

namespace vtq {

v1::ResultBatch batch_to_seal(const v1::ResultBatch& batch) {
  v1::ResultBatch made = batch;
  for (v1::Result& result : *made.mutable_results())
    if (result.has_supersedes()) result.mutable_supersedes()->clear_grade();
  return made;
}

v1::ResultBatch batch_of_longest_grades(v1::ResultBatch batch) {
  constexpr std::size_t kScaleMax = 64, kGradeMax = 32;  // as events may have them
  for (v1::Result& result : *batch.mutable_results()) {
    result.mutable_grade()->set_scale(std::string(kScaleMax, 'x'));
    result.mutable_grade()->set_value(std::string(kGradeMax, 'x'));
  }
  return batch;
}

v1::ResultBatch sealed_for_topic(const v1::ResultBatch& batch, const BatchKey& key) {
  v1::ResultBatch made = batch_to_seal(batch);
  constexpr std::size_t kLengthMax = 10;
  std::string plain;
  {
    google::protobuf::io::StringOutputStream out(&plain);
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(made, &out);
  }
  plain.resize(std::max(plain.size(), batch_of_longest_grades(made).ByteSizeLong() + kLengthMax), '\0');
  std::string file = age::encrypt(plain, key);
  made.clear_results();
  made.set_sealed(std::move(file));
  return made;
}

v1::Rejected sealed_for_topic(const Seal& seal, const v1::Rejected& rejected) {
  v1::Rejected made = rejected;
  const std::string& value = rejected.origin().value().empty() ? rejected.original() : rejected.origin().value();
  seal.close(SealedAs::dead, rejected.id(), value, *made.mutable_original());
  if (made.has_origin()) made.mutable_origin()->clear_value();
  made.set_sealed_with(seal.first());
  return made;
}

Opening open_rejected(const Seal& seal, std::string_view id, std::string_view sealed, std::string& value) {
  return seal.open(SealedAs::dead, id, sealed, value);
}

}  // namespace vtq
