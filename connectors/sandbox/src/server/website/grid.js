// The page's own script: asks for the next videos when the end of the grid comes into view.
const grid = JSON.parse(document.getElementById("grid").textContent);
const list = document.querySelector(`[data-e2e="${grid.list}"]`);
const end = document.getElementById("end");
let cursor = "0";
let more = true;
let busy = false;

function note(id, text) {
  const element = document.createElement("div");
  element.id = id;
  element.textContent = text;
  document.body.append(element);
  more = false;
}

function show(item) {
  const card = document.createElement("div");
  card.dataset.e2e = grid.card;
  const link = document.createElement("a");
  link.href = `/@${item.author.uniqueId}/video/${item.id}`;
  const cover = document.createElement("img");
  cover.src = item.video.cover;
  cover.loading = "lazy";
  const views = document.createElement("strong");
  views.dataset.e2e = "video-views";
  views.textContent = item.stats.playCount;
  link.append(cover);
  card.append(link, views);
  list.append(card);
}

async function load() {
  if (busy || !more) return;
  busy = true;
  try {
    const parameters = new URLSearchParams({ aid: "1988", count: "30", cursor, ...grid.parameters });
    const answer = await fetch(`${grid.path}?${parameters}`);
    const text = await answer.text();
    if (!answer.ok || !text) return note("error", "Something went wrong");
    const page = JSON.parse(text);
    if (page.type === "verify") return note("tiktok-verify-ele", "Drag the slider to fit the puzzle");
    (page.itemList || []).forEach(show);
    cursor = page.cursor;
    more = Boolean(page.hasMore);
    if (!more && !list.children.length) note("empty", "No content");
  } catch (error) {
    note("error", "Something went wrong");
  } finally {
    busy = false;
  }
}

const near = () => end.getBoundingClientRect().top < window.innerHeight + 400;
window.addEventListener("scroll", () => near() && load());
load();
