// One's own password.
import { call, failed, listen, say, toast } from "./core.js";

document.getElementById("password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    await call("POST", "/api/v1/me/password", { old: form.get("old"), new: form.get("new") });
    event.target.reset();
    toast(say("account.changed"));
  } catch (error) { failed(error); }
});
listen({});
