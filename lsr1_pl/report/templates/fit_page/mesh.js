// The body that turns: a mesh by WebGL where the page has one, else the bones.
const turn = {yaw: 0, tilt: 0};
const meshOf = new Map(DATA.meshes.map((mesh) => [mesh.row, mesh.points]));

function turned([x, y, z]) {
  const [c, s, d, t] = [Math.cos(turn.yaw), Math.sin(turn.yaw), Math.cos(turn.tilt), Math.sin(turn.tilt)];
  const towards = -s * x + c * z;
  return [c * x + s * z, d * y - t * towards, t * y + d * towards];
}

const VERTEX = `
attribute vec3 point, normal; uniform vec2 yaw, tilt; uniform vec3 middle; uniform float scale;
varying vec3 facing;
vec3 turned(vec3 p) {
  float towards = -yaw.y * p.x + yaw.x * p.z;
  return vec3(yaw.x * p.x + yaw.y * p.z, tilt.x * p.y - tilt.y * towards, tilt.y * p.y + tilt.x * towards);
}
void main() {
  vec3 p = turned(point - middle) * scale;
  facing = turned(normal);
  gl_Position = vec4(p.xy, -0.5 * p.z, 1.0);
}`;
const FRAGMENT = `
precision mediump float; varying vec3 facing; uniform vec3 colour;
void main() {
  float light = max(dot(normalize(facing), normalize(vec3(0.3, 0.5, 0.8))), 0.0);
  gl_FragColor = vec4(colour * (0.45 + 0.65 * light), 1.0);
}`;

const viewer = (() => {
  let gl, uniforms, faces, drawn = -1, middle, scale;

  function begin() {
    gl = document.getElementById("mesh").getContext("webgl", {antialias: true, preserveDrawingBuffer: true});
    if (!gl) return false;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "point");
    gl.bindAttribLocation(program, 1, "normal");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return false;
    gl.useProgram(program);
    uniforms = {};
    for (const name of ["yaw", "tilt", "middle", "scale", "colour"])
      uniforms[name] = gl.getUniformLocation(program, name);
    faces = unpacked(DATA.faces, Uint16Array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(1, 1, 1, 1);
    const colour = [1, 3, 5].map((k) => parseInt(DATA.bodyColour.slice(k, k + 2), 16) / 255);
    gl.uniform3fv(uniforms.colour, colour);
    return true;
  }

  function load(points) {
    const vertices = Float32Array.from(unpacked(points, Int16Array)), normals = new Float32Array(vertices.length);
    for (let k = 0; k < faces.length; k += 3) {
      const [a, b, c] = [3 * faces[k], 3 * faces[k + 1], 3 * faces[k + 2]];
      const u = [0, 1, 2].map((i) => vertices[b + i] - vertices[a + i]);
      const v = [0, 1, 2].map((i) => vertices[c + i] - vertices[a + i]);
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let i = 0; i < 3; i++) normals[corner + i] += n[i];
    }
    const low = [0, 1, 2].map((i) => Infinity), high = low.map(() => -Infinity);
    vertices.forEach((value, k) => {
      low[k % 3] = Math.min(low[k % 3], value);
      high[k % 3] = Math.max(high[k % 3], value);
    });
    middle = low.map((value, i) => (value + high[i]) / 2);
    scale = 1.8 / Math.max(...low.map((value, i) => high[i] - value), 1);
    [vertices, normals].forEach((values, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    });
  }

  // The scale and the middle of the mesh of this fit as drawn; null if it has none.
  return function draw(row) {
    const canvas = document.getElementById("mesh");
    const shown = meshOf.has(row) && (gl || (gl === undefined && begin()));
    canvas.hidden = !shown;
    if (!shown) return null;
    if (drawn !== row) load(meshOf.get(row));
    drawn = row;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniform2f(uniforms.yaw, Math.cos(turn.yaw), Math.sin(turn.yaw));
    gl.uniform2f(uniforms.tilt, Math.cos(turn.tilt), Math.sin(turn.tilt));
    gl.uniform3fv(uniforms.middle, middle);
    gl.uniform1f(uniforms.scale, scale);
    gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_SHORT, 0);
    return {scale, middle};
  };
})();

function drawBody(state) {
  const mesh = viewer(state.row);
  if (!mesh) return drawView("bones", state, (point) => {
    const [right, up] = turned(point);
    return [right, -up];
  });
  const [pen, width, height] = fresh("bones");
  for (const point of given(state.row)) {
    const [right, up] = turned(Array.from(point, (value, k) => mesh.scale * (value - mesh.middle[k])));
    dot(pen, [width * (1 + right) / 2, height * (1 - up) / 2], 3);
  }
}
