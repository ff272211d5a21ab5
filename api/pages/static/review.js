// The review queue: keyboard first, most urgent first, the next clip loaded already.
import { ago, call, data, failed, get, isLeaving, known, lasting, listen, make, may, Refusal, say, toast, typeName, uuid, when } from "./core.js";
import { CityMap } from "./map.js";
import { Player } from "./player.js";

const UNDO_MS = 10000;
const $ = (id) => document.getElementById(id);
const player = new Player($("player"));
const judge = may("incidents:judge");
const state = { items: [], cursor: null, current: null, detail: null, choosing: null, selected: new Set(), undo: null, judged: new Map(), loadingMore: false };
const cameraNames = new Map(data.cameras.map((camera) => [camera.camera_id, camera.name]));

// ---- the list

function filterQuery() {
  const form = new FormData($("filter"));
  const query = new URLSearchParams();
  for (const name of ["text", "type", "review", "camera", "grid"]) {
    const value = String(form.get(name) || "").trim();
    if (value) query.set(name, value);
  }
  for (const name of ["since", "until"]) {
    const value = form.get(name);
    if (value) query.set(name, new Date(value).toISOString());
  }
  query.set("order", query.get("review") ? "urgent" : "newest");
  query.set("limit", "50");
  return query;
}

// A list that was asked for before a verdict of ours arrived still shows the incident as waiting.
function standing(items) {
  if ($("filter").elements.review.value !== "pending") return items;
  return items.filter((item) => !(state.judged.get(item.incident_id) >= item.version));
}

async function load(more = false) {
  if (more && state.loadingMore) return;
  state.loadingMore = more;
  const query = filterQuery();
  if (more && state.cursor) query.set("cursor", state.cursor);
  try {
    const page = await get("/api/v1/incidents?" + query);
    const here = new Set(more ? state.items.map((item) => item.incident_id) : []);
    const fresh = standing(page.items).filter((item) => !here.has(item.incident_id));
    state.items = more ? [...state.items, ...fresh] : fresh;
    state.cursor = page.next_cursor;
  } catch (error) { failed(error); return; } finally { state.loadingMore = false; }
  const plain = query.get("review") === "pending" && [...query.keys()].length === 3;
  $("filter-on").hidden = plain;
  state.selected.clear();
  renderRows();
}

function renderRows() {
  const rows = state.items.map(row);
  $("rows").replaceChildren(...rows);
  $("empty").hidden = state.items.length > 0;
  $("more").hidden = !state.cursor;
  const waiting = state.items.filter((item) => item.review === "pending").length;
  $("count").textContent = say("queue.count", { n: waiting + (state.cursor ? "+" : "") });
  renderBulk();
}

function row(item) {
  const current = state.current?.incident_id === item.incident_id;
  const judged = item.review !== "pending" && $("filter").elements.review.value === "pending";
  const box = judge && item.review === "pending"
    ? make("input", { type: "checkbox", "aria-label": `${say("queue.select")} ${typeName(item)} ${item.camera_name}`, onchange: (event) => { event.target.checked ? state.selected.add(item.incident_id) : state.selected.delete(item.incident_id); renderBulk(); } })
    : make("span");
  if (box.type) box.checked = state.selected.has(item.incident_id);
  const picture = item.files.snapshot ? make("img", { class: "thumb", src: item.files.snapshot, alt: "", loading: "lazy", width: 84, height: 48 }) : make("span", { class: "thumb" });
  const status = item.review === "pending" ? say("state." + item.state) : say("review." + item.review);
  const text = make("span", {},
    make("strong", {}, typeName(item)),
    make("small", {}, item.camera_name),
    make("small", {}, `${ago(item.started_at)} · ${status}`, item.assigned_to ? make("span", { class: "tag" }, ` · ${item.assigned_to}`) : null));
  return make("li", { class: `row s${item.severity}${current ? " current" : ""}${judged ? " judged" : ""}`, "data-id": item.incident_id }, box,
    make("button", { type: "button", "aria-current": current ? "true" : null, onclick: () => open(item) }, picture, text));
}

function renderBulk() {
  $("bulk").hidden = state.selected.size === 0;
  $("bulk-count").textContent = say("queue.selected", { n: state.selected.size });
}

function replace(item) {
  const at = state.items.findIndex((other) => other.incident_id === item.incident_id);
  if (at >= 0) state.items[at] = { ...state.items[at], ...item };
}

// ---- one incident

async function open(item, options = {}) {
  if (isLeaving()) return;
  state.current = item;
  state.detail = null;
  closeChoice();
  renderRows();
  player.show(item);
  heading(item);
  buttons();
  preloadNext();
  if (!options.stay) document.querySelector(".row.current")?.scrollIntoView({ block: "nearest" });
  history.replaceState(null, "", "/incidents/" + item.incident_id);
  try {
    const detail = await get("/api/v1/incidents/" + item.incident_id);
    if (state.current?.incident_id !== item.incident_id) return;
    state.detail = detail;
    state.current = { ...item, ...detail };
    replace(summaryOf(detail));
    player.show(state.current, detail);
    heading(detail);
    buttons();
    renderDetail(detail);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) { drop(item.incident_id); return; }
    failed(error);
  }
}

const summaryOf = ({ reasons, sightings, evidence, history, neighbours, zone, ...summary }) => summary;

function preloadNext() {
  const next = neighbour(1, true);
  if (next) player.prepare(next);
}

function heading(item) {
  $("heading").replaceChildren(
    document.createTextNode(typeName(item)),
    make("span", { class: `badge s${item.severity}` }, say("severity." + item.severity)),
    make("span", { class: `badge ${item.review}` }, say("review." + item.review)),
    item.review === "pending" && item.dispatch === "due" ? make("span", { class: "badge s3" }, say("dispatch.already")) : "",
    make("small", {}, `${item.camera_name} · ${when(item.started_at, true)}`));
}

function buttons() {
  const item = state.current;
  for (const button of document.querySelectorAll("#verdict [data-do]")) {
    const name = button.dataset.do;
    const pending = item?.review === "pending";
    if (name === "reopen") button.hidden = !item || pending || !judge;
    else if (["accept", "reject", "merge"].includes(name)) { button.disabled = !pending || !judge; button.hidden = Boolean(item) && !pending; }
    else if (name === "assign") {
      button.disabled = !item || !judge;
      button.textContent = say(item?.assigned_to === data.me.username ? "do.release" : "do.assign_me");
    }
  }
  $("comment").hidden = !judge;
}

function fact(word, value) {
  return value === null || value === undefined || value === "" ? [] : [make("dt", {}, say(word)), make("dd", {}, String(value))];
}

function renderDetail(detail) {
  const part = (word, ...children) => make("section", {}, make("h3", {}, say(word)), ...children.filter(Boolean));
  const lasted = (new Date(detail.ended_at || detail.updated_at) - new Date(detail.started_at)) / 1000;
  const why = make("ul", { class: "why" }, ...detail.reasons.map((reason) => make("li", {}, reason.words,
    reason.weight ? make("meter", { min: 0, max: 1, value: Math.abs(reason.weight), "aria-label": `${Math.round(reason.weight * 100)} %` }) : null)));
  const facts = make("dl", { class: "facts" },
    ...fact("detail.camera", `${detail.camera_name} · ${detail.view_id}`),
    ...fact("detail.zone", detail.zone?.name || detail.zone_id),
    ...fact("detail.grid", detail.grid_cell),
    ...fact("detail.started", when(detail.started_at, true)),
    ...fact("detail.lasted", lasting(lasted)),
    ...fact("detail.confidence", `${Math.round(detail.confidence * 100)} %`),
    ...fact("detail.severity", say("severity." + detail.severity)),
    ...fact("dispatch", say("dispatch." + detail.dispatch)),
    ...Object.entries(detail.measures).flatMap(([name, value]) => [make("dt", {}, known("detail.measure." + name) ? say("detail.measure." + name) : name.replaceAll("_", " ")), make("dd", {}, name.endsWith("_s") ? lasting(value) : String(Math.round(value * 100) / 100))]),
    ...fact("detail.assigned", detail.assigned_to),
    ...fact("detail.model", detail.model));
  const where = make("div", { class: "map" });
  const parts = [part("detail.why", why), part("detail.facts", facts)];
  if (detail.recurrence_of) parts[1].append(make("p", {}, make("a", { href: "/incidents/" + detail.recurrence_of }, say("detail.recurrence"))));
  const camera = data.cameras.find((c) => c.camera_id === detail.camera_id && c.lon !== null);
  const place = detail.place || (camera && { lon: camera.lon, lat: camera.lat });
  const told = detail.place ? null : make("p", { class: "muted" }, say(place ? "detail.camera_place" : "detail.no_place"));
  parts.push(part("detail.where", place ? where : null, told));
  if (detail.sightings.length > 1) parts.push(part("detail.sightings", make("div", { class: "others" }, ...detail.sightings.map((s) => sighting(detail, s)))));
  if (detail.neighbours.length) parts.push(part("detail.neighbours", make("div", { class: "others" }, ...detail.neighbours.map(other))));
  if (detail.history.length) parts.push(part("detail.history", make("ul", { class: "history" }, ...detail.history.map(act))));
  $("detail").replaceChildren(...parts);
  if (place) {
    const map = new CityMap(where, { ellipses: true, label: say("detail.where") });
    map.show({ incidents: [{ ...detail, place }, ...detail.neighbours.filter((n) => n.place)] });
  }
}

function sighting(detail, seen) {
  const line = make("span", {}, cameraNames.get(seen.camera_id) || seen.camera_id, make("small", {}, when(seen.started_at, true)));
  const box = make("a", { href: "#", onclick: (event) => { event.preventDefault(); const file = detail.evidence.find((f) => f.sighting_id === seen.sighting_id && /clip/.test(f.kind)) || detail.evidence.find((f) => f.sighting_id === seen.sighting_id); if (file) player.showFile(file); } }, line);
  const split = judge ? make("button", { type: "button", onclick: () => verdict("split", { sightings: [seen.sighting_id] }, { stay: true }) }, say("do.split")) : null;
  return make("div", { class: "pair" }, box, split);
}

function other(item) {
  const picture = item.files.snapshot ? make("img", { src: item.files.snapshot, alt: "", loading: "lazy" }) : null;
  return make("a", { href: "/incidents/" + item.incident_id, onclick: (event) => { event.preventDefault(); open(item); } }, picture,
    make("span", {}, typeName(item), make("small", {}, `${item.camera_name} · ${when(item.started_at)} · ${say("review." + item.review)}`)));
}

function act(entry) {
  const reason = entry.reason ? ` (${say("reject." + entry.reason)})` : "";
  const whom = entry.detail.assignee ? ` → ${entry.detail.assignee}` : "";
  return make("li", {}, `${when(entry.at)} · ${entry.username} · ${say("history." + entry.action)}${reason}${whom}`, entry.comment ? make("q", {}, entry.comment) : null);
}

// ---- verdicts

async function verdict(action, more = {}, options = {}) {
  const item = state.current;
  if (!item || !judge) return;
  const version = action === "comment" ? undefined : item.version;
  closeChoice();
  const next = options.stay ? null : neighbour(1, true) || neighbour(-1, true);
  if (!options.stay) state.judged.set(item.incident_id, version);
  if (next) open(next);
  try {
    const done = await call("POST", `/api/v1/incidents/${item.incident_id}/verdicts`, { action, version, ...more }, { "Idempotency-Key": uuid() });
    settle(item, done, action, more);
    if (options.stay) reopenCurrent(item);
    else if (!next) finished(item);
  } catch (error) {
    state.judged.delete(item.incident_id);
    if (error instanceof Refusal && error.status === 409) told(item, error.body);
    else failed(error);
    if (next && !(error instanceof Refusal)) open(item);
    refresh(item.incident_id);
  }
}

function settle(item, done, action, more) {
  replace({ incident_id: item.incident_id, review: done.review, version: done.version });
  if (action === "merge" || (done.review !== "pending" && $("filter").elements.review.value === "pending")) drop(item.incident_id);
  else renderRows();
  const words = {
    accept: () => say("done.accepted"),
    reject: () => say("done.rejected", { reason: say("reject." + more.reason) }),
    merge: () => say("done.merged"),
    comment: () => say("done.commented"),
  }[action];
  if (!words) return;
  const undoable = ["accept", "reject", "merge"].includes(action);
  state.undo?.close();
  const run = () => undo(item, done, action);
  const close = toast(words(), { ms: undoable ? UNDO_MS : 3000, action: undoable ? { label: say("do.undo") + " (U)", run } : null });
  state.undo = undoable ? { run, close, until: Date.now() + UNDO_MS } : null;
}

async function undo(item, done, action) {
  state.undo?.close();
  state.undo = null;
  try {
    if (action === "merge") {
      const target = await get("/api/v1/incidents/" + done.detail.into);
      await call("POST", `/api/v1/incidents/${done.detail.into}/verdicts`, { action: "split", version: target.version, sightings: done.detail.sightings }, { "Idempotency-Key": uuid() });
    } else {
      await call("POST", `/api/v1/incidents/${item.incident_id}/verdicts`, { action: "reopen", version: done.version }, { "Idempotency-Key": uuid() });
    }
    toast(say("done.undone"), { ms: 2500 });
    const fresh = await get("/api/v1/incidents/" + item.incident_id);
    if (!state.items.some((other) => other.incident_id === item.incident_id)) state.items.unshift(summaryOf(fresh));
    else replace(summaryOf(fresh));
    open(summaryOf(fresh));
  } catch (error) { failed(error); }
}

function told(item, body) {
  const review = body.reason ? `${say("review." + body.review)} (${say("reject." + body.reason)})` : say("review." + (body.review || "pending"));
  toast(say("done.conflict", { by: body.by || "–", review }), { bad: true, ms: 8000 });
}

async function refresh(id) {
  try {
    const fresh = summaryOf(await get("/api/v1/incidents/" + id));
    replace(fresh);
    if (fresh.merged_into || (fresh.review !== "pending" && $("filter").elements.review.value === "pending")) drop(id);
    else renderRows();
  } catch (error) { if (error instanceof Refusal && error.status === 404) drop(id); }
}

function reopenCurrent(item) {
  const same = state.items.find((other) => other.incident_id === item.incident_id);
  if (state.current?.incident_id === item.incident_id) open(same || item, { stay: true });
}

function finished(item) {
  if (state.current?.incident_id !== item.incident_id) return;
  if (state.items.length) open(state.items[0]);
  else { state.current = null; buttons(); load().then(openFirst); }
}

function drop(id) {
  state.items = state.items.filter((item) => item.incident_id !== id);
  state.selected.delete(id);
  renderRows();
  if (state.items.length < 15 && state.cursor) load(true);
}

function neighbour(step, pendingOnly = false) {
  const items = state.items;
  const at = items.findIndex((item) => item.incident_id === state.current?.incident_id);
  for (let i = at + step; i >= 0 && i < items.length; i += step) {
    if (!pendingOnly || items[i].review === "pending") return items[i];
  }
  return null;
}

// ---- choosing a reason or a target

function choose(kind, title, options) {
  state.choosing = { kind, options };
  const entries = options.map((option, i) => make("li", {}, make("button", { type: "button", onclick: () => pick(i) }, make("kbd", {}, String(i + 1)), option.label)));
  $("choose").replaceChildren(make("strong", { id: "choose-title" }, title), make("ul", {}, ...entries, make("li", {}, make("button", { type: "button", onclick: closeChoice }, make("kbd", {}, "Esc"), say("do.cancel")))));
  $("choose").hidden = false;
}

function closeChoice() {
  state.choosing = null;
  $("choose").hidden = true;
}

function pick(at) {
  const choice = state.choosing;
  const option = choice?.options[at];
  if (!option) return;
  if (choice.kind === "reject") verdict("reject", { reason: option.value });
  else if (choice.kind === "merge") verdict("merge", { into: option.value });
  else bulk("reject", option.value);
}

const reasonOptions = () => data.reject_reasons.map((reason) => ({ value: reason, label: say("reject." + reason) }));

function startReject() {
  if (judge && state.current?.review === "pending") choose("reject", say("do.reason"), reasonOptions());
}

function startMerge() {
  if (!judge || !state.detail || state.current.review !== "pending") return;
  const options = state.detail.neighbours
    .filter((item) => item.type === state.detail.type)
    .slice(0, 9)
    .map((item) => ({ value: item.incident_id, label: `${typeName(item)} · ${item.camera_name} · ${when(item.started_at)}` }));
  if (options.length) choose("merge", say("do.merge_hint"), options);
  else toast(say("do.merge_none"), { ms: 3000 });
}

async function bulk(action, reason) {
  closeChoice();
  const items = state.items.filter((item) => state.selected.has(item.incident_id)).map(({ incident_id, version }) => ({ incident_id, version }));
  if (!items.length) return;
  try {
    const { results } = await call("POST", "/api/v1/incidents/bulk-verdicts", { items, action, ...(reason ? { reason } : {}) }, { "Idempotency-Key": uuid() });
    const good = results.filter((result) => result.status === 200).length;
    toast(say("done.bulk", { n: good, failed: results.length - good }), { bad: good < results.length });
    await load();
    if (state.items.length && !state.items.some((item) => item.incident_id === state.current?.incident_id)) open(state.items[0]);
  } catch (error) { failed(error); }
}

// ---- keys and buttons

const doing = {
  accept: () => state.current?.review === "pending" && verdict("accept"),
  reject: startReject,
  merge: startMerge,
  reopen: () => verdict("reopen", {}, { stay: true }),
  assign: () => verdict("assign", { assignee: state.current.assigned_to === data.me.username ? null : data.me.username }, { stay: true }),
  next: () => { const item = neighbour(1); if (item) open(item); },
  previous: () => { const item = neighbour(-1); if (item) open(item); },
  help: () => $("help").showModal(),
  undo: () => { if (state.undo && Date.now() < state.undo.until) state.undo.run(); },
  comment: () => $("comment").elements.comment.focus(),
  select: () => {
    const item = state.current;
    if (!judge || item?.review !== "pending") return;
    if (!state.selected.delete(item.incident_id)) state.selected.add(item.incident_id);
    renderRows();
  },
  search: () => { $("filter-box").open = true; $("filter").elements.text.focus(); },
};

const keys = {
  a: doing.accept, r: doing.reject, m: doing.merge, j: doing.next, k: doing.previous, u: doing.undo, c: doing.comment, x: doing.select,
  "/": doing.search, "?": doing.help, " ": () => player.toggle(), ",": () => player.step(-1), ".": () => player.step(1),
  b: () => player.setBoxes(!player.boxesOn), z: () => player.setZoom(!player.zoomed), l: () => player.setLoop(!player.loopOn), s: () => player.nextSpeed(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("help").open) return;
  const typing = event.target.closest?.("input:not([type=checkbox]):not([type=range]), select, textarea");
  if (event.key === "Escape") { closeChoice(); if (typing) typing.blur(); return; }
  if (typing) return;
  const onButton = event.target.closest?.("button, a, summary, input");
  if ((event.key === " " || event.key === "Enter") && onButton) return;
  if (state.choosing && /^[1-9]$/.test(event.key)) { event.preventDefault(); pick(Number(event.key) - 1); return; }
  const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (run) { event.preventDefault(); run(); }
});

for (const button of document.querySelectorAll("#verdict [data-do]")) button.addEventListener("click", () => doing[button.dataset.do]());
for (const button of document.querySelectorAll("[data-bulk]")) {
  button.addEventListener("click", () => (button.dataset.bulk === "accept" ? bulk("accept") : choose("bulk", say("do.reason"), reasonOptions())));
}
$("more").addEventListener("click", () => load(true));
$("comment").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.comment;
  if (!field.value.trim()) return;
  verdict("comment", { comment: field.value }, { stay: true });
  field.value = "";
  field.blur();
});

// ---- filters

for (const camera of data.cameras) $("filter").elements.camera.append(make("option", { value: camera.camera_id }, camera.name));
$("filter").addEventListener("submit", (event) => { event.preventDefault(); load().then(openFirst); });
$("filter").addEventListener("reset", () => setTimeout(() => load().then(openFirst)));

async function loadSaved() {
  const { items } = await get("/api/v1/me/filters");
  $("saved").replaceChildren(make("option", { value: "" }, "–"), ...items.map((item) => make("option", { value: JSON.stringify(item.query) }, item.name)));
}

$("saved").addEventListener("change", (event) => {
  if (!event.target.value) return;
  const query = JSON.parse(event.target.value);
  for (const field of $("filter").elements) if (field.name) field.value = query[field.name] ?? (field.name === "review" ? "pending" : "");
  load().then(openFirst);
});
$("save-filter").addEventListener("click", async () => {
  const name = prompt(say("queue.save_name"));
  if (!name) return;
  const query = {};
  for (const [key, value] of new FormData($("filter"))) if (value) query[key] = value;
  try { await call("PUT", "/api/v1/me/filters", { name, query }); await loadSaved(); } catch (error) { failed(error); }
});

// ---- live

let loading = null;
function soon() {
  clearTimeout(loading);
  loading = setTimeout(quietReload, 400);
}

async function quietReload() {
  const query = filterQuery();
  query.set("limit", String(Math.max(50, Math.min(200, state.items.length))));
  try {
    const page = await get("/api/v1/incidents?" + query);
    state.items = standing(page.items);
    state.cursor = page.next_cursor;
    const current = state.items.find((item) => item.incident_id === state.current?.incident_id);
    if (current) {
      state.current = { ...state.current, ...current };
      player.show(state.current, state.detail);
      buttons();
    }
    renderRows();
    preloadNext();
    if (!state.current) openFirst();
  } catch { /* the next event tries again */ }
}

listen({
  incident: (event) => {
    if (event.by && event.by !== data.me.username && event.incident_id === state.current?.incident_id && event.review !== state.current.review) {
      told(state.current, { by: event.by, review: event.review });
    }
    soon();
  },
  review: soon,
  reset: soon,
});

function openFirst() {
  const first = state.items.find((item) => item.review === "pending") || state.items[0];
  if (first) open(first);
  else { state.current = null; buttons(); }
}

async function begin() {
  buttons();
  const camera = decodeURIComponent(location.hash.slice(1));
  if (cameraNames.has(camera)) $("filter").elements.camera.value = camera;
  loadSaved().catch(() => {});
  await load();
  if (!data.incident_id) { openFirst(); return; }
  const listed = state.items.find((item) => item.incident_id === data.incident_id);
  if (listed) { open(listed); return; }
  try { open(summaryOf(await get("/api/v1/incidents/" + data.incident_id))); } catch (error) { failed(error); openFirst(); }
}

setInterval(() => { if (document.visibilityState === "visible") renderTimes(); }, 30000);
function renderTimes() {
  for (const element of document.querySelectorAll("#rows .row")) {
    const item = state.items.find((other) => other.incident_id === element.dataset.id);
    const status = item && (item.review === "pending" ? say("state." + item.state) : say("review." + item.review));
    if (item) element.querySelector("small + small").firstChild.data = `${ago(item.started_at)} · ${status}`;
  }
}

begin();
