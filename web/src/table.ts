// A table of any length: only the rows in sight are in the document.

/** Rows beyond those in sight that are kept ready, above and below. */
const OVERSCAN = 6;

/** Rows by their place. */
export interface Rows<T> {
  readonly length: number;
  readonly at: (index: number) => T | undefined;
}

export interface Column<T> {
  readonly name: string;
  readonly label: string;
  readonly number?: boolean;
  /** Fills a cell. */
  readonly show: (cell: HTMLElement, row: T) => void;
}

export class Table<T> {
  private readonly rows = document.createElement("div");
  private readonly space = document.createElement("div");
  private readonly pool: HTMLElement[] = [];
  private data: Rows<T> = { length: 0, at: () => undefined };
  private selected = -1;

  constructor(
    private readonly place: HTMLElement, label: string, private readonly columns: readonly Column<T>[], private readonly key: (row: T) => string,
    private readonly activate: (row: T) => void,
  ) {
    const head = document.createElement("div");
    head.className = "head";
    head.setAttribute("aria-hidden", "true");
    for (const column of columns) {
      const cell = head.appendChild(document.createElement("span"));
      cell.textContent = column.label;
      if (column.number) cell.className = "number";
    }
    this.rows.className = "rows";
    this.rows.tabIndex = 0;
    this.rows.setAttribute("role", "grid");
    this.rows.setAttribute("aria-label", label);
    this.space.className = "space";
    this.space.setAttribute("role", "rowgroup");
    this.rows.append(this.space);
    place.append(head, this.rows);
    this.rows.addEventListener("scroll", () => this.draw(), { passive: true });
    this.rows.addEventListener("keydown", (event) => this.pressed(event));
    this.rows.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>(".row");
      if (row !== null) this.select(Number(row.dataset["index"]));
    });
    this.rows.addEventListener("dblclick", () => this.open());
    new ResizeObserver(() => this.draw()).observe(this.rows);
  }

  get current(): T | undefined {
    return this.selected < 0 ? undefined : this.data.at(this.selected);
  }

  focus(): void {
    this.rows.focus();
  }

  /** Shows these rows, or the same ones changed; the row that was selected stays so, wherever it is now (`place`, -1 for nowhere). */
  set(data: Rows<T>, place: (row: T) => number): void {
    const current = this.current;
    this.data = data;
    if (current !== undefined) this.selected = place(current);
    this.rows.setAttribute("aria-rowcount", String(data.length));
    this.draw();
  }

  private select(index: number): void {
    if (this.data.length === 0) return;
    this.selected = Math.max(0, Math.min(index, this.data.length - 1));
    const height = this.height();
    const top = this.selected * height;
    if (top < this.rows.scrollTop) this.rows.scrollTop = top;
    else if (top + height > this.rows.scrollTop + this.rows.clientHeight) this.rows.scrollTop = top + height - this.rows.clientHeight;
    this.draw();
  }

  private open(): void {
    const current = this.current;
    if (current !== undefined) this.activate(current);
  }

  private pressed(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.rows.clientHeight / this.height()) - 1);
    const to = {
      ArrowDown: this.selected + 1, ArrowUp: this.selected - 1, PageDown: this.selected + page, PageUp: this.selected - page, Home: 0,
      End: this.data.length - 1,
    }[event.key];
    if (to !== undefined) this.select(to);
    else if (event.key === "Enter" && event.target === this.rows) this.open();
    else return;
    event.preventDefault();
  }

  private height(): number {
    return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
  }

  private draw(): void {
    if (this.place.hidden) return;
    const height = this.height();
    this.space.style.height = `${this.data.length * height}px`;
    const first = Math.max(0, Math.floor(this.rows.scrollTop / height) - OVERSCAN);
    const last = Math.min(this.data.length, Math.ceil((this.rows.scrollTop + this.rows.clientHeight) / height) + OVERSCAN);
    while (this.pool.length < last - first) this.pool.push(this.make());
    this.rows.removeAttribute("aria-activedescendant");
    this.pool.forEach((element, n) => {
      const index = first + n;
      const row = index < last ? this.data.at(index) : undefined;
      element.hidden = row === undefined;
      if (row === undefined) {
        delete element.dataset["key"];
        return;
      }
      element.style.transform = `translateY(${index * height}px)`;
      element.dataset["index"] = String(index);
      element.dataset["key"] = this.key(row);
      element.id = `${this.place.id}-row-${n}`;
      element.setAttribute("aria-rowindex", String(index + 1));
      element.setAttribute("aria-selected", String(index === this.selected));
      if (index === this.selected) this.rows.setAttribute("aria-activedescendant", element.id);
      this.columns.forEach((column, at) => {
        const cell = element.children[at];
        if (cell instanceof HTMLElement) column.show(cell, row);
      });
    });
  }

  private make(): HTMLElement {
    const element = document.createElement("div");
    element.className = "row";
    element.setAttribute("role", "row");
    for (const column of this.columns) {
      const cell = element.appendChild(document.createElement("span"));
      cell.setAttribute("role", "gridcell");
      cell.className = column.number ? `${column.name} number` : column.name;
    }
    this.space.append(element);
    return element;
  }
}
