// Canvases: the image with all people, side and top of one, curves.
const DARK = "#1b1f24", PALE = "#8b949e";

// The context of a canvas of the size that it is shown at, cleared; sizes in CSS pixels.
function fresh(id) {
  const canvas = document.getElementById(id), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  pen.lineCap = "round";
  return [pen, width, height];
}

function bones(pen, row, place, width, shade) {
  pen.lineWidth = width;
  for (const [a, b, colour] of DATA.bones) {
    const one = place(a), two = place(b);
    if (!one || !two) continue;
    pen.strokeStyle = shade || colour;
    pen.setLineDash(isSeen(row, a) && isSeen(row, b) ? [] : [1, 2 * width]);
    pen.beginPath();
    pen.moveTo(one[0], one[1]);
    pen.lineTo(two[0], two[1]);
    pen.stroke();
  }
  pen.setLineDash([]);
}

function dot(pen, point, radius) {
  pen.beginPath();
  pen.arc(point[0], point[1], radius, 0, 7);
  pen.fillStyle = DARK;
  pen.fill();
  pen.strokeStyle = "#fff";
  pen.lineWidth = 1;
  pen.stroke();
}

// Left, top and side in pixels of the square of the picture that is shown.
function square(picture, frame, chosen, follow) {
  let [left, top, right, bottom] = picture.view.subarray(4 * frame, 4 * frame + 4);
  if (follow && chosen >= 0) {
    const known = detected(picture, chosen);
    for (let k = 0; k < POINTS; k++) {
      const point = projected(picture, chosen, k);
      if (point) known.push(point);
    }
    if (known.length) {
      [left, right] = [Math.min(...known.map((p) => p[0])), Math.max(...known.map((p) => p[0]))];
      [top, bottom] = [Math.min(...known.map((p) => p[1])), Math.max(...known.map((p) => p[1]))];
    }
    const half = 0.65 * Math.max(right - left, bottom - top, 1);
    return [(left + right) / 2 - half, (top + bottom) / 2 - half, 2 * half];
  }
  return [left, top, right - left];
}

const photos = new Map();
function photoOf(picture, frame, redraw) {
  const source = picture.photos[frame];
  if (!source) return null;
  if (!photos.has(source)) {
    // The pictures of a few frames at a time are enough, and take little memory.
    if (photos.size > 40) photos.delete(photos.keys().next().value);
    const image = new Image();
    image.onload = redraw;
    image.src = source;
    photos.set(source, image);
  }
  const image = photos.get(source);
  return image.complete && image.naturalWidth ? image : null;
}

function drawOverlay(state, redraw) {
  const [pen, width] = fresh("overlay"), picture = pictures[state.picture];
  const [left, top, side] = square(picture, state.frame, state.row, state.follow);
  const scale = width / side;
  const at = (point) => point && [scale * (point[0] - left), scale * (point[1] - top)];
  const photo = photoOf(picture, state.frame, redraw);
  if (photo) {
    const view = picture.view.subarray(4 * state.frame, 4 * state.frame + 4);
    const [x, y] = at([view[0], view[1]]);
    pen.drawImage(photo, x, y, scale * (view[2] - view[0]), scale * (view[3] - view[1]));
  }
  for (let row = frames.first[state.frame]; row < frames.first[state.frame + 1]; row++) {
    const chosen = row === state.row;
    bones(pen, row, (k) => at(projected(picture, row, k)), chosen ? 4 : 2, chosen ? "" : colourOf(row));
    const dots = detected(picture, row).map(at);
    for (const each of dots) dot(pen, each, chosen ? 4 : 2.5);
    label(pen, row, dots, chosen);
  }
}

// Whose body it is; a box around whoever is marked.
function label(pen, row, dots, chosen) {
  if (!dots.length) return;
  const u = dots.map((dot) => dot[0]), v = dots.map((dot) => dot[1]);
  const [left, top] = [Math.min(...u) - 12, Math.min(...v) - 12];
  if (isMarked(row)) {
    pen.strokeStyle = colourOf(row);
    pen.lineWidth = 3;
    pen.strokeRect(left, top, Math.max(...u) + 12 - left, Math.max(...v) + 12 - top);
  }
  const text = `${DATA.persons[rows.person[row]]}` + (rows.status[row] ? ` status ${rows.status[row]}` : "") +
    (rows.exchanged[row] ? " exchanged" : "");
  pen.font = (chosen ? "bold " : "") + "13px system-ui, sans-serif";
  const wide = pen.measureText(text).width + 8;
  const y = Math.max(top - 18, 2);
  pen.fillStyle = isMarked(row) ? colourOf(row) : "rgba(255,255,255,.8)";
  pen.fillRect(left, y, wide, 18);
  pen.fillStyle = isMarked(row) ? "#fff" : DARK;
  pen.fillText(text, left + 4, y + 13);
}

// One body as seen along an axis: `place` turns x, y, z into right and down, in mm.
function drawView(id, state, place) {
  const [pen, width, height] = fresh(id);
  if (state.row < 0) return;
  const scale = width / (2.3 * DATA.rows.reach);
  const at = (point) => {
    if (!point) return null;
    const [right, down] = place(point);
    return [width / 2 + scale * right, height / 2 + scale * down];
  };
  bones(pen, state.row, (k) => at(joint(state.row, k)), 3);
  for (const point of given(state.row)) dot(pen, at(point), 3);
}

const drawSide = (state) => drawView("side", state, ([, y, z]) => [-z, -y]);
const drawTop = (state) => drawView("top", state, ([x, , z]) => [x, z]);

function drawSteps(state) {
  if (!DATA.rows.steps.length) return;
  const [pen, width, height] = fresh("steps");
  if (state.row < 0) return;
  const steps = DATA.rows.steps, count = steps.length;
  const values = Array.from(rows.stepError.subarray(count * state.row, count * (state.row + 1)));
  const most = Math.max(...values.filter(Number.isFinite), 1e-9), last = Math.max(steps[count - 1], 1);
  const x = (k) => 40 + (width - 50) * steps[k] / last, y = (value) => height - 28 - (height - 45) * value / most;
  pen.strokeStyle = "#d8dde3";
  pen.strokeRect(40, 17, width - 50, height - 45);
  pen.fillStyle = "#57606a";
  pen.fillText(most.toFixed(3), 4, 14);
  pen.fillText("0", 28, height - 26);
  pen.fillText(`step ${last}`, width - 50, height - 10);
  pen.strokeStyle = pen.fillStyle = "#1f77b4";
  pen.lineWidth = 2;
  pen.beginPath();
  values.forEach((value, k) => { if (Number.isFinite(value)) pen.lineTo(x(k), y(value)); });
  pen.stroke();
}

const inUnit = (error) => `${error.toFixed(DATA.unit[1])} ${DATA.unit[0]}`;
const lineX = (frame, width) => FRAMES < 2 ? width / 2 : 6 + (width - 12) * frame / (FRAMES - 1);
const background = {canvas: document.createElement("canvas"), of: ""};

// The time line, which is drawn anew only for another person or size, and where in it we are.
function drawLine(state) {
  const [pen, width, height] = fresh("line");
  const canvas = document.getElementById("line"), of = `${state.person} ${canvas.width} ${canvas.height}`;
  if (background.of !== of) {
    background.canvas.width = canvas.width;
    background.canvas.height = canvas.height;
    const behind = background.canvas.getContext("2d");
    behind.scale(canvas.width / width, canvas.height / height);
    behind.font = pen.font;
    drawHistory(behind, state.person, width, height);
    background.of = of;
  }
  pen.drawImage(background.canvas, 0, 0, width, height);
  pen.fillStyle = DARK;
  pen.fillRect(lineX(state.frame, width) - 1, 0, 2, height);
}

// The error of a person by frame; below it the person's statuses, and whoever is marked.
function drawHistory(pen, person, width, height) {
  const mark = Math.max(2, (width - 12) / FRAMES), bottom = height - 34, top = 20;
  const own = rowsOf[person];
  const errors = own.map((row) => rows.error[row]).filter(Number.isFinite).sort((a, b) => a - b);
  const most = Math.max(1.2 * (errors[Math.floor(0.995 * (errors.length - 1))] || 0), 1e-9);
  const x = (row) => lineX(frameOf[row], width);
  const lane = (row, y) => {
    pen.fillStyle = colourOf(row);
    pen.fillRect(x(row) - mark / 2, y, mark, 12);
  };
  pen.fillStyle = "#f6f8fa";
  pen.fillRect(0, bottom + 2, width, height);
  pen.strokeStyle = "#1f77b4";
  pen.lineWidth = 1.5;
  pen.beginPath();
  let before = -2;
  for (const row of own) {
    const y = bottom - (bottom - top) * Math.min(rows.error[row] / most, 1);
    if (!Number.isFinite(y)) continue;
    if (frameOf[row] !== before + 1) pen.moveTo(x(row) - 1, y);
    pen.lineTo(x(row), y);
    before = frameOf[row];
  }
  pen.stroke();
  for (const row of own) lane(row, bottom + 4);
  // What is marked is drawn over what is not.
  for (const row of own) if (isMarked(row)) lane(row, bottom + 4);
  for (let row = 0; row < rows.person.length; row++) if (isMarked(row)) lane(row, bottom + 19);
  pen.fillStyle = "#57606a";
  pen.fillText(`error of person ${DATA.persons[person]}, up to ${inUnit(most)}`, 6, 14);
}
