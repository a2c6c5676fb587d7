// The player: which frame and whose fit is shown, and what changes it.
const $ = (id) => document.getElementById(id);
const state = {frame: 0, person: rows.person[0] || 0, row: -1, picture: 0, follow: false, playing: false};
let timer = 0, waiting = false;

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    // A page that is not laid out has nothing to draw on; the observers tell when it has.
    if (["overlay", "line"].some((id) => !$(id).clientWidth || !$(id).clientHeight)) return;
    drawOverlay(state, redraw);
    drawSide(state);
    drawTop(state);
    drawBody(state);
    drawSteps(state);
    drawLine(state);
  });
}

function text() {
  const name = `Frame ${frames.names[state.frame]}, person ${DATA.persons[state.person]}`;
  if (state.row < 0) return `${name}: is not in this frame.`;
  const row = state.row, space = DATA.rows.givenCount;
  const [seen, all] = space ? [given(row).length, space] : [detected(pictures[0], row).length, POINTS];
  return `${name}: ${DATA.statuses[rows.status[row]][0]}` +
    (rows.exchanged[row] ? "; left and right were exchanged" : "") +
    `; ${seen} of ${all} ${DATA.points} seen; error of the fit ${inUnit(rows.error[row])}` + steps(row) + ".";
}

function steps(row) {
  const count = DATA.rows.steps.length;
  if (!count) return "";
  const errors = rows.stepError.subarray(count * row, count * (row + 1));
  const least = Math.min(...Array.from(errors).filter(Number.isFinite));
  return `; ${errors[0].toFixed(DATA.unit[1])} at the initial estimate, ${least.toFixed(DATA.unit[1])} at the best step`;
}

function show(frame, person = state.person) {
  state.frame = Math.min(Math.max(frame, 0), FRAMES - 1);
  state.person = person;
  state.row = rowAt(state.frame, person);
  // Pictures that are no sequence have people of their own.
  if (state.row < 0 && !DATA.sequence && frames.first[state.frame] < frames.first[state.frame + 1]) {
    state.row = frames.first[state.frame];
    state.person = rows.person[state.row];
  }
  $("slider").value = state.frame;
  $("person").value = state.person;
  $("meshes").value = meshOf.has(state.row) ? state.row : "";
  $("fit").textContent = text();
  $("fit").style.borderColor = state.row < 0 ? "#fff" : colourOf(state.row);
  redraw();
}

function play(on) {
  clearTimeout(timer);
  state.playing = on;
  $("play").textContent = on ? "Stop" : "Play";
  if (!on) return;
  if (state.frame === FRAMES - 1) show(0);
  step();
}

function step() {
  const frame = state.frame;
  // Nobody waits for a long gap; pictures that are no sequence stay a second.
  const seconds = DATA.sequence ? Math.min(frames.wait[frame] / DATA.fps, 1) : 1;
  timer = setTimeout(() => {
    show(frame + 1);
    if (state.frame < FRAMES - 1) step();
    else play(false);
  }, 1000 * seconds / Number($("speed").value));
}

function nextMarked() {
  for (let k = 1; k <= FRAMES; k++) {
    const frame = (state.frame + k) % FRAMES;
    for (let row = frames.first[frame]; row < frames.first[frame + 1]; row++)
      if (isMarked(row)) return show(frame, rows.person[row]);
  }
}

function choosePerson(person) {
  // Whoever is not in this frame is shown where they are nearest to it.
  const own = rowsOf[person];
  let best = own[0];
  for (const row of own)
    if (Math.abs(frameOf[row] - state.frame) < Math.abs(frameOf[best] - state.frame)) best = row;
  show(best === undefined ? state.frame : frameOf[best], person);
}

function follow(on) {
  state.follow = on;
  $("follow").checked = on;
  redraw();
}

DATA.persons.forEach((number, person) => {
  const own = rowsOf[person], marked = own.filter(isMarked).length;
  const frame = own.length === 1 ? frames.names[frameOf[own[0]]] : `${own.length} frames`;
  $("person").add(new Option(`${number}: ${frame}${marked ? `, ${marked} marked` : ""}`, person));
});
$("meshes").add(new Option("none here", ""));
for (const row of meshOf.keys())
  $("meshes").add(new Option(`${frames.names[frameOf[row]]}, person ${DATA.persons[rows.person[row]]}`, row));

pictures.forEach((picture, number) => $("picture").add(new Option(picture.title, number)));
$("picture").onchange = () => { state.picture = Number($("picture").value); redraw(); };

$("slider").max = FRAMES - 1;
$("slider").oninput = () => { play(false); show(Number($("slider").value)); };
$("back").onclick = () => { play(false); show(state.frame - 1); };
$("next").onclick = () => { play(false); show(state.frame + 1); };
$("play").onclick = () => play(!state.playing);
$("marked").onclick = () => { play(false); nextMarked(); };
$("marked").disabled = !rows.status.some((_, row) => isMarked(row));
$("person").onchange = () => choosePerson(Number($("person").value));
$("follow").onchange = () => follow($("follow").checked);
$("meshes").onchange = () => {
  const row = Number($("meshes").value);
  if ($("meshes").value !== "") { play(false); show(frameOf[row], rows.person[row]); }
};

const KEYS = {
  " ": () => play(!state.playing),
  ArrowLeft: (event) => { play(false); show(state.frame - (event.shiftKey ? 10 : 1)); },
  ArrowRight: (event) => { play(false); show(state.frame + (event.shiftKey ? 10 : 1)); },
  Home: () => show(0),
  End: () => show(FRAMES - 1),
  n: () => { play(false); nextMarked(); },
  p: () => choosePerson((state.person + 1) % DATA.persons.length),
  f: () => follow(!state.follow),
};
document.addEventListener("keydown", (event) => {
  const busy = ["SELECT", "BUTTON"].includes(event.target.tagName) && [" ", "Enter"].includes(event.key);
  if (!(event.key in KEYS) || busy || event.target.tagName === "SELECT") return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  KEYS[event.key](event);
});

// A pointer that is down on the time line seeks; on the body it turns.
function dragged(id, move) {
  let last = null;
  $(id).addEventListener("pointerdown", (event) => {
    last = event;
    $(id).setPointerCapture(event.pointerId);
    move(event, event);
  });
  $(id).addEventListener("pointermove", (event) => {
    if (last) move(event, last);
    if (last) last = event;
  });
  for (const end of ["pointerup", "pointercancel"]) $(id).addEventListener(end, () => { last = null; });
}
dragged("line", (event) => {
  play(false);
  show(Math.round((event.offsetX - 6) / Math.max($("line").clientWidth - 12, 1) * (FRAMES - 1)));
});
dragged("turn", (event, last) => {
  turn.yaw += 0.01 * (event.clientX - last.clientX);
  turn.tilt = Math.min(Math.max(turn.tilt + 0.01 * (event.clientY - last.clientY), -1.5), 1.5);
  drawBody(state);
});
for (const id of ["overlay", "line"]) new ResizeObserver(redraw).observe($(id));
follow(!DATA.sequence);
show(0);
