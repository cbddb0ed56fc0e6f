// What the web flasher does: offers the boards of boards.json, checks every file of the chosen one, then lets ESP Web Tools write.

const at = (id) => document.getElementById(id);
const go = at("go");
const checked = new Map(); // path of a part: a promise that it is whole
let round = 0; // which choice is the last

function tell(words, kind = "") {
  at("state").textContent = words;
  at("state").className = kind;
}

async function whole(part) {
  const answer = await fetch(part.path);
  if (!answer.ok) throw new Error(`it is not there (${answer.status})`);
  const data = await answer.arrayBuffer();
  if (data.byteLength !== part.size) throw new Error(`it has ${data.byteLength} bytes, not ${part.size}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== part.sha256) throw new Error("it is damaged");
}

function once(part) {
  if (!checked.has(part.path)) {
    const found = whole(part);
    found.catch(() => checked.delete(part.path)); // the next choice asks again
    checked.set(part.path, found);
  }
  return checked.get(part.path);
}

async function chosen(board, how) {
  const mine = ++round;
  const name = board.name.replace(/^A /, "a ");
  go.disabled = true;
  go.textContent = "One moment …";
  const parts = board.parts.filter((part) => how === "new" || !part.keep);
  for (const [number, part] of parts.entries()) {
    tell(`Checking the files: ${number + 1} of ${parts.length} …`);
    try {
      await once(part);
    } catch (fault) {
      if (mine !== round) return;
      go.textContent = "Not possible now";
      tell(`${part.path}: ${fault.message}. Load this page anew; if it stays so, tell whoever offers it.`, "bad");
      return;
    }
    if (mine !== round) return;
  }
  at("install").manifest = `${board.title}/${how === "new" ? "manifest" : "manifest-keep"}.json`;
  go.disabled = false;
  go.textContent = how === "new" ? `Install on ${name}` : `Write ${name} anew`;
  tell(`All files for ${name} are as they were built.`, "good");
}

function choose(boards) {
  const board = boards.find((one) => one.title === document.querySelector("[name=board]:checked")?.value);
  if (!board) return;
  history.replaceState(null, "", `#${board.title}`);
  const address = `0x${board.merged.offset.toString(16)}`;
  at("command").textContent = `esptool --chip ${board.chip} write-flash ${address} ${board.merged.path.split("/").pop()}`;
  Object.assign(at("merged"), { href: board.merged.path, hidden: false, download: "" });
  at("merged").textContent = `${board.merged.path.split("/").pop()} (${(board.merged.size / 1048576).toFixed(1)} MB)`;
  if ("serial" in navigator && isSecureContext) chosen(board, document.querySelector("[name=how]:checked").value);
}

function offer(boards) {
  for (const board of boards) {
    const label = document.createElement("label");
    label.className = "choice";
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "board", value: board.title });
    radio.checked = boards.length === 1 || location.hash === `#${board.title}`;
    const words = document.createElement("span");
    const small = document.createElement("small");
    small.textContent = `${board.family}, ${board.flash_mb} MB`;
    words.append(board.name, small);
    label.append(radio, words);
    at("boards").append(label);
  }
  document.addEventListener("change", (event) => {
    if (["board", "how"].includes(event.target.name)) choose(boards);
  });
  choose(boards);
}

async function start() {
  const way = location.hash === "#without";
  at("without").open = way || !("serial" in navigator);
  at("insecure").hidden = isSecureContext;
  at("unsupported").hidden = !isSecureContext || "serial" in navigator;
  if (!isSecureContext || !("serial" in navigator)) go.remove();
  const answer = await fetch("boards.json");
  if (!answer.ok) throw new Error(`boards.json: ${answer.status}`);
  const told = await answer.json();
  for (const place of document.querySelectorAll(".version")) place.textContent = told.version;
  at("date").textContent = told.date;
  offer(told.boards);
}

start().catch((fault) => {
  at("broken").textContent = `This page is not whole (${fault.message}). It must be offered by a web server, not opened as a file.`;
  at("broken").hidden = false;
});
