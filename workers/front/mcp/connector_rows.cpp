#include "workers/front/mcp/tool_rows.h"

namespace rollcall::front::mcp {

const std::vector<ToolRow>& connector_rows() {
  static const std::vector<ToolRow> rows{
      {"search_mail", "Search mail",
       "Searches the caller's own mailbox by words, sender, subject or date (KQL) and lists messages without "
       "their bodies. "
       "Read one with get_mail.",
       "search_mail", Effect::reads, false, true},
      {"list_mail", "List mail",
       "Lists messages of the caller's own mailbox, newest first, by folder, time and whether they are "
       "unread.",
       "list_mail", Effect::reads, false, true},
      {"get_mail", "Read a message", "One message of the caller's own mailbox with its body as text.",
       "get_mail", Effect::reads, false, true},
      {"search_sites", "Search sites",
       "Searches the SharePoint sites that the caller may open, by name and description.", "search_sites",
       Effect::reads, false, true},
      {"list_drives", "List drives",
       "The document libraries of a SharePoint site, or the caller's own OneDrive.", "list_drives",
       Effect::reads, false, true},
      {"search_files", "Search files",
       "Searches a drive for files and folders by name and content; read one with read_file.", "search_files",
       Effect::reads, false, true},
      {"list_files", "List files",
       "What is in a folder of a drive; the caller's own OneDrive where no drive is given.", "list_files",
       Effect::reads, false, true},
      {"read_file", "Read a file", "A file's content as text, where it is text; at most its first 256 KiB.",
       "read_file", Effect::reads, false, true},
      {"list_events", "List calendar events",
       "The events of the caller's own calendar in a range of time, recurring ones one by one.",
       "list_events", Effect::reads, false, true},
      {"get_free_busy", "Free or busy", "When people are free or busy in a range of time, not with what.",
       "get_free_busy", Effect::reads, false, true},
      {"create_event", "Create a calendar event",
       "Puts an event into the caller's own calendar and invites its attendees at once. Without "
       "confirmed=true nothing is "
       "done and the answer says what would be: show that to the person, and confirm only when they agree to "
       "exactly "
       "this.",
       "create_event", Effect::changes, false, true},
  };
  return rows;
}

}  // namespace rollcall::front::mcp
