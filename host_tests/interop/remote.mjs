// A remote made of Microsoft's own SignalR client: orders come as JSON lines on stdin, what happens goes out as JSON lines.
//   {"do":"open","url","path","headers","skip","reconnect","results":{name: value},"missing":[names],"token","silence_ms","ping_ms"}
//     → {"opened":connectionId} or {"failed":text}
//   {"do":"invoke","target","arguments"} → {"result"} or {"error"}; with a "number" {"ended":number} too, and others may go meanwhile; "fill": one text so long
//   {"do":"send",…} → {"sent":true}    {"do":"stop"} → {"stopped":true}    {"do":"ticks","count"} → {"ticks","disorder"} at that count
// Unasked: {"event","arguments"} but for Tick, {"reconnecting":error}, {"reconnected":connectionId}, {"closed":error}.
import { createInterface } from "node:readline";
import { HttpTransportType, HubConnectionBuilder, LogLevel } from "@microsoft/signalr";

const EVENTS = ["Welcome", "DeviceStatus", "Log", "DeviceUpdate", "Updated", "EmergencyStop", "Reboot", "Big"];
const say = what => process.stdout.write(JSON.stringify(what) + "\n");
const text = error => (error ? String(error.message ?? error) : null);
let connection = null;
const ticks = { count: 0, disorder: 0, wanted: 0, enough: () => {} };

function tick(number) {
  if (number !== ticks.count++) ticks.disorder++;
  if (ticks.count >= ticks.wanted) ticks.enough();
}

function build({ url, path = "", headers, skip, reconnect, results = {}, missing = [], token, silence_ms, ping_ms }) {
  const accessTokenFactory = token && (() => token);
  const builder = new HubConnectionBuilder()
    .withUrl(url + path, { headers, skipNegotiation: skip, transport: HttpTransportType.WebSockets, accessTokenFactory })
    .configureLogging(LogLevel.None);
  if (silence_ms) builder.withServerTimeout(silence_ms);
  if (ping_ms) builder.withKeepAliveInterval(ping_ms);
  if (reconnect) builder.withAutomaticReconnect(reconnect);
  const made = builder.build();
  for (const event of EVENTS) if (!(event in results) && !missing.includes(event)) made.on(event, (...args) => say({ event, arguments: args }));
  for (const [target, value] of Object.entries(results)) made.on(target, () => value);
  made.on("Tick", tick);
  made.onreconnecting(error => say({ reconnecting: text(error) }));
  made.onreconnected(id => say({ reconnected: id }));
  made.onclose(error => say({ closed: text(error) }));
  return made;
}

const orders = {
  async open(order) {
    connection = build(order);
    try { await connection.start(); say({ opened: connection.connectionId }); } catch (error) { say({ failed: text(error) }); }
  },
  async invoke({ target, arguments: args, number, fill }) {
    if (fill) args = ["x".repeat(fill)];
    const told = number ? { ended: number } : {};
    const ended = connection.invoke(target, ...args).then(
      result => say({ ...told, result: result ?? null }), error => say({ ...told, error: text(error) }));
    if (!number) await ended;
  },
  async send({ target, arguments: args }) { await connection.send(target, ...args); say({ sent: true }); },
  async ticks({ count }) {
    ticks.wanted = count;
    if (ticks.count < count) await new Promise(resolve => (ticks.enough = resolve));
    say({ ticks: ticks.count, disorder: ticks.disorder });
    ticks.count = ticks.disorder = ticks.wanted = 0;
  },
  async stop() { await connection.stop(); say({ stopped: true }); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  await orders[order.do](order);
}
process.exit(0);
