#include "daemon/sign_in/fetch.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>

namespace vtq {
namespace {

constexpr std::size_t kReplyBytesMax = 1u << 20;

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kReplyBytesMax) return 0;
  body.append(bytes, size * count);
  return size * count;
}

int look(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& asked = *static_cast<std::function<bool()>*>(stopping);
  return asked && asked() ? 1 : 0;
}

}  // namespace

bool may_be_asked(std::string_view url) {
  constexpr std::string_view kEncrypted = "https://", kPlain = "http://";
  if (url.find_first_of(std::string_view("@\\ \r\n\t\0", 7)) != url.npos) return false;
  if (url.starts_with(kEncrypted)) return url.size() > kEncrypted.size() && url[kEncrypted.size()] != '/';
  if (!url.starts_with(kPlain)) return false;
  std::string_view host = url.substr(kPlain.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (host == "[::1]" || host.starts_with("[::1]:")) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" || (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

Fetch fetch_over_network(std::string ca_file, std::function<bool()> stopping) {
  static std::once_flag begun;
  std::call_once(begun, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto asked_to_stop = std::make_shared<std::function<bool()>>(std::move(stopping));
  return [ca_file = std::move(ca_file), asked_to_stop](const FetchCall& call) {
    FetchReply reply;
    if (!may_be_asked(call.url)) {
      reply.failure = "its address is neither https:// nor http:// on this machine";
      return reply;
    }
    if (call.time_max <= std::chrono::milliseconds::zero()) {
      reply.failure = "there was no time left";
      return reply;
    }
    std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl(::curl_easy_init(), ::curl_easy_cleanup);
    if (!curl) {
      reply.failure = "out of memory";
      return reply;
    }
    curl_slist* lines = ::curl_slist_append(nullptr, "Accept: application/json");
    if (!call.authorization.empty()) lines = ::curl_slist_append(lines, ("Authorization: " + call.authorization).c_str());
    std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> headers(lines, ::curl_slist_free_all);
    char why[CURL_ERROR_SIZE] = "";
    auto set = [&](CURLoption option, auto value) { ::curl_easy_setopt(curl.get(), option, value); };
    set(CURLOPT_URL, call.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);  // an organisation whose id is `..` leads nowhere else
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(call.time_max.count()));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    if (!ca_file.empty()) {
      set(CURLOPT_CAINFO, ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_USERAGENT, "resultsd");
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(why));
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&reply.body));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &look);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(asked_to_stop.get()));
    if (!call.form.empty()) {
      set(CURLOPT_POSTFIELDSIZE, static_cast<long>(call.form.size()));
      set(CURLOPT_POSTFIELDS, call.form.c_str());
    }
    CURLcode done = ::curl_easy_perform(curl.get());
    if (done != CURLE_OK) {
      reply.body.clear();
      // What the library writes of other failures names addresses.
      const bool tells = done == CURLE_PEER_FAILED_VERIFICATION && *why;
      reply.failure = done == CURLE_WRITE_ERROR ? "its answer is larger than 1 MiB" : tells ? why : ::curl_easy_strerror(done);
      return reply;
    }
    long status = 0;
    ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<unsigned>(status);
    return reply;
  };
}

}  // namespace vtq
