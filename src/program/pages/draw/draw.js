// The sheet, and what the network says of it.

const find = (id) => document.getElementById(id);
const [canvas, answer, told, marker, network] = ["drawing", "answer", "told", "pen", "network"].map(find);
const paper = canvas.getContext("2d", { willReadFrequently: true });
const [rows, columns, hidden, classes, leastSure] = network.dataset.values.split(" ").map(Number);
const SIDE = 280, MOST_SIDE = 512, PEN = 0.035, EDGE = 4, MOST_UNITS = 8;

// 32-bit floats: of both layers the scale of each unit, then the bias of each; 16-bit integers: weights by that scale.
const bytes = Uint8Array.from(atob(network.textContent), (letter) => letter.charCodeAt(0)).buffer;
const floats = new Float32Array(bytes, 0, 2 * (hidden + classes));
const integers = new Int16Array(bytes, floats.byteLength);
const layer = (inputs, units, float, integer) => Array.from({ length: units }, (_, unit) => {
  const weights = integers.subarray(integer + unit * inputs, integer + (unit + 1) * inputs);
  return { bias: floats[float + units + unit], weights: Float64Array.from(weights, (it) => it * floats[float + unit]) };
});
const first = layer(rows * columns, hidden, 0, 0);
const second = layer(hidden, classes, 2 * hidden, rows * columns * hidden);
const outputs = (layer, x) => layer.map((unit) => x.reduce((sum, it, at) => sum + it * unit.weights[at], unit.bias));

// Strokes as lists of points, pictures, and null where all was cleared: what lies on one of these is what is seen.
const acts = [];
let isAsked = false, stroke;

/// Changes the sheet and reads it, at most once a frame.
function change(how) {
  how();
  if (!isAsked) requestAnimationFrame(read);
  isAsked = true;
}
const add = (act) => change(() => acts.push(act));
const undo = () => change(() => acts.pop());

/// Draws the sheet anew, which tells whether it is a photo, and whether there is nothing on it.
function drawSheet() {
  const start = acts.findLastIndex((act) => !Array.isArray(act));
  const picture = acts[start];
  const { width, height } = Object.assign(canvas, picture?.size ?? { width: SIDE, height: SIDE });
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, width, height);
  if (picture) paper.drawImage(picture.bitmap, 0, 0, width, height);
  // Strokes end before the edge: what touches that is not taken for a digit.
  paper.rect(EDGE, EDGE, width - 2 * EDGE, height - 2 * EDGE);
  paper.clip();
  paper.lineWidth = PEN * Math.max(width, height);
  paper.lineCap = paper.lineJoin = "round";
  for (const [[x, y], ...points] of acts.slice(start + 1)) {
    paper.beginPath();
    paper.moveTo(x, y);
    for (const point of [[x + 0.01, y], ...points]) paper.lineTo(...point);
    paper.stroke();
  }
  return [Boolean(picture), !picture && start === acts.length - 1];
}

function read() {
  isAsked = false;
  const [isPhoto, isEmpty] = drawSheet();
  const { data, width } = paper.getImageData(0, 0, canvas.width, canvas.height);
  const grey = new Plane(width, canvas.height, (x, y) => {
    const at = 4 * (y * width + x);
    return Math.round(0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2]);
  });
  const { pixels, count } = prepare(grey, rows, columns, isPhoto);
  canvas.classList.toggle("photo", isPhoto);
  find("undo").disabled = !acts.length;
  for (const id of ["clear", "save", "save-seen"]) find(id).disabled = isEmpty;
  show(pixels ?? new Uint8Array(rows * columns), count > 0);
  if (count > 1) say(`${count} digits: the largest is read.`);
  else if (!count) say(isEmpty ? "Nothing is drawn yet." : "No digit is found.");
}

/// Only what has changed is told by a screen reader.
function say(text, element = told) {
  if (element.textContent !== text) element.textContent = text;
}

/// What is not 0 or 100 does not read as that.
const percent = (share) =>
  share < 0.0005 ? "<0.1 %" : share >= 0.9995 ? ">99.9 %" : `${(100 * share).toFixed(1)} %`;

function show(pixels, isRead) {
  paint(find("seen"), (at) => [pixels[at], pixels[at], pixels[at], 255]);
  const x = Array.from(pixels, (pixel) => pixel / 255);
  const h = outputs(first, x).map((k) => 1 / (1 + Math.exp(-k)));
  const logits = outputs(second, h);
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const probabilities = powers.map((power) => (isRead ? power / powers.reduce((a, b) => a + b) : 0));
  const [best, other] = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  probabilities.forEach((probability, digit) => {
    const row = find("bars").rows[digit];
    row.classList.toggle("best", isRead && digit === best);
    row.style.setProperty("--share", probability);
    row.dataset.probability = probability;
    row.cells[2].textContent = isRead ? percent(probability) : "";
  });
  say(isRead ? String(best) : "", answer);
  const isSure = !isRead || probabilities[best] >= leastSure;
  say(isSure ? "" : `Not sure: it may be ${best} or ${other}.`);
  // The units that raise the answer's logit above the mean of all the most, and by how much.
  const mean = (unit) => second.reduce((sum, { weights }) => sum + weights[unit], 0) / classes;
  const speaks = h.map((value, unit) => (isRead ? value * (second[best].weights[unit] - mean(unit)) : 0));
  const units = [...h.keys()].filter((unit) => speaks[unit] > 0).sort((a, b) => speaks[b] - speaks[a]);
  find("units").replaceChildren(...units.slice(0, MOST_UNITS).map((unit) => figure(unit, speaks[unit], x)));
}

function figure(unit, speaks, x) {
  const [figure, picture, caption] = ["figure", "canvas", "figcaption"].map((name) => document.createElement(name));
  Object.assign(picture, { width: columns, height: rows, role: "img", ariaLabel: `unit ${unit}` });
  const shares = x.map((input, pixel) => input * first[unit].weights[pixel]);
  const most = Math.max(...shares.map(Math.abs), 1e-9);
  paint(picture, (at) => [...(shares[at] > 0 ? [222, 70, 60] : [40, 125, 220]), 255 * Math.abs(shares[at] / most)]);
  caption.textContent = `+${speaks.toFixed(2)}`;
  figure.append(picture, caption);
  return figure;
}

/// An image with a colour for each pixel.
function paint(element, color) {
  const image = new ImageData(columns, rows);
  for (let at = 0; at < rows * columns; at++) image.data.set(color(at), 4 * at);
  element.getContext("2d").putImageData(image, 0, 0);
}

function save(element) {
  const download = `digit-${answer.textContent}-${element.width}x${element.height}.png`;
  Object.assign(document.createElement("a"), { href: element.toDataURL(), download }).click();
}

async function open([file]) {
  if (!file) return;
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (!bitmap) return say(`${file.name}: expected a picture, as PNG or JPEG.`);
  const factor = Math.max(1, bitmap.width / MOST_SIDE, bitmap.height / MOST_SIDE);
  add({ bitmap, size: { width: Math.ceil(bitmap.width / factor), height: Math.ceil(bitmap.height / factor) } });
}

const place = ({ clientX, clientY }) => {
  const box = canvas.getBoundingClientRect();
  return [((clientX - box.left) * canvas.width) / box.width, ((clientY - box.top) * canvas.height) / box.height];
};
canvas.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button) return;
  canvas.setPointerCapture(event.pointerId);
  marker.hidden = true;
  add((stroke = [place(event)]));
});
canvas.addEventListener("pointermove", (event) => {
  if (!event.isPrimary || !canvas.hasPointerCapture(event.pointerId)) return;
  const passed = event.getCoalescedEvents?.() ?? [];
  change(() => stroke.push(...(passed.length ? passed : [event]).map(place)));
});

// With keys the pen goes a step for each press, along both of two arrows that are held.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const held = new Set();
const pen = { at: [0.5, 0.3], stroke: undefined };
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const spot = () => [pen.at[0] * canvas.width, pen.at[1] * canvas.height];
  if (event.key in ARROWS) {
    held.add(event.key);
    const go = (at, axis) => [...held].reduce((sum, key) => sum + ARROWS[key][axis] / 28, at);
    pen.at = pen.at.map(go).map((at) => Math.min(1, Math.max(0, at)));
    change(() => pen.stroke?.push(spot()));
  } else if (event.key === " ") {
    pen.stroke = pen.stroke ? undefined : [spot()];
    if (pen.stroke) add(pen.stroke);
    say(pen.stroke ? "The pen is down." : "The pen is up.", find("pen-told"));
  } else if (["Delete", "Backspace"].includes(event.key)) {
    pen.stroke = undefined;
    add(null);
  } else return;
  event.preventDefault();
  Object.assign(marker.style, { left: `${100 * pen.at[0]}%`, top: `${100 * pen.at[1]}%` });
  marker.classList.toggle("down", Boolean(pen.stroke));
  marker.hidden = false;
});
canvas.addEventListener("keyup", ({ key }) => held.delete(key));
canvas.addEventListener("blur", () => (marker.hidden = true));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z") undo();
});
find("undo").addEventListener("click", undo);
find("clear").addEventListener("click", () => add(null));
find("save").addEventListener("click", () => save(canvas));
find("save-seen").addEventListener("click", () => save(find("seen")));
find("open").addEventListener("change", ({ target }) => open(target.files));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  open(event.dataTransfer.files);
});
read();
