// Many who read events and hear nothing: what they cost.
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { residentBytes } from "../../engine/lib/processes.mjs";

/// Opens so many, some at a time; each is counted when its first event came.
async function open(port, path, token, count) {
  const sockets = [];
  let waiting = 0, opened = 0;
  const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`;
  const one = () => new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let text = "";
    socket.on("data", (bytes) => {
      if (text === null) return;
      text += bytes.latin1Slice();
      if (!text.includes("event: ")) return;
      text.startsWith("HTTP/1.1 200") ? resolve() : reject(new Error(text.slice(0, 200)));
      text = null;
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("a stream was closed")));
    sockets.push(socket);
  });
  while (opened < count) {
    waiting = Math.min(200, count - opened);
    await Promise.all(Array.from({ length: waiting }, one));
    opened += waiting;
  }
  return sockets;
}

export async function readers({ world, readers: count, say, failed }) {
  const figures = {}, goals = [];
  for (const [name, path] of [["all news", "/api/v1/events"], ["one job", `/api/v1/jobs/${world.openJob}/events`]]) {
    const { program, port } = await world.front();
    const idle = residentBytes(program.pid).now / 2 ** 20;
    const sockets = await open(port, path, world.token, count);
    await pause(20_000);  // longer than a heartbeat
    const closed = sockets.filter((socket) => socket.destroyed).length;
    if (closed > 0) failed(`${closed} of ${count} idle readers were let go of`);
    const { now, peak } = residentBytes(program.pid);
    figures[`${count} readers of ${name}`] = { "MiB idle": idle, "MiB with readers": now / 2 ** 20, "MiB peak": peak / 2 ** 20,
                                               "KiB each": (now / 2 ** 10 - idle * 2 ** 10) / count };
    say(`${name}: ${(now / 2 ** 20).toFixed(0)} MiB resident with ${count} readers`);
    goals.push({ what: `resident with ${count} readers of ${name}`, ratio: now / 2 ** 20, at_most: 400, unit: "MiB" });
    for (const socket of sockets) socket.destroy();
    await program.stop();
    if (goals.length === 1) goals.push({ what: "resident when idle", ratio: idle, at_most: 20, unit: "MiB" });
  }
  return { unit: "memory", figures, goals };
}
