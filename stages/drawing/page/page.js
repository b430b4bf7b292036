// The page: which frame is drawn on, what is kept, and what a trial shows. The server holds the
// truth; `state` is its last word.

import { Editor, rim, show } from "./editor.js";

const byId = (id) => document.getElementById(id);
const HINTS = {
  outline: "Tap corner after corner and the first again, or draw around the object in one stroke.",
  paint: "Paint over the object. Roughly is enough; Refine finds its edges.",
  erase: "Paint away what is not the object.",
};
const WAIT = 700; // milliseconds between looks at work that is under way
const PLAY = 250; // milliseconds a predicted frame is shown

let state = null;
let source = null; // what is being drawn on: a path on the server
let film = "shown"; // the film that the slider moves in
let at = 0; // the number of the frame that is or was drawn on
let dirty = false; // whether something kept is not saved yet
let player = null;
const busy = new Set(); // buttons whose work is under way
let watching = null;

const editor = new Editor(byId("canvas"), byId("stage"), refresh);

// ---- the server

async function ask(path, method = "GET", body = undefined) {
  let answer;
  try {
    answer = await fetch(path, { method, body });
  } catch {
    throw new Error("The program has ended; start it again to go on.");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error || `The server answered ${answer.status}.`);
}

async function picture(path) {
  return createImageBitmap(await (await ask(path)).blob());
}

function tell(text, wrong = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("wrong", wrong);
}

// Run what a button does; what goes wrong is said in the header.
async function attempt(work, button = null) {
  if (button) busy.add(button);
  refresh();
  try {
    await work();
  } catch (error) {
    tell(error.message, true);
  } finally {
    busy.delete(button);
    refresh();
  }
}

async function look() {
  state = await (await ask("state")).json();
  refresh();
}

async function watch() {
  try {
    await look();
    const counting = Object.values(state.films).some((shown) => shown.count === null);
    const running = state.trial && state.trial.running;
    clearTimeout(watching);
    watching = setTimeout(watch, counting || running ? WAIT : 4 * WAIT);
  } catch (error) {
    tell(error.message, true);
  }
}

// ---- the frame that is drawn on

async function open(path, key = null, number = null, mask = null) {
  if (editor.touched && source !== path && !confirm("Leave this frame without keeping it?")) {
    byId("number").value = at;
    return;
  }
  const [shown, drawn] = await Promise.all([
    picture(`${path}/picture`), mask ? picture(mask) : null,
  ]);
  source = path;
  if (key) film = key;
  if (number !== null) byId("number").value = at = number;
  editor.open(shown, drawn);
  tell("");
}

const openFrame = (key, number, mask = null) =>
  attempt(() => open(`films/${key}/${number}`, key, number, mask));

function openSketch(name) {
  const path = `kept/${encodeURIComponent(name)}`;
  return attempt(() => open(path, null, null, `${path}/mask`));
}

function step(by) {
  const slider = byId("number");
  slider.value = Number(slider.value) + by;
  openFrame(film, Number(slider.value));
}

async function keep() {
  if (editor.corners.length > 2) editor.close();
  editor.touched = false; // whatever is drawn while it is sent is new
  const { name } = await (await ask(source, "PUT", await editor.toBlob())).json();
  dirty = true;
  tell(`Kept as ${name}.`);
  tiles.delete(name);
  await look();
}

async function refine() {
  if (editor.corners.length > 2) editor.close();
  const path = source;
  const answer = await ask(`${path}/refine`, "POST", await editor.toBlob());
  const mask = await createImageBitmap(await answer.blob());
  if (source === path) editor.replace(mask);
}

// ---- what is kept

const tiles = new Map(); // name -> the element

function tile(name) {
  if (tiles.has(name)) return tiles.get(name);
  const made = document.createElement("div"), drawn = document.createElement("canvas");
  const remove = document.createElement("button"), path = `kept/${encodeURIComponent(name)}`;
  made.className = "tile";
  drawn.title = `${name}: draw it anew`;
  drawn.onclick = () => openSketch(name);
  remove.textContent = "\u00d7";
  remove.setAttribute("aria-label", `Remove ${name}`);
  remove.onclick = () => attempt(async () => {
    await ask(path, "DELETE");
    tiles.delete(name);
    dirty = true;
    if (source === path) { editor.touched = false; await open(`films/${film}/${byId("number").value}`); }
    await look();
  });
  made.append(drawn, remove);
  tiles.set(name, made);
  Promise.all([picture(`${path}/picture`), picture(`${path}/mask`)]).then(([shown, mask]) => {
    drawn.width = 200;
    drawn.height = Math.round((200 * shown.height) / shown.width);
    show(drawn, shown, mask, rim(mask, Math.ceil(shown.width / drawn.width)));
  }).catch((error) => tell(error.message, true));
  return made;
}

// ---- the trial

async function predict() {
  stop();
  const said = { sentence: byId("sentence").value, asked: byId("asked").value };
  await ask("predict", "POST", JSON.stringify(said));
  byId("index").value = 0;
  shownIndex = null;
  await look();
  watch();
}

let shownIndex = null;

async function showTried() {
  const index = Number(byId("index").value), frame = state.trial.frames[index];
  if (!frame) return;
  const key = `${index} of ${state.trial.expression}`;
  if (shownIndex === key) return;
  shownIndex = key;
  const [shown, mask] = await Promise.all([
    picture(`films/asked/${frame.number}/picture`), picture(`tried/${index}`),
  ]);
  if (shownIndex !== key) return;
  const canvas = byId("tried");
  canvas.width = Math.min(shown.width, 640);
  canvas.height = Math.round((canvas.width * shown.height) / shown.width);
  show(canvas, shown, mask, rim(mask, Math.ceil(shown.width / canvas.width)));
}

function play() {
  if (player) return stop();
  byId("play").textContent = "Stop";
  player = setInterval(() => {
    const slider = byId("index");
    slider.value = (Number(slider.value) + 1) % state.trial.frames.length;
    refresh();
  }, PLAY);
}

function stop() {
  clearInterval(player);
  player = null;
  byId("play").textContent = "Play";
}

function correct() {
  stop();
  const index = Number(byId("index").value);
  const key = state.one_film ? "shown" : "asked";
  openFrame(key, state.trial.frames[index].number, `tried/${index}`).then(() => {
    editor.touched = true; // the mask is the network's: worth keeping, or worth a question
    byId("drawing").scrollIntoView({ behavior: "smooth" });
    tell("Correct the mask, keep the frame, and predict again.");
  });
}

// ---- all that is shown

function refresh() {
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", button.dataset.tool === editor.tool);
  }
  byId("hint").textContent = HINTS[editor.tool];
  byId("undo").disabled = !editor.past.length && !editor.corners.length;
  byId("redo").disabled = !editor.undone.length;
  const empty = editor.isEmpty && editor.corners.length < 3;
  const drawing = busy.has(byId("refine")) || busy.has(byId("keep"));
  for (const id of ["clear", "refine", "keep"]) byId(id).disabled = empty || drawing;
  if (state) refreshFilm(), refreshKept(), refreshTrial();
  for (const button of busy) button.disabled = true;
}

function refreshFilm() {
  const shown = state.films[film], last = (shown.count ?? Math.max(1, ...shown.strip)) - 1;
  byId("folder").textContent = state.folder;
  byId("film-title").textContent = shown.title;
  byId("asked-title").textContent =
    state.one_film ? "the other frames of it" : state.films.asked.title;
  byId("number").max = last;
  const number = byId("number").value;
  byId("numbered").textContent = source && source.startsWith("kept/")
    ? "kept frame" : `${number} / ${shown.count === null ? "…" : last}`;
  if (shown.lack && !byId("status").textContent) tell(shown.lack, true);
  const strip = byId("strip");
  const wanted = shown.strip.map((at) => `films/${film}/${at}/small`);
  const there = [...strip.children].map((image) => image.getAttribute("src"));
  if (wanted.join() !== there.join()) {
    strip.replaceChildren(...shown.strip.map((at, index) => {
      const image = document.createElement("img");
      image.src = wanted[index];
      image.alt = `Frame ${at}`;
      image.dataset.number = at;
      image.onclick = () => openFrame(film, at);
      return image;
    }));
  }
  for (const image of strip.children) {
    image.classList.toggle("here", source === `films/${film}/${image.dataset.number}`);
  }
}

function refreshKept() {
  const wanted = state.kept.map(tile), box = byId("kept");
  if (wanted.length !== box.children.length || wanted.some((made, i) => made !== box.children[i])) {
    box.replaceChildren(...wanted);
  }
  byId("kept-count").textContent = state.kept.length ? `(${state.kept.length})` : "";
  const ready = state.kept.length > 0 && byId("sentence").value.trim() !== "";
  byId("save").disabled = !ready;
  byId("predict").disabled = !ready || Boolean(state.trial && state.trial.running);
}

function refreshTrial() {
  const { trial } = state, status = byId("trial-status");
  const count = trial ? trial.frames.length : 0;
  byId("trial").hidden = !count;
  status.classList.toggle("wrong", Boolean(trial && trial.error));
  if (!trial) {
    status.textContent = "Needs a kept frame and its sentence.";
    return;
  }
  const marked = trial.frames.filter((frame) => frame.marked).length;
  const every = trial.stride > 1 ? ` (one in ${trial.stride} was asked)` : "";
  if (trial.error) status.textContent = trial.error;
  else if (trial.running) status.textContent = count
    ? `Predicting: ${count} of ${trial.expected} frames …` : "Getting ready …";
  else status.textContent = `"${trial.expression}" is marked in ${marked} of ${count} frames${every}.`;
  if (!count) return;
  const index = byId("index");
  index.max = count - 1;
  const frame = trial.frames[Math.min(Number(index.value), count - 1)];
  byId("indexed").textContent = `frame ${frame.number}, ${frame.presence.toFixed(2)}`;
  showTried().catch((error) => tell(error.message, true));
}

// ---- what can be done

for (const button of document.querySelectorAll("[data-tool]")) {
  button.onclick = () => { editor.cancel(); editor.tool = button.dataset.tool; refresh(); };
}
byId("brush").oninput = (event) => {
  const most = editor.picture ? Math.min(editor.picture.width, editor.picture.height) / 2 : 100;
  editor.brush = Math.max(1, Math.round(most * (event.target.value / 100) ** 2));
};
byId("undo").onclick = () => editor.undo();
byId("redo").onclick = () => editor.redo();
byId("clear").onclick = () => { editor.cancel(); editor.replace(null); };
byId("refine").onclick = (event) => attempt(refine, event.target);
byId("keep").onclick = (event) => attempt(keep, event.target);
byId("predict").onclick = (event) => attempt(predict, event.target);
byId("nearer").onclick = () => { editor.zoom = Math.min(8, editor.zoom * 1.5); editor.fit(); };
byId("farther").onclick = () => { editor.zoom = Math.max(1, editor.zoom / 1.5); editor.fit(); };
byId("number").onchange = (event) => openFrame(film, Number(event.target.value));
byId("number").oninput = refresh;
byId("before").onclick = () => step(-1);
byId("after").onclick = () => step(1);
byId("sentence").oninput = refresh;
byId("index").oninput = refresh;
byId("play").onclick = play;
byId("correct").onclick = correct;
byId("save").onclick = (event) => attempt(async () => {
  const said = { sentence: byId("sentence").value };
  const { saved } = await (await ask("save", "POST", JSON.stringify(said))).json();
  dirty = false;
  tell(`Saved ${saved} ${saved === 1 ? "frame" : "frames"}.`);
}, event.target);
byId("done").onclick = () => attempt(async () => {
  if ((dirty || editor.touched) && !confirm("End without saving what was drawn since?")) return;
  dirty = editor.touched = false;
  await ask("done", "POST");
  document.body.inert = true;
  tell("The program has ended; this page can be closed.");
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=range])")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") {
    event.preventDefault();
    event.shiftKey ? editor.redo() : editor.undo();
    refresh();
  } else if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (key === "enter" && event.target === editor.canvas) editor.close();
  else if (key === "escape") editor.cancel();
  else {
    const pressed = { o: "[data-tool=outline]", p: "[data-tool=paint]", e: "[data-tool=erase]", r: "#refine" }[key];
    if (pressed) document.querySelector(pressed).click();
  }
});
addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });

attempt(async () => {
  await look();
  byId("sentence").value = state.sentence;
  await open("films/shown/0", "shown", 0);
  byId("brush").oninput({ target: byId("brush") });
  watch();
});
