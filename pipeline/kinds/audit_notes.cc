// What resultsd itself notes for the audit: something was done that is no fact. It touches no entry and no centre, is kept in no slot, and nobody
// asserts it from outside.
#include <algorithm>

#include "pipeline/kinds/form.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

bool is_word(std::string_view text) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

constinit const FactKind kinds::audit_noted{
    .fact = v1::Event::kAuditNoted,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.audit_noted();
          form.about_the_service();
          // What is about no centre lies where the number 00000 would, which no centre has.
          if (fact.centre() != "*") form.centre("centre", fact.centre());
          if (!is_word(fact.act())) form.fail(form.path("act"), "act-form", "", "Name the act in 1 to 32 of a-z, 0-9 and -.");
          if (!fact.awarding_organisation().empty()) form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.optional_qualification("qualification", fact.qualification());
          if (!fact.series().empty()) form.series("series", fact.series());
          for (auto [field, text] : {std::pair("outcome", &fact.outcome()), std::pair("by.key", &fact.by().key()), std::pair("key", &fact.key()),
                                     std::pair("level", &fact.level()), std::pair("batch", &fact.batch()), std::pair("by.from", &fact.by().from())})
            form.at_most(field, *text, 64);
          form.at_most("by.name", fact.by().name(), 200);
          form.at_most("by.person", fact.by().person(), 500);
          form.few("by.roles", fact.by().roles_size(), 16);
          for (const std::string& role : fact.by().roles()) form.at_most("by.roles", role, 32);
          form.at_most("route", fact.route(), 200);
          form.at_most("reason", fact.reason(), 500);
          form.at_most("detail", fact.detail(), 2000);
          form.at_most("seal", fact.seal(), 64);
        },
    .act = [](const v1::Event& event) -> std::string_view { return event.audit_noted().act(); },
};

}  // namespace vtq
