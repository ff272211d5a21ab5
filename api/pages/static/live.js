// Camera wall with stills and health, and the map of cameras and open incidents; all live.
import { call, cameraState, data, failed, get, known, listen, make, may, say, tone, typeName, when } from "./core.js";
import { CityMap } from "./map.js";
import { paintBox } from "./player.js";

const STILL_MS = 4000;
const $ = (id) => document.getElementById(id);
const state = { cameras: [], incidents: [], tiles: new Map(), round: 0 };
const map = new CityMap($("map"), { names: true, keep: true, label: say("live.map"), open: (incident) => location.assign("/incidents/" + incident.incident_id) });

async function load() {
  try {
    const [cameras, incidents] = await Promise.all([get("/api/v1/cameras"), get("/api/v1/incidents?review=pending&order=urgent&limit=200")]);
    state.cameras = cameras.items;
    const stands = new Map(cameras.items.filter((camera) => camera.lon !== null).map((camera) => [camera.camera_id, { lon: camera.lon, lat: camera.lat }]));
    state.incidents = incidents.items.map((item) => ({ ...item, place: item.place || stands.get(item.camera_id), label: `${typeName(item)} · ${item.camera_name} · ${when(item.started_at)}` }));
    render();
  } catch (error) { failed(error); }
}

function render() {
  const trouble = $("trouble").checked;
  const rank = { down: 0, degraded: 1, starting: 2, unknown: 3, up: 4 };
  const shown = state.cameras.filter((camera) => !trouble || tone(camera.state) !== "up");
  shown.sort((a, b) => rank[tone(a.state)] - rank[tone(b.state)] || b.open_incidents - a.open_incidents || a.camera_id.localeCompare(b.camera_id));
  const tiles = shown.flatMap((camera) => camera.views.map((view) => tile(camera, view)));
  $("wall").replaceChildren(...tiles);
  $("empty").hidden = state.cameras.length > 0;
  const counts = {};
  for (const camera of state.cameras) counts[camera.state] = (counts[camera.state] || 0) + 1;
  $("health").textContent = Object.entries(counts).map(([name, n]) => `${cameraState(name)} ${n}`).join(" · ");
  map.show({ grid: data.grid, cameras: state.cameras, incidents: state.incidents });
  if (map.empty) $("map").replaceChildren(make("p", { class: "empty muted" }, say("live.no_map")));
  refreshStills();
}

function tile(camera, view) {
  const key = `${camera.camera_id}/${view}`;
  const kept = state.tiles.get(key) || { img: make("img", { alt: "", hidden: true }), canvas: make("canvas", { "aria-hidden": "true" }), note: make("span", {}, say("live.no_still")), camera: camera.camera_id, view };
  state.tiles.set(key, kept);
  const name = camera.views.length > 1 ? `${camera.name || camera.camera_id} · ${view}` : camera.name || camera.camera_id;
  const fault = camera.faults.find((one) => one.view_id === view) || null;
  const badge = camera.head ? "by_hand" : fault ? fault.kind : otherPreset(camera) ? "ok" : camera.state;
  const pending = camera.open_incidents ? make("a", { href: `/review#${camera.camera_id}` }, say("live.pending", { n: camera.open_incidents })) : null;
  return make("li", { class: `tile ${tone(badge)}` },
    make("figure", {}, kept.note, kept.img, kept.canvas),
    make("div", {},
      make("div", { class: "name" }, make("span", {}, name), make("span", { class: `badge ${tone(badge)}` }, cameraState(badge))),
      make("span", { class: "muted" }, story(camera, fault)),
      fault && fault.has_pictures ? faultPictures(kept, fault) : null,
      camera.is_touring && view === camera.views[0] ? headControls(camera) : null,
      pending));
}

// The camera's state names one preset; its other views are well.
const otherPreset = (camera) => camera.faults.some((fault) => fault.kind === camera.state);

function story(camera, fault) {
  if (camera.head) return say("head.held", { by: camera.head.by, until: when(camera.head.until) });
  if (fault) return `${faultWords(fault)} · ${say("live.since", { time: when(fault.since) })}`;
  const since = camera.since ? say("live.since", { time: when(camera.since) }) : "";
  if (camera.state === "by_hand") return `${say("head.moved")} · ${since}`;
  return camera.reason && !otherPreset(camera) ? `${camera.reason} · ${since}` : `${say("live.glances", { n: camera.glances_per_s.toFixed(1) })} · ${since}`;
}

function faultWords(fault) {
  const told = "fault." + fault.kind;
  const text = known(told) ? say(told) : fault.detail;
  return fault.instead ? `${text} ${say("fault.instead", { view: fault.instead })}` : text;
}

// What should be seen beside what was seen, each a link to the whole picture.
function faultPictures(kept, fault) {
  const path = `/api/v1/cameras/${encodeURIComponent(kept.camera)}/views/${encodeURIComponent(kept.view)}/fault`;
  const stamp = fault.since + fault.kind;
  if (kept.faulty?.stamp !== stamp) {
    const shown = ["reference", "seen"].map((which) => {
      const img = make("img", { alt: say("fault." + which), src: `${path}/${which}.jpg` });
      return make("a", { href: `${path}/${which}.jpg`, target: "_blank", rel: "noopener" }, img, make("span", {}, say("fault." + which)));
    });
    kept.faulty = { stamp, box: make("div", { class: "fault" }, ...shown) };
  }
  return kept.faulty.box;
}

function headControls(camera) {
  if (!may("heads:drive")) return null;
  const head = camera.head;
  const mine = head && head.by === data.me.username;
  const box = make("div", { class: "head" });
  if (!head || mine) {
    const minutes = make("select", { "aria-label": say("head.how_long") }, ...[5, 15, 60].map((n) => make("option", { value: n, selected: n === 15 }, say("time.min", { n }))));
    const press = () => drive("PUT", camera, { minutes: Number(minutes.value) });
    box.append(minutes, make("button", { type: "button", onclick: press }, say(mine ? "head.longer" : "head.take")));
  }
  if (head && (mine || may("zones:write"))) box.append(make("button", { type: "button", onclick: () => drive("DELETE", camera) }, say("head.give_back")));
  return box.childElementCount ? box : null;
}

async function drive(method, camera, body) {
  try {
    await call(method, `/api/v1/cameras/${encodeURIComponent(camera.camera_id)}/head`, body);
  } catch (error) { failed(error); }
  load();
}

function refreshStills() {
  state.round += 1;
  for (const kept of state.tiles.values()) {
    if (!kept.img.isConnected || kept.busy) continue;
    const box = kept.img.parentElement.getBoundingClientRect();
    if (box.bottom < -200 || box.top > innerHeight + 200) continue;
    refreshStill(kept);
  }
}

async function refreshStill(kept) {
  kept.busy = true;
  const path = `/api/v1/cameras/${encodeURIComponent(kept.camera)}/views/${encodeURIComponent(kept.view)}/still`;
  try {
    const answer = await fetch(path + ".jpg", { credentials: "same-origin", cache: "no-cache" });
    if (!answer.ok) return;
    const url = URL.createObjectURL(await answer.blob());
    await new Promise((done) => { kept.img.onload = kept.img.onerror = done; kept.img.src = url; });
    if (kept.url) URL.revokeObjectURL(kept.url);
    kept.url = url;
    kept.img.hidden = false;
    kept.note.hidden = true;
    kept.boxes = $("boxes").checked ? (await get(path + ".json").catch(() => ({}))).boxes || [] : [];
    paint(kept);
  } catch { /* the next round tries again */ } finally { kept.busy = false; }
}

function paint(kept) {
  const { canvas, img } = kept;
  canvas.width = img.clientWidth;
  canvas.height = img.clientHeight;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!img.naturalWidth) return;
  const scale = Math.min(canvas.width / img.naturalWidth, canvas.height / img.naturalHeight);
  const left = (canvas.width - img.naturalWidth * scale) / 2;
  const top = (canvas.height - img.naturalHeight * scale) / 2;
  const at = (x, y) => [left + x * img.naturalWidth * scale, top + y * img.naturalHeight * scale];
  for (const box of kept.boxes) paintBox(context, box, at, 1);
}

let loading = null;
const soon = () => { clearTimeout(loading); loading = setTimeout(load, 500); };
listen({ incident: soon, camera_state: soon, camera_head: soon, camera_fault: soon, reset: soon });
$("trouble").addEventListener("change", render);
$("boxes").addEventListener("change", refreshStills);
setInterval(() => { if (document.visibilityState === "visible") refreshStills(); }, STILL_MS);
setInterval(() => { if (document.visibilityState === "visible") load(); }, 30000);
load();
