#include "daemon/sign_in/pages.h"

namespace vtq {

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

Html& Html::raw(std::string_view markup) {
  out_ += markup;
  return *this;
}

Html& Html::text(std::string_view text) {
  out_ += escaped(text);
  return *this;
}

Html& Html::paragraph(std::string_view words) { return raw("<p>").text(words).raw("</p>\n"); }

Html& Html::link(std::string_view href, std::string_view words, bool as_button) {
  return raw("<p><a href=\"").text(href).raw(as_button ? "\" class=\"button\">" : "\">").text(words).raw("</a></p>\n");
}

Html& Html::button(std::string_view action, std::string_view words, const std::vector<std::pair<std::string, std::string>>& fields, bool quiet) {
  raw("<form method=\"post\" action=\"").text(action).raw("\">\n");
  for (const auto& [name, value] : fields) raw("<input type=\"hidden\" name=\"").text(name).raw("\" value=\"").text(value).raw("\">\n");
  return raw(quiet ? "<button type=\"submit\" class=\"quiet\">" : "<button type=\"submit\">").text(words).raw("</button>\n</form>\n");
}

void add_page_headers(HttpReply& reply, bool encrypted) {
  auto add = [&](const char* name, const char* value) { reply.headers.emplace_back(name, value); };
  add("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
  add("X-Frame-Options", "DENY");
  // With `no-referrer` a browser says `Origin: null` of the forms of these pages too, and they would be taken for a foreign page's.
  add("Referrer-Policy", "same-origin");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  if (encrypted) add("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

HttpReply page(unsigned status, std::string_view title, const Html& body, bool encrypted) {
  Html whole;
  whole.raw("<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n");
  whole.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>").text(title).raw(" - resultsd</title>\n");
  whole.raw("<link rel=\"stylesheet\" href=\"").raw(kCssPath).raw("\">\n</head>\n<body>\n<header><p>resultsd</p></header>\n<main>\n<h1>");
  whole.text(title).raw("</h1>\n").raw(body.str()).raw("</main>\n</body>\n</html>\n");
  HttpReply reply{status, "text/html; charset=utf-8", whole.str()};
  add_page_headers(reply, encrypted);
  return reply;
}

HttpReply go_to(const std::string& url, bool encrypted) {
  Html body;
  body.link(url, "Go on");
  HttpReply reply = page(303, "Go on", body, encrypted);
  reply.headers.emplace_back("Location", url);
  return reply;
}

HttpReply page_of(const Problem& problem, bool encrypted) {
  Html body;
  body.paragraph(problem.detail);
  body.link("/sign-in", "Back to the start", true);
  if (!problem.rule.empty()) body.raw("<p class=\"small\">If you ask for help, name this: ").text(problem.rule).raw("</p>\n");
  return page(problem.status, problem.title, body, encrypted);
}

}  // namespace vtq
