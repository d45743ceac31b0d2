// A client of the Model Context Protocol, as far as is needed here: revision 2025-11-25 over Streamable HTTP.
const revision = "2025-11-25";
let id = 0;

async function post(port, token, session, method, params) {
  const response = await fetch(`http://127.0.0.1:${port}/mcp`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", "MCP-Protocol-Version": revision,
               ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(session ? { "Mcp-Session-Id": session } : {}) },
    body: JSON.stringify({ jsonrpc: "2.0", id: (id += 1), method, params }),
  });
  const text = await response.text();
  const json = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, message: json ? JSON.parse(text) : undefined };
}

export const callTool = (side, token, name, args) => post(side.port, token, side.session, "tools/call", { name, arguments: args });
export async function openSession(side, token) {
  const { headers } = await post(side.port, token, null, "initialize",
                                 { protocolVersion: revision, capabilities: {}, clientInfo: { name: "bench", version: "1" } });
  return headers.get("mcp-session-id");
}
