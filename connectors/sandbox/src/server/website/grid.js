// The page's own script: asks for the next videos when the end of the grid comes into view.
const grid = JSON.parse(document.getElementById("grid").textContent);
const list = document.querySelector(`[data-e2e="${grid.list}"]`);
const end = document.getElementById("end");
const counts = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
let cursor = "0";
let more = true;
let busy = false;

function element(name, marks, ...inside) {
  const made = Object.assign(document.createElement(name), marks);
  made.append(...inside);
  return made;
}

function marked(mark, made) {
  made.dataset.e2e = mark;
  return made;
}

// Ends the grid with a word to the visitor.
function note(id, text) {
  document.body.append(element("div", { id, className: "notice" }, text));
  more = false;
}

function askForLogin() {
  const close = marked("modal-close-inner-button", element("button", {}, "×"));
  document.body.append(element("div", { className: "dialog" }, close, element("h2", {}, "Log in to TikTok")));
  more = false;
}

function show(item) {
  const cover = element("img", { src: item.video.cover, loading: "lazy", alt: "" });
  const views = marked("video-views", element("strong", {}, counts.format(item.stats.playCount)));
  const link = element("a", { href: `/@${item.author.uniqueId}/video/${item.id}` }, cover, views);
  const caption = marked(`${grid.card}-desc`, element("p", { title: item.desc }, item.desc));
  list.append(marked(grid.card, element("div", {}, link, caption)));
}

async function load() {
  if (busy || !more) return;
  busy = true;
  try {
    // TikTok's pages describe their browser at length; these only say whether a program drives it.
    const { webdriver } = navigator;
    const parameters = new URLSearchParams({ aid: "1988", count: "30", cursor, webdriver, ...grid.parameters });
    const answer = await fetch(`${grid.path}?${parameters}`);
    const text = await answer.text();
    if (!answer.ok || !text) return note("error", "Something went wrong");
    const page = JSON.parse(text);
    if (page.type === "verify") return note("tiktok-verify-ele", "Drag the slider to fit the puzzle");
    (page.itemList || []).forEach(show);
    cursor = page.cursor;
    more = Boolean(page.hasMore);
    if (!more && !list.children.length) note("empty", "No content");
    if (grid.login) askForLogin();
  } catch (error) {
    note("error", "Something went wrong");
  } finally {
    busy = false;
  }
  // Observed anew, it tells at once when the end is still in view.
  observer.unobserve(end);
  observer.observe(end);
}

const observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && load(), {
  rootMargin: "400px",
});
observer.observe(end);
