"use strict";
(() => {
  const block = JSON.parse(document.getElementById("figures").textContent);
  const darkMode = matchMedia("(prefers-color-scheme: dark)");
  const printMedia = matchMedia("print");
  const charts = [...document.querySelectorAll("[data-figure]")];
  const PRINT_WIDTH = 670; // what fits between the margins of A4 and of Letter, in CSS pixels
  let printing = false;

  const darken = (value) => {
    let json = JSON.stringify(value);
    for (const [light, dark] of block.palette) json = json.replaceAll(`"${light}"`, `"${dark}"`);
    return JSON.parse(json);
  };

  const paint = () => {
    for (const chart of charts) {
      const plain = structuredClone(block.figures[chart.dataset.figure]);
      const figure = darkMode.matches && !printing ? darken(plain) : plain;
      const narrow = !printing && chart.clientWidth < 560;
      if (printing) Object.assign(figure.layout, { width: PRINT_WIDTH, height: Math.min(figure.layout.height, 420) });
      if (narrow) {
        figure.layout.font.size = 11;
        // The legend takes a line an entry here; the plot keeps its height.
        figure.layout.height += 12 * figure.data.length;
        Object.assign(figure.layout.margin, { l: 40, r: 8 });
      }
      // Dragging would trap a finger that wants to scroll the page.
      if (matchMedia("(pointer: coarse)").matches || narrow) figure.layout.dragmode = false;
      Plotly.react(chart, figure.data, figure.layout, {
        responsive: true,
        displaylogo: false,
        displayModeBar: narrow || printing ? false : "hover",
        modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      });
    }
  };

  const setPrinting = (on) => {
    if (on === printing) return;
    printing = on;
    for (const box of document.querySelectorAll("details")) {
      if (on) {
        box.dataset.wasOpen = box.open;
        box.open = true;
      } else {
        box.open = box.dataset.wasOpen === "true";
      }
    }
    paint();
  };

  const sortBy = (button) => {
    const header = button.closest("th");
    const row = header.parentElement;
    const body = header.closest("table").tBodies[0];
    const place = [...row.children].indexOf(header);
    const upward = header.getAttribute("aria-sort") !== "ascending";
    for (const other of row.children) if (other.querySelector("button")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", upward ? "ascending" : "descending");
    const key = (line) => line.children[place].dataset.v ?? line.children[place].textContent.trim();
    const numeric = header.dataset.type === "number";
    const lines = [...body.rows].map((line) => [key(line), line]);
    lines.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value stays at the end
      const order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
      return upward ? order : -order;
    });
    body.append(...lines.map(([, line]) => line));
  };

  const copy = async (button) => {
    const code = document.getElementById(button.dataset.copy);
    const said = button.previousElementSibling;
    let done = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      try {
        done = document.execCommand("copy");
      } catch {
        done = false;
      }
    }
    said.textContent = done ? "Copied." : "Selected: copy it with Ctrl+C or ⌘C.";
  };

  for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => sortBy(button));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  if (charts.length) {
    paint();
    darkMode.addEventListener("change", paint);
  }
  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => setPrinting(false));
  printMedia.addEventListener("change", (event) => setPrinting(event.matches));
})();
