#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The pages on which a person connects something of theirs, as text: no script, one style sheet within, and
/// every word that comes from outside escaped.
namespace rollcall::front {

/// What is asked for, and what it is for.
struct AskedPermission {
  std::string scope, allows;
};

struct ConnectPage {
  std::string title;  ///< "Outlook mail"
  bool may_write = false;
  std::vector<AskedPermission> permissions = {};
  std::string sign_in_link = {}, cancel_link = {};
};
std::string connect_page(const ConnectPage& page);

/// How it ended.
struct OutcomePage {
  bool good = false;
  std::string heading;
  std::vector<std::string> paragraphs;
  std::string again_link = {};  ///< empty: there is no way on from here
  std::string code = {};        ///< for whoever is asked for help; may be empty
};
std::string outcome_page(const OutcomePage& page);

/// The style sheet within each page: the Content-Security-Policy names it by its hash, and nothing else is
/// allowed.
std::string_view page_style();

/// What Entra ID's error on the way back means for the person, and what to do. `number`: AADSTS, nought where
/// it is not known. `again_link` is offered where trying again may help.
OutcomePage sign_in_problem(std::string_view error, int number, const std::string& again_link);
/// The AADSTS number in an error's description, the only part of it that is shown; nought where there is
/// none.
int sign_in_number(std::string_view description);

/// The value of a cookie in a Cookie header; nothing where it is not there, or there twice.
std::optional<std::string> cookie_value(std::string_view header, std::string_view name);

}  // namespace rollcall::front
