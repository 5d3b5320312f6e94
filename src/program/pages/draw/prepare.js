// From a grey picture to the network's image, in the steps of `fused-mlp predict`, which src/image describes. Left out
// is what only photos have: ruled paper, frames, sheets on a desk, digits cut off by the edge, colours of equal grey.

/// Rows of numbers.
class Plane {
  constructor(width, height, value) {
    Object.assign(this, { width, height, values: new Float32Array(width * height) });
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) this.values[y * width + x] = value(x, y);
  }
  at = (x, y) => this.values[y * this.width + x];
  map = (change) => new Plane(this.width, this.height, (x, y) => change(this.at(x, y), x, y));
  /// `value(line, x, side)` in place of each value of a row, and then of each column; the result has these sides.
  byLines(value, width = this.width, height = this.height) {
    const turned = (plane, side) => {
      const line = (y) => plane.values.subarray(y * plane.width, (y + 1) * plane.width);
      const lines = Array.from({ length: plane.height }, (_, y) => line(y));
      return new Plane(plane.height, side, (x, y) => value(lines[x], y, side));
    };
    return turned(turned(this, width), height);
  }
  /// Means over the pixels at most `radius` columns and rows away.
  blurred(radius) {
    return this.byLines((line, x) => {
      const start = Math.max(0, x - radius), end = Math.min(line.length, x + radius + 1);
      let sum = 0;
      for (let at = start; at < end; at++) sum += line[at];
      return sum / (end - start);
    });
  }
  /// The largest value at most `radius` columns and rows away; with a sign of -1 the smallest.
  spread(radius, sign = 1) {
    return this.byLines((line, x) => {
      const end = Math.min(line.length, x + radius + 1);
      let found = line[x];
      for (let at = Math.max(0, x - radius); at < end; at++) if (sign * line[at] > sign * found) found = line[at];
      return found;
    });
  }
  /// Another size: a mean over the pixels weighted by a triangle where it shrinks, else linear interpolation.
  resized(width, height) {
    return this.byLines((line, x, side) => {
      const ratio = line.length / side, reach = Math.max(1, ratio), centre = (x + 0.5) * ratio;
      const end = Math.min(line.length, Math.ceil(centre + reach));
      let sum = 0, all = 0;
      for (let at = Math.max(0, Math.floor(centre - reach)); at < end; at++) {
        const weight = Math.max(0, 1 - Math.abs(at + 0.5 - centre) / reach);
        [sum, all] = [sum + weight * line[at], all + weight];
      }
      return sum / all;
    }, width, height);
  }
}

/// How much each pixel of a photo stands out from the background nearby: from what remains where all that is narrower
/// than a wide stroke is taken away. What differs much from the median grey is ink, dark or light.
function contrastOf(grey) {
  const factor = Math.ceil(Math.max(grey.width, grey.height) / 128);
  const coarse = grey.resized(Math.ceil(grey.width / factor), Math.ceil(grey.height / factor));
  const usual = coarse.values.slice().sort()[coarse.values.length >> 1];
  const isDark = coarse.values.reduce((sum, value) => sum + (value - usual) ** 3, 0) <= 0;
  const radius = Math.ceil(0.15 * Math.max(coarse.width, coarse.height));
  const closed = coarse.spread(radius, isDark ? 1 : -1).spread(radius, isDark ? -1 : 1).blurred(radius >> 1);
  const paper = closed.resized(grey.width, grey.height);
  return grey.map((value, x, y) => isDark ? 1 - value / Math.max(paper.at(x, y), 16) : (value - paper.at(x, y)) / 255);
}

/// The ink of a picture, 0 to 1, and the same with less noise; undefined if there is none. Drawings are black on white.
function findInk(grey, isPhoto) {
  const contrast = isPhoto ? contrastOf(grey) : grey.map((value) => 1 - value / 255);
  const blur = Math.min(2, Math.floor(Math.max(grey.width, grey.height) / 256));
  const smooth = contrast.blurred(blur);
  const sorted = smooth.values.slice().sort();
  const quantile = (values, share) => values[Math.round((values.length - 1) * share)];
  const middle = quantile(sorted, 0.5);
  const noise = isPhoto ? 1.4826 * quantile(sorted.map((value) => Math.abs(value - middle)).sort(), 0.5) : 0;
  // The darkest share is ink, the second one where the digit is small, as far as it stands out from the noise.
  const at = (share) => quantile(sorted, 1 - share) - middle;
  const share = [[0.002, 5], [0.0002, 8]].find(([share, least]) => at(share) >= Math.max(0.08, least * noise))?.[0];
  if (!share) return undefined;
  const least = middle + 0.4 * at(share);
  const level = quantile(sorted.subarray(sorted.findIndex((value) => value > least)), 0.75) - middle;
  const scaled = (plane) => plane.map((value) => (value - middle) / level);
  return { plane: scaled(contrast), smooth: scaled(smooth), blur };
}

const joined = (a, b) => ({
  left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
});
const widthOf = (region) => region.right - region.left;
const heightOf = (region) => region.bottom - region.top;
const gap = (a, b) => Math.max(0, a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom);

/// Pixels above one half that are connected along edges or corners: their places, and the region that holds them.
function shapesOf({ width, height, values }) {
  const open = Array.from(values, (value) => value > 0.5);
  const shapes = [];
  for (let start = open.indexOf(true); start >= 0; start = open.indexOf(true, start)) {
    open[start] = false;
    const shape = { pixels: [start], left: width, top: height, right: 0, bottom: 0 };
    for (const at of shape.pixels) {
      const x = at % width, y = (at - x) / width;
      [shape.left, shape.right] = [Math.min(shape.left, x), Math.max(shape.right, x + 1)];
      [shape.top, shape.bottom] = [Math.min(shape.top, y), Math.max(shape.bottom, y + 1)];
      for (let row = Math.max(0, y - 1); row < Math.min(height, y + 2); row++) {
        for (let next = row * width + Math.max(0, x - 1); next < row * width + Math.min(width, x + 2); next++) {
          if (open[next]) shape.pixels.push(next);
          open[next] = false;
        }
      }
    }
    shape.isAtEdge = shape.left === 0 || shape.top === 0 || shape.right === width || shape.bottom === height;
    shapes.push(shape);
  }
  return shapes.sort((a, b) => b.pixels.length - a.pixels.length);
}

/// Whether shapes as high as digits are pieces of one.
function isOneDigit(a, b) {
  const height = 0.7 * heightOf(joined(a, b));
  const areApart = a.right <= b.left || b.right <= a.left;
  const areBeside = areApart && heightOf(a) >= height && heightOf(b) >= height;
  return !areBeside && gap(a, b) < 0.15 * Math.max(heightOf(a), heightOf(b));
}

/// The digits of a picture, the largest first: high and large shapes are bodies, others parts of the nearest or specks.
function digitsOf(smooth) {
  const all = shapesOf(smooth);
  const inside = all.filter((shape) => !shape.isAtEdge);
  // An edge of the paper is larger than a digit, too; what fills the picture is one.
  const shapes = all[0]?.pixels.length > 20 * (inside[0]?.pixels.length ?? 0) ? all : inside;
  const isLarge = (shape) => shape.pixels.length >= Math.ceil(0.15 * shapes[0].pixels.length);
  const highest = Math.max(...shapes.filter(isLarge).map(heightOf));
  const isBody = (shape) => isLarge(shape) && heightOf(shape) >= Math.ceil(0.5 * highest);
  const digit = (parts) => ({ ...parts.reduce(joined), parts, pixels: parts.flatMap((part) => part.pixels) });
  let digits = [];
  for (const body of shapes.filter(isBody)) {
    const same = digits.filter((other) => isOneDigit(other, body));
    digits = [...digits.filter((other) => !same.includes(other)), digit([...same.flatMap((it) => it.parts), body])];
  }
  const bodies = digits;
  for (const part of shapes.filter((shape) => !isBody(shape))) {
    const distances = bodies.map((body) => gap(body, part)), least = Math.min(...distances);
    const nearest = distances.indexOf(least), body = bodies[nearest];
    const isNear = bodies.length === 1 || least <= Math.ceil(0.5 * heightOf(body));
    const isPart = part.pixels.length >= Math.ceil(0.08 * body.parts[0].pixels.length);
    if (isNear && isPart) digits = digits.with(nearest, digit([...digits[nearest].parts, part]));
  }
  const side = 0.025 * Math.max(smooth.width, smooth.height), area = 0.0001 * smooth.values.length;
  return digits.filter((it) => it.pixels.length >= area && Math.max(heightOf(it), widthOf(it)) >= side)
    .sort((a, b) => heightOf(b) * widthOf(b) - heightOf(a) * widthOf(a));
}

/// 1 at the pixels of a digit, within a region of a picture of this width.
function maskOf(digit, region, width) {
  const isSet = new Set(digit.pixels);
  const value = (x, y) => Number(isSet.has((region.top + y) * width + region.left + x));
  return new Plane(widthOf(region), heightOf(region), value);
}

/// Mean width of the strokes: four times the mean distance of their pixels to the edge.
function strokeWidth(digit, pictureWidth) {
  const { width, height, values } = maskOf(digit, digit, pictureWidth).map((value) => value * 1e9);
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : values[y * width + x]);
  const from = (near) => near + (near ? 1 : 0.5);
  const relax = (x, y, step) =>
    (values[y * width + x] = Math.min(at(x, y), from(at(x, y + step)), from(at(x + step, y))));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) relax(x, y, -1);
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) relax(x, y, 1);
  return (4 * values.reduce((sum, value) => sum + value, 0)) / digit.pixels.length;
}

/// The digit's ink in its box, 20/28 of the image's sides; strokes thinner than 1.5 pixels are thickened to 2.
function scaledInk(ink, digit, rows, columns) {
  const box = (side) => Math.max(1, Math.round((side * 20) / 28));
  const [high, wide] = [heightOf(digit), widthOf(digit)];
  const scaleWith = (more) => Math.min(box(rows) / (high + 2 * more), box(columns) / (wide + 2 * more));
  const thin = strokeWidth(digit, ink.plane.width) * scaleWith(0);
  const thickening = thin < 1.5 ? Math.round((2 - thin) / (2 * scaleWith(0))) : 0;
  const scale = scaleWith(thickening);
  // Strokes fade out over the blur and over one pixel of the image.
  const fade = ink.blur + 1, margin = thickening + fade + Math.ceil(1 / scale);
  const left = Math.max(0, digit.left - margin), right = Math.min(ink.plane.width, digit.right + margin);
  const top = Math.max(0, digit.top - margin), bottom = Math.min(ink.plane.height, digit.bottom + margin);
  const allowed = maskOf(digit, { left, top, right, bottom }, ink.plane.width).spread(fade);
  const strokes = allowed.map((share, x, y) => share * Math.min(1, Math.max(0, ink.plane.at(left + x, top + y))));
  const side = (length, most) => Math.min(most, Math.max(1, Math.round(length * scale)));
  return strokes.spread(thickening).resized(side(strokes.width, columns), side(strokes.height, rows));
}

/// The image with the centre of mass at its centre, as far as the strokes stay inside; the strongest ink becomes 255.
function centred(digit, rows, columns) {
  const strongest = digit.values.reduce((most, value) => Math.max(most, value), 1e-30);
  const start = (side, place) => {
    let mass = 0, moment = 0, first = side, last = 0;
    digit.map((value, x, y) => {
      const at = place(x, y);
      mass += value;
      moment += value * (at + 0.5);
      if (value >= 0.25 * strongest) [first, last] = [Math.min(first, at), Math.max(last, at)];
    });
    return Math.max(-first, Math.min(side - 1 - last, Math.round(side / 2 - moment / mass)));
  };
  const left = start(columns, (x) => x), top = start(rows, (_, y) => y);
  const isInside = (x, y) => x >= 0 && x < digit.width && y >= 0 && y < digit.height;
  const value = (x, y) => (isInside(x, y) ? Math.round((255 * digit.at(x, y)) / strongest) : 0);
  return new Plane(columns, rows, (x, y) => value(x - left, y - top)).values;
}

/// The image of the largest digit in a grey picture, and how many digits there are; no pixels if there is none.
function prepare(grey, rows, columns, isPhoto) {
  const ink = findInk(grey, isPhoto);
  const [largest, ...others] = ink ? digitsOf(ink.smooth) : [];
  if (!largest) return { count: 0 };
  return { pixels: centred(scaledInk(ink, largest, rows, columns), rows, columns), count: 1 + others.length };
}
