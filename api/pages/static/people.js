// Users and machines' tokens.
import { call, data, failed, get, listen, make, say, when } from "./core.js";

const $ = (id) => document.getElementById(id);

async function load() {
  try {
    const [users, tokens] = await Promise.all([get("/api/v1/users"), get("/api/v1/tokens")]);
    $("users").replaceChildren(...users.items.map(user));
    $("tokens").replaceChildren(...tokens.items.map(token));
  } catch (error) { failed(error); }
}

async function change(id, values) {
  try { await call("PATCH", "/api/v1/users/" + id, values); } catch (error) { failed(error); }
  load();
}

function user(row) {
  const role = make("select", { "aria-label": `${say("people.role")} ${row.username}`, onchange: (event) => change(row.id, { role: event.target.value }) }, ...data.roles.map((name) => make("option", { value: name, selected: name === row.role }, say("role." + name))));
  const areas = make("input", { value: row.areas.join(", "), "aria-label": `${say("people.areas")} ${row.username}`, onchange: (event) => change(row.id, { areas: split(event.target.value) }) });
  const pick = make("button", { type: "button", "aria-label": say("people.pick_areas_of", { name: row.username }), onclick: () => pickAreas(row.username, areas, () => change(row.id, { areas: split(areas.value) })) }, say("people.pick_areas"));
  const status = row.disabled ? "people.disabled" : row.can_sign_in ? "people.active" : "people.waiting";
  return make("tr", {}, make("td", {}, row.username), make("td", {}, row.display_name), make("td", {}, role), make("td", {}, make("span", { class: "with-button" }, areas, pick)), make("td", {}, say(status)), make("td", {},
    make("button", { type: "button", onclick: () => newLink(row) }, say("people.new_link")), " ",
    make("button", { type: "button", onclick: () => change(row.id, { disabled: !row.disabled }) }, say(row.disabled ? "people.enable" : "people.disable"))));
}

// Rights by ticking: a tick on a street holds for everything in it.
function pickAreas(name, input, done) {
  const chosen = split(input.value);
  $("areas-title").textContent = say("people.pick_areas_of", { name });
  $("areas-told").textContent = say(data.areas.length ? "people.whole_city" : "people.no_areas");
  $("areas-list").replaceChildren(...data.areas.map((area) => {
    const box = make("input", { type: "checkbox", value: area.code });
    box.checked = chosen.includes(area.code);
    return make("li", { class: `level-${area.level}` }, make("label", { class: "check" }, box, `${say("area." + area.level)} ${area.name || area.code}`, area.name ? make("small", { class: "muted" }, area.code) : null));
  }));
  const dialog = $("areas");
  dialog.onclose = () => {
    if (dialog.returnValue !== "ok") return;
    const ticked = [...dialog.querySelectorAll("input:checked")].map((box) => box.value);
    const others = chosen.filter((code) => !data.areas.some((area) => area.code === code));
    const kept = ticked.filter((code) => !ticked.some((wider) => wider !== code && code.startsWith(wider)));
    input.value = [...others, ...kept].join(", ");
    done?.();
  };
  dialog.returnValue = "";
  dialog.showModal();
}
$("pick-areas").addEventListener("click", () => pickAreas(say("people.new_user"), $("add-user").elements.areas));

const split = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

async function newLink(row) {
  try { shown("link-box", "people.link", (await call("POST", `/api/v1/users/${row.id}/link`)).link); } catch (error) { failed(error); }
}

function shown(id, word, secret) {
  $(id).hidden = false;
  $(id).textContent = `${say(word)}: ${secret}`;
}

function token(row) {
  return make("tr", {}, make("td", {}, row.name), make("td", {}, row.username), make("td", { class: "code" }, row.scopes.join(" ")), make("td", {}, when(row.expires_at)), make("td", {},
    row.revoked ? say("people.revoked") : make("button", { type: "button", onclick: async () => { try { await call("DELETE", "/api/v1/tokens/" + row.id); } catch (error) { failed(error); } load(); } }, say("people.revoke"))));
}

$("add-user").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    const made = await call("POST", "/api/v1/users", { username: form.get("username"), display_name: form.get("display_name"), role: form.get("role"), areas: split(form.get("areas")) });
    shown("link-box", "people.link", made.link);
    event.target.reset();
    load();
  } catch (error) { failed(error); }
});

$("add-token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    const made = await call("POST", "/api/v1/tokens", { name: form.get("name"), scopes: form.getAll("scopes"), days: Number(form.get("days")) });
    shown("token-box", "people.secret", made.secret);
    event.target.reset();
    load();
  } catch (error) { failed(error); }
});

listen({});
load();
