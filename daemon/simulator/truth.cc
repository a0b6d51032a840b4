#include "daemon/simulator/truth.h"

#include <stdexcept>

namespace vtq::simulator {

namespace {

// Every value written here is of letters, digits and signs that JSON takes as they are.
void field(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "\"" : ",\"";
  out.append(name).append("\":\"").append(value) += '"';
}

void flag(std::string& out, std::string_view name, bool value) {
  out += out.back() == '{' ? "\"" : ",\"";
  out.append(name).append("\":").append(value ? "true" : "false");
}

void add_issue(std::string& out, const CohortCourse& cohort, const Expectation& expected) {
  const Scale& scale = *cohort.qualification->scale;
  field(out, "grade_scale", scale.name);
  if (expected.issued_at == 0) {
    out += R"(,"grade":null,"issued_at":null)";
    return;
  }
  field(out, "grade", scale.value(expected.grade));
  field(out, "issued_at", rfc3339(expected.issued_at));
}

}  // namespace

TruthFile::TruthFile(const std::filesystem::path& path, bool plain) : path_(path), plain_(plain) {
  if (path.empty()) return;
  out_.open(path, std::ios::binary);
  if (!out_) throw std::runtime_error("cannot write the truth to " + path.string());
}

void TruthFile::add(const Season& season, const CentrePlan& centre, std::string_view awarding_organisation, std::string_view learner,
                    const CohortCourse& cohort, Fate fate, const Expectation& expected) {
  if (path_.empty()) return;
  std::string& out = buffer_;
  out += '{';
  field(out, "centre", centre.number);
  field(out, "qualification", cohort.qualification->number);
  field(out, "series", season.series);
  field(out, "learner", learner);
  field(out, "awarding_organisation", awarding_organisation);
  field(out, "level", v1::Level_Name(cohort.qualification->level));
  field(out, "stage", v1::Stage_Name(expected.stage));
  field(out, "need", v1::Need_Name(expected.need));
  field(out, "reason", v1::Reason_Name(expected.reason));
  flag(out, "late", expected.late);
  add_issue(out, cohort, expected);
  field(out, "first_issue_at", rfc3339(cohort.dates->first_cut));
  field(out, "fate", rule_of(fate).name);
  if (!plain_) {
    field(out, "basis", v1::Basis_Name(expected.basis));
    field(out, "mitigation", v1::MitigationDefined::Kind_Name(expected.mitigation));
  }
  flag(out, "corrected", !expected.corrections.empty());
  out += ",\"corrections\":[";
  for (const auto& correction : expected.corrections) {
    out += out.back() == '[' ? "{" : ",{";
    field(out, "issued_at", rfc3339(correction.at));
    flag(out, "revoked", correction.kind == ResultFact::revoked);
    if (correction.kind != ResultFact::revoked) field(out, "grade", cohort.qualification->scale->achieved[correction.grade]);
    out += '}';
  }
  out += "]}\n";
  if (out.size() > (1u << 20)) {
    out_.write(out.data(), static_cast<std::streamsize>(out.size()));
    out.clear();
  }
}

void TruthFile::close() {
  if (path_.empty()) return;
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  out_.close();
  if (!out_) throw std::runtime_error("cannot write the truth to " + path_.string());
}

}  // namespace vtq::simulator
