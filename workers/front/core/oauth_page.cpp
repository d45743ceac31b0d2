#include "workers/front/core/oauth_page.h"

#include <algorithm>
#include <array>

namespace rollcall::front {
namespace {

constexpr std::string_view style =
    R"(:root{color-scheme:light dark;--paper:#fff;--ground:#f3f5f8;--ink:#16202c;--quiet:#51606f;--line:#d5dce4;--blue:#0a58a8;--good:#12693a;--bad:#a3241b}
@media(prefers-color-scheme:dark){:root{--paper:#1a222c;--ground:#0f151c;--ink:#e9eef4;--quiet:#a6b3c1;--line:#36424f;--blue:#7fbcff;--good:#7ad6a0;--bad:#ff9d94}}
*{box-sizing:border-box}
body{margin:0;padding:2rem 1rem;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:38rem;margin:0 auto;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:.75rem}
.brand{margin:0 0 1.25rem;color:var(--quiet);font-size:.875rem;font-weight:600;letter-spacing:.04em}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
h2{margin:1.75rem 0 .5rem;font-size:1rem}
p{margin:.5rem 0}
ul{margin:.5rem 0;padding:0;list-style:none}
li{padding:.75rem 0;border-top:1px solid var(--line)}
li:last-child{border-bottom:1px solid var(--line)}
code{font:.8125rem/1.4 ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;color:var(--quiet);overflow-wrap:anywhere}
.tag{display:inline-block;margin-bottom:.5rem;padding:.125rem .625rem;border:1px solid currentColor;border-radius:1rem;font-size:.875rem;font-weight:600}
.reads{color:var(--good)}.writes{color:var(--bad)}
.steps{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.75rem}
.button{display:inline-block;padding:.625rem 1.25rem;border:1px solid var(--blue);border-radius:.5rem;color:var(--blue);font-weight:600;text-decoration:none}
.main{background:var(--blue);color:var(--paper)}
.button:hover{text-decoration:underline}
a{color:var(--blue)}
:focus-visible{outline:3px solid var(--blue);outline-offset:3px}
.good{color:var(--good)}.bad{color:var(--bad)}
.code{margin-top:1.75rem;color:var(--quiet);font-size:.875rem})";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string paragraph(std::string_view text) {
  return "<p>" + escaped(text) + "</p>\n";
}

std::string button(std::string_view link, std::string_view words, std::string_view kind) {
  return "<a class=\"" + std::string(kind) + "\" href=\"" + escaped(link) + "\">" + escaped(words) + "</a>\n";
}

std::string document(std::string_view title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"robots\" content=\"noindex\">\n<title>" +
         escaped(title) + " – Rollcall</title>\n<style>" + std::string(style) +
         "</style>\n</head>\n<body>\n<main>\n<p class=\"brand\">Rollcall</p>\n" + body +
         "</main>\n</body>\n</html>\n";
}

std::string permission_list(const std::vector<AskedPermission>& permissions) {
  std::string list = "<ul role=\"list\">\n";  // without markers, some readers no longer call it one
  for (const auto& one : permissions)
    list += "<li>" + escaped(one.allows) + "<br><code>" + escaped(one.scope) + "</code></li>\n";
  return list + "</ul>\n";
}

/// By error name or, where it is known, by number: the number says it better.
struct Known {
  std::string_view error;
  int number;
  std::string_view heading, what, cure;
  bool again;
};
constexpr std::array known{
    Known{"", 65004, "You did not agree", "Nothing was connected and nothing was changed.",
          "If that was not what you meant, try again and choose Accept on Microsoft's page.", true},
    Known{"", 90094, "An administrator must agree first",
          "Your organization lets only administrators decide what apps may do here.",
          "Ask an administrator of Microsoft 365 to consent to Rollcall. After that, open your link again.",
          false},
    Known{"", 90095, "An administrator must agree first",
          "Your request was sent to the administrators of your organization.",
          "Open your link again once they have agreed.", false},
    Known{"", 50105, "Your account may not use Rollcall",
          "Your organization lets only chosen people use it, and your account is not one of them.",
          "Ask an administrator of Microsoft 365 to assign Rollcall to you.", false},
    Known{"", 53003, "Your organization's rules stopped the sign-in",
          "A rule about devices, places or sign-in methods was not met.",
          "Try from a device that your organization manages, or ask its administrators.", true},
    Known{"access_denied", 0, "You did not agree", "Nothing was connected and nothing was changed.",
          "If that was not what you meant, try again and choose Accept on Microsoft's page.", true},
    Known{"consent_required", 0, "Agreement is still missing",
          "Microsoft needs your agreement, or an administrator's, before Rollcall may do this.",
          "Try again and choose Accept. If Microsoft shows no such page, ask an administrator of Microsoft "
          "365.",
          true},
    Known{"interaction_required", 0, "Microsoft needs more from you",
          "A further step, such as confirming the sign-in on your phone, was not completed.",
          "Try again and complete each step that Microsoft asks for.", true},
    Known{"login_required", 0, "You were not signed in", "The sign-in at Microsoft was not completed.",
          "Try again and sign in with your work account.", true},
    Known{"temporarily_unavailable", 0, "Microsoft cannot be reached just now",
          "Its sign-in service is busy or has a passing problem.", "Try again in a few minutes.", true},
    Known{"server_error", 0, "Microsoft cannot be reached just now",
          "Its sign-in service had a problem of its own.", "Try again in a few minutes.", true},
};
constexpr Known set_up_wrong{
    "",
    0,
    "Rollcall is not set up for this yet",
    "Microsoft refused the request as Rollcall made it.",
    "There is nothing you can do about it: tell whoever runs Rollcall the code below.",
    false};

const Known& known_problem(std::string_view error, int number) {
  const auto* by_number =
      std::ranges::find_if(known, [&](const Known& one) { return number != 0 && one.number == number; });
  if (by_number != known.end()) return *by_number;
  const auto* by_name =
      std::ranges::find_if(known, [&](const Known& one) { return !one.error.empty() && one.error == error; });
  return by_name != known.end() ? *by_name : set_up_wrong;
}

/// A name of an error as OAuth has them, and no free text.
bool plain(std::string_view word) {
  return !word.empty() && word.size() <= 64 &&
         std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

std::string connect_page(const ConnectPage& page) {
  std::string body =
      "<h1>Connect " + escaped(page.title) + "</h1>\n<p><span class=\"tag " +
      (page.may_write ? "writes\">Reads and changes</span></p>\n" : "reads\">Reads only</span></p>\n");
  body +=
      paragraph("You, or an assistant that works for you, asked Rollcall to work with your " + page.title +
                ". For that it needs your permission. Microsoft will ask you for it on the next page.");
  body += "<h2>What you allow</h2>\n" + permission_list(page.permissions);
  body += "<h2>What Rollcall keeps</h2>\n";
  body += paragraph(
      "A key from Microsoft for what is listed above, encrypted. Your password stays between you and "
      "Microsoft.");
  body += "<h2>Good to know</h2>\n";
  body += paragraph(
      "Sign in with the work account that this link was made for; another account is turned away. You can "
      "disconnect at any time, and nothing that you may not open yourself is opened for you.");
  body += "<div class=\"steps\">\n" + button(page.sign_in_link, "Continue to Microsoft", "button main") +
          button(page.cancel_link, "Cancel", "button") + "</div>\n";
  return document("Connect " + page.title, body);
}

std::string outcome_page(const OutcomePage& page) {
  std::string body = std::string("<div role=\"") + (page.good ? "status" : "alert") + "\">\n<h1 class=\"" +
                     (page.good ? "good" : "bad") + "\">" + escaped(page.heading) + "</h1>\n";
  for (const auto& one : page.paragraphs)
    body += paragraph(one);
  body += "</div>\n";
  if (!page.again_link.empty())
    body += "<div class=\"steps\">\n" + button(page.again_link, "Try again", "button main") + "</div>\n";
  if (!page.code.empty())
    body += "<p class=\"code\">If you ask for help, give this code: <code>" + escaped(page.code) +
            "</code></p>\n";
  return document(page.heading, body);
}

std::string_view page_style() {
  return style;
}

OutcomePage sign_in_problem(std::string_view error, int number, const std::string& again_link) {
  const Known& one = known_problem(error, number);
  OutcomePage page{false, std::string(one.heading), {std::string(one.what), std::string(one.cure)}};
  if (one.again) page.again_link = again_link;
  page.code = plain(error) ? std::string(error) : "sign_in_failed";
  if (number != 0) page.code += " AADSTS" + std::to_string(number);
  return page;
}

int sign_in_number(std::string_view description) {
  constexpr std::string_view mark = "AADSTS";
  const auto at = description.find(mark);
  if (at == std::string_view::npos) return 0;
  int number = 0;
  for (const char c : description.substr(at + mark.size())) {
    if (c < '0' || c > '9' || number > 99'999'999) break;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::optional<std::string> cookie_value(std::string_view header, std::string_view name) {
  std::optional<std::string> found;
  while (!header.empty()) {
    const auto end = std::min(header.find(';'), header.size());
    auto one = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (one.starts_with(' '))
      one.remove_prefix(1);
    const auto equals = one.find('=');
    if (equals == std::string_view::npos || one.substr(0, equals) != name) continue;
    if (found) return std::nullopt;
    found = std::string(one.substr(equals + 1));
  }
  return found;
}

}  // namespace rollcall::front
