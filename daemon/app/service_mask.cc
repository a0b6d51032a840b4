// The seam at which who learners are is kept from callers without the role learner-details: every route of /v1/ but the one that events come in by,
// where a caller is told of what it sent itself.
#include "daemon/access/learner_mask.h"
#include "daemon/app/service.h"

namespace vtq {
namespace {

MaskShape shape_of(std::string_view pattern) { return {.cursor = pattern == "/v1/entries", .rejected = pattern.starts_with("/v1/rejected")}; }

/// Where `name` stands among the parameters of a pattern.
std::optional<std::size_t> parameter_at(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  for (auto open = pattern.find('{'); open != pattern.npos; open = pattern.find('{', open + 1), ++at)
    if (pattern.substr(open + 1, pattern.find('}', open) - open - 1) == name) return at;
  return std::nullopt;
}

Problem only_with_details(std::string field, std::string detail) {
  return {403, "Learner details", std::move(detail), std::move(field), "learner-details"};
}

/// Puts what a handle stands for in its place. A problem: it stands for nothing, or is wanted and none.
std::optional<Problem> open_handle(std::string& text, LearnerHandles::Of of, const LearnerHandles& handles, bool wanted) {
  const bool cursor = of == LearnerHandles::Of::cursor;
  const std::string field = cursor ? "after" : "learner";
  if (LearnerHandles::looks_like_one(text)) {
    auto plain = handles.text(of, text);
    if (!plain)
      return Problem{cursor ? 400u : 404u, "Not found",
                     "This stands for nothing here; it may be of before the access secret was changed. List again.", field, "handle-known"};
    text = std::move(*plain);
    return std::nullopt;
  }
  if (!wanted) return std::nullopt;
  return only_with_details(field, cursor ? "Give the `next` of the page before, as it came."
                                         : "Name the learner by the learnerHandle that lists show; only the role learner-details asks by number.");
}

/// The link to the next page names an entry.
void hide_cursor(HttpReply& reply, const LearnerHandles& handles) {
  for (auto& [name, value] : reply.headers) {
    auto begin = name == "Link" ? value.find("after=") : value.npos;
    if (begin == value.npos) continue;
    begin += std::string_view("after=").size();
    const auto end = std::min(value.find_first_of("&>", begin), value.size());
    const std::string cursor = value.substr(begin, end - begin);
    if (!LearnerHandles::looks_like_one(cursor)) value.replace(begin, end - begin, handles.handle(LearnerHandles::Of::cursor, cursor));
  }
}

}  // namespace

void Service::mask_learners(Route& route) {
  if (!route.pattern.starts_with("/v1/") || route.pattern == "/v1/events") return;
  route.take = [this, name = route.method + " " + route.pattern, pattern = route.pattern, shape = shape_of(route.pattern),
                learner = parameter_at(route.pattern, "learner"), take = std::move(route.take)](HttpRequest&& request, Respond&& respond) {
    if (!learner_handles_ || !request.caller) return take(std::move(request), std::move(respond));
    const LearnerHandles& handles = *learner_handles_;
    // What another instance passes on that one masks: pages are put in order by what is masked.
    const bool masks = !request.forwarded && !sees_learners(*request.caller);
    std::optional<Problem> problem;
    if (learner && *learner < request.parameters.size())
      problem = open_handle(request.parameters[*learner], LearnerHandles::Of::learner, handles, masks);
    for (auto& [key, value] : request.query)
      if (shape.cursor && key == "after" && !value.empty() && !problem) problem = open_handle(value, LearnerHandles::Of::cursor, handles, masks);
    if (masks && pattern == "/v1/batches/{batch}/key")
      problem = only_with_details("batch", "This key opens learners' numbers with their grades; fetch the batch itself, where they are masked.");
    if (problem) {
      if (problem->status == 403) note_refusal(name, *problem, request.caller.get(), request.peer);
      return respond(reply_with(*problem));
    }
    if (!masks) return take(std::move(request), std::move(respond));
    take(std::move(request), [&handles, shape, respond = std::move(respond)](HttpReply&& reply) {
      try {
        if (reply.content_type.find("json") != std::string::npos) reply.body = masked_json(reply.body, shape, handles);
        if (shape.cursor) hide_cursor(reply, handles);
      } catch (const std::bad_alloc&) {
        return respond(reply_without_memory());
      }
      respond(std::move(reply));
    });
  };
}

}  // namespace vtq
