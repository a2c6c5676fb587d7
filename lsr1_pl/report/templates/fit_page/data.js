// The data of the page: arrays as base64 of small numbers, frame by frame and fit by fit.
const DATA = JSON.parse(document.getElementById("data").textContent);
const KEYPOINTS = 18, MISSING = -32768;

function unpacked(text, type) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new type(bytes.buffer);
}

const frames = {
  names: DATA.frames.names,
  wait: unpacked(DATA.frames.wait, Float32Array),
  first: unpacked(DATA.frames.first, Uint32Array),
  view: unpacked(DATA.frames.view, Float32Array),
  photos: DATA.frames.photos,
};
const rows = {
  person: unpacked(DATA.rows.person, Uint32Array),
  status: unpacked(DATA.rows.status, Uint8Array),
  exchanged: unpacked(DATA.rows.exchanged, Uint8Array),
  seen: unpacked(DATA.rows.seen, Uint32Array),
  error: unpacked(DATA.rows.error, Float32Array),
  grid: unpacked(DATA.rows.grid, Float32Array),
  keypoints: unpacked(DATA.rows.keypoints, Int16Array),
  projected: unpacked(DATA.rows.projected, Int16Array),
  joints: unpacked(DATA.rows.joints, Int16Array),
  stepError: unpacked(DATA.rows.stepError, Float32Array),
};
const FRAMES = frames.names.length;

// Where a fit's point is in the image, in pixels; null where it is not known.
function pixel(kind, row, point) {
  const at = 2 * (KEYPOINTS * row + point), values = rows[kind];
  if (values[at] === MISSING) return null;
  const step = rows.grid[3 * row + 2];
  return [rows.grid[3 * row] + step * values[at], rows.grid[3 * row + 1] + step * values[at + 1]];
}

// x to the right, y up, z towards the camera, in mm from the middle of the hips.
function joint(row, point) {
  const at = 3 * (KEYPOINTS * row + point);
  return [rows.joints[at], rows.joints[at + 1], rows.joints[at + 2]];
}

const isSeen = (row, point) => (rows.seen[row] >>> point & 1) === 1;
const isMarked = (row) => rows.status[row] > 0 || rows.exchanged[row] > 0;
const EXCHANGED = "#0891b2";
const colourOf = (row) =>
  rows.status[row] > 0 || !rows.exchanged[row] ? DATA.statuses[rows.status[row]][1] : EXCHANGED;

// The fits of each person in the order of frames, and the frame of each fit.
const frameOf = new Uint32Array(rows.person.length);
const rowsOf = DATA.persons.map(() => []);
for (let frame = 0; frame < FRAMES; frame++)
  for (let row = frames.first[frame]; row < frames.first[frame + 1]; row++) {
    frameOf[row] = frame;
    rowsOf[rows.person[row]].push(row);
  }

function rowAt(frame, person) {
  for (let row = frames.first[frame]; row < frames.first[frame + 1]; row++)
    if (rows.person[row] === person) return row;
  return -1;
}
