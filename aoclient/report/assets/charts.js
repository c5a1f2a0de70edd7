// One card, one chart, and its numbers as a table below.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = new Map();
Chart.defaults.font.family = "system-ui, sans-serif";


function part(card, selector, create) {
  let found = card.querySelector(selector);
  if (!found) {
    found = create();
    card.append(found);
  }
  return found;
}

/** Text in at most two lines of `most` letters; an emoji is one, and not cut in half. */
function lines(text, most) {
  const letters = [...text];
  if (letters.length <= most) return text;
  const space = letters.lastIndexOf(" ", most);
  const at = space > 0 ? space : most;
  const rest = [...letters.slice(at).join("").trim()];
  const second = rest.length > most ? [...rest.slice(0, most - 1), "…"] : rest;
  return [letters.slice(0, at).join(""), second.join("")];
}

/**
 * Draw a card anew.
 * shape: type, labels, series [{ label, data, color, ... }], note, numbers { head, rows }, and for the chart
 * isStacked, isLying, height, format (of a value), tip (its text when it is pointed at), ticks and unit (of the labels),
 * max.
 */
function draw(id, shape) {
  const card = document.getElementById(id);
  part(card, ".note", () => make("p", null, { class: "note" })).textContent = shape.note ?? "";
  const plot = part(card, ".plot", () => make("div", null, { class: "plot" }));
  const numbers = part(card, "details", () => {
    const details = make("details");
    details.append(make("summary", "Numbers"), make("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers" }));
    return details;
  });
  charts.get(id)?.destroy();
  charts.delete(id);
  card.classList.toggle("empty", !shape.labels.length);
  if (!shape.labels.length) return;
  numbers.querySelector(".scroll").replaceChildren(plainTable(shape.numbers.head, shape.numbers.rows));
  plot.style.height = shape.height ? `${shape.height}px` : "";
  const canvas = make("canvas", null, { role: "img", "aria-label": `${card.querySelector("h2").textContent}. ${shape.note ?? ""}` });
  plot.replaceChildren(canvas);
  charts.set(id, new Chart(canvas, config(shape)));
}

// Room below the legend, for the label at the top of the axis.
const gap = {
  id: "gap",
  beforeInit({ legend }) {
    const { fit } = legend;
    legend.fit = () => {
      fit.call(legend);
      legend.height += 8;
    };
  },
};

function config(shape) {
  const format = shape.format ?? whole;
  const labels = {
    stacked: shape.isStacked,
    title: { display: Boolean(shape.unit), text: shape.unit, color: css("--soft"), padding: 2 },
    grid: { display: false },
    border: { color: css("--line") },
    ticks: { color: css("--soft"), font: ({ chart }) => ({ size: chart.width < 400 ? 10 : 12 }), autoSkip: !shape.isLying, maxRotation: 0, autoSkipPadding: 4, ...shape.ticks },
  };
  const values = {
    stacked: shape.isStacked,
    beginAtZero: true,
    max: shape.max,
    grid: { color: css("--line") },
    border: { display: false },
    ticks: { color: css("--soft"), maxRotation: 0, maxTicksLimit: 6, precision: 0, callback: (value) => format(value) },
  };
  return {
    type: shape.type,
    data: {
      labels: shape.labels,
      datasets: shape.series.map(({ color, ...series }) => ({
        backgroundColor: color, borderColor: color, borderWidth: shape.type === "line" ? 2 : 0, pointRadius: 0,
        pointHitRadius: 12, tension: 0.2, maxBarThickness: 44, categoryPercentage: 0.86, barPercentage: 0.92, ...series,
      })),
    },
    plugins: [gap],
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: shape.isLying ? "y" : "x",
      color: css("--ink"),
      interaction: { mode: "index", axis: shape.isLying ? "y" : "x", intersect: false },
      scales: shape.isLying ? { x: values, y: labels } : { x: labels, y: values },
      plugins: {
        legend: {
          display: shape.series.length > 1, align: "start",
          labels: { boxWidth: 12, boxHeight: 12, color: css("--ink"), ...(shape.type === "line" && lineLabels) },
        },
        tooltip: { callbacks: { label: (item) => ` ${item.dataset.label}: ${shape.tip?.(item) ?? format(item.raw)}` } },
      },
    },
  };
}

/** Lines in a legend, dashed as in the chart: a point style has no dashes of its own. */
const lineLabels = {
  usePointStyle: true, pointStyle: "line", pointStyleWidth: 30,
  generateLabels: (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart)
    .map((label) => ({ ...label, lineDash: chart.data.datasets[label.datasetIndex].borderDash })),
};

/** Labels with their units on a line below, all of them. */
const broken = (labels) => ({ autoSkip: false, callback: (at) => labels[at].split(/ (?=\S+$)/) });

/** Ranges of numbers, all of them, in two lines where the chart is narrow. */
const ranges = (labels) => ({
  autoSkip: false,
  callback(at) {
    return this.chart.width < 400 ? labels[at].split(/(?<=–)/) : labels[at];
  },
});

/** Names on an axis, to fit the width of the chart. */
const names = (wide, narrow) => ({
  crossAlign: "far",
  callback(at) {
    return lines(this.getLabelForValue(at), this.chart.width < 560 ? narrow : wide);
  },
});
