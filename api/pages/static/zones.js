// Draws zones on a real still: mouse, touch and keyboard; checked by the server before saving.
import { Calibrator } from "./calibrate.js";
import { call, data, draw, failed, get, known, listen, make, may, Refusal, say, toast, when } from "./core.js";

const $ = (id) => document.getElementById(id);
const writer = may("zones:write");
const state = { camera: null, view: null, version: 0, zones: [], picked: -1, draft: null, seen: [], dirty: false, ground: false, groundDirty: false };
const image = make("img", { alt: say("zones.title") });
const svg = draw("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", tabindex: "0", role: "application", "aria-label": say("zones.drag") });
$("editor").append(image, svg);
$("add").disabled = $("calibrate").disabled = true;

const ground = new Calibrator($("ground"), () => { state.dirty = state.groundDirty = true; $("problems").hidden = true; side(); });
ground.base = base;
ground.redraw = () => render();

for (const camera of data.views) {
  for (const view of camera.views) $("view").append(make("option", { value: `${camera.camera_id}/${view}` }, camera.views.length > 1 ? `${camera.name} · ${view}` : camera.name));
}

function base() { return `/api/v1/cameras/${encodeURIComponent(state.camera)}/views/${encodeURIComponent(state.view)}`; }

async function open(key) {
  [state.camera, state.view] = key.split("/");
  location.hash = key;
  $("view").value = key;
  state.picked = -1;
  state.draft = null;
  $("add").disabled = $("calibrate").disabled = true;
  image.src = base() + "/still.jpg";
  image.onload = () => { $("editor").style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`; };
  try {
    const [zones, still, camera] = await Promise.all([get(base() + "/zones"), get(base() + "/still.json").catch(() => ({})), get(`/api/v1/cameras/${encodeURIComponent(state.camera)}`)]);
    state.size = still.size || [1920, 1080];
    state.card = camera;
    adopt(zones);
    $("add").disabled = !writer;
    $("calibrate").disabled = false;
    state.seen = still.boxes || [];
    await versions();
  } catch (error) { failed(error); }
  render();
}

function adopt(zones) {
  state.version = zones.version;
  state.zones = structuredClone(zones.zones);
  state.dirty = state.groundDirty = false;
  ground.open(zones.calibration, state.size, state.card, writer);
  $("version").textContent = zones.version ? say("zones.version", { version: zones.version, by: zones.saved_by, time: when(zones.saved_at) }) : "";
}

async function versions() {
  const { items } = await get(base() + "/zones/versions");
  $("versions").replaceChildren(...items.map((item) => make("li", {},
    say("zones.version", { version: item.version, by: item.saved_by, time: when(item.saved_at) }), item.note ? ` – ${item.note} ` : " ",
    writer && item.version !== state.version ? make("button", { type: "button", onclick: () => { state.zones = structuredClone(item.zones); state.picked = -1; changed(); } }, say("zones.restore")) : null)));
}

function changed() {
  state.dirty = true;
  $("problems").hidden = true;
  render();
}

// ---- the picture

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

function render() {
  const made = [];
  if ($("boxes").checked) {
    for (const box of state.seen) {
      const [x1, y1, x2, y2] = box.xyxy_norm;
      made.push(draw("rect", { class: "seen", x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, draw("title", {}, `${box.label} ${Math.round(box.confidence * 100)}%`)));
    }
  }
  state.zones.forEach((zone, i) => {
    made.push(draw("path", { class: i === state.picked ? "zone picked" : "zone", d: path(zone.polygon) + "Z", onclick: (event) => onZone(event, i) }));
  });
  if (state.draft) made.push(draw("path", { class: "draft", d: path(state.draft) }));
  if (state.ground) made.push(...ground.shapes());
  svg.replaceChildren(...made);
  corners();
  side();
}

// Corners are drawn in a layer of their own, so that they stay round in any picture.
const layer = draw("svg", { "aria-hidden": "true" });
layer.style.pointerEvents = "none";
$("editor").append(layer);

function corners() {
  if (state.ground) { layer.replaceChildren(...ground.dots((event, i) => drag(event, (at) => ground.move(i, at)))); return; }
  const zone = state.zones[state.picked];
  const points = state.draft || (writer && zone ? zone.polygon : []);
  const made = points.map(([x, y], i) => {
    const dot = draw("circle", { class: "corner", cx: `${x * 100}%`, cy: `${y * 100}%`, r: 7 });
    dot.style.pointerEvents = state.draft ? "none" : "auto";
    dot.addEventListener("pointerdown", (event) => grab(event, i));
    return dot;
  });
  state.zones.forEach((other) => {
    const [x, y] = other.polygon.reduce((sum, p) => [sum[0] + p[0] / other.polygon.length, sum[1] + p[1] / other.polygon.length], [0, 0]);
    made.push(draw("text", { x: `${x * 100}%`, y: `${y * 100}%`, "text-anchor": "middle" }, document.createTextNode(other.name || other.id)));
  });
  layer.replaceChildren(...made);
}

function where(event) {
  const box = svg.getBoundingClientRect();
  const unit = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
  return [unit((event.clientX - box.left) / box.width), unit((event.clientY - box.top) / box.height)];
}

function grab(event, i) {
  const zone = state.zones[state.picked];
  if (event.altKey) {
    event.preventDefault();
    event.stopPropagation();
    if (zone.polygon.length > 3) { zone.polygon.splice(i, 1); changed(); }
    return;
  }
  drag(event, (at) => { zone.polygon[i] = at; changed(); });
}

function drag(event, to) {
  event.preventDefault();
  event.stopPropagation();
  const move = (moved) => to(where(moved));
  const stop = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", stop); };
  addEventListener("pointermove", move);
  addEventListener("pointerup", stop);
}

function onZone(event, i) {
  if (state.draft || state.ground) return;
  event.stopPropagation();
  if (state.picked !== i) { state.picked = i; render(); return; }
  if (!writer) return;
  const point = where(event);
  const zone = state.zones[i];
  const edge = nearestEdge(zone.polygon, point);
  if (edge.distance < 0.02) { zone.polygon.splice(edge.after + 1, 0, point); changed(); }
}

function nearestEdge(polygon, [px, py]) {
  let best = { distance: Infinity, after: 0 };
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length];
    const length = (x2 - x1) ** 2 + (y2 - y1) ** 2 || 1e-9;
    const t = Math.max(0, Math.min(1, ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / length));
    const distance = Math.hypot(px - x1 - t * (x2 - x1), py - y1 - t * (y2 - y1));
    if (distance < best.distance) best = { distance, after: i };
  });
  return best;
}

svg.addEventListener("click", (event) => {
  if (state.ground) { ground.add(where(event)); return; }
  if (!state.draft) { state.picked = -1; render(); return; }
  const point = where(event);
  const last = state.draft.at(-1);
  if (!last || Math.hypot(last[0] - point[0], last[1] - point[1]) > 0.005) state.draft.push(point);
  render();
});
svg.addEventListener("dblclick", finish);

function finish() {
  const polygon = state.draft;
  state.draft = null;
  if (polygon && polygon.length >= 3) {
    let n = state.zones.length + 1;
    while (state.zones.some((zone) => zone.id === `zone-${n}`)) n += 1;
    state.zones.push({ id: `zone-${n}`, name: "", polygon, rules: [{ type: "garbage" }], schedule: [], permits: [] });
    state.picked = state.zones.length - 1;
    changed();
  } else render();
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "Escape") { state.draft = null; state.picked = -1; render(); }
  else if (event.key === "Enter" && state.draft) { event.preventDefault(); finish(); }
  else if (event.key.startsWith("Arrow") && writer && state.picked >= 0 && event.target === svg) {
    event.preventDefault();
    const step = event.shiftKey ? 0.02 : 0.005;
    const dx = { ArrowLeft: -step, ArrowRight: step }[event.key] || 0;
    const dy = { ArrowUp: -step, ArrowDown: step }[event.key] || 0;
    const zone = state.zones[state.picked];
    if (zone.polygon.every(([x, y]) => x + dx >= 0 && x + dx <= 1 && y + dy >= 0 && y + dy <= 1)) {
      zone.polygon = zone.polygon.map(([x, y]) => [Math.round((x + dx) * 1e4) / 1e4, Math.round((y + dy) * 1e4) / 1e4]);
      changed();
    }
  }
});

// ---- the form

function side() {
  $("list").replaceChildren(...(state.zones.length ? state.zones.map((zone, i) => make("button", { type: "button", "aria-pressed": String(i === state.picked), onclick: () => { state.picked = i; state.draft = null; render(); } },
    `${zone.name || zone.id} · ${zone.rules.map((rule) => say("type." + rule.type)).join("、")}`)) : [make("p", { class: "muted" }, say("zones.none"))]));
  $("hint").textContent = state.ground ? say("ground.click") : state.draft ? say("zones.draw") : state.picked >= 0 && writer ? say("zones.drag") : writer ? "" : say("zones.no_right");
  $("save-box").hidden = !writer;
  $("save").disabled = !state.dirty;
  $("dirty").textContent = state.dirty ? say("zones.unsaved") : "";
  $("ground").hidden = !state.ground;
  $("list").hidden = state.ground;
  $("seen").textContent = seenIn(state.zones[state.picked]);
  if (state.ground) { $("form").hidden = true; return; }
  if (document.activeElement?.closest("#form") && $("form").dataset.picked === String(state.picked)) return;
  form();
}

// What the detector sees in the picked zone, in words: the boxes whose foot stands in it.
function seenIn(zone) {
  if (!zone || state.ground) return "";
  const counts = {};
  for (const box of state.seen) {
    const [x1, , x2, y2] = box.xyxy_norm;
    if (inside(zone.polygon, (x1 + x2) / 2, y2)) counts[box.label] = (counts[box.label] || 0) + 1;
  }
  const words = Object.entries(counts).map(([label, n]) => `${known("label." + label) ? say("label." + label) : label} ${n}`);
  return say("zones.seen", { what: words.join("、") || say("detail.none") });
}

function inside(polygon, x, y) {
  let odd = false;
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  });
  return odd;
}

function form() {
  const zone = state.zones[state.picked];
  const box = $("form");
  box.hidden = !zone;
  box.dataset.picked = state.picked;
  if (!zone) { box.replaceChildren(); return; }
  const field = (word, value, set, more = {}) => make("label", {}, say(word), make("input", { value, disabled: !writer, ...more, onchange: (event) => { set(event.target.value); changed(); } }));
  const rules = make("fieldset", {}, make("legend", {}, say("zones.rules")), ...data.types.map((type) => rule(zone, type)));
  box.replaceChildren(
    field("zones.name", zone.name || "", (value) => { zone.name = value; }, { maxlength: 200 }),
    field("zones.id", zone.id, (value) => { zone.id = value; }, { maxlength: 64 }),
    rules,
    field("zones.schedule", hoursText(zone.schedule), (value) => { zone.schedule = hoursOf(value); }, { placeholder: say("zones.hours_hint") }),
    field("zones.permits", hoursText((zone.permits || [])[0]?.hours), (value) => { zone.permits = permitsOf(zone, value); }, { placeholder: say("zones.hours_hint") }),
    field("zones.corners", zone.polygon.map((p) => p.join(",")).join("  "), (value) => { zone.polygon = value.trim().split(/\s+/).map((p) => p.split(",").map(Number)); }),
    writer ? make("button", { type: "button", onclick: () => { state.zones.splice(state.picked, 1); state.picked = -1; changed(); } }, say("do.delete")) : "");
}

function rule(zone, type) {
  const found = zone.rules.find((other) => other.type === type);
  const toggle = make("input", { type: "checkbox", disabled: !writer, onchange: (event) => {
    zone.rules = event.target.checked ? [...zone.rules, { type }] : zone.rules.filter((other) => other.type !== type);
    changed();
    form();
  } });
  toggle.checked = Boolean(found);
  const line = make("div", {}, make("label", { class: "check" }, toggle, say("type." + type)));
  if (!found) return line;
  // What is empty has the type's own value, which the field shows; what is refused the save tells.
  const number = (word, name) => {
    const { min, max, default: usual } = data.rule_fields[type][name];
    return make("label", {}, say(word), make("input", { type: "number", min, max, placeholder: usual, step: "any", disabled: !writer, value: found[name] ?? "", onchange: (event) => { if (event.target.value === "") delete found[name]; else found[name] = Number(event.target.value); changed(); } }));
  };
  line.append(number("zones.dwell", "dwell_s"), number("zones.glance_period", "glance_period_s"), number("zones.look_rate", "look_fps"), number("zones.look_length", "look_s"));
  if (type === "crowding") line.append(number("zones.people", "people"));
  return line;
}

const hoursText = (hours) => (hours || []).map((span) => `${(span.days || []).length === 7 || !span.days ? "" : span.days.join(",") + " "}${span.from || span.begin || "00:00"}-${span.to || span.end || "24:00"}`).join("; ");
const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function hoursOf(text) {
  return text.split(";").map((part) => part.trim()).filter(Boolean).map((part) => {
    const [first, second] = part.split(/\s+/);
    const [from, to] = (second || first).split("-");
    const days = second ? first.split(",").flatMap((day) => {
      const [a, b] = day.split("-");
      return b ? WEEK.slice(WEEK.indexOf(a), WEEK.indexOf(b) + 1) : [day];
    }) : WEEK;
    return { days, from: from || "", to: to || "" };
  });
}

function permitsOf(zone, text) {
  const hours = hoursOf(text);
  const [first, ...others] = zone.permits || [];
  return hours.length ? [{ name: first?.name || "", types: first?.types || ["street_vending"], hours }, ...others] : others;
}

// ---- saving

$("save").addEventListener("click", async () => {
  try {
    const saved = await call("PUT", base() + "/zones", { version: state.version, zones: state.zones, note: $("note").value, calibration: state.groundDirty ? ground.value() : null });
    adopt(saved);
    $("note").value = "";
    toast(say("zones.saved", { version: saved.version }));
    await versions();
    render();
  } catch (error) {
    if (error instanceof Refusal && error.status === 409) toast(say("zones.conflict", error.body), { bad: true, ms: 8000 });
    else if (error instanceof Refusal && error.body.problems) {
      $("problems").hidden = false;
      $("problems").replaceChildren(...error.body.problems.map((problem) => make("li", {}, say("zones.problem", problem))));
    } else failed(error);
  }
});

$("add").addEventListener("click", () => { state.draft = []; state.picked = -1; render(); svg.focus(); });
$("boxes").addEventListener("change", render);
$("calibrate").addEventListener("click", () => {
  state.ground = !state.ground;
  state.draft = null;
  state.picked = -1;
  $("calibrate").setAttribute("aria-pressed", state.ground);
  render();
  if (state.ground) ground.render();
});
$("view").addEventListener("change", (event) => open(event.target.value));
listen({ zones_saved: (event) => { if (event.subject === `${state.camera}/${state.view}` && event.version > state.version) { if (state.dirty) toast(say("zones.conflict", { by: event.saved_by, version: event.version }), { bad: true }); else open(event.subject); } } });
addEventListener("beforeunload", (event) => { if (state.dirty) event.preventDefault(); });

const wanted = decodeURIComponent(location.hash.slice(1));
const options = [...$("view").options].map((option) => option.value);
if (options.length) open(options.includes(wanted) ? wanted : options[0]);
else render();
