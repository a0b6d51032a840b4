#include <optional>
#include <stdexcept>

#include "daemon/simulator/centre_season.h"
#include "daemon/simulator/reference_events.h"
#include "daemon/simulator/simulator.h"

namespace vtq::simulator {

namespace {

// Streams of the seed.
constexpr std::uint64_t kSeasonStream = 1, kCatalogueStream = 2, kPlanStream = 3, kRulesStream = 4, kCentreStreams = 1000;

v1::Event time_reached(EventIds& ids, Millis at) {
  v1::Event event;
  event.set_id(ids.next());
  event.set_source("clock");
  event.mutable_occurred_at()->set_seconds(at / kSecond);
  event.mutable_occurred_at()->set_nanos(static_cast<std::int32_t>(at % kSecond) * 1'000'000);
  event.mutable_time_reached()->set_centre("*");
  return event;
}

std::optional<Millis> parsed_until(const std::string& until) {
  if (until.empty()) return std::nullopt;
  const auto at = parse_rfc3339(until);
  if (!at) throw std::runtime_error("until '" + until + "' is no RFC 3339 time such as 2023-08-14T16:00:00Z");
  return at;
}

}  // namespace

Summary simulate(const Options& options) {
  const Figures figures = figures_for(options.scenario, options.scale);
  check_events_path(options.events);
  const auto until = parsed_until(options.until);

  Rng season_rng(options.seed, kSeasonStream), catalogue_rng(options.seed, kCatalogueStream), plan_rng(options.seed, kPlanStream);
  const Season season = season_for(figures, season_rng);
  Catalogue catalogue = make_catalogue(figures, catalogue_rng);
  const auto centres = make_plan(figures, catalogue, plan_rng);
  Rng rules_rng(options.seed, kRulesStream);
  if (!options.plain) add_systems(season, centres, catalogue, rules_rng);
  Run run{season, catalogue, {}, {}, TruthFile(options.truth, options.plain), LearnerNumbers(options.seed), {}, {}, options.plain};
  run.summary.qualifications = catalogue.qualifications.size();
  run.summary.awarding_organisations = catalogue.awarding_organisations.size();

  add_reference_events(season, catalogue, centres, run.ids, run.book, options.plain);
  // Making the events and writing them take about the same time.
  const std::uint64_t total = 2ull * (figures.entries[0] + figures.entries[1]);
  for (std::size_t i = 0; i < centres.size(); ++i) {
    Rng rng(options.seed, kCentreStreams + i);
    CentreSeason(run, centres[i], rng).play();
    if (options.progress) options.progress(run.summary.entries, total);
  }
  run.truth.close();

  const std::uint64_t made = run.summary.entries, events = run.book.size() + 1;
  const auto progress = [&](std::uint64_t written) {
    if (options.progress) options.progress(made + (total - made) * written / events, total);
  };
  const auto written = run.book.write(options.events, until, time_reached(run.ids, until.value_or(season.ends)), progress);
  run.summary.events = written.events;
  run.summary.event_bytes = written.bytes;
  if (options.progress) options.progress(total, total);
  return run.summary;
}

}  // namespace vtq::simulator
