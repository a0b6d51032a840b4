// What every part of a session is given by the engine, for as long as that lives: settings, names, the clock, and who is told what happens.
#pragma once

#include "daemon/engine/engine.h"
#include "daemon/kafka/probe.h"
#include "daemon/kafka/topics.h"
#include "daemon/process/settings.h"

namespace vtq::kafka {

struct Given {
  const Settings& settings;
  const TopicNames& names;
  const EngineOptions& options;
  Clock& clock;
  EngineProbe* probe;       ///< may be null
  KafkaProbe* kafka_probe;  ///< may be null

  /// As many as the setting says; the topics may have more.
  std::uint32_t partitions() const { return options.store.partitions; }
  bool by_wall_clock() const { return options.time_source == TimeSource::wall; }
};

}  // namespace vtq::kafka
