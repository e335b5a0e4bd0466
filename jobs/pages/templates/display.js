"use strict";
/* The event display: a canvas of cells and truth particles that is zoomed, filtered and asked for values.
   Everything it shows is in the attribute data-events of its element; texts are set as text alone. */
for (const root of document.querySelectorAll(".display")) {
  const data = JSON.parse(root.dataset.events), canvas = root.querySelector("canvas");
  const pen = canvas.getContext("2d"), told = root.querySelector("output");
  const part = name => root.querySelector(`[name=${name}]`);
  const [wide, high] = data.zones[0].size;
  let event, shown, scale, x0, y0, picked = null;  // scale: screen pixels a mm; x0, y0: mm in the middle

  const energy = mev => mev < 1000 ? `${Math.round(mev)} MeV` : `${(mev / 1000).toPrecision(3)} GeV`;
  const option = (select, text, value) => select.add(new Option(text, value));
  const fit = () => { scale = Math.min(canvas.width / wide, canvas.height / high) * .98; x0 = y0 = 0; };
  const toScreen = (x, y) => [canvas.width / 2 + (x - x0) * scale, canvas.height / 2 - (y - y0) * scale];
  const toFace = e => {
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    return [x0 + ((e.clientX - box.left) * ratio - canvas.width / 2) / scale,
            y0 - ((e.clientY - box.top) * ratio - canvas.height / 2) / scale];
  };

  function choose() {  // the event, its layer, and what is above the threshold; all layers are summed
    event = data.events[part("event").value];
    const layer = Number(part("layer").value), least = 10 ** Number(part("threshold").value);
    const cells = new Map();
    event.cell.forEach((number, i) => {
      if (layer >= 0 && Math.floor(number / data.layer_cells) !== layer) return;
      const key = number % data.layer_cells, had = cells.get(key);
      if (had) { had.mev += event.mev[i]; had.hits.push(i); }
      else cells.set(key, {x: event.x[i], y: event.y[i], side: data.zones[event.zone[i]].side,
                           mev: event.mev[i], hits: [i]});
    });
    shown = [...cells.values()].filter(cell => cell.mev >= least);
    part("threshold").nextElementSibling.textContent = energy(least);
    picked = null;
    const sum = shown.reduce((total, cell) => total + cell.mev, 0);
    told.textContent = `${event.title} Shown: ${shown.length} cells with ${energy(sum)}.`;
    draw();
  }

  function colour(mev) {
    const [low, top] = data.range.map(Math.log), last = data.colours.length - 1;
    return data.colours[Math.round(last * Math.min(1, Math.max(0, (Math.log(mev) - low) / (top - low))))];
  }

  function square(x, y, width, height) {
    const [left, top] = toScreen(x - width / 2, y + height / 2);
    pen.rect(left, top, width * scale, height * scale);
  }

  function grid() {
    pen.strokeStyle = "#e3e6e9";
    pen.lineWidth = 1;
    data.zones.forEach((zone, number) => {
      const inner = data.zones[number + 1]?.size ?? data.hole;
      if (zone.side * scale < 5) return;  // finer than the screen
      pen.save();
      pen.beginPath();
      square(0, 0, ...zone.size);
      square(0, 0, ...inner);
      pen.clip("evenodd");
      pen.beginPath();
      for (let x = -zone.size[0] / 2; x <= zone.size[0] / 2 + 1e-6; x += zone.side) {
        pen.moveTo(...toScreen(x, -zone.size[1] / 2));
        pen.lineTo(...toScreen(x, zone.size[1] / 2));
      }
      for (let y = -zone.size[1] / 2; y <= zone.size[1] / 2 + 1e-6; y += zone.side) {
        pen.moveTo(...toScreen(-zone.size[0] / 2, y));
        pen.lineTo(...toScreen(zone.size[0] / 2, y));
      }
      pen.stroke();
      pen.restore();
    });
    pen.strokeStyle = "#8c8c8c";
    for (const size of [...data.zones.map(zone => zone.size), data.hole]) {
      pen.beginPath();
      square(0, 0, ...size);
      pen.stroke();
    }
  }

  function scales() {  // a length and the colours, at the lower edge
    const unit = devicePixelRatio, bottom = canvas.height - 14 * unit;
    const length = [1, 10, 100, 1000, 10000].find(mm => mm * scale > 45 * unit) ?? 10000;
    const width = 150 * unit, left = canvas.width - width - 20 * unit;
    pen.fillStyle = "#ffffffd8";
    pen.fillRect(8 * unit, bottom - 22 * unit, length * scale + 24 * unit, 32 * unit);
    pen.fillRect(left - 12 * unit, bottom - 22 * unit, width + 28 * unit, 32 * unit);
    pen.fillStyle = "#1c2126";
    pen.font = `${12 * unit}px sans-serif`;
    pen.fillRect(20 * unit, bottom, length * scale, 3 * unit);
    pen.fillText(`${length} mm`, 20 * unit, bottom - 6 * unit);
    pen.fillText(energy(data.range[0]), left, bottom - 6 * unit);
    pen.textAlign = "right";
    pen.fillText(energy(data.range[1]), left + width, bottom - 6 * unit);
    pen.textAlign = "left";
    data.colours.forEach((ink, i) => {
      pen.fillStyle = ink;
      pen.fillRect(left + i * width / data.colours.length, bottom, width / data.colours.length + 1, 8 * unit);
    });
  }

  const corners = {circle: 24, triangle: 3, square: 4, diamond: 4, cross: 0};
  function mark(shape, x, y, size) {
    pen.beginPath();
    if (shape === "cross") {
      pen.moveTo(x - size, y - size); pen.lineTo(x + size, y + size);
      pen.moveTo(x - size, y + size); pen.lineTo(x + size, y - size);
    } else {
      const count = corners[shape], turn = shape === "square" ? Math.PI / 4 : Math.PI / 2;
      for (let i = 0; i < count; i++) {
        const angle = turn + i * 2 * Math.PI / count;
        pen[i ? "lineTo" : "moveTo"](x + size * Math.cos(angle), y - size * Math.sin(angle));
      }
      pen.closePath();
    }
    for (const [width, ink] of [[4, "#fff"], [1.6, null]]) {
      pen.lineWidth = width * devicePixelRatio;
      if (ink) { const own = pen.strokeStyle; pen.strokeStyle = ink; pen.stroke(); pen.strokeStyle = own; }
      else pen.stroke();
    }
  }

  const visible = kind => root.querySelector(`[data-kind="${kind}"]`).checked;
  const radius = mev => (4 + 3.5 * Math.log10(Math.max(mev, 1e3) / 1e3)) * devicePixelRatio;
  function draw() {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    grid();
    for (const cell of shown) {
      pen.fillStyle = colour(cell.mev);
      pen.beginPath();
      square(cell.x, cell.y, cell.side, cell.side);
      pen.fill();
    }
    event.kind.forEach((kind, i) => {
      if (!visible(kind)) return;
      pen.strokeStyle = data.kinds[kind].colour;
      mark(data.kinds[kind].shape, ...toScreen(event.px[i], event.py[i]), radius(event.pmev[i]));
    });
    scales();
    if (picked) {
      pen.strokeStyle = "#000";
      pen.lineWidth = 2 * devicePixelRatio;
      pen.beginPath();
      square(picked.x, picked.y, picked.side, picked.side);
      pen.stroke();
    }
  }

  const named = i => `${data.names[event.pdg[i]]} of ${energy(event.pmev[i])}`;
  function say(e) {
    const [x, y] = toFace(e), near = 9 * devicePixelRatio / scale, found = [];
    event.kind.forEach((kind, i) => {
      const away = Math.hypot(event.px[i] - x, event.py[i] - y);
      if (away < near && visible(kind)) found.push([away, i]);
    });
    picked = shown.find(c => Math.abs(c.x - x) < c.side / 2 && Math.abs(c.y - y) < c.side / 2) ?? null;
    const lines = found.sort((a, b) => a[0] - b[0]).slice(0, 3).map(([, i]) =>
      `${named(i)} at (${event.px[i]}, ${event.py[i]}) mm, ${event.pns[i]} ns, ${data.statuses[event.status[i]]}.`);
    if (picked) {
      const from = new Map();
      for (const i of picked.hits) for (const [who, mev] of event.from?.[i] ?? [])
        from.set(who, (from.get(who) ?? 0) + mev);
      const most = [...from].sort((a, b) => b[1] - a[1]).slice(0, 4);
      const first = picked.hits[0], several = picked.hits.length > 1;
      lines.unshift(`${several ? `${picked.hits.length} cells behind each other` : `Cell ${event.cell[first]}`}, `
        + `${data.zones[event.zone[first]].name}, at (${picked.x}, ${picked.y}) mm: ${energy(picked.mev)}`
        + (several ? "" : `, ${event.adc[first]} ADC counts`)
        + (most.length ? `; of ${most.map(([who, mev]) => `${named(who)}: ${energy(mev)}`).join(", ")}.` : "."));
    }
    if (lines.length) told.textContent = lines.join(" ");
    draw();
  }

  function zoom(by, x = x0, y = y0) {
    const next = Math.max(canvas.width / wide / 2, Math.min(scale * by, canvas.width / data.zones.at(-1).side));
    x0 = x - (x - x0) * scale / next;
    y0 = y - (y - y0) * scale / next;
    scale = next;
    draw();
  }

  data.events.forEach((one, i) => option(part("event"), `event ${one.event}`, i));
  if (data.layers > 1) option(part("layer"), "all, summed", -1);
  for (let layer = 0; layer < data.layers; layer++) option(part("layer"), `layer ${layer}`, layer);
  part("layer").parentElement.hidden = data.layers < 2;
  for (const name of ["event", "layer", "threshold"]) part(name).addEventListener("input", choose);
  for (const box of root.querySelectorAll("[data-kind]")) box.addEventListener("input", draw);
  part("closer").addEventListener("click", () => zoom(1.5));
  part("wider").addEventListener("click", () => zoom(1 / 1.5));
  part("whole").addEventListener("click", () => { fit(); draw(); });
  canvas.addEventListener("wheel", e => {
    if (!e.ctrlKey && !e.shiftKey && document.activeElement !== canvas) return;  // else the page scrolls
    e.preventDefault();
    zoom(Math.exp(-e.deltaY / 300), ...toFace(e));
  }, {passive: false});
  canvas.addEventListener("dblclick", e => zoom(2.5, ...toFace(e)));
  let held = null;
  canvas.addEventListener("pointerdown", e => { held = toFace(e); canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("pointermove", e => {
    if (!held) return say(e);
    const [x, y] = toFace(e);
    x0 += held[0] - x;
    y0 += held[1] - y;
    draw();
  });
  canvas.addEventListener("keydown", e => {
    const step = 60 / scale, moves = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]};
    if (e.key in moves) { x0 += moves[e.key][0]; y0 += moves[e.key][1]; draw(); }
    else if (e.key === "+" || e.key === "=") zoom(1.3);
    else if (e.key === "-") zoom(1 / 1.3);
    else return;
    e.preventDefault();
  });
  const resize = () => {
    const across = canvas.clientWidth * devicePixelRatio, seen = scale ? scale / canvas.width : null;
    if (!across || Math.round(across) === canvas.width && scale) return;
    canvas.width = Math.round(across);
    canvas.height = Math.round(across * Math.min(.82, high / wide));
    if (seen) { scale = seen * canvas.width; draw(); } else { fit(); choose(); }
  };
  new ResizeObserver(resize).observe(canvas);
  root.classList.add("alive");
  resize();
}
