"use strict";
// The hands of whoever plays with the desk. Everything goes through the doors of the desk's contract; the
// only ones of the page's own are /page/desk (where things are) and /page/person (a made-up citizen).

const $ = (id) => document.getElementById(id);

// ask calls a door. A refusal becomes an Error with the desk's own sentence.
async function ask(method, path, body) {
  const answer = await fetch(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let doc;
  try { doc = JSON.parse(text); } catch { doc = text; }
  if (!answer.ok) throw new Error(doc && doc.error ? doc.error.text : text);
  return doc;
}

function say(id, text, bad) {
  $(id).textContent = text;
  $(id).classList.toggle("bad", Boolean(bad));
}

// act does something and tells in the panel how it went.
async function act(id, fn) {
  try {
    const text = await fn();
    if (text !== undefined) say(id, text);
  } catch (e) {
    say(id, e.message, true);
  }
  look();
}

function element(name, text, className) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

const yuan = (fen) => "¥" + (fen / 100).toFixed(2);
const notesText = (list) => list.length ? list.map((f) => `${f.count} × ${f.currency === "CNY" ? "¥" + f.face_fen / 100 : f.currency + " " + f.face_fen / 100}`).join(", ") : "nothing";
const sum = (list) => list.reduce((n, f) => n + f.face_fen * f.count, 0);

// --- the screen

async function findScreen() {
  const where = await ask("GET", "/page/desk");
  const [wide, high] = where.desk.screen.split("x").map(Number);
  const glass = $("glass");
  $("console").href = where.desk.hall.console;
  $("console").hidden = !where.desk.hall.console;
  if (!where.broadway) {
    $("elsewhere").textContent = where.show === "window"
      ? "The terminal's screen is the window that has opened on your display."
      : `The terminal's screen is on display ${where.desk.display}, which nobody sees.`;
    return;
  }
  const frame = element("iframe");
  frame.src = where.broadway;
  frame.title = "The terminal's screen";
  frame.width = wide;
  frame.height = high;
  glass.replaceChildren(frame);
  const fit = () => {
    const scale = Math.min((innerHeight - 140) / high, (innerWidth * 0.45) / wide);
    frame.style.transform = `scale(${scale})`;
    glass.style.width = `${wide * scale + 20}px`;
    glass.style.height = `${high * scale + 20}px`;
  };
  addEventListener("resize", fit);
  fit();
}

// --- the card

async function newPerson() {
  const person = await ask("GET", "/page/person");
  for (const [name, value] of Object.entries(person)) {
    const field = $("card").elements[name];
    if (field) field.value = value;
  }
}

$("card").addEventListener("submit", (e) => {
  e.preventDefault();
  const card = { kind: "citizen" };
  for (const field of $("card").elements) if (field.name) card[field.name] = field.value;
  act("card-say", async () => { await ask("PUT", "/v1/card", card); return "The card lies on the green field."; });
});
$("card-new").onclick = () => act("card-say", newPerson);
$("card-take").onclick = () => act("card-say", async () => {
  const { taken } = await ask("DELETE", "/v1/card");
  return taken ? "The card is in the hand again." : "There was no card.";
});

// --- notes

const faces = [[10000, "#c0485a"], [5000, "#3f8f6b"], [2000, "#9a6b45"], [1000, "#4c7fae"], [500, "#7c5aa0"], [100, "#8a9a4b"]];

function note(fen, colour) {
  const button = element("button");
  button.title = `a note of ¥${fen / 100}`;
  button.innerHTML = `<svg viewBox="0 0 200 96" role="img" aria-label="¥${fen / 100}">
    <rect width="200" height="96" rx="6" fill="${colour}" opacity=".22"/>
    <rect x="5" y="5" width="190" height="86" rx="4" fill="none" stroke="${colour}" stroke-width="1.5"/>
    <circle cx="142" cy="48" r="30" fill="${colour}" opacity=".25"/><circle cx="142" cy="48" r="21" fill="none" stroke="${colour}" stroke-dasharray="2 3"/>
    <path d="M14 80 Q40 56 66 78 T118 76" fill="none" stroke="${colour}" opacity=".6"/>
    <text x="16" y="50" font-size="36" font-weight="700" fill="${colour}">${fen / 100}</text>
    <text x="17" y="68" font-size="11" fill="${colour}">元 · 样张 SPECIMEN</text></svg>`;
  button.onclick = () => feed(fen);
  return button;
}

let lastNote = 0;

function feed(fen) {
  act("note-say", async () => {
    const offered = await ask("POST", "/v1/cash/notes", { face_fen: fen, currency: "CNY", kind: $("note-kind").value, wait_ms: 0 });
    lastNote = offered.note;
    follow(offered.note, fen);
    return fate(offered.fate, fen);
  });
}

function fate(word, fen) {
  const money = "¥" + fen / 100;
  return { moving: `${money} is moving…`, escrow: `${money} is held; it can still come back.`, stacked: `${money} is in the box.`,
    returned: `${money} came back out.`, refused: `The mouth did not take ${money}.` }[word] || word;
}

// follow tells how far a note came until its story is over.
async function follow(number, fen) {
  for (let i = 0; i < 400 && number === lastNote; i++) {
    await new Promise((done) => setTimeout(done, 300));
    let now;
    try { now = await ask("GET", `/v1/cash/notes/${number}`); } catch { return; }
    if (number !== lastNote) return;
    say("note-say", fate(now.fate, fen));
    if (["stacked", "returned", "refused"].includes(now.fate)) return look();
  }
}

for (const [fen, colour] of faces) $("notes").append(note(fen, colour));
$("note-pull").onclick = () => act("note-say", async () => { await ask("DELETE", `/v1/cash/notes/${$("note-pull").dataset.note}`); return "The note is back in the hand."; });
$("box-take").onclick = () => act("note-say", async () => `The box is out; in it: ${notesText(await ask("DELETE", "/v1/cash/box"))}.`);
$("box-put").onclick = () => act("note-say", async () => { await ask("PUT", "/v1/cash/box"); return "An empty box is in."; });

// --- the water bill

let bill = null;

function month(back) {
  const d = new Date();
  d.setDate(1);
  d.setMonth(d.getMonth() - back);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}`;
}

$("bill-new").onclick = () => act("bill-say", async () => {
  const person = await ask("GET", "/page/person");
  const bills = [2, 1].map((back) => ({ period: month(back), due_fen: 2000 + Math.floor(Math.random() * 9000) }));
  bill = await ask("POST", "/page/biller/desk/accounts", { name: person.name, address: person.address, bills });
  const paper = $("paperbill");
  paper.replaceChildren(element("p", "自来水公司 · 缴费通知单"), element("p", bill.account, "account"), element("p", `${person.name}，${person.address}`));
  for (const b of bills) paper.append(element("p", `${b.period}: ${yuan(b.due_fen)}`));
  $("bill-scan").disabled = false;
  return "Type this number at the terminal, or hold the code under the reader.";
});
$("bill-scan").onclick = () => act("bill-say", async () => { await ask("POST", "/v1/scanner/scans", { text: bill.bill_code }); return "The reader has read the bill's code."; });

// --- the phone

$("phone-show").onclick = () => act("phone-say", async () => {
  const { auth_code } = await ask("POST", "/page/gateway/desk/codes", { outcome: $("phone-outcome").value, after_ms: 4000 });
  await ask("POST", "/v1/scanner/scans", { text: auth_code });
  return "The reader has read the payment code.";
});
$("phone-scan").onclick = () => act("phone-say", async () => {
  const orders = await ask("GET", "/page/gateway/desk/orders");
  const shown = orders.filter((o) => o.code_url).pop();
  if (!shown) throw new Error("There is no code on the screen yet.");
  await ask("POST", "/page/gateway/desk/scan", { code_url: shown.code_url, outcome: $("phone-outcome").value, after_ms: 4000 });
  return `The phone has scanned the code: ${yuan(shown.amount_fen)}.`;
});

// --- faults and plugs

let faults = {}, shownFaults = "";

async function lookFaults() {
  faults = await ask("GET", "/v1/faults");
  const key = JSON.stringify(faults);
  if (key === shownFaults) return; // a button drawn anew under the finger would lose its click
  shownFaults = key;
  if (!$("fault-device").options.length) {
    for (const device of Object.keys(faults)) $("fault-device").add(new Option(device, device));
    listFaults();
  }
  $("plugs").replaceChildren(...Object.entries(faults).filter(([, rows]) => rows.some((r) => r.fault === "unplug")).map(([device, rows]) => {
    const out = rows.find((r) => r.fault === "unplug").armed > 0;
    const b = element("button", `${device}: ${out ? "put the plug in" : "pull the plug"}`, "plug" + (out ? " out" : ""));
    b.onclick = () => act("power-say", async () => { await (out ? ask("DELETE", `/v1/faults/${device}/unplug`) : ask("PUT", `/v1/faults/${device}`, { fault: "unplug", count: 1 })); });
    return b;
  }));
  const armed = [];
  for (const [device, rows] of Object.entries(faults)) for (const r of rows) if (r.armed && r.fault !== "unplug") {
    const li = element("li", `${device}: ${r.what}${r.armed > 1 ? ` (${r.armed} times)` : ""}`);
    const mend = element("button", "Mend");
    mend.onclick = () => act("power-say", async () => { await ask("DELETE", `/v1/faults/${device}/${r.fault}`); });
    li.append(mend);
    armed.push(li);
  }
  $("armed").replaceChildren(...armed);
}

function listFaults() {
  $("fault-name").replaceChildren(...faults[$("fault-device").value].filter((r) => r.fault !== "unplug").map((r) => new Option(r.what, r.fault)));
}
$("fault-device").onchange = listFaults;
$("fault-arm").onclick = () => act("power-say", async () => { await ask("PUT", `/v1/faults/${$("fault-device").value}`, { fault: $("fault-name").value, count: 1 }); });

// --- power and line

$("power-cut").onclick = () => act("power-say", async () => {
  const { power } = await ask("PUT", "/v1/power", { on: false, at: $("power-at").value, devices: $("power-devices").checked });
  return power === "armed" ? "The power will be cut at that instant." : "The power is cut.";
});
$("power-on").onclick = () => act("power-say", async () => { await ask("PUT", "/v1/power", { on: true }); return "The power is on."; });
for (const b of $("network").children) b.onclick = () => act("power-say", async () => { await ask("PUT", "/v1/network", JSON.parse(b.dataset.line)); return ""; });

// --- what the mechanisms hold

function lamp(id, className, text) {
  $(id).className = "lamp " + className;
  $(id).textContent = text;
}

let shownPapers = "";

function papers(world) {
  const key = JSON.stringify([world.receipt.prints.filter((p) => p.cut), world.license.prints]);
  if (key === shownPapers) return;
  shownPapers = key;
  const figures = [];
  const add = (src, link, text) => {
    const f = element("figure"), a = element("a"), img = element("img");
    img.src = src; img.alt = text; a.href = link; a.target = "_blank"; a.append(img); f.append(a, element("figcaption", text)); figures.unshift(f);
  };
  for (const p of world.receipt.prints.slice(-12)) if (p.cut) add(`/v1/receipt/prints/${p.n}.png`, `/v1/receipt/prints/${p.n}.png`, `receipt ${p.n}`);
  for (const p of world.license.prints.slice(-12)) add(`/v1/license/prints/${p.n}.png?${p.complete}`, `/v1/license/prints/${p.n}.pdf`,
    `${p.media.includes("a3") ? "A3" : "A4"} blank ${p.serial}${p.complete ? "" : ", not complete"}`);
  if (figures.length) $("papers").replaceChildren(...figures);
}

async function look() {
  let world;
  try {
    world = await ask("GET", "/v1/world");
    await lookFaults();
  } catch {
    lamp("lamp-power", "bad", "the desk is not running");
    return;
  }
  lamp("lamp-power", { on: "good", armed: "wait", off: "bad" }[world.power], { on: "power on", armed: "power will be cut", off: "power off" }[world.power]);
  const n = world.network;
  lamp("lamp-network", n.up ? (n.kbit || n.loss ? "wait" : "good") : "bad", n.up ? (n.kbit || n.loss ? "line slow" : "line up") : "line cut");
  $("card").classList.toggle("lying", Boolean(world.card));
  const mouth = world.cash.mouth;
  $("note-pull").disabled = !mouth;
  $("note-pull").dataset.note = mouth ? mouth.note : "";
  $("cash-sums").textContent = `In the box: ${notesText(world.cash.box)} (${yuan(sum(world.cash.box))})\nCame back: ${notesText(world.cash.returned)}\nTaken away with the box: ${notesText(world.cash.taken)}`;
  papers(world);
}

// --- events

async function events() {
  let last = 0;
  const list = $("events");
  for (;;) {
    try {
      for (const e of await ask("GET", `/v1/events?after=${last}&wait_ms=20000`)) {
        last = e.n;
        if (!$("events-all").checked && (!e.what || (e.from !== "hand" && e.device !== "desk"))) continue;
        const li = element("li");
        li.append(element("span", e.time.slice(11, 23)), element("span", e.device), element("span", e.from, e.from));
        const text = element("span", e.what + " ");
        if (e.hex && $("events-all").checked) text.append(element("code", e.hex.length > 160 ? e.hex.slice(0, 160) + "…" : e.hex));
        li.append(text);
        list.prepend(li);
        while (list.children.length > 200) list.lastChild.remove();
      }
    } catch {
      await new Promise((done) => setTimeout(done, 2000));
    }
    await new Promise((done) => setTimeout(done, 200));
  }
}

findScreen().catch((e) => { $("elsewhere").textContent = e.message; });
newPerson().catch(() => {});
look();
setInterval(look, 1000);
events();
