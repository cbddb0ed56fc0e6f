// The official client under load. Arguments: the folder of its package, the URL, a JSON list of floods, how many echoes.
// Counts what the server sends, says Done, then times echoes one after the other; prints their times in µs as JSON.
import { createRequire } from "node:module";

const [folder, url, floods, echoes] = process.argv.slice(2);
const signalR = createRequire(import.meta.url)(folder);
const connection = new signalR.HubConnectionBuilder().withUrl(url).configureLogging(signalR.LogLevel.None).build();

let left = 0;
let drained;
connection.on("Tick", () => {
  if (--left === 0) drained();
});
await connection.start();
for (const [count, perFrame] of JSON.parse(floods)) {
  left = count;
  const all = new Promise((resolve) => (drained = resolve));
  await connection.send("Flood", count, perFrame);
  await all;
  await connection.send("Done");
}
const took = [];
for (let number = 0; number < Number(echoes); number++) {
  const asked = process.hrtime.bigint();
  await connection.invoke("Echo", number);
  took.push(Number((process.hrtime.bigint() - asked) / 1000n));
}
console.log(JSON.stringify(took));
await connection.stop();
