// Keeps the page's own files, so that without a network it can still say that there is none.

const SHELL = "countersign-phone-1";
const FILES = [
  "/phone",
  ...["style.css", "app.js", "api.js", "device.js", "dom.js", "keys.js", "record.js", "request.js", "setup.js"].map(under),
  ...["text.js", "watch.js", "manifest.webmanifest"].map(under),
  ...["icon.svg", "icon-requests.svg", "icon-code.svg", "icon-device.svg"].map(under),
];

/** @param {string} name */
function under(name) {
  return `/phone/${name}`;
}

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", (event) => {
  const kept = async () => {
    const shell = await caches.open(SHELL);
    await shell.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
    await worker.skipWaiting();
  };
  event.waitUntil(kept());
});

worker.addEventListener("activate", (event) => {
  const cleared = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(cleared());
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  // What devices ask goes to the server or fails: an answer from a cache would be a lie.
  const isShell = event.request.method === "GET" && url.origin === location.origin && FILES.includes(url.pathname);
  if (isShell) event.respondWith(freshOrKept(event.request, url.pathname));
});

/**
 * The file as it is now; as it was kept where the server is away.
 *
 * @param {Request} request
 * @param {string} path
 */
async function freshOrKept(request, path) {
  const shell = await caches.open(SHELL);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      await shell.put(path, fresh.clone());
      return fresh;
    }
    if (fresh.status < 500) return fresh;
  } catch {
    // No network: below.
  }
  return (await shell.match(path)) ?? Response.error();
}
