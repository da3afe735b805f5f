// What a front end does: it calls other origins with what its reader may see anyway. Where to, and with which
// registration token, stands after the `#` of the page's address.
const given = new URLSearchParams(location.hash.slice(1));
const said = document.querySelector("#said");
const json = { "Content-Type": "application/json" };

/** Call, and say what came of it. A browser that is not let through tells no more than that. */
async function call(title, url, options = {}) {
  try {
    const answer = await fetch(url, options);
    const body = await answer.text();
    said.textContent += `${title}: ${answer.status}\n${body}\n`;
    return { status: answer.status, body };
  } catch (error) {
    said.textContent += `${title}: ${error}\n`;
    return { failed: String(error) };
  }
}

function ultra() {
  const headers = {
    ...json,
    Authorization: `Bearer ${given.get("registration_token")}`,
    "X-Client-ID": given.get("client"),
  };
  const body = JSON.stringify({ query: "{ sites { displayName } }" });
  return call("Ultra", `${given.get("api")}/graphql`, { method: "POST", headers, body });
}

async function quiltt() {
  const sdk = { ...json, "Quiltt-SDK-Agent": "Quiltt/5 (Browser)" };
  const email = `${crypto.randomUUID()}@visitor.example`;
  const body = JSON.stringify({ session: { clientId: given.get("sign_in"), email } });
  const sessions = `${given.get("auth")}/v1/users/session`;
  const made = await call("Quiltt, sign up", sessions, { method: "POST", headers: sdk, body });
  if (made.status !== 201) {
    return;
  }
  const headers = { ...sdk, Authorization: `Bearer ${JSON.parse(made.body).token}` };
  await call("Quiltt, the session", sessions, { headers });
  const query = JSON.stringify({ query: "{ profile { id accounts { name } } }" });
  await call("Quiltt, the profile", `${given.get("api")}/v1/graphql`, { method: "POST", headers, body: query });
  await call("Quiltt, sign out", sessions, { method: "DELETE", headers });
}

document.querySelector("#ultra").addEventListener("click", ultra);
document.querySelector("#quiltt").addEventListener("click", quiltt);
