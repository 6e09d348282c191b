// The page without this script is a picture of one moment. The script keeps it going: it
// counts, puts in what the stream sends, and draws the charts. It decides nothing.

const $ = (id) => document.getElementById(id);
const body = document.body;

// The store's clock, as far as this browser's own lengths of time carry it.
let storeNow = Number(body.dataset.now), storeRead = performance.now();
const now = () => storeNow + performance.now() - storeRead;

// short writes a length in seconds as the server does.
function short(s) {
  s = Math.max(0, Math.floor(s));
  const two = (a, unit, b, part) => (b ? `${a}${unit} ${b}${part}` : `${a}${unit}`);
  if (s < 60) return `${s}s`;
  if (s < 3600) return two(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "m");
  return two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function count() {
  const t = now();
  for (const e of document.querySelectorAll("span[data-from]")) setText(e, short((t - e.dataset.from) / 1000));
  for (const e of document.querySelectorAll("span[data-until]")) setText(e, short((e.dataset.until - t) / 1000));
  for (const e of document.querySelectorAll("progress[data-from]")) e.value = Math.min(e.max, (t - e.dataset.from) / 1000);
}

// morph makes a node like another one, and touches nothing that is so already. What the
// script writes itself, what is folded open and what is being typed stays.
function morph(from, to) {
  for (const a of [...from.attributes]) if (!to.hasAttribute(a.name) && !(a.name === "open" && from.tagName === "DETAILS")) from.removeAttribute(a.name);
  for (const a of to.attributes) if (from.getAttribute(a.name) !== a.value && !(a.name === "value" && from.tagName === "PROGRESS")) from.setAttribute(a.name, a.value);
  if (from.matches("span[data-from], span[data-until], #charts")) return;
  if (from.tagName === "SELECT" && from === document.activeElement) return;
  const kept = new Map([...from.children].filter((c) => c.id).map((c) => [c.id, c]));
  let at = from.firstChild;
  for (const want of [...to.childNodes]) {
    const known = want.id && kept.get(want.id);
    if (known) {
      if (known !== at) from.insertBefore(known, at);
      else at = at.nextSibling;
      morph(known, want);
    } else if (at && alike(at, want)) {
      const next = at.nextSibling;
      if (at.nodeType === Node.ELEMENT_NODE) morph(at, want);
      else if (at.nodeValue !== want.nodeValue) at.nodeValue = want.nodeValue;
      at = next;
    } else {
      from.insertBefore(want, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    if (!at.classList || !at.classList.contains("copy")) at.remove();
    at = next;
  }
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");

// The stream

function show(message) {
  storeNow = message.now;
  storeRead = performance.now();
  const parsed = document.createElement("template");
  for (const [id, html] of Object.entries(message.pieces)) {
    parsed.innerHTML = html;
    const here = $(id), there = parsed.content.firstElementChild;
    if (here && there) morph(here, there);
  }
  document.title = `${message.title} · lull`;
  const icon = $("icon"), href = icon.dataset[message.tone] || icon.dataset.plain;
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  dress();
}

function live(on, word) {
  const e = $("live");
  if (!e) return;
  e.hidden = false;
  e.classList.toggle("on", on);
  e.classList.toggle("off", !on);
  setText($("live-word"), word);
  body.classList.toggle("stale", !on);
}

// A stream that ends is asked for again: at once when the server says so, and else a little
// later each time, so that a server that comes back is not run over.
let pause = 0;
function listen() {
  const source = new EventSource(body.dataset.stream);
  const seen = (e) => {
    pause = 0;
    live(true, "Live");
    show(JSON.parse(e.data));
  };
  source.addEventListener("snapshot", seen);
  source.addEventListener("change", seen);
  source.addEventListener("trouble", (e) => live(false, JSON.parse(e.data).What));
  source.addEventListener("error", () => {
    source.close();
    if (pause > 0) live(false, "Reconnecting");
    setTimeout(listen, pause + Math.random() * 250);
    pause = Math.min(10000, pause * 2 || 500);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

// Lines for a terminal follow what is in the form.

const shell = (s) => (/^[\w\-=+,./:@%]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`);
const units = { h: 3600, m: 60, s: 1 };
const nanoseconds = (limit) =>
  limit === "none" ? "-1" : String([...limit.matchAll(/(\d+)([hms])/g)].reduce((n, [, d, u]) => n + d * units[u], 0)) + "000000000";

function fill(form) {
  const reason = (form.elements.reason && form.elements.reason.value.trim()) || "why";
  const limit = (form.elements.limit && form.elements.limit.value) || "1h";
  for (const pre of form.querySelectorAll("[data-line]")) {
    const line = pre.dataset.line
      .replace("{reason:shell}", () => shell(reason))
      .replace("{reason:json}", () => JSON.stringify(reason).replaceAll("'", `'\\''`))
      .replace("{limit:ns}", () => nanoseconds(limit))
      .replace("{limit}", () => limit);
    setText(pre.querySelector("code"), line);
  }
}

function copyButtons() {
  if (!navigator.clipboard) return;
  for (const pre of document.querySelectorAll("pre")) {
    if (pre.querySelector(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    pre.append(button);
  }
}

// What the mouse is over says what it is. The title itself is kept away meanwhile, so that
// the browser does not say it too.

const tip = $("tip");
let over = null;

function tell(text, x, y) {
  tip.hidden = false;
  setText(tip, text);
  const box = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(innerWidth - box.width - 8, x + 14));
  const top = y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

document.addEventListener("pointermove", (e) => {
  const part = e.target instanceof Element ? e.target.closest(".jb, .band") : null;
  if (!part) {
    if (over) tip.hidden = true;
    over = null;
    return;
  }
  const title = part.querySelector("title");
  if (title && title.textContent) {
    part.tipText = title.textContent;
    title.textContent = "";
  }
  over = part;
  tell(part.tipText, e.clientX, e.clientY);
});
document.addEventListener("pointerleave", () => (tip.hidden = true));

// A part of the timeline is chosen by drawing over it.

let drawn = null;
const selection = document.createElement("div");
selection.className = "tl-part";

document.addEventListener("pointerdown", (e) => {
  const line = e.target instanceof Element ? e.target.closest(".tl") : null;
  if (!line || e.button !== 0 || e.pointerType === "touch") return;
  const box = line.querySelector(".tl-back").getBoundingClientRect();
  if (e.clientX < box.left) return;
  drawn = { box, line, from: e.clientX, to: e.clientX };
  e.preventDefault();
});
document.addEventListener("pointermove", (e) => {
  if (!drawn) return;
  drawn.to = Math.max(drawn.box.left, Math.min(drawn.box.right, e.clientX));
  if (Math.abs(drawn.to - drawn.from) < 8) return;
  if (!selection.isConnected) body.append(selection);
  selection.style.left = `${Math.min(drawn.from, drawn.to) + scrollX}px`;
  selection.style.top = `${drawn.box.top + scrollY}px`;
  selection.style.width = `${Math.abs(drawn.to - drawn.from)}px`;
  selection.style.height = `${drawn.box.height}px`;
});
document.addEventListener("dragstart", (e) => drawn && e.preventDefault());
document.addEventListener("pointercancel", () => {
  drawn = null;
  selection.remove();
});
document.addEventListener("pointerup", () => {
  const { box, line, from, to } = drawn || {};
  drawn = null;
  selection.remove();
  if (!box || Math.abs(to - from) < 8) return;
  const first = Number(line.dataset.from), length = line.dataset.to - first;
  const at = (x) => Math.round(first + ((x - box.left) / box.width) * length);
  addEventListener("click", (e) => e.preventDefault(), { capture: true, once: true }); // it ended on a job, perhaps
  const url = new URL(location.href);
  url.searchParams.delete("span");
  url.searchParams.set("from", at(Math.min(from, to)));
  url.searchParams.set("to", Math.max(at(Math.max(from, to)), at(Math.min(from, to)) + 60));
  url.hash = "timeline";
  location.assign(url);
});

// Charts. Their times are the server's, as everywhere on the page.

const zone = Number(body.dataset.zone);
const serverTime = (s) => uPlot.tzDate(new Date((s + zone) * 1000), "Etc/UTC");
const stamped = (s) => serverTime(s).toTimeString().slice(0, 5);

let charts = [], charted = "";

function chart() {
  const box = $("charts");
  if (!box || !window.uPlot || box.dataset.chart === charted) return;
  charted = box.dataset.chart;
  const p = JSON.parse(charted);
  for (const c of charts) c.destroy();
  charts = [];
  box.replaceChildren();
  draw(box, "How long they ran", p, p.ran);
  draw(box, "How long they waited", p, p.waited.map((ms) => (ms < 1000 ? null : ms))); // most did not
  const legend = document.createElement("ul");
  legend.className = "legend";
  p.names.forEach((name, i) => {
    const item = document.createElement("li"), dot = document.createElement("i");
    dot.className = `c${i}`;
    item.append(dot, name);
    legend.append(item);
  });
  box.append(legend);
}

function draw(box, title, p, values) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const holder = document.createElement("div"), head = document.createElement("h3");
  holder.className = "chart";
  head.textContent = title;
  holder.append(head);
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", `${title}, a point for each job. The table below has the figures.`);
  box.append(holder);
  const data = [p.at, ...p.names.map((_, i) => values.map((v, k) => (p.name[k] === i && v !== null ? v / 1000 : null)))];
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${colour("--sans")}` };
  const plot = new uPlot({
    width: Math.max(200, holder.clientWidth), height: 180, padding: [8, 18, 0, 0],
    legend: { show: false }, tzDate: serverTime,
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 9 } },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      { ...axis, space: 70, size: 28, values: [[86400, "{D} {MMM}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", null, null, null, null, null, null, 1], [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] },
      { ...axis, size: 58, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400], values: (_, ticks) => ticks.map(short) },
    ],
    series: [{}, ...p.names.map((name, i) => ({ label: name, paths: () => null, points: { show: true, size: 6, width: 0, fill: colour(`--s${i}`), stroke: colour(`--s${i}`) } }))],
    hooks: {
      setCursor: [(u) => {
        const i = u.cursor.idx;
        if (i == null || u.cursor.left < 0 || values[i] === null) return void (tip.hidden = true);
        const at = u.over.getBoundingClientRect();
        tell(`${p.names[p.name[i]]}\n${short(values[i] / 1000)}, ${stamped(p.at[i])}`, at.left + u.cursor.left, at.top + u.cursor.top);
      }],
    },
  }, data, holder);
  charts.push(plot);
}

// dress does, to what is new in the page, what only a script can.
function dress() {
  count();
  copyButtons();
  for (const form of document.querySelectorAll("form.panel")) fill(form);
  chart();
}

document.addEventListener("input", (e) => e.target.form && e.target.form.matches(".panel") && fill(e.target.form));
const redraw = () => { charted = ""; chart(); };
let resizing;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(redraw, 150); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

dress();
setInterval(count, 1000);
if (body.dataset.stream) listen();
