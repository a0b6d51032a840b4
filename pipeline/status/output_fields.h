// Times and entries as outputs name them; for `pipeline/run/`, which makes the outputs.
#pragma once

#include "pipeline/facts/entry.h"

namespace vtq {

inline void set_time(google::protobuf::Timestamp* out, TimeMs at) {
  out->set_seconds(at / 1000);
  out->set_nanos(static_cast<int>(at % 1000) * 1'000'000);
}

inline void name_entry(v1::EntryRef* out, CentreId centre, const EntryKey& key) {
  out->set_centre(text_of(centre));
  out->set_qualification(text_of(key.qualification));
  out->set_series(text_of(key.series));
  out->set_learner(key.learner);
}

}  // namespace vtq
