// Tables that sort by their headings, which are buttons.

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function line(tag, texts, numbers) {
  const row = make("tr");
  texts.forEach((text, at) => row.append(make(tag, text, numbers[at] ? { class: "number" } : { dir: "auto" })));
  return row;
}

function plainTable(head, rows) {
  const table = make("table");
  const numbers = head.map((_, at) => at > 0);
  table.createTHead().append(line("th", head, numbers));
  table.createTBody().append(...rows.map((row) => line("td", row, numbers)));
  return table;
}

const AT_ONCE = 25;

/** A table in a card. Columns: name, value(row) to sort by, text(row) to show, isNumber. */
class Sorted {
  constructor(card, columns, sortedBy, descending) {
    Object.assign(this, { columns, sortedBy, descending, shown: AT_ONCE, rows: [] });
    const region = make("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": card.querySelector("h2").textContent });
    this.table = make("table", null, { class: "sorts" });
    const head = make("tr");
    this.heads = columns.map((column, at) => {
      const cell = make("th", null, { scope: "col", abbr: column.name, ...(column.isNumber && { class: "number" }) });
      const button = make("button", column.name, { type: "button" });
      button.addEventListener("click", () => this.sort(at));
      cell.append(button);
      return cell;
    });
    head.append(...this.heads);
    this.table.createTHead().append(head);
    this.body = this.table.createTBody();
    this.more = make("button", "", { type: "button", class: "more" });
    this.more.addEventListener("click", () => {
      const before = this.shown;
      this.shown += 8 * AT_ONCE;
      this.render();
      if (this.more.hidden) this.body.rows[before]?.querySelector("td").scrollIntoView({ block: "nearest" });
    });
    region.append(this.table);
    card.append(region, this.more);
  }

  sort(at) {
    this.descending = at === this.sortedBy ? !this.descending : Boolean(this.columns[at].isNumber);
    this.sortedBy = at;
    this.render();
  }

  show(rows) {
    Object.assign(this, { rows, shown: AT_ONCE });
    this.render();
  }

  render() {
    const { value } = this.columns[this.sortedBy];
    const sign = this.descending ? -1 : 1;
    const keyed = this.rows.map((row) => [value(row), row]);
    keyed.sort(([a], [b]) => sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b));
    const numbers = this.columns.map((column) => column.isNumber);
    const lines = keyed.slice(0, this.shown).map(([, row]) => line("td", this.columns.map((each) => each.text(row)), numbers));
    this.body.replaceChildren(...lines);
    this.heads.forEach((cell, at) => {
      if (at === this.sortedBy) cell.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    const left = this.rows.length - lines.length;
    this.more.hidden = left === 0;
    this.more.textContent = `Show more (${whole(left)} left)`;
  }
}

/** A column of a number, shown as it is or by `text`. */
const number = (name, value, text = whole) => ({ name, value, text: (row) => text(value(row)), isNumber: true });
const words = (name, value) => ({ name, value, text: value });
