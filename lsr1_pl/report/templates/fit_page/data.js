// The data of the page: arrays as base64 of small numbers, frame by frame and fit by fit.
const DATA = JSON.parse(document.getElementById("data").textContent);
const POINTS = 18, MISSING = -32768;

function unpacked(text, type) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new type(bytes.buffer);
}

const frames = {
  names: DATA.frames.names,
  wait: unpacked(DATA.frames.wait, Float32Array),
  first: unpacked(DATA.frames.first, Uint32Array),
};
const pictures = DATA.pictures.map((picture) => ({
  title: picture.title,
  count: picture.count,
  photos: picture.photos,
  view: unpacked(picture.view, Float32Array),
  grid: unpacked(picture.grid, Float32Array),
  keypoints: unpacked(picture.keypoints, Int16Array),
  projected: unpacked(picture.projected, Int16Array),
}));
const rows = {
  person: unpacked(DATA.rows.person, Uint32Array),
  status: unpacked(DATA.rows.status, Uint8Array),
  exchanged: unpacked(DATA.rows.exchanged, Uint8Array),
  seen: unpacked(DATA.rows.seen, Uint32Array),
  error: unpacked(DATA.rows.error, Float32Array),
  joints: unpacked(DATA.rows.joints, Int16Array),
  given: unpacked(DATA.rows.given, Int16Array),
  stepError: unpacked(DATA.rows.stepError, Float32Array),
};
const FRAMES = frames.names.length;

// Where a point is in a picture, in pixels; null where it is not known.
function pixel(picture, values, count, row, point) {
  const at = 2 * (count * row + point);
  if (values[at] === MISSING) return null;
  const [u, v, step] = picture.grid.subarray(3 * row, 3 * row + 3);
  return [u + step * values[at], v + step * values[at + 1]];
}

const projected = (picture, row, point) => pixel(picture, picture.projected, POINTS, row, point);

// The points that a fit was made of, of those that are in the picture.
function detected(picture, row) {
  const found = [];
  for (let k = 0; k < picture.count; k++) {
    const point = pixel(picture, picture.keypoints, picture.count, row, k);
    if (point) found.push(point);
  }
  return found;
}

// x to the right, y up, z towards the camera, in mm from the middle of the hips.
function joint(row, point) {
  const at = 3 * (POINTS * row + point);
  return rows.joints[at] === MISSING ? null : rows.joints.subarray(at, at + 3);
}

// The joints in space that a fit was made of, in the same axes.
function given(row) {
  const found = [], count = DATA.rows.givenCount;
  for (let at = 3 * count * row; at < 3 * count * (row + 1); at += 3)
    if (rows.given[at] !== MISSING) found.push(rows.given.subarray(at, at + 3));
  return found;
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
