// The drawing surface: one frame, and over it the mask that is drawn, both at the frame's size.

export const TINT = "rgb(255, 40, 120)";
const OPACITY = 0.42;
const MOST_UNDONE = 30;
const DRAG = 6; // CSS pixels from which a press is a stroke and not a tap
const CLOSE = 14; // CSS pixels from the first corner within which a tap closes the outline

export function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d", { willReadFrequently: true });
  return canvas;
}

// A white line of `width` pixels around a mask: the mask moved all ways, less itself.
export function rim(mask, width) {
  const ring = blank(mask.width, mask.height), pen = ring.getContext("2d");
  for (const dx of [-width, 0, width]) {
    for (const dy of [-width, 0, width]) pen.drawImage(mask, dx, dy);
  }
  pen.globalCompositeOperation = "source-in";
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, ring.width, ring.height);
  pen.globalCompositeOperation = "destination-out";
  pen.drawImage(mask, 0, 0);
  return ring;
}

// The picture with the mask tinted over it and its rim, on a canvas of the picture's shape.
export function show(canvas, picture, mask, ring) {
  const pen = canvas.getContext("2d"), size = [canvas.width, canvas.height];
  pen.drawImage(picture, 0, 0, ...size);
  pen.globalAlpha = OPACITY;
  pen.drawImage(mask, 0, 0, ...size);
  pen.globalAlpha = 1;
  if (ring) pen.drawImage(ring, 0, 0, ...size);
}

export class Editor {
  constructor(canvas, stage, changed) {
    Object.assign(this, { canvas, stage, changed });
    this.tool = "outline";
    this.brush = 24;
    this.zoom = 1;
    this.picture = null;
    this.isEmpty = true;
    this.corners = [];
    this.undone = [];
    this.past = [];
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => { this.cursor = null; this.draw(); });
    new ResizeObserver(() => this.fit()).observe(stage);
  }

  // Show a picture, with the mask to begin with, or none.
  open(picture, mask) {
    this.picture = picture;
    this.canvas.width = picture.width;
    this.canvas.height = picture.height;
    this.mask = blank(picture.width, picture.height);
    if (mask) this.mask.getContext("2d").drawImage(mask, 0, 0);
    this.corners = [];
    this.past = [];
    this.undone = [];
    this.touched = false;
    this.fit();
    this.settle();
  }

  // The mask has changed: see whether anything is drawn, and tell.
  settle() {
    const { width, height } = this.mask, pen = this.mask.getContext("2d");
    const pixels = pen.getImageData(0, 0, width, height).data;
    this.isEmpty = true;
    for (let i = 3; i < pixels.length && this.isEmpty; i += 4) this.isEmpty = pixels[i] < 128;
    this.ring = rim(this.mask, this.line);
    this.draw();
    this.changed();
  }

  // Pixels of the picture that a thin line takes on the screen.
  get line() {
    return Math.max(1, Math.round(1.5 / this.scale));
  }

  fit() {
    if (!this.picture) return;
    const { width, height } = this.picture;
    const scale = Math.min(this.stage.clientWidth / width, this.stage.clientHeight / height);
    this.scale = scale * this.zoom;
    this.canvas.style.width = `${width * this.scale}px`;
    this.canvas.style.height = `${height * this.scale}px`;
  }

  // Where an event lies on the picture, in its pixels.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / this.scale, (event.clientY - box.top) / this.scale];
  }

  press(event) {
    if (!this.picture || event.button) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.start = [event.clientX, event.clientY];
    this.stroke = false;
    this.last = this.at(event);
    if (this.tool === "outline") return;
    this.remember();
    this.stroke = true;
    this.paint(this.last, this.last);
  }

  move(event) {
    if (!this.picture) return;
    this.cursor = this.at(event);
    if (this.start && this.tool === "outline") {
      const far = Math.hypot(event.clientX - this.start[0], event.clientY - this.start[1]) > DRAG;
      if (far && !this.stroke) {
        this.stroke = true;
        this.corners.push(this.last);
      }
      if (this.stroke) this.corners.push(this.cursor);
    } else if (this.start && this.stroke) {
      this.paint(this.last, this.cursor);
      this.last = this.cursor;
    }
    this.draw();
  }

  release(event) {
    if (!this.start) return;
    this.start = null;
    if (this.tool !== "outline") {
      this.settle();
    } else if (this.stroke) {
      this.close();
    } else {
      const here = this.at(event), [first] = this.corners;
      const closes = this.corners.length > 2 &&
        Math.hypot(here[0] - first[0], here[1] - first[1]) * this.scale < CLOSE;
      if (closes) this.close();
      else this.corners.push(here);
    }
    this.stroke = false;
    this.draw();
    this.changed();
  }

  // Fill the outline begun.
  close() {
    if (this.corners.length > 2) {
      this.remember();
      const pen = this.mask.getContext("2d");
      pen.globalCompositeOperation = "source-over";
      pen.fillStyle = TINT;
      this.trace(pen);
      pen.closePath();
      pen.fill();
    }
    this.cancel();
    this.settle();
  }

  // Forget the outline begun.
  cancel() {
    this.corners = [];
    this.start = null;
    this.stroke = false;
    this.draw();
  }

  trace(pen) {
    pen.beginPath();
    for (const [x, y] of this.corners) pen.lineTo(x, y);
  }

  paint(from, to) {
    const pen = this.mask.getContext("2d");
    pen.globalCompositeOperation = this.tool === "erase" ? "destination-out" : "source-over";
    pen.strokeStyle = TINT;
    pen.lineWidth = this.brush;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    pen.fillStyle = TINT; // a line of no length is not drawn, and a tap is to be
    pen.beginPath();
    pen.arc(...to, this.brush / 2, 0, 7);
    pen.fill();
    this.touched = true;
    this.ring = null; // until the stroke ends
    this.draw();
  }

  copy() {
    const copied = blank(this.mask.width, this.mask.height);
    copied.getContext("2d").drawImage(this.mask, 0, 0);
    return copied;
  }

  remember() {
    this.past.push(this.copy());
    if (this.past.length > MOST_UNDONE) this.past.shift();
    this.undone = [];
    this.touched = true;
  }

  // Put another mask in place, so that it can be undone.
  replace(mask) {
    this.remember();
    this.mask = blank(this.mask.width, this.mask.height);
    if (mask) this.mask.getContext("2d").drawImage(mask, 0, 0);
    this.settle();
  }

  undo() {
    if (this.corners.length) return this.cancel();
    this.step(this.past, this.undone);
  }

  redo() {
    this.step(this.undone, this.past);
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.copy());
    this.mask = from.pop();
    this.settle();
  }

  toBlob() {
    return new Promise((resolve) => this.mask.toBlob(resolve, "image/png"));
  }

  draw() {
    if (!this.picture) return;
    show(this.canvas, this.picture, this.mask, this.ring);
    const pen = this.canvas.getContext("2d"), line = 2 / this.scale;
    if (this.corners.length) {
      this.trace(pen);
      if (this.cursor && !this.stroke) pen.lineTo(...this.cursor);
      for (const [style, width] of [["#000", 2 * line], ["#fff", line]]) {
        pen.strokeStyle = style;
        pen.lineWidth = width;
        pen.stroke();
      }
      pen.fillStyle = TINT;
      pen.beginPath();
      pen.arc(...this.corners[0], 3 * line, 0, 7);
      pen.fill();
    }
    if (this.cursor && this.tool !== "outline") {
      pen.strokeStyle = "#fff";
      pen.lineWidth = line;
      pen.beginPath();
      pen.arc(...this.cursor, this.brush / 2, 0, 7);
      pen.stroke();
    }
  }
}
