// Batches for their centres before the gate: a file that nobody can read, and at the gate the key of it.
#include "daemon/reads/reads.h"
#include "storage/sealing/age.h"
#include "storage/sealing/sealed_output.h"

namespace vtq {
namespace {

/// As JSON, with spaces behind it: whoever knows the learners must not tell from the size of the file how long their grades are.
std::string text_of(const v1::ResultBatch& batch) {
  constexpr std::size_t kStep = 4096;
  const v1::ResultBatch sealed = batch_to_seal(batch);
  std::string text = json_of(sealed);
  const std::size_t size = json_of(batch_of_longest_grades(sealed)).size();
  // Longer only where a grade has signs that JSON writes as several.
  text.resize(text.size() <= size ? size : Seal::filled(text.size(), kStep), ' ');
  return text + "\n";
}

HttpReply not_sealed(const std::string& batch) {
  return reply_with({409, "Not sealed",
                     "Results are not sealed here, so that there is no file of the batch before its gate; fetch the batch itself at the gate, or set "
                     "seal.key_file.",
                     "batch", "seal-key-set", batch});
}

}  // namespace

HttpReply Reads::sealed_batch(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return no_such_batch(request.parameters[0]);
  auto key = engine_.store().batch_key(*id);
  if (!key) return not_sealed(batch->batch());
  HttpReply reply{200, "application/octet-stream", age::encrypt(text_of(*batch), *key)};
  reply.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + batch->batch() + ".json.age\"");
  return reply;
}

/// A key opens all of the batch, and cannot be taken back: while anything of it is withheld, it stays here.
HttpReply Reads::batch_key(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return no_such_batch(request.parameters[0]);
  BatchView may = view(*batch, Role::centre);
  if (!may.open) return closed(Role::centre, batch->batch(), may, gate_time());
  if (may.halted || may.withheld > 0)
    return reply_with(
        {403, "Withheld",
         std::to_string(may.withheld) + " of " + std::to_string(batch->results_size()) +
             " results of this batch are withheld, and its key would open them; fetch the batch itself, which shows the others and says why.",
         "batch", may.halted ? "issuing-halted" : "batch-withheld", batch->batch()});
  auto key = engine_.store().batch_key(*id);
  if (!key) return not_sealed(batch->batch());
  age::Identity identity = age::identity_of(*key);
  return {200, "application/json",
          "{\"batch\":\"" + batch->batch() + "\",\"identity\":\"" + age::text_of_secret(identity) + "\",\"recipient\":\"" +
              age::text_of_recipient(identity) + "\"}\n"};
}

}  // namespace vtq
