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
  const status = row.disabled ? "people.disabled" : row.can_sign_in ? "people.active" : "people.waiting";
  return make("tr", {}, make("td", {}, row.username), make("td", {}, row.display_name), make("td", {}, role), make("td", {}, areas), make("td", {}, say(status)), make("td", {},
    make("button", { type: "button", onclick: () => newLink(row) }, say("people.new_link")), " ",
    make("button", { type: "button", onclick: () => change(row.id, { disabled: !row.disabled }) }, say(row.disabled ? "people.enable" : "people.disable"))));
}

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
