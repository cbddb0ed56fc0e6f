// A remote made of Microsoft's own SignalR client: orders come as JSON lines on stdin, what happens goes out as JSON lines.
//   {"do":"open","url","headers","skip","reconnect","results":{name: value}} → {"opened":connectionId} or {"failed":text}
//   {"do":"invoke","target","arguments"} → {"result"} or {"error"}    {"do":"send",…} → {"sent":true}    {"do":"stop"} → {"stopped":true}
// Unasked: {"event","arguments"}, {"reconnecting":error}, {"reconnected":connectionId}, {"closed":error}.
import { createInterface } from "node:readline";
import { HttpTransportType, HubConnectionBuilder, LogLevel } from "@microsoft/signalr";

const EVENTS = ["Welcome", "DeviceStatus", "Log", "DeviceUpdate", "Updated", "EmergencyStop", "Reboot"];
const say = what => process.stdout.write(JSON.stringify(what) + "\n");
const text = error => (error ? String(error.message ?? error) : null);
let connection = null;

function build({ url, headers, skip, reconnect, results = {} }) {
  const builder = new HubConnectionBuilder()
    .withUrl(url, { headers, skipNegotiation: skip, transport: HttpTransportType.WebSockets })
    .configureLogging(LogLevel.None);
  if (reconnect) builder.withAutomaticReconnect(reconnect);
  const made = builder.build();
  for (const event of EVENTS) if (!(event in results)) made.on(event, (...args) => say({ event, arguments: args }));
  for (const [target, value] of Object.entries(results)) made.on(target, () => value);
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
  async invoke({ target, arguments: args }) {
    try { say({ result: (await connection.invoke(target, ...args)) ?? null }); } catch (error) { say({ error: text(error) }); }
  },
  async send({ target, arguments: args }) { await connection.send(target, ...args); say({ sent: true }); },
  async stop() { await connection.stop(); say({ stopped: true }); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  await orders[order.do](order);
}
process.exit(0);
