// Counts as figures, bars and a map of hot spots; drawn as SVG so that they print.
import { data, draw, failed, get, known, lasting, listen, make, may, say } from "./core.js";
import { CityMap } from "./map.js";

const $ = (id) => document.getElementById(id);
const DAY = 86400000;
const percent = (value) => (value === null ? "–" : `${Math.round(value * 100)} %`);

const day = (date) => new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
const span = $("span").elements;
span.until.value = day(new Date());
span.since.value = day(new Date(Date.now() - 29 * DAY));

function query() {
  const since = new Date(span.since.value + "T00:00:00");
  const until = new Date(new Date(span.until.value + "T00:00:00").getTime() + DAY);
  return new URLSearchParams({ since: since.toISOString(), until: until.toISOString() });
}

async function load() {
  try {
    render(await get("/api/v1/statistics?" + query()));
    $("exports").hidden = !may("export:read");
    $("csv").href = "/api/v1/exports/incidents.csv?" + query();
    $("xlsx").href = "/api/v1/exports/incidents.xlsx?" + query();
  } catch (error) { failed(error); }
}

function render(found) {
  const total = found.total;
  const figure = (word, value) => make("div", { class: "figure" }, make("span", { class: "muted" }, say(word)), make("strong", {}, value));
  const median = found.verdict_seconds.median;
  $("figures").replaceChildren(
    figure("statistics.total", String(total.total)),
    figure("statistics.pending", String(total.pending)),
    figure("statistics.precision", percent(total.precision)),
    figure("statistics.false_rate", found.false_alarms_per_camera_day.toFixed(3)),
    figure("statistics.median", median === null ? "–" : lasting(median)));
  if (!total.total) { $("charts").replaceChildren(make("p", { class: "empty muted" }, say("statistics.none"))); return; }
  const stacked = (rows, name) => rows.map((row) => ({ label: name(row), parts: [["accepted", row.accepted], ["rejected", row.rejected], ["pending", row.pending]], note: percent(row.precision) }));
  const spots = make("div", { class: "map" });
  $("charts").replaceChildren(
    chart("statistics.by_day", columns(found.by_day.map((row) => ({ label: row.date.slice(5), value: row.total }))), true),
    chart("statistics.by_type", bars(stacked(found.by_type, (row) => say("type." + row.type))), false, true),
    chart("statistics.reasons", bars(Object.entries(found.reject_reasons).map(([reason, n]) => ({ label: say("reject." + reason), parts: [["rejected", n]] })))),
    chart("statistics.by_hour", columns(found.by_hour.map((value, hour) => ({ label: String(hour), value })))),
    chart("statistics.by_weekday", columns(found.by_weekday.map((value, i) => ({ label: say("weekday." + i), value })))),
    chart("statistics.by_area", bars(stacked(found.by_area.slice(0, 15), (row) => row.grid_cell || say("statistics.no_cell"))), false, true),
    chart("statistics.hot", spots),
    chart("statistics.by_camera", table(found.by_camera.slice(0, 60)), true));
  const map = new CityMap(spots, { label: say("statistics.hot") });
  map.show({ grid: data.grid, spots: found.hot_spots });
  if (map.empty) spots.replaceChildren(make("p", { class: "empty muted" }, say("live.no_map")));
}

function chart(word, body, broad = false, legend = false) {
  const names = legend ? make("p", { class: "legend" }, ...["accepted", "rejected", "pending"].map((name) => make("span", {}, make("i", { class: name }), say("review." + name)))) : null;
  if (body.tagName === "svg") body.setAttribute("aria-label", say(word));
  return make("section", { class: broad ? "chart broad" : "chart" }, make("h2", {}, say(word)), body, names);
}

function bars(rows) {
  if (!rows.length) return make("p", { class: "empty muted" }, say("detail.none"));
  const top = Math.max(1, ...rows.map((row) => row.parts.reduce((sum, [, n]) => sum + n, 0)));
  const made = rows.flatMap((row, i) => {
    let left = 130;
    const y = i * 26;
    const sum = row.parts.reduce((all, [, n]) => all + n, 0);
    const parts = row.parts.map(([name, n]) => {
      const width = (n / top) * 260;
      const rect = draw("rect", { class: name, x: left, y: y + 4, width, height: 16 }, draw("title", {}, `${known("review." + name) ? say("review." + name) : ""} ${n}`));
      left += width;
      return rect;
    });
    return [draw("text", { x: 124, y: y + 16, "text-anchor": "end" }, document.createTextNode(row.label)), ...parts, draw("text", { x: left + 6, y: y + 16 }, document.createTextNode(row.note ? `${sum} · ${row.note}` : String(sum)))];
  });
  return draw("svg", { viewBox: `0 0 480 ${Math.max(26, rows.length * 26)}`, role: "img" }, ...made);
}

function columns(rows) {
  const wide = rows.length > 40 ? 960 : rows.length > 24 ? 960 : 480;
  const top = Math.max(1, ...rows.map((row) => row.value));
  const step = (wide - 40) / Math.max(1, rows.length);
  const every = Math.ceil(rows.length / (wide / 46));
  const made = rows.flatMap((row, i) => {
    const height = (row.value / top) * 130;
    const x = 34 + i * step;
    const bar = draw("rect", { class: "plain-bar", x: x + step * 0.12, y: 145 - height, width: step * 0.76, height }, draw("title", {}, `${row.label}: ${row.value}`));
    return i % every ? [bar] : [bar, draw("text", { x: x + step / 2, y: 160, "text-anchor": "middle" }, document.createTextNode(row.label))];
  });
  made.push(draw("line", { class: "axis", x1: 34, x2: wide - 6, y1: 145.5, y2: 145.5 }), draw("text", { x: 28, y: 22, "text-anchor": "end" }, document.createTextNode(String(top))), draw("text", { x: 28, y: 148, "text-anchor": "end" }, document.createTextNode("0")));
  return draw("svg", { viewBox: `0 0 ${wide} 166`, role: "img" }, ...made);
}

function table(rows) {
  const number = (value) => make("td", { class: "number" }, String(value));
  const head = [["statistics.camera", ""], ["statistics.type", ""], ["review.accepted", "number"], ["review.rejected", "number"], ["review.pending", "number"], ["statistics.precision", "number"]];
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("statistics.by_camera") }, make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(([word, kind]) => make("th", { scope: "col", class: kind || null }, say(word))))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, make("td", {}, row.camera_name), make("td", {}, say("type." + row.type)), number(row.accepted), number(row.rejected), number(row.pending), number(percent(row.precision)))))));
}

$("span").addEventListener("submit", (event) => { event.preventDefault(); load(); });
$("print").addEventListener("click", () => print());
listen({});
load();
