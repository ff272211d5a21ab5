// Watch a clip, mark incidents, zones and near misses, save a truth file. No other host is asked.
"use strict";

const KINDS = ["street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding"];
const $ = (id) => document.getElementById(id);
const video = $("video");
const canvas = $("canvas");

let truth = null;
let entries = { incidents: [], near_misses: [], zones: [] };
let chosen = null; // {list, index}
let dragging = null; // [x, y] where a box began, 0..1
let corners = null; // corners of a zone that is being drawn
let dirty = false;

const step = () => 1 / truth.clip.fps;
const now = () => Math.round(video.currentTime * 100) / 100;

function touched() {
  dirty = true;
  $("saved").textContent = "not saved";
}

function field(entry, name, label, options = {}) {
  const box = document.createElement("label");
  if (options.wide) box.className = "wide";
  box.append(label);
  let input;
  if (options.choices) {
    input = document.createElement("select");
    for (const value of options.choices) input.add(new Option(value === "" ? "–" : value, value));
    input.value = entry[name] ?? "";
  } else if (options.check) {
    input = document.createElement("input");
    input.type = "checkbox";
    input.checked = entry[name] !== false;
  } else {
    input = document.createElement("input");
    if (options.number) {
      input.type = "number";
      input.step = "0.01";
      input.min = "0";
    }
    input.value = entry[name] ?? "";
  }
  input.name = name;
  input.addEventListener("change", () => {
    if (options.check) entry[name] = input.checked;
    else if (options.number) entry[name] = input.value === "" ? null : Number(input.value);
    else entry[name] = input.value === "" && options.optional ? null : input.value;
    touched();
    draw();
  });
  box.append(input);
  return box;
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    act();
  });
  return made;
}

function setTime(entry, name) {
  entry[name] = now();
  touched();
  render();
}

function card(list, index, fill) {
  const entry = entries[list][index];
  const box = document.createElement("div");
  const mine = chosen && chosen.list === list && chosen.index === index;
  box.className = mine ? "entry chosen" : "entry";
  box.dataset.list = list;
  // Not a new page at every click: that would take the focus out of the field clicked into.
  box.addEventListener("focusin", () => choose(list, index, box));
  box.addEventListener("click", () => choose(list, index, box));
  fill(entry, box);
  const row = document.createElement("div");
  row.className = "row";
  if (list !== "zones") {
    row.append(
      button("begin now", () => setTime(entry, "begin_s")),
      button("end now", () => setTime(entry, "end_s")),
    );
    if (list === "incidents") row.append(button("act now", () => setTime(entry, "act_s")));
    row.append(button("go there", () => { video.currentTime = entry.begin_s; }));
    const where = document.createElement("span");
    where.textContent = entry.box_norm ? "box drawn" : "no box yet";
    row.append(where);
  }
  row.append(button("remove", () => {
    entries[list].splice(index, 1);
    chosen = null;
    touched();
    render();
  }));
  box.append(row);
  return box;
}

function choose(list, index, box) {
  chosen = { list, index };
  for (const other of document.querySelectorAll(".entry.chosen")) other.classList.remove("chosen");
  box.classList.add("chosen");
  draw();
}

function incidentCard(entry, box) {
  box.append(
    field(entry, "id", "id"),
    field(entry, "type", "type", { choices: KINDS }),
    field(entry, "zone", "zone", { choices: ["", ...entries.zones.map((z) => z.id)], optional: true }),
    field(entry, "begin_s", "begin s", { number: true }),
    field(entry, "end_s", "end s (empty: lasts)", { number: true }),
    field(entry, "act_s", "act s", { number: true }),
    field(entry, "dwell_s", "dwell s", { number: true }),
    field(entry, "subtype", "subtype", { choices: ["", "dumping"], optional: true }),
    field(entry, "certain", "certain", { check: true }),
    field(entry, "note", "what is seen", { wide: true }),
  );
}

function missCard(entry, box) {
  box.append(
    field(entry, "type", "type", { choices: KINDS }),
    field(entry, "begin_s", "begin s", { number: true }),
    field(entry, "end_s", "end s", { number: true }),
    field(entry, "why", "why it is none", { wide: true }),
  );
}

function zoneCard(entry, box) {
  const shown = { id: entry.id, rules: JSON.stringify(entry.rules) };
  const rules = field(shown, "rules", "rules (type: dwell_s, people, permits)", { wide: true });
  rules.querySelector("input").addEventListener("change", () => {
    try {
      entry.rules = JSON.parse(shown.rules);
      $("faults").textContent = "";
    } catch (error) {
      $("faults").textContent = `rules of zone ${entry.id} must be JSON: ${error.message}`;
    }
  });
  box.append(field(entry, "id", "id"), rules);
}

function render() {
  const fills = { incidents: incidentCard, near_misses: missCard, zones: zoneCard };
  const places = { incidents: $("incidents"), near_misses: $("misses"), zones: $("zones") };
  for (const [list, place] of Object.entries(places)) {
    place.replaceChildren(...entries[list].map((_, index) => card(list, index, fills[list])));
  }
  draw();
}

function draw() {
  canvas.width = canvas.clientWidth;
  canvas.height = canvas.clientHeight;
  const pen = canvas.getContext("2d");
  const [w, h] = [canvas.width, canvas.height];
  pen.font = "13px system-ui";
  pen.lineWidth = 2;
  const outline = (points, colour, text) => {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x * w, y * h) : pen.moveTo(x * w, y * h)));
    pen.closePath();
    pen.stroke();
    pen.fillText(text, points[0][0] * w + 3, points[0][1] * h - 4);
  };
  for (const zone of entries.zones) outline(zone.polygon_norm, "#3c6", zone.id);
  if (corners && corners.length) outline(corners, "#3c6", "new zone");
  for (const [list, colour] of [["incidents", "#f33"], ["near_misses", "#fa0"]]) {
    entries[list].forEach((entry, index) => {
      const mine = chosen && chosen.list === list && chosen.index === index;
      const on = entry.begin_s <= now() && (entry.end_s == null || now() < entry.end_s);
      if (!entry.box_norm || !(on || mine)) return;
      const [l, t, r, b] = entry.box_norm;
      outline([[l, t], [r, t], [r, b], [l, b]], mine ? "#39f" : colour, entry.id || entry.type);
    });
  }
}

function place(event) {
  const frame = canvas.getBoundingClientRect();
  const clamp = (v) => Math.min(1, Math.max(0, v));
  return [
    clamp((event.clientX - frame.left) / frame.width),
    clamp((event.clientY - frame.top) / frame.height),
  ];
}

function boxBetween([ax, ay], [bx, by]) {
  const round = (v) => Math.round(v * 1e4) / 1e4;
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)].map(round);
}

canvas.addEventListener("pointerdown", (event) => {
  if (corners) {
    corners.push(place(event).map((v) => Math.round(v * 1e4) / 1e4));
    draw();
  } else if (chosen && chosen.list !== "zones") {
    dragging = place(event);
    canvas.setPointerCapture(event.pointerId);
  }
});
canvas.addEventListener("pointermove", (event) => {
  if (!dragging) return;
  entries[chosen.list][chosen.index].box_norm = boxBetween(dragging, place(event));
  draw();
});
canvas.addEventListener("pointerup", () => {
  if (!dragging) return;
  dragging = null;
  touched();
  render();
});
canvas.addEventListener("dblclick", () => {
  if (!corners) return;
  const polygon = corners.filter((c, i) => i === 0 || c.join() !== corners[i - 1].join());
  corners = null;
  if (polygon.length >= 3) {
    const id = unused("zone", entries.zones.map((z) => z.id));
    entries.zones.push({ id, polygon_norm: polygon, rules: { garbage: { dwell_s: 10 } } });
    touched();
  }
  render();
});

function unused(stem, taken) {
  let number = 1;
  while (taken.includes(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

function add(list) {
  const common = { type: "garbage", begin_s: now(), end_s: null, box_norm: null };
  if (list === "incidents") {
    const id = unused("incident", entries.incidents.map((i) => i.id));
    const zone = entries.zones.length ? entries.zones[0].id : null;
    entries.incidents.push({ id, ...common, dwell_s: 10, zone, certain: true, note: "" });
  } else {
    entries.near_misses.push({ ...common, why: "" });
  }
  chosen = { list, index: entries[list].length - 1 };
  touched();
  render();
}

async function save() {
  $("faults").textContent = "";
  const unboxed = [...entries.incidents, ...entries.near_misses].filter((e) => !e.box_norm);
  if (unboxed.length) {
    $("faults").textContent = `${unboxed.length} without a box: choose the entry and drag on the picture`;
    return;
  }
  const findings = $("findings").value.trim();
  const review = { by: $("by").value, method: $("how").value, findings: findings ? [findings] : [] };
  const body = {
    incidents: entries.incidents,
    near_misses: entries.near_misses,
    zones: entries.zones,
    reviews: [...truth.reviews, review],
  };
  const answer = await fetch("/truth", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) {
    $("faults").textContent = told.error;
    return;
  }
  dirty = false;
  $("saved").textContent = `saved ${told.saved}, ${told.incidents} incidents`;
}

function show() {
  $("at").textContent = `${video.currentTime.toFixed(2)} s`;
  $("seek").value = video.currentTime;
  draw();
}

function jump(seconds) {
  video.pause();
  video.currentTime = Math.max(0, Math.min(video.duration, video.currentTime + seconds));
}

function play() {
  if (video.paused) video.play();
  else video.pause();
}

$("play").addEventListener("click", play);
$("back").addEventListener("click", () => jump(-step()));
$("next").addEventListener("click", () => jump(step()));
$("seek").addEventListener("input", () => { video.currentTime = Number($("seek").value); });
$("speed").addEventListener("change", () => { video.playbackRate = Number($("speed").value); });
$("save").addEventListener("click", save);
$("add-incident").addEventListener("click", () => add("incidents"));
$("add-miss").addEventListener("click", () => add("near_misses"));
$("add-zone").addEventListener("click", () => { corners = []; });
video.addEventListener("timeupdate", show);
video.addEventListener("seeked", show);
video.addEventListener("loadedmetadata", () => { $("seek").max = video.duration; draw(); });
window.addEventListener("resize", draw);
window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if (/^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName)) return;
  const entry = chosen && chosen.list !== "zones" ? entries[chosen.list][chosen.index] : null;
  const acts = {
    " ": play,
    ",": () => jump(-step()),
    ".": () => jump(step()),
    s: save,
    b: () => entry && setTime(entry, "begin_s"),
    e: () => entry && setTime(entry, "end_s"),
    a: () => entry && chosen.list === "incidents" && setTime(entry, "act_s"),
  };
  if (acts[event.key]) {
    event.preventDefault();
    acts[event.key]();
  }
});

async function begin() {
  const answer = await fetch("/truth");
  const told = await answer.json();
  if (!answer.ok) {
    $("faults").textContent = told.error;
    return;
  }
  truth = told;
  entries = { incidents: told.incidents, near_misses: told.near_misses, zones: told.zones };
  $("name").textContent = `${told.clip.file} → ${told.about.target}`;
  $("saved").textContent = told.about.exists ? "as saved" : "new";
  render();
}

begin();
