// The words for acts. Those of facts stand with their kinds (`act` in pipeline/facts/kind.h) and here; those that are no facts are noted by
// daemon/audit/. The list is what metrics count by; a word that is missing here is counted as `other`, and is in the audit all the same.
#pragma once

#include <string_view>

namespace vtq {

constexpr std::string_view kAuditActs[] = {
    // Facts.
    "release-planned", "release-approved", "approval-withdrawn", "release-overridden", "release-policy-defined", "halt", "resume", "acknowledge",
    "key-made", "key-revoked", "sessions-ended", "result-revoked", "result-amended", "hold-placed", "hold-lifted", "calendar-defined",
    "centre-defined",
    // Noted by resultsd.
    "start", "refused", "view", "download", "export", "replay", "backup", "clock-confirmed", "sign-in", "sign-out", "dropped"};

}  // namespace vtq
